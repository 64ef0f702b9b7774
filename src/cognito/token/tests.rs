//! Good tokens, and every way a token can be wrong, with its reason (R-67, R-68).

use super::*;
use crate::cognito::testing::{ACCESS_KEY, CLIENT_ID, ID_KEY, ISSUER, NOW, TestKey};
use crate::cognito::testing::{access_claims, id_claims};
use serde_json::json;

const CLOCK: UnixSeconds = UnixSeconds(NOW);

fn verifier() -> Verifier {
    Verifier::new(ISSUER.to_owned(), CLIENT_ID.to_owned())
}

fn decoding_key(key: &TestKey) -> DecodingKey {
    let jwk = key.jwk();
    let member = |name: &str| jwk[name].as_str().unwrap().to_owned();
    DecodingKey::from_rsa_components(&member("n"), &member("e")).unwrap()
}

fn id_token(token: &str) -> Result<IdToken, TokenError> {
    verifier().id_token(token, &decoding_key(&ID_KEY), CLOCK)
}

fn access_token(token: &str) -> Result<AccessToken, TokenError> {
    verifier().access_token(token, &decoding_key(&ACCESS_KEY), CLOCK)
}

/// The claims with one member set, or removed by null.
fn with(mut claims: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims
            .as_object_mut()
            .unwrap()
            .insert(name.to_owned(), value),
    };
    claims
}

fn id_with(name: &str, value: Value) -> String {
    ID_KEY.token(&with(id_claims(), name, value))
}

fn access_with(name: &str, value: Value) -> String {
    ACCESS_KEY.token(&with(access_claims(), name, value))
}

fn id_header(header: &Value) -> String {
    ID_KEY.sign(&header.to_string(), &id_claims().to_string())
}

#[test]
fn good_tokens_are_believed() {
    let id = id_token(&ID_KEY.token(&id_claims())).unwrap();
    assert_eq!(id.claims.subject(), "a1b2c3d4-sub");
    assert_eq!(id.claims.username(), "jane");
    assert_eq!(id.claims.groups(), ["staff"]);
    assert_eq!(id.auth_time, CLOCK);
    let access = access_token(&ACCESS_KEY.token(&access_claims())).unwrap();
    assert_eq!(
        (access.subject.as_str(), access.username.as_str()),
        ("a1b2c3d4-sub", "jane")
    );
    assert_eq!(
        (access.issued_at, access.expires_at),
        (CLOCK, UnixSeconds(NOW + 3600))
    );
}

#[test]
fn good_tokens_of_less_common_forms_are_believed() {
    for token in [
        id_header(&json!({"typ": "JWT", "alg": "RS256", "kid": ID_KEY.id})),
        // A key that the header brings along is not looked at, and does no harm.
        id_header(&json!({"alg": "RS256", "kid": ID_KEY.id, "jku": "https://evil.example/"})),
        id_with("nbf", json!(NOW + 30)),
        id_with("iat", json!(NOW + 30)),
        id_with("exp", json!(NOW - 29)),
        id_with("auth_time", json!(NOW - 86_400)),
        id_with("cognito:groups", Value::Null),
    ] {
        id_token(&token).unwrap();
    }
    access_token(&access_with("aud", json!(CLIENT_ID))).unwrap();
}

