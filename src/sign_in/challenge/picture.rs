//! Which picture of a custom challenge a page may show.
//!
//! An address in a challenge is somebody else's text. A browser that loads it sends a request, so none ever goes to our own
//! origin, and to others only where the operator allowed it; nothing is fetched from here.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use url::{ParseError, Url};

/// Largest picture in a `data:` URL, decoded, in bytes.
const MAX_PICTURE: usize = 256 * 1024;

/// Where pictures may come from.
#[derive(Clone, Debug, Default)]
pub struct PictureSettings {
    /// `challenge.image_hosts`: host names, reached by https on its usual port.
    pub hosts: Vec<String>,
    /// `challenge.image_base`: what relative addresses are resolved against; ends in a slash.
    pub base: Option<Url>,
    /// `challenge.allow_data_images`.
    pub allow_data: bool,
}

/// Why a picture is not shown. The text is the operator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PictureRefused {
    #[error("its address is relative: set challenge.image_base")]
    NoBase,
    #[error("it is a data: URL: set challenge.allow_data_images = true")]
    DataOff,
    #[error("it is at {0}: add that to challenge.image_hosts")]
    Host(String),
    #[error("its address is not https")]
    NotHttps,
    #[error(
        "it is on sidegate's own origin, where a picture's address could do things in the person's name"
    )]
    OwnOrigin,
    #[error("its data: URL is no PNG, JPEG, GIF or WebP of at most {MAX_PICTURE} bytes")]
    NotAPicture,
    #[error("its address cannot be read")]
    Malformed,
}

impl PictureSettings {
    /// What `src` may be.
    pub(super) fn allow(&self, address: &str, own: &Url) -> Result<String, PictureRefused> {
        if let Some(data) = strip_scheme(address, "data:") {
            if !self.allow_data {
                return Err(PictureRefused::DataOff);
            }
            return data_url(data).ok_or(PictureRefused::NotAPicture);
        }
        let url = match (Url::parse(address), &self.base) {
            (Ok(url), _) => url,
            (Err(ParseError::RelativeUrlWithoutBase), Some(base)) => {
                base.join(address).map_err(|_| PictureRefused::Malformed)?
            }
            (Err(ParseError::RelativeUrlWithoutBase), None) => return Err(PictureRefused::NoBase),
            (Err(_), _) => return Err(PictureRefused::Malformed),
        };
        if url.origin() == own.origin() {
            return Err(PictureRefused::OwnOrigin);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PictureRefused::Malformed);
        }
        if self.base.as_ref().is_some_and(|base| is_below(&url, base)) {
            return Ok(url.into());
        }
        if url.scheme() != "https" {
            return Err(PictureRefused::NotHttps);
        }
        let host = url.host_str().unwrap_or_default();
        // A port of its own would not be in the page's Content-Security-Policy.
        if url.port().is_none() && self.hosts.iter().any(|allowed| allowed == host) {
            return Ok(url.into());
        }
        Err(PictureRefused::Host(host.to_owned()))
    }

    /// The same as sources of `img-src`.
    pub(in crate::sign_in) fn sources(&self) -> Vec<String> {
        let hosts = self.hosts.iter().map(|host| format!("https://{host}"));
        let base = self
            .base
            .iter()
            .map(|base| base.origin().ascii_serialization());
        let data = self.allow_data.then(|| "data:".to_owned());
        hosts.chain(base).chain(data).collect()
    }
}

/// Whether a URL is on the base's origin and below its path.
fn is_below(url: &Url, base: &Url) -> bool {
    url.origin() == base.origin() && url.path().starts_with(base.path())
}

