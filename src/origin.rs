//! Where people reach sidegate: the public origin.
//!
//! Every absolute URL we write (redirects, cookies' `Secure`, the upstream's `X-Forwarded-Host`) is
//! built from it and never from a request's Host.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The path prefix that is sidegate's own.
pub const PREFIX: &str = "/.sidegate/";

/// `https://app.example.com`, or `http://localhost:4280` for development.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOrigin {
    text: String,
    url: Url,
}

impl PublicOrigin {
    /// `scheme://host[:port]`, with no slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same as a URL with the path `/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// Cookies carry `Secure` and the `__Host-` prefixes.
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host without the port; IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// `host[:port]` as a browser sends it.
    pub fn authority(&self) -> &str {
        self.text
            .split_once("://")
            .map_or("", |(_, authority)| authority)
    }

    /// Whether the host is `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl FromStr for PublicOrigin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected an origin with no path, e.g. https://app.example.com";
        let url = Url::parse(text).map_err(|_| EXPECTED)?;
        let plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.host().is_some();
        if !plain || !matches!(url.scheme(), "https" | "http") {
            return Err(EXPECTED);
        }
        let origin = Self {
            text: url.origin().ascii_serialization(),
            url,
        };
        if origin.is_secure() || origin.is_loopback() {
            Ok(origin)
        } else {
            Err(
                "plain http is for localhost only, since cookies would travel in clear; use https://…",
            )
        }
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        let origin: PublicOrigin = "https://App.Example.com:443/".parse().unwrap();
        assert_eq!(origin.as_str(), "https://app.example.com");
        assert_eq!(origin.authority(), "app.example.com");
        let dev: PublicOrigin = "http://localhost:4280".parse().unwrap();
        assert_eq!(
            (dev.host(), dev.authority()),
            ("localhost", "localhost:4280")
        );
    }

    #[test]
    fn anything_more_or_less_than_an_origin_is_refused() {
        for text in [
            "",
            "app.example.com",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "ftp://a",
            "http://app.example.com",
            "http://10.0.0.1:80",
            "https://",
        ] {
            assert!(
                text.parse::<PublicOrigin>().is_err(),
                "{text:?} was let through"
            );
        }
    }
}
