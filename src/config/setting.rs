//! Text → checked values: durations, sizes, addresses, origins, names. Each refusal says what to write.
//!
//! `example` is a value that is right, from the schema. A URL's text is not repeated: it may carry a password.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use cognito_flow::{
    ClientId, FirstFactor, FlowKind, UnknownFirstFactor, UnknownFlowKind, UserPoolId,
};
use ipnet::IpNet;
use url::Url;

use crate::origin::PublicOrigin;
use crate::sign_in::RememberDevice;
use crate::telemetry::Format;

/// A value that a setting can have.
pub(super) trait Setting: Sized {
    /// # Errors
    /// What is wrong with the text, and what to write.
    fn parse(text: &str, example: &str) -> Result<Self, String>;
}

fn not_a(text: &str, what: &str, example: &str) -> String {
    format!("{text:?} is not {what}; write {example}")
}

impl Setting for String {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(format!("this is empty; write {example}"));
        }
        Ok(text.to_owned())
    }
}

impl Setting for PathBuf {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        String::parse(text, example).map(Self::from)
    }
}

impl Setting for bool {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("{text:?} is neither true nor false")),
        }
    }
}

/// The longest duration that can be set: far beyond any use, far below what clocks overflow at.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Setting for Duration {
    /// A whole number and a unit: `ms`, `s`, `m`, `h`, `d`.
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let (number, unit) =
            number_and_unit(text).ok_or_else(|| not_a(text, "a duration", example))?;
        let per_unit: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => {
                return Err(format!(
                    "{text:?} has no unit; write {number}s, {number}m or {number}h"
                ));
            }
            _ => {
                return Err(format!(
                    "{unit:?} is not a unit of time (ms, s, m, h, d); write {example}"
                ));
            }
        };
        number
            .checked_mul(per_unit)
            .map(Self::from_millis)
            .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
            .ok_or_else(|| format!("{text:?} is outside 1ms to 365d; write {example}"))
    }
}

/// A number of bytes.
pub(super) struct Bytes(pub(super) u64);

impl Setting for Bytes {
    /// A whole number and a unit: `B`, `KiB`, `MiB`, `GiB`.
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text).ok_or_else(|| not_a(text, "a size", example))?;
        let per_unit: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "" => {
                return Err(format!(
                    "{text:?} has no unit; write {number}B, {number}KiB or {number}MiB"
                ));
            }
            _ => {
                return Err(format!(
                    "{unit:?} is not a unit of size (B, KiB, MiB, GiB); write {example}"
                ));
            }
        };
        number
            .checked_mul(per_unit)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is too much; write {example}"))
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit))
}

/// A whole number.
pub(super) struct Count(pub(super) u64);

impl Setting for Count {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| not_a(text, "a whole number", example))
    }
}

impl Setting for SocketAddr {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| not_a(text, "an address with a port", example))
    }
}

impl Setting for IpNet {
    /// A network, or one address.
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        text.parse::<Self>()
            .or_else(|_| text.parse::<IpAddr>().map(Self::from))
            .map_err(|_| not_a(text, "a network or an address", example))
    }
}

impl Setting for Url {
    /// `http` or `https`, with a host, and with nothing that is no part of an address of a server.
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let not_one = || format!("this is not an http or https URL; write {example}");
        let url = Self::parse(text).map_err(|_| not_one())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(not_one());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "a URL here carries no user or password; write {example}"
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "a URL here ends before any ? or #; write {example}"
            ));
        }
        Ok(url)
    }
}

/// The `iss` of tokens: compared letter by letter, so kept as it was written.
pub(super) struct Issuer {
    pub(super) text: String,
    pub(super) url: Url,
}

impl Setting for Issuer {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let url = <Url as Setting>::parse(text, example)?;
        if text.ends_with('/') {
            return Err(format!(
                "an issuer has no slash at its end; write {example}"
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }
}

impl Setting for PublicOrigin {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        text.parse().map_err(str::to_owned)
    }
}

impl Setting for UserPoolId {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: cognito_flow::IdError| error.to_string())
    }
}

impl Setting for ClientId {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: cognito_flow::IdError| error.to_string())
    }
}

impl Setting for FlowKind {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: UnknownFlowKind| error.to_string())
    }
}