#[test]
fn every_wrong_id_token_is_refused_for_its_reason() {
    use TokenError::{
        Claim, Expired, Header, Malformed, NotYetValid, Signature, TooLong, Unexpected,
    };
    let good = ID_KEY.token(&id_claims());
    let parts: Vec<&str> = good.split('.').collect();
    let claims = id_claims().to_string();
    let twice = |name: &str, value: &str| claims.replacen('{', &format!("{{{name:?}:{value},"), 1);
    let header = json!({"alg": "RS256", "kid": ID_KEY.id}).to_string();
    let hs256 = json!({"alg": "HS256", "kid": ID_KEY.id});
    let unsigned = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": ID_KEY.id}).to_string());
    let other_claims = URL_SAFE_NO_PAD.encode(with(id_claims(), "sub", json!("root")).to_string());
    let table = [
        (
            "over 8 KiB",
            id_with("email", json!("x".repeat(8 * 1024))),
            TooLong,
        ),
        ("empty", String::new(), Malformed),
        ("two parts", format!("{}.{}", parts[0], parts[1]), Malformed),
        ("four parts", format!("{good}.{}", parts[2]), Malformed),
        (
            "five parts, as an encrypted one",
            "a.b.c.d.e".to_owned(),
            Malformed,
        ),
        (
            "header no base64url",
            format!("+{}.{}.{}", parts[0], parts[1], parts[2]),
            Malformed,
        ),
        ("header no JSON", ID_KEY.sign("RS256", &claims), Malformed),
        ("header an array", ID_KEY.sign("[]", &claims), Malformed),
        ("claims no JSON", ID_KEY.sign(&header, "no"), Malformed),
        ("claims an array", ID_KEY.sign(&header, "[1]"), Malformed),
        (
            "kid twice",
            ID_KEY.sign(&header.replacen('{', r#"{"kid":"a","#, 1), &claims),
            Malformed,
        ),
        (
            "alg twice",
            ID_KEY.sign(&header.replacen('{', r#"{"alg":"none","#, 1), &claims),
            Malformed,
        ),
        (
            "sub twice",
            ID_KEY.sign(&header, &twice("sub", r#""root""#)),
            Malformed,
        ),
        (
            "exp twice",
            ID_KEY.sign(&header, &twice("exp", "1")),
            Malformed,
        ),
        (
            "groups twice",
            ID_KEY.sign(&header, &twice("cognito:groups", r#"["admin"]"#)),
            Malformed,
        ),
        (
            "email twice",
            ID_KEY.sign(&header, &twice("email", r#""root@example.com""#)),
            Malformed,
        ),
        (
            "no signature",
            format!("{}.{}.", parts[0], parts[1]),
            Signature,
        ),
        (
            "alg none",
            format!("{unsigned}.{}.", parts[1]),
            Header("alg is not RS256"),
        ),
        ("alg HS256", id_header(&hs256), Header("alg is not RS256")),
        (
            "alg hs256",
            id_header(&json!({"alg": "hs256", "kid": "k"})),
            Header("alg is not RS256"),
        ),
        (
            "alg RS384",
            id_header(&json!({"alg": "RS384", "kid": "k"})),
            Header("alg is not RS256"),
        ),
        (
            "alg PS256",
            id_header(&json!({"alg": "PS256", "kid": "k"})),
            Header("alg is not RS256"),
        ),
        (
            "alg rs256",
            id_header(&json!({"alg": "rs256", "kid": "k"})),
            Header("alg is not RS256"),
        ),
        (
            "alg a list",
            id_header(&json!({"alg": ["RS256"], "kid": "k"})),
            Header("alg is not RS256"),
        ),
        (
            "no alg",
            id_header(&json!({"kid": "k"})),
            Header("alg is not RS256"),
        ),
        (
            "crit unknown",
            id_header(&json!({"alg": "RS256", "kid": "k", "crit": ["exp"]})),
            Header("crit"),
        ),
        (
            "crit empty",
            id_header(&json!({"alg": "RS256", "kid": "k", "crit": []})),
            Header("crit"),
        ),
        (
            "no kid",
            id_header(&json!({"alg": "RS256"})),
            Header("no kid"),
        ),
        (
            "kid empty",
            id_header(&json!({"alg": "RS256", "kid": ""})),
            Header("no kid"),
        ),
        (
            "kid a number",
            id_header(&json!({"alg": "RS256", "kid": 1})),
            Header("no kid"),
        ),
        (
            "kid long",
            id_header(&json!({"alg": "RS256", "kid": "k".repeat(129)})),
            Header("no kid"),
        ),
        ("another key", ACCESS_KEY.sign(&header, &claims), Signature),
        (
            "claims changed",
            format!("{}.{other_claims}.{}", parts[0], parts[2]),
            Signature,
        ),
        ("iss absent", id_with("iss", Value::Null), Claim("iss")),
        (
            "iss another pool",
            id_with("iss", json!(format!("{ISSUER}x"))),
            Unexpected("iss"),
        ),
        (
            "iss with a slash",
            id_with("iss", json!(format!("{ISSUER}/"))),
            Unexpected("iss"),
        ),
        (
            "iss a list with ours",
            id_with("iss", json!([ISSUER])),
            Claim("iss"),
        ),
        ("aud absent", id_with("aud", Value::Null), Claim("aud")),
        (
            "aud another client",
            id_with("aud", json!("other")),
            Unexpected("aud"),
        ),
        (
            "aud a list with ours",
            id_with("aud", json!([CLIENT_ID])),
            Claim("aud"),
        ),
        (
            "aud ours and another",
            id_with("aud", json!([CLIENT_ID, "other"])),
            Claim("aud"),
        ),
        ("aud a number", id_with("aud", json!(7)), Claim("aud")),
        ("aud empty", id_with("aud", json!("")), Claim("aud")),
        (
            "token_use absent",
            id_with("token_use", Value::Null),
            Claim("token_use"),
        ),
        (
            "token_use access",
            id_with("token_use", json!("access")),
            Unexpected("token_use"),
        ),
        (
            "token_use ID",
            id_with("token_use", json!("ID")),
            Unexpected("token_use"),
        ),
        ("sub absent", id_with("sub", Value::Null), Claim("sub")),
        ("sub empty", id_with("sub", json!("")), Claim("sub")),
        ("sub a number", id_with("sub", json!(1)), Claim("sub")),
        (
            "username absent",
            id_with("cognito:username", Value::Null),
            Claim("cognito:username"),
        ),
        (
            "username a list",
            id_with("cognito:username", json!(["a"])),
            Claim("cognito:username"),
        ),
        ("exp absent", id_with("exp", Value::Null), Claim("exp")),
        (
            "exp a text",
            id_with("exp", json!("9999999999")),
            Claim("exp"),
        ),
        (
            "exp with a fraction",
            id_with("exp", json!(NOW as f64 + 0.5)),
            Claim("exp"),
        ),
        ("exp negative", id_with("exp", json!(-1)), Claim("exp")),
        (
            "exp beyond all time",
            id_with("exp", json!(u64::MAX)),
            Claim("exp"),
        ),
        ("exp 30 s ago", id_with("exp", json!(NOW - 30)), Expired),
        ("iat absent", id_with("iat", Value::Null), Claim("iat")),
        ("iat a text", id_with("iat", json!("now")), Claim("iat")),
        (
            "iat 31 s ahead",
            id_with("iat", json!(NOW + 31)),
            NotYetValid,
        ),
        (
            "auth_time absent",
            id_with("auth_time", Value::Null),
            Claim("auth_time"),
        ),
        (
            "auth_time after iat",
            id_with("auth_time", json!(NOW + 1)),
            Claim("auth_time"),
        ),
        (
            "nbf 31 s ahead",
            id_with("nbf", json!(NOW + 31)),
            NotYetValid,
        ),
        ("nbf a text", id_with("nbf", json!("0")), Claim("nbf")),
        (
            "an access token of the same key",
            ID_KEY.token(&access_claims()),
            Unexpected("token_use"),
        ),
    ];
    for (what, token, reason) in table {
        assert_eq!(id_token(&token).unwrap_err(), reason, "{what}");
    }
}

#[test]
fn every_wrong_access_token_is_refused_for_its_reason() {
    use TokenError::{Claim, Expired, Signature, Unexpected};
    let table = [
        (
            "client_id absent",
            access_with("client_id", Value::Null),
            Claim("client_id"),
        ),
        (
            "client_id another",
            access_with("client_id", json!("other")),
            Unexpected("client_id"),
        ),
        (
            "client_id a list",
            access_with("client_id", json!([CLIENT_ID])),
            Claim("client_id"),
        ),
        (
            "aud another",
            access_with("aud", json!("https://api.example.com")),
            Unexpected("aud"),
        ),
        (
            "aud a list with ours",
            access_with("aud", json!([CLIENT_ID])),
            Claim("aud"),
        ),
        (
            "token_use id",
            access_with("token_use", json!("id")),
            Unexpected("token_use"),
        ),
        (
            "username absent, as of a machine",
            access_with("username", Value::Null),
            Claim("username"),
        ),
        (
            "iss another",
            access_with("iss", json!("https://evil.example")),
            Unexpected("iss"),
        ),
        ("sub absent", access_with("sub", Value::Null), Claim("sub")),
        ("expired", access_with("exp", json!(NOW - 3600)), Expired),
        (
            "an ID token of the same key",
            ACCESS_KEY.token(&id_claims()),
            Unexpected("token_use"),
        ),
        (
            "signed with the other key",
            ID_KEY.token(&access_claims()),
            Signature,
        ),
    ];
    for (what, token, reason) in table {
        assert_eq!(access_token(&token).unwrap_err(), reason, "{what}");
    }
}

#[test]
fn an_error_says_nothing_of_the_tokens_content() {
    let error = id_token(&id_with("iss", json!("https://evil.example/secret"))).unwrap_err();
    assert!(!format!("{error} {error:?} {}", error.hint()).contains("evil"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_makes_the_verifier_panic(text in "\\PC{0,40}\\.\\PC{0,40}\\.\\PC{0,40}") {
        assert!(id_token(&text).is_err());
    }

    #[test]
    fn a_token_with_a_byte_changed_is_never_believed(at in 0_usize..1_000, flip in 1_u8..=255) {
        let mut token = ID_KEY.token(&id_claims()).into_bytes();
        let at = at % token.len();
        token[at] ^= flip;
        if let Ok(token) = String::from_utf8(token) {
            assert!(id_token(&token).is_err(), "byte {at}");
        }
    }
}
