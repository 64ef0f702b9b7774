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
    /// Of all values as they are sent.
    bytes: usize,
    places: Vec<(HeaderName, Range<usize>)>,
}

impl Sheet {
    /// Adds a value, if it is not empty. False when there is no room for it.
    fn add(&mut self, header: &HeaderName, value: &Value) -> bool {
        let mut text = String::new();
        write_value(&mut text, value);
        if text.is_empty() {
            return true;
        }
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            self.bytes -= text.len();
            return false;
        }
        // The user's name is often wanted under several names, and often is `sub` itself.
        let start = self.text.find(&text).unwrap_or_else(|| {
            self.text.push_str(&text);
            self.text.len() - text.len()
        });
        self.places
            .push((header.clone(), start..start + text.len()));
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

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Name and value of every field for these claims.
    fn fields(headers: &IdentityHeaders, claims: &Value) -> Vec<(String, String)> {
        let claims = Claims::verified(claims.as_object().unwrap().clone());
        let fields = headers.of(&claims).into_iter();
        fields
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    /// The one header `x-claim`, made of the claim `c`.
    fn value_of(claim: &Value) -> Option<String> {
        let headers = IdentityHeaders {
            claims: vec![(HeaderName::from_static("x-claim"), "c".to_owned())],
        };
        let fields = fields(&headers, &json!({"sub": "s", "c": claim}));
        assert!(fields.len() <= 1);
        fields.into_iter().next().map(|(_, value)| value)
    }

    #[test]
    fn the_default_headers_are_made_of_the_default_claims() {
        let claims = json!({
            "sub": "sub-1",
            "cognito:username": "alice",
            "email": "alice@example.com",
            "preferred_username": "al",
            "cognito:groups": ["admins", "reports"],
        });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields(&IdentityHeaders::default(), &claims),
            [
                pair("x-forwarded-user", "alice"),
                pair("x-forwarded-email", "alice@example.com"),
                pair("x-forwarded-preferred-username", "al"),
                pair("x-forwarded-groups", "admins,reports"),
                pair("x-sidegate-user", "alice"),
                pair("x-sidegate-sub", "sub-1"),
            ]
        );
    }

    #[test]
    fn an_absent_claim_gives_no_header() {
        let given = fields(&IdentityHeaders::default(), &json!({"sub": "sub-1"}));
        assert_eq!(given, [("x-sidegate-sub".to_owned(), "sub-1".to_owned())]);
        for nothing in [json!(null), json!(""), json!([]), json!([""])] {
            assert_eq!(value_of(&nothing), None, "{nothing}");
        }
    }

    #[test]
    fn claims_of_every_type_have_one_text() {
        for (claim, want) in [
            (json!(true), "true"),
            (json!(1_700_000_000), "1700000000"),
            (json!("a,b"), "a,b"),
            (json!("Ana María"), "Ana%20Mar%C3%ADa"),
            (json!("100%"), "100%25"),
            (json!("100%25"), "100%2525"),
            (json!("a+b"), "a+b"),
            (
                json!("a\r\nX-Sidegate-User: root\u{0}\u{7f}\t"),
                "a%0D%0AX-Sidegate-User:%20root%00%7F%09",
            ),
            (json!(["a,b", "c%", "d e"]), "a%2Cb,c%25,d%20e"),
            (json!(["a", ""]), "a,"),
            (
                json!({"formatted": "1 Main St"}),
                "{\"formatted\":\"1%20Main%20St\"}",
            ),
            (json!([{"userId": 1}]), "[{\"userId\":1}]"),
        ] {
            assert_eq!(value_of(&claim).as_deref(), Some(want), "{claim}");
        }
    }

    #[test]
    fn groups_that_do_not_fit_are_left_out_whole_and_that_is_said() {
        let groups: Vec<String> = (0..400).map(|n| format!("group-number-{n:010}")).collect();
        let claims = json!({"sub": "s", "cognito:username": "alice", "cognito:groups": groups});
        let given = fields(&IdentityHeaders::default(), &claims);
        let names: Vec<_> = given.iter().map(|(name, _)| name.as_str()).collect();
        assert!(!names.contains(&"x-forwarded-groups"));
        assert!(names.contains(&"x-forwarded-user") && names.contains(&"x-sidegate-sub"));
        let said = ("x-sidegate-groups-truncated".to_owned(), "true".to_owned());
        assert!(given.contains(&said));
    }

    #[test]
    fn a_text_that_does_not_fit_is_never_cut() {
        assert_eq!(
            value_of(&json!("a".repeat(MAX_BYTES))).unwrap().len(),
            MAX_BYTES
        );
        assert_eq!(value_of(&json!("a".repeat(MAX_BYTES + 1))), None);
        assert_eq!(value_of(&json!("é".repeat(MAX_BYTES / 6 + 1))), None);
    }

    #[test]
    fn who_it_is_goes_before_what_they_may() {
        let groups = vec!["g".repeat(1000); 7];
        let email = "e".repeat(2000);
        let claims = json!({"sub": "s", "email": email, "cognito:groups": groups});
        let given = fields(&IdentityHeaders::default(), &claims);
        assert!(given.iter().any(|(name, _)| name == "x-forwarded-email"));
        assert!(!given.iter().any(|(name, _)| name == "x-forwarded-groups"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_text_comes_back_by_percent_decoding(text in "\\PC{1,80}|.{1,40}|[%,+a]{1,20}") {
            let value = value_of(&json!(text)).unwrap();
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(percent_decode_str(&value).decode_utf8().unwrap(), text);
        }

        #[test]
        fn groups_come_back_by_splitting_and_then_decoding(groups in proptest::collection::vec("[a-z]{1,5}|.{1,20}|[%,2C]{1,9}", 1..8)) {
            let value = value_of(&json!(groups)).unwrap();
            let back: Vec<_> = value
                .split(',')
                .map(|group| percent_decode_str(group).decode_utf8().unwrap().into_owned())
                .collect();
            prop_assert_eq!(back, groups);
        }

        #[test]
        fn all_values_together_stay_under_the_limit(claims in proptest::collection::vec(".{0,3000}", 6)) {
            let claims = json!({
                "sub": claims[0],
                "cognito:username": claims[1],
                "email": claims[2],
                "preferred_username": claims[3],
                "cognito:groups": [claims[4], claims[5]],
            });
            let given = fields(&IdentityHeaders::default(), &claims);
            let bytes: usize = given.iter().map(|(_, value)| value.len()).sum();
            prop_assert!(bytes <= MAX_BYTES + 4);
        }
    }
}
