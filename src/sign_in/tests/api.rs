//! The JSON API, as a single-page app meets it.

use http::StatusCode;
use http::header::{CONTENT_TYPE, ORIGIN, SET_COOKIE};
use serde_json::json;

use crate::body::Body;

use super::bed::{Bed, NEW_USER, ORIGIN_TEXT, PASSWORD, TEMPORARY, USER};

const NEW_PASSWORD: &str = "Flow-Matic-1955!";

fn credentials(username: &str, password: &str) -> String {
    json!({ "username": username, "password": password }).to_string()
}

#[tokio::test]
async fn an_app_signs_in_asks_who_it_is_and_signs_out() {
    let bed = Bed::start().await;
    let mut app = bed.browser();
    let session = app.get("/.sidegate/api/session").await;
    assert_eq!(session.json(), json!({ "isSignedIn": false }));
    assert!(session.headers.contains_key(SET_COOKIE));

    let done = app
        .post_json("/.sidegate/api/sign-in", &credentials(USER, PASSWORD))
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(
        done.json(),
        json!({ "isSignedIn": true, "nextStep": { "signInStep": "DONE" } })
    );

    let session = app.get("/.sidegate/api/session").await.json();
    assert_eq!(session["isSignedIn"], true);
    assert_eq!(session["username"], USER);
    assert_eq!(session["name"], "Ada <Lovelace>");
    assert_eq!(session["groups"], json!(["engineers"]));
    assert!(session["sub"].is_string());

    let out = app.post_json("/.sidegate/api/sign-out", "{}").await;
    assert_eq!(out.json(), json!({ "isSignedIn": false }));
    assert_eq!(
        app.get("/.sidegate/api/session").await.json()["isSignedIn"],
        false
    );
}

#[tokio::test]
async fn a_new_user_confirms_with_a_new_password_in_amplifys_words() {
    let bed = Bed::start().await;
    let mut app = bed.browser();
    let asked = app
        .post_json("/.sidegate/api/sign-in", &credentials(NEW_USER, TEMPORARY))
        .await
        .json();
    assert_eq!(asked["isSignedIn"], false);
    assert_eq!(
        asked["nextStep"]["signInStep"],
        "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED"
    );
    assert_eq!(
        asked["nextStep"]["missingAttributes"],
        json!(["family_name"])
    );

    let confirm = |password: &str, attributes: serde_json::Value| {
        json!({
            "attempt": asked["attempt"],
            "challengeResponse": password,
            "options": { "userAttributes": attributes },
        })
        .to_string()
    };
    let path = "/.sidegate/api/confirm-sign-in";
    let weak = app
        .post_json(
            path,
            &confirm("weak-password", json!({ "family_name": "Hopper" })),
        )
        .await;
    assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(weak.json()["name"], "InvalidPasswordException");
    let missing = app.post_json(path, &confirm(NEW_PASSWORD, json!({}))).await;
    assert_eq!(
        missing.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        missing.text
    );

    let mut thief = bed.browser();
    thief.get("/.sidegate/api/session").await;
    let answer = confirm(NEW_PASSWORD, json!({ "family_name": "Hopper" }));
    let stolen = thief.post_json(path, &answer).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    assert_eq!(stolen.json()["code"], "attempt_not_yours");

    let done = app.post_json(path, &answer).await;
    assert_eq!(
        done.json()["nextStep"]["signInStep"],
        "DONE",
        "{}",
        done.text
    );
    assert_eq!(
        app.get("/.sidegate/api/session").await.json()["isSignedIn"],
        true
    );
}

#[tokio::test]
async fn a_refusal_is_a_problem_document_with_cognitos_name_for_it() {
    let bed = Bed::start().await;
    let mut app = bed.browser();
    let mut answers = Vec::new();
    for username in [USER, "nobody"] {
        let refused = app
            .post_json(
                "/.sidegate/api/sign-in",
                &credentials(username, "wrong-Password-1"),
            )
            .await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(refused.json()["name"], "NotAuthorizedException");
        assert_eq!(refused.json()["code"], "bad_credentials");
        answers.push(refused.text);
    }
    assert_eq!(answers[0], answers[1]);
    bed.pool.stop().await.unwrap();
    let down = app
        .post_json("/.sidegate/api/sign-in", &credentials(USER, PASSWORD))
        .await;
    assert_eq!(down.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(down.json()["code"], "sign_in_unavailable");
}

#[tokio::test]
async fn a_request_with_anything_unknown_doubled_or_missing_is_refused_whole() {
    let bed = Bed::start().await;
    let mut app = bed.browser();
    for body in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"username":"ada","password":7}"#.to_owned(),
        r#"{"username":"","password":"x"}"#.to_owned(),
        r#"{"username":"ada","password":"x","password":"y"}"#.to_owned(),
        r#"{"username":"ada","username":"eve","password":"x"}"#.to_owned(),
        r#"{"username":"ada","password":"x","admin":true}"#.to_owned(),
        format!("{} ", credentials(USER, PASSWORD)) + "{}",
    ] {
        let refused = app.post_json("/.sidegate/api/sign-in", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.json()["code"], "bad_request");
    }
    let large = credentials(USER, &"x".repeat(17_000));
    let refused = app.post_json("/.sidegate/api/sign-in", &large).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn another_site_can_neither_sign_in_nor_out() {
    let bed = Bed::start().await;
    let mut app = bed.browser();
    app.sign_in().await;
    for (path, body) in [
        ("/.sidegate/api/sign-in", credentials(USER, PASSWORD)),
        ("/.sidegate/api/confirm-sign-in", "{}".to_owned()),
        ("/.sidegate/api/sign-out", "{}".to_owned()),
    ] {
        for (field, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let mut request = app.post(path, "application/json");
            request
                .headers_mut()
                .unwrap()
                .insert(field, value.parse().unwrap());
            let refused = app.send(request, Body::from(body.clone())).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        }
        // What a form can send is not JSON.
        let request = app.post(path, "text/plain");
        let refused = app.send(request, Body::from(body.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(
        app.get("/.sidegate/api/session").await.json()["isSignedIn"],
        true
    );

    // An old browser names its origin instead.
    let mut request = app.post("/.sidegate/api/sign-out", "application/json");
    let headers = request.headers_mut().unwrap();
    headers.remove("sec-fetch-site");
    headers.insert(ORIGIN, ORIGIN_TEXT.parse().unwrap());
    let out = app.send(request, Body::Empty).await;
    assert_eq!(out.status, StatusCode::OK, "{}", out.text);
}