fn strip_scheme<'a>(address: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = address.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// A `data:` URL of our own writing, from what came after the scheme. The type is that of the bytes, whatever was said.
fn data_url(data: &str) -> Option<String> {
    let (kind, base64) = data.split_once(',')?;
    let kind = kind.to_ascii_lowercase();
    if !kind.starts_with("image/") || !kind.ends_with(";base64") {
        return None;
    }
    // Four letters are three bytes; longer is not worth decoding.
    if base64.len() > MAX_PICTURE / 3 * 4 + 8 {
        return None;
    }
    let bytes = STANDARD
        .decode(base64)
        .or_else(|_| STANDARD_NO_PAD.decode(base64))
        .ok()?;
    if bytes.len() > MAX_PICTURE {
        return None;
    }
    let kind = kind_of(&bytes)?;
    Some(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

/// The kinds that have no scripts in them, by their first bytes (WHATWG MIME Sniffing §6.1).
fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..14) == Some(&b"WEBPVP"[..]);
    match bytes {
        _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        _ if bytes.starts_with(b"\xff\xd8\xff") => Some("image/jpeg"),
        _ if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => Some("image/gif"),
        _ if is_webp => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn allow(settings: &PictureSettings, address: &str) -> Result<String, PictureRefused> {
        let own = Url::parse("https://app.example.com").unwrap();
        settings.allow(address, &own)
    }

    fn settings(hosts: &[&str], base: Option<&str>, allow_data: bool) -> PictureSettings {
        PictureSettings {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            base: base.map(|base| Url::parse(base).unwrap()),
            allow_data,
        }
    }

    ///
    #[test]
    fn by_default_no_picture_is_shown_and_the_reason_names_the_setting() {
        let none = PictureSettings::default();
        for (address, setting) in [
            ("url/123.jpg", "challenge.image_base"),
            ("/123.jpg", "challenge.image_base"),
            ("//evil.example/123.jpg", "challenge.image_base"),
            (
                "https://pictures.example/123.jpg",
                "add that to challenge.image_hosts",
            ),
            ("data:image/png;base64,AAAA", "challenge.allow_data_images"),
            ("DATA:image/png;base64,AAAA", "challenge.allow_data_images"),
        ] {
            let error = allow(&none, address).unwrap_err().to_string();
            assert!(error.contains(setting), "{address}: {error}");
        }
        assert_eq!(none.sources(), Vec::<String>::new());
    }

    #[test]
    fn only_the_hosts_that_are_named_are_loaded_from_and_only_by_https() {
        let some = settings(&["pictures.example"], None, false);
        for good in [
            "https://pictures.example/a.jpg?b=1",
            "https://PICTURES.example:443/a.jpg",
            "https:\\\\pictures.example\\a.jpg",
        ] {
            let shown = allow(&some, good).unwrap();
            assert!(
                shown.starts_with("https://pictures.example/a.jpg"),
                "{shown}"
            );
        }
        for bad in [
            "http://pictures.example/a.jpg",
            "https://pictures.example:8443/a.jpg",
            "https://a.pictures.example/a.jpg",
            "https://pictures.example.evil.example/a.jpg",
            "https://pictures.example@evil.example/a.jpg",
            "https://me:pw@pictures.example/a.jpg",
            "https://evil.example/pictures.example",
            "javascript:alert(1)",
            "blob:https://pictures.example/x",
            "file:///etc/passwd",
            "ftp://pictures.example/a.jpg",
            "https://",
            "",
            " ",
        ] {
            assert!(allow(&some, bad).is_err(), "{bad:?} was let through");
        }
    }

    #[test]
    fn a_relative_address_stays_below_the_base() {
        let base = settings(&[], Some("https://pictures.example/captcha/"), false);
        assert_eq!(
            allow(&base, "url/123.jpg").unwrap(),
            "https://pictures.example/captcha/url/123.jpg"
        );
        assert!(allow(&base, "https://pictures.example/captcha/1.jpg").is_ok());
        for bad in [
            "/123.jpg",
            "../123.jpg",
            "a/../../123.jpg",
            "a/%2e%2e/%2e%2e/123.jpg",
            "..\\123.jpg",
            "//evil.example/captcha/1.jpg",
            "https://pictures.example/1.jpg",
            "http://pictures.example/captcha/1.jpg",
        ] {
            assert!(allow(&base, bad).is_err(), "{bad:?} was let through");
        }
    }

    #[test]
    fn nothing_is_loaded_from_our_own_origin_even_where_it_is_named() {
        let careless = settings(
            &["app.example.com"],
            Some("https://app.example.com/captcha/"),
            false,
        );
        for own in ["1.jpg", "https://app.example.com/.sidegate/sign-out"] {
            assert_eq!(
                allow(&careless, own),
                Err(PictureRefused::OwnOrigin),
                "{own}"
            );
        }
    }

    #[test]
    fn a_data_url_is_shown_as_what_its_bytes_are() {
        let data = settings(&[], None, true);
        let png = STANDARD.encode(PNG);
        let want = Ok(format!("data:image/png;base64,{png}"));
        for kind in [
            "image/png",
            "image/jpeg",
            "IMAGE/PNG",
            "image/png;x=y",
            "image/svg+xml",
        ] {
            assert_eq!(
                allow(&data, &format!("data:{kind};base64,{png}")),
                want,
                "{kind}"
            );
        }
        let svg = STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>");
        for bad in [
            format!("data:image/svg+xml;base64,{svg}"),
            format!("data:image/png;base64,{svg}"),
            format!("data:text/html;base64,{png}"),
            format!("data:image/png,{png}"),
            "data:image/png;base64,%89PNG".to_owned(),
            "data:".to_owned(),
        ] {
            assert_eq!(
                allow(&data, &bad),
                Err(PictureRefused::NotAPicture),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_data_url_has_256_kib_at_most() {
        let data = settings(&[], None, true);
        for (length, fits) in [
            (MAX_PICTURE, true),
            (MAX_PICTURE + 1, false),
            (4 * MAX_PICTURE, false),
        ] {
            let mut bytes = PNG.to_vec();
            bytes.resize(length, 0);
            let address = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
            assert_eq!(allow(&data, &address).is_ok(), fits, "{length}");
        }
    }

    /// the page's policy and what is shown are one list.
    #[test]
    fn the_policy_lets_in_what_is_allowed() {
        let all = settings(&["a.example"], Some("https://b.example/x/"), true);
        assert_eq!(
            all.sources(),
            ["https://a.example", "https://b.example", "data:"]
        );
    }
}