impl Setting for FirstFactor {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: UnknownFirstFactor| error.to_string())
    }
}

/// A public parameter of a custom challenge.
pub(super) struct ParameterName(pub(super) String);

impl Setting for ParameterName {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if (1..=64).contains(&text.len()) && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "a parameter's name has 1 to 64 letters, digits, _, . or -; write {example}"
        ))
    }
}

/// The keyboard of a phone (HTML §6.8.7).
pub(super) struct InputMode(pub(super) String);

impl Setting for InputMode {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        const MODES: [&str; 8] = [
            "none", "text", "tel", "url", "email", "numeric", "decimal", "search",
        ];
        if MODES.contains(&text) {
            return Ok(Self(text.to_owned()));
        }
        Err(not_a(text, "a keyboard", &MODES.join(", ")))
    }
}

/// What a browser may fill in (HTML §4.10.18.7): names with spaces between them.
pub(super) struct Autocomplete(pub(super) String);

impl Setting for Autocomplete {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ' ');
        if !text.trim().is_empty() && text.len() <= 100 && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(not_a(text, "a name that browsers fill in by", example))
    }
}

impl Setting for http::Method {
    /// Registered or not, but never one that a proxy must not pass on.
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        if matches!(text, "TRACE" | "CONNECT") {
            return Err(format!("{text} is never let through"));
        }
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(format!(
                "methods are in capitals; write {}",
                text.to_ascii_uppercase()
            ));
        }
        Self::from_bytes(text.as_bytes()).map_err(|_| not_a(text, "a method", example))
    }
}

/// A host name or address, without port, as URLs write it.
pub(super) struct Host(pub(super) String);

impl Setting for Host {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let no_port = !text.contains(':') || text.ends_with(']');
        match url::Host::parse(text) {
            Ok(host) if no_port && is_plain(&host) => Ok(Self(host.to_string())),
            _ => Err(not_a(text, "a host name without a port", example)),
        }
    }
}

/// Whether a host has nothing but what names have. URLs may have more in one: a semicolon would end the directive of a
/// Content-Security-Policy that names it.
pub(super) fn is_plain<S: AsRef<str>>(host: &url::Host<S>) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match host {
        url::Host::Domain(name) => name.as_ref().bytes().all(fits),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => true,
    }
}

/// The end of a cookie's name.
pub(super) struct CookieSuffix(pub(super) String);

impl Setting for CookieSuffix {
    fn parse(text: &str, example: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "this takes 1 to 32 letters, digits, - or _; write {example}"
        ))
    }
}

impl Setting for RememberDevice {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "ask" => Ok(Self::Ask),
            "always" => Ok(Self::Always),
            _ => Err(not_a(text, "a choice", "off, ask or always")),
        }
    }
}

impl Setting for Format {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(not_a(text, "a format", "auto, json or text")),
        }
    }
}

/// What is logged: a level, or levels of targets, separated by commas.
pub(super) struct LogLevel(pub(super) String);

impl Setting for LogLevel {
    fn parse(text: &str, _example: &str) -> Result<Self, String> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let is_target = |target: &str| {
            !target.is_empty()
                && target
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
        };
        let is_right = |directive: &str| match directive.split_once('=') {
            Some((target, level)) => is_target(target) && LEVELS.contains(&level),
            None => LEVELS.contains(&directive),
        };
        let directives: Vec<&str> = text.split(',').map(str::trim).collect();
        match directives.iter().find(|directive| !is_right(directive)) {
            None => Ok(Self(directives.join(","))),
            Some(wrong) => Err(format!(
                "{wrong:?} is not a level ({}); write info, or info,sidegate::cognito=debug",
                LEVELS.join(", ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// what is in a policy cannot say more than a host.
    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_that_a_policy_reads() {
        for good in [
            "pictures.example.com",
            "a_b.example.",
            "192.0.2.1",
            "[2001:db8::1]",
            "bücher.example",
        ] {
            assert!(Host::parse(good, "").is_ok(), "{good}");
        }
        for bad in [
            "a.example;sandbox",
            "a.example,b.example",
            "*.example",
            "'self'",
            "a.example:443",
            "a example",
            "",
        ] {
            assert!(Host::parse(bad, "").is_err(), "{bad} was let through");
        }
    }
}
