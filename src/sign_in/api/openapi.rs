//! The description of the API: OpenAPI 3.1, one committed file, served as it is.
//!
//! It describes every endpoint, also of parts that are switched off: those answer 404. Tests hold it against the addresses
//! there are, and schemathesis holds it against a running gate (tests/it/openapi.rs).

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::body::Body;
use crate::sign_in::SignIn;

const DOCUMENT: &str = include_str!("../../../assets/openapi.json");

impl SignIn {
    /// GET api/openapi.json.
    pub(in crate::sign_in) fn api_description(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(DOCUMENT));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cognito_flow::Challenge;
    use http::Method;
    use serde_json::Value;

    use super::*;
    use crate::origin::PREFIX;
    use crate::sign_in::account::Settings;
    use crate::sign_in::endpoint::endpoint;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn every_endpoint_of_the_api_is_described_and_no_other() {
        let described: BTreeSet<String> = document()["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(|path| path.trim_start_matches('/').to_owned())
            .collect();
        let table = include_str!("../endpoint.rs");
        let (table, _) = table.split_once("#[cfg(test)]").unwrap();
        let there: BTreeSet<String> = table
            .split('"')
            .filter(|text| text.starts_with("api/") && text.len() > "api/".len())
            .map(str::to_owned)
            .collect();
        assert_eq!(described, there);
    }

    #[test]
    fn each_is_described_with_the_methods_it_has() {
        let all = Settings {
            reset_password: true,
            sign_up: true,
            sign_up_attributes: Vec::new(),
            verify_attributes: true,
            passkeys: true,
            offer_passkey: false,
        };
        for (path, methods) in document()["paths"].as_object().unwrap() {
            let address = format!("{}{path}", PREFIX.trim_end_matches('/'));
            for method in [Method::GET, Method::POST] {
                let described = methods.get(method.as_str().to_ascii_lowercase());
                let there = endpoint(&method, &address, &all).is_ok();
                assert_eq!(described.is_some(), there, "{method} {address}");
            }
        }
    }

    /// What cognito-flow asks, the two that the pool's errors stand for, and the end.
    #[test]
    fn every_step_of_a_sign_in_is_described_and_no_other() {
        let document = document();
        let described = steps(&document).expect("no schema lists the steps");
        let asked = Challenge::samples()
            .iter()
            .map(|challenge| challenge.next_step().sign_in_step)
            .chain(["CONFIRM_SIGN_UP", "RESET_PASSWORD", "DONE"])
            .collect();
        assert_eq!(described, asked);
    }

    /// The values of the first `signInStep` that lists more than one.
    fn steps(schema: &Value) -> Option<BTreeSet<&str>> {
        let named = schema.get("signInStep").and_then(|step| step.get("enum"));
        if let Some(names) = named
            .and_then(Value::as_array)
            .filter(|names| names.len() > 1)
        {
            return Some(names.iter().filter_map(Value::as_str).collect());
        }
        match schema {
            Value::Object(members) => members.values().find_map(steps),
            Value::Array(items) => items.iter().find_map(steps),
            _ => None,
        }
    }

    #[test]
    fn the_description_is_of_this_version() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
