//! Header values for the upstream, made of verified claims.
//!
//! Made once a session, when `Identity` is made; never on the way of a request. What cannot be sent
//! whole is not sent at all.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::Claims;

/// Most bytes of all values together.
const MAX_BYTES: usize = 8 * 1024;

/// Sent as `true` when a list did not fit: the upstream must not take its absence for an empty one.
const TRUNCATED: HeaderName = HeaderName::from_static("x-sidegate-groups-truncated");

/// Which claim goes into which header.
///
/// One value a header, visible ASCII only: every other byte of the UTF-8 text, the
/// space included, is percent-encoded, and so is `%` itself, always, so that percent-decoding any
/// value gives the claim back. (`+` stands for itself.) A claim that is a list of texts is joined by
/// `,`, with the commas inside each text encoded: split first, then decode. Numbers and booleans are
/// sent as text, anything else as compact JSON. An absent, null or empty claim gives no header.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    /// Header name → claim name, in the order they are sent.
    pub claims: Vec<(HeaderName, String)>,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        let claims = [
            ("x-forwarded-user", "cognito:username"),
            ("x-forwarded-email", "email"),
            ("x-forwarded-preferred-username", "preferred_username"),
            ("x-forwarded-groups", "cognito:groups"),
            ("x-sidegate-user", "cognito:username"),
            ("x-sidegate-sub", "sub"),
        ];
        Self {
            claims: claims
                .map(|(header, claim)| (HeaderName::from_static(header), claim.to_owned()))
                .into(),
        }
    }
}

impl IdentityHeaders {
    /// The fields for these claims; an absent claim gives no field.
    ///
    /// Texts come first when there is not room for all: they say who it is, lists only what they may.
    pub fn of(&self, claims: &Claims) -> Vec<(HeaderName, HeaderValue)> {
        let mut sheet = Sheet::default();
        let present = self
            .claims
            .iter()
            .filter_map(|(header, claim)| Some((header, claims.find(claim)?)));
        let (lists, texts): (Vec<_>, Vec<_>) = present.partition(|(_, value)| value.is_array());
        for (header, value) in texts {
            if !sheet.add(header, value) {
                tracing::warn!(%header, "an identity header is left out: over 8 KiB in all");
            }
        }
        let mut truncated = false;
        for (header, value) in lists {
            truncated |= !sheet.add(header, value);
        }
        let mut fields = sheet.into_fields();
        if truncated {
            tracing::warn!(
                sub = claims.subject(),
                "groups are left out: over 8 KiB in all"
            );
            fields.push((TRUNCATED, HeaderValue::from_static("true")));
        }
        fields.sort_by_key(|(header, _)| self.claims.iter().position(|(name, _)| name == header));
        fields
    }
}

/// All values in one piece of memory: a session keeps them for hours.
#[derive(Default)]
struct Sheet {
    text: String,
    places: Vec<(HeaderName, Range<usize>)>,
}

impl Sheet {
    /// Adds a value, if it is not empty. False when there is no room for it.
    fn add(&mut self, header: &HeaderName, value: &Value) -> bool {
        let start = self.text.len();
        write_value(&mut self.text, value);
        let end = self.text.len();
        if end > MAX_BYTES {
            self.text.truncate(start);
            return false;
        }
        if end > start {
            self.places.push((header.clone(), start..end));
        }
        true
    }

    fn into_fields(self) -> Vec<(HeaderName, HeaderValue)> {
        let text = Bytes::from(self.text.into_boxed_str().into_boxed_bytes());
        let value = |range| HeaderValue::from_maybe_shared(text.slice(range));
        self.places
            .into_iter()
            .filter_map(|(header, range)| Some((header, value(range).ok()?)))
            .collect()
    }
}

fn write_value(to: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => write_encoded(to, text, b""),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts = items.iter().filter_map(Value::as_str);
            for (number, text) in texts.enumerate() {
                if number > 0 {
                    to.push(',');
                }
                write_encoded(to, text, b",");
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            write_encoded(to, &value.to_string(), b"");
        }
    }
}

fn write_encoded(to: &mut String, text: &str, reserved: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && !reserved.contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}
