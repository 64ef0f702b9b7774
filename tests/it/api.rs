//! The JSON API that a single-page app uses, with Amplify's step names.

use http::{Method, header};
use http_body_util::Full;
use serde_json::json;

use crate::bed::{NEW_USER, PASSWORD, TEMPORARY, TestBed, USER};

#[tokio::test]
async fn a_single_page_app_signs_in_reads_the_session_and_signs_out() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let session = browser
        .fetch(Method::GET, "/.sidegate/api/session", None)
        .await
        .expect(200);
    assert_eq!(session.json()["isSignedIn"], false);

    let body = json!({"username": USER, "password": PASSWORD});
    let answer = browser
        .fetch(Method::POST, "/.sidegate/api/sign-in", Some(body))
        .await
        .expect(200);
    assert_eq!(
        answer.json(),
        json!({"isSignedIn": true, "nextStep": {"signInStep": "DONE"}})
    );
    browser
        .fetch(Method::GET, "/api/data", None)
        .await
        .expect(200);
    let session = browser
        .fetch(Method::GET, "/.sidegate/api/session", None)
        .await
        .expect(200)
        .json();
    assert_eq!(session["isSignedIn"], true);
    assert_eq!(session["groups"], json!(["admins", "developers"]));

    let answer = browser
        .fetch(Method::POST, "/.sidegate/api/sign-out", Some(json!({})))
        .await
        .expect(200);
    assert_eq!(answer.json()["isSignedIn"], false);
    browser
        .fetch(Method::GET, "/api/data", None)
        .await
        .expect(401);
    bed.until_revoked(1).await;
    bed.stop().await;
}

#[tokio::test]
async fn a_challenge_is_answered_with_confirm_sign_in() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let body = json!({"username": NEW_USER, "password": TEMPORARY});
    let step = browser
        .fetch(Method::POST, "/.sidegate/api/sign-in", Some(body))
        .await
        .expect(200)
        .json();
    assert_eq!(step["isSignedIn"], false);
    let next = &step["nextStep"];
    assert_eq!(
        next["signInStep"],
        "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED"
    );
    assert_eq!(next["missingAttributes"], json!(["given_name"]));
    let confirm = |password: &str, attributes: serde_json::Value| {
        json!({
            "attempt": step["attempt"],
            "challengeResponse": password,
            "options": {"userAttributes": attributes},
        })
    };
    let path = "/.sidegate/api/confirm-sign-in";
    let refused = browser
        .fetch(
            Method::POST,
            path,
            Some(confirm("Fresh-Horse-11!", json!({}))),
        )
        .await;
    let refused = refused.expect(422).json();
    assert_eq!(refused["missingAttributes"], json!(["given_name"]));
    let weak = confirm("short", json!({"given_name": "Nova"}));
    let refused = browser
        .fetch(Method::POST, path, Some(weak))
        .await
        .expect(422);
    assert_eq!(refused.json()["name"], "InvalidPasswordException");
    let good = confirm("Fresh-Horse-11!", json!({"given_name": "Nova"}));
    let done = browser
        .fetch(Method::POST, path, Some(good))
        .await
        .expect(200);
    assert_eq!(done.json()["nextStep"]["signInStep"], "DONE");
    browser.fetch(Method::GET, "/x", None).await.expect(200);
    bed.stop().await;
}

#[tokio::test]
async fn refusals_are_problem_documents_with_cognitos_own_name() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let path = "/.sidegate/api/sign-in";
    let body = json!({"username": USER, "password": "wrong-Pass-1!"});
    let answer = browser
        .fetch(Method::POST, path, Some(body))
        .await
        .expect(401);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["name"], "NotAuthorizedException");
    let no_password = browser
        .fetch(Method::POST, path, Some(json!({"username": USER})))
        .await
        .expect(422);
    assert_eq!(no_password.json()["field"], "password");
    browser
        .fetch(Method::POST, path, Some(json!([])))
        .await
        .expect(400);
    browser.fetch(Method::GET, path, None).await.expect(405);
    browser
        .fetch(Method::GET, "/.sidegate/api/nothing", None)
        .await
        .expect(404);
    bed.stop().await;
}

/// another site can send neither JSON nor a form to it.
#[tokio::test]
async fn another_site_cannot_call_the_api() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let body = json!({"username": USER, "password": PASSWORD}).to_string();
    for (kind, site, status) in [
        ("application/json", "cross-site", 403),
        ("application/json", "same-site", 403),
        ("text/plain", "same-origin", 400),
        ("application/x-www-form-urlencoded", "same-origin", 400),
    ] {
        let request = http::Request::post("/.sidegate/api/sign-in")
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", site)
            .header(header::ORIGIN, "https://evil.example")
            .body(Full::from(body.clone()))
            .unwrap();
        browser.send(request).await.expect(status);
    }
    let big = json!({"username": USER, "password": "x".repeat(20_000)});
    browser
        .fetch(Method::POST, "/.sidegate/api/sign-in", Some(big))
        .await
        .expect(413);
    bed.stop().await;
}
