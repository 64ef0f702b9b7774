//! Reading what was posted to us.
//!
//! At most 16 KiB, of exactly the type the endpoint takes, at most 32 fields, none twice, UTF-8 only: a lossy decoding
//! would send Cognito another password than was typed. The bytes are wiped when they are dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use zeroize::Zeroizing;

use crate::body::{Body, BodyError};

use super::error::StepError;

/// Longest body of a POST, in bytes.
const MAX_BODY: usize = 16 * 1024;
/// Longest time for the whole body, as for a head. The server's own limit is for a pause only:
/// a byte now and then would keep one of its places for days, and no session is needed to post a form.
const LONGEST_READ: Duration = Duration::from_secs(10);
/// Most fields of a form.
const MAX_FIELDS: usize = 32;
/// Longest text a person may put into one field, in bytes.
const MAX_ANSWER: usize = 2 * 1024;
/// Longest passkey, in bytes: its id alone, told twice, may have 1,023 bytes (Web Authentication level 3 §6.1).
pub(super) const MAX_CREDENTIAL: usize = 6 * 1024;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormError {
    #[error("the body's type is not {0}")]
    Type(&'static str),
    #[error("the body is longer than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the body did not come within {LONGEST_READ:?}")]
    TooSlow,
    #[error("the body could not be read")]
    Unread(#[source] BodyError),
    #[error("the form has more than {MAX_FIELDS} fields")]
    TooManyFields,
    #[error("the form has a field twice")]
    Duplicate,
    #[error("the body is not well formed")]
    Malformed,
}

/// `Content-Type` of an HTML form's POST.
pub(super) const URL_ENCODED: &str = "application/x-www-form-urlencoded";
/// `Content-Type` of the API's requests. A form of another site cannot send it.
pub(super) const JSON: &str = "application/json";

/// Reads the whole body, if it is of this type, not too long and not too slow.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    wanted: &'static str,
) -> Result<Zeroizing<Vec<u8>>, FormError> {
    if !is_of_type(headers, wanted) {
        return Err(FormError::Type(wanted));
    }
    read_within(LONGEST_READ, body).await
}

async fn read_within(longest: Duration, body: Body) -> Result<Zeroizing<Vec<u8>>, FormError> {
    tokio::time::timeout(longest, read_all(body))
        .await
        .unwrap_or(Err(FormError::TooSlow))
}

async fn read_all(mut body: Body) -> Result<Zeroizing<Vec<u8>>, FormError> {
    // All the room at once: growing would leave copies of a password behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BODY));
    while let Some(frame) = body.frame().await {
        // Trailers are nobody's form fields.
        let Ok(part) = frame.map_err(FormError::Unread)?.into_data() else {
            continue;
        };
        if bytes.len() + part.len() > MAX_BODY {
            return Err(FormError::TooLarge);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Exactly one Content-Type of this name; parameters (`charset`) change nothing.
fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = only.as_bytes().split(|byte| *byte == b';').next();
    essence.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The fields of a form, by name.
pub(super) struct Form {
    fields: BTreeMap<String, Zeroizing<String>>,
}

impl Form {
    /// Parses `application/x-www-form-urlencoded` (WHATWG URL §5.1, but strict about UTF-8 and repetition).
    pub(super) fn parse(body: &[u8]) -> Result<Self, FormError> {
        let mut fields = BTreeMap::new();
        for pair in body
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if fields.len() == MAX_FIELDS {
                return Err(FormError::TooManyFields);
            }
            if fields.insert(name.to_string(), value).is_some() {
                return Err(FormError::Duplicate);
            }
        }
        Ok(Self { fields })
    }

    /// A field's text; empty when it is not there. For what we put into the form ourselves.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.as_str())
    }

    /// What was typed as user name, to show it again; nothing if no user name is that long.
    pub(super) fn username(&self) -> String {
        self.answer("username").unwrap_or_default().to_owned()
    }

    /// The fields whose names begin so, by the rest of the name.
    pub(super) fn starting_with<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// What a person entered, under the input's name, which is its id too.
    pub(super) fn answer(&self, input: &'static str) -> Result<&str, StepError> {
        bounded(input, self.text(input))
    }
}

/// Refuses a length that no password, name or attribute has.
pub(super) fn bounded<'a>(input: &str, answer: &'a str) -> Result<&'a str, StepError> {
    bounded_by(MAX_ANSWER, input, answer)
}

/// The same with a limit in bytes.
pub(super) fn bounded_by<'a>(
    longest: usize,
    input: &str,
    answer: &'a str,
) -> Result<&'a str, StepError> {
    if answer.len() > longest {
        return Err(StepError::Field {
            id: input.to_owned(),
            message: "This is too long.",
        });
    }
    Ok(answer)
}

fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, FormError> {
    let spaced: Zeroizing<Vec<u8>> = Zeroizing::new(
        encoded
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect(),
    );
    let mut bytes = Vec::with_capacity(spaced.len());
    bytes.extend(percent_encoding::percent_decode(&spaced));
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|_| FormError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(kind: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        headers
    }

    #[test]
    fn a_form_is_decoded_as_browsers_encode_it() {
        let form =
            Form::parse("username=J%C3%BCrgen+A.&password=%2B%26%3D%25&empty=&flag".as_bytes());
        let form = form.unwrap();
        assert_eq!(form.text("username"), "Jürgen A.");
        assert_eq!(form.answer("password").unwrap(), "+&=%");
        for absent in ["empty", "flag", "other"] {
            assert_eq!(form.text(absent), "");
        }
    }

    #[test]
    fn a_field_that_comes_twice_makes_the_form_void() {
        for body in ["csrf=a&csrf=b", "username=a&user%6eame=a", "=&="] {
            let parsed = Form::parse(body.as_bytes());
            assert!(matches!(parsed, Err(FormError::Duplicate)), "{body}");
        }
    }

    #[test]
    fn a_text_that_is_not_utf_8_is_refused_and_not_repaired() {
        for body in [&b"password=%ff"[..], b"password=\xff", b"%ff=a"] {
            assert!(matches!(Form::parse(body), Err(FormError::Malformed)));
        }
    }

    #[test]
    fn a_form_has_32_fields_at_most() {
        let fields: Vec<String> = (0..MAX_FIELDS).map(|n| format!("f{n}=")).collect();
        let mut body = fields.join("&");
        assert!(Form::parse(body.as_bytes()).is_ok());
        body.push_str("&more=");
        let parsed = Form::parse(body.as_bytes());
        assert!(matches!(parsed, Err(FormError::TooManyFields)));
    }

    #[test]
    fn an_answer_has_2_kib_at_most() {
        let body = format!(
            "a={}&b={}",
            "x".repeat(MAX_ANSWER),
            "x".repeat(MAX_ANSWER + 1)
        );
        let form = Form::parse(body.as_bytes()).unwrap();
        assert!(form.answer("a").is_ok());
        assert!(form.answer("b").is_err());
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_16_kib() {
        let headers = typed(URL_ENCODED);
        let whole = read(&headers, Body::from(vec![b'a'; MAX_BODY]), URL_ENCODED).await;
        assert_eq!(whole.unwrap().len(), MAX_BODY);
        let longer = read(&headers, Body::from(vec![b'a'; MAX_BODY + 1]), URL_ENCODED).await;
        assert!(matches!(longer, Err(FormError::TooLarge)));
    }

    /// a client that is never silent for long does not keep its place all the same.
    #[tokio::test]
    async fn a_body_that_drips_is_not_waited_for() {
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let drop = http_body::Frame::data(bytes::Bytes::from_static(b"a"));
            Some((Ok::<_, BodyError>(drop), ()))
        });
        let body = Body::wrap(http_body_util::StreamBody::new(drops));
        let read = read_within(Duration::from_millis(20), body).await;
        assert!(matches!(read, Err(FormError::TooSlow)));
    }

    #[tokio::test]
    async fn only_the_wanted_content_type_is_read() {
        for (kind, wanted, fits) in [
            ("application/json", JSON, true),
            ("Application/JSON; charset=utf-8", JSON, true),
            ("application/x-www-form-urlencoded", URL_ENCODED, true),
            (
                "application/x-www-form-urlencoded;charset=UTF-8",
                URL_ENCODED,
                true,
            ),
            ("text/plain", JSON, false),
            ("application/x-www-form-urlencoded", JSON, false),
            ("application/json", URL_ENCODED, false),
            (
                "multipart/form-data; boundary=application/json",
                JSON,
                false,
            ),
            ("application/jsonp", JSON, false),
            ("text/plain; application/json", JSON, false),
        ] {
            let bytes = read(&typed(kind), Body::from("{}"), wanted).await;
            assert_eq!(bytes.is_ok(), fits, "{kind}");
        }
        assert!(read(&HeaderMap::new(), Body::Empty, JSON).await.is_err());
        let mut twice = typed(JSON);
        twice.append(CONTENT_TYPE, JSON.parse().unwrap());
        assert!(read(&twice, Body::from("{}"), JSON).await.is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn parsing_never_panics(body in proptest::collection::vec(any::<u8>(), 0..512)) {
            drop(Form::parse(&body));
        }

        #[test]
        fn what_a_browser_encodes_comes_back(password in "\\PC{0,64}") {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            let body = encoded.append_pair("password", &password).finish();
            let form = Form::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(form.text("password"), password);
        }
    }
}
