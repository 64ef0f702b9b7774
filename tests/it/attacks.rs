//! What an attacker tries beside guessing: forms sent from elsewhere, sent again from another browser, or written otherwise, and
//! answers that tell one account from another.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::json;

use crate::bed::{BEGAN, Bed, PASSWORD, TestBed, USER};
use crate::browser::{Browser, Page, exchange};
use crate::challenges::totp;

const BOB: &str = "bob@example.com";
const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// bob's second factor is an authenticator app, which a remembered device makes needless.
const DEVICES: &str = r#"
mfa = "OPTIONAL"
mfa_methods = ["SOFTWARE_TOKEN_MFA"]
[pool.devices]
challenge_required_on_new_device = true
[[pool.user]]
username = "bob@example.com"
password = "Correct-Horse-9!"
mfa = ["SOFTWARE_TOKEN_MFA"]
preferred_mfa = "SOFTWARE_TOKEN_MFA"
totp_secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
attributes = { given_name = "Bob", email_verified = "true" }
"#;

const FORMS: &[&str] = &[
    "sign-in",
    "challenge",
    "sign-out",
    "forget-device",
    "forgot-password",
    "reset-password",
    "sign-up",
    "confirm",
    "resend-code",
    "verify",
    "verify/send",
    "passkeys/add",
    "passkeys/save",
    "passkeys/delete",
    "passkeys/not-now",
];

const CALLS: &[&str] = &[
    "sign-in",
    "confirm-sign-in",
    "sign-out",
    "reset-password",
    "confirm-reset-password",
    "sign-up",
    "confirm-sign-up",
    "auto-sign-in",
    "resend-sign-up-code",
    "send-user-attribute-verification-code",
    "confirm-user-attribute",
    "passkeys/start",
    "passkeys/complete",
    "passkeys/delete",
];

/// R-26: whoever is signed in does nothing here because another site says so.
#[tokio::test]
async fn no_form_and_no_call_is_taken_from_another_site() {
    let on = "[account]\nsign_up = true\n[passkey]\nmanage = true\n";
    let bed = TestBed::default().config(on).start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let calls = bed.wire.count("AWSCognitoIdentityProviderService.");
    let forms = FORMS.iter().map(|path| {
        (
            format!("/.sidegate/{path}"),
            "application/x-www-form-urlencoded",
        )
    });
    let json = CALLS
        .iter()
        .map(|path| (format!("/.sidegate/api/{path}"), "application/json"));
    for (path, kind) in forms.chain(json) {
        for elsewhere in [
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ][..],
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", crate::bed::ORIGIN),
            ],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "http://localhost:4281")],
            &[],
        ] {
            let mut request = Request::post(&path)
                .header(header::HOST, "localhost:4280")
                .header(header::COOKIE, browser.cookies())
                .header(header::CONTENT_TYPE, kind);
            for (name, value) in elsewhere {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::<Bytes>::from("{}")).unwrap();
            let refused = exchange(bed.gate, request).await;
            assert_eq!(refused.status, 403, "{path} {elsewhere:?}");
            assert!(!refused.headers.contains_key(header::SET_COOKIE), "{path}");
        }
    }
    assert_eq!(bed.wire.count("AWSCognitoIdentityProviderService."), calls);
    bed.stop().await;
}

async fn sign_out(browser: &mut Browser) {
    let page = browser.get("/.sidegate/sign-out").await.expect(200);
    browser.submit(&page.form()).await.expect(303);
}

/// A form sent twice acts once; but what a device made needless for its own browser is not so for another.
#[tokio::test]
async fn the_form_of_a_trusted_browser_passes_no_second_factor_elsewhere() {
    let bed = TestBed::default().pool(DEVICES);
    let bed = bed.config("[device]\nremember = \"ask\"\n").start().await;
    let mut browser = bed.browser();
    let page = browser.open("/deep").await.expect(200);
    let form = page.form().with("username", BOB).with("password", PASSWORD);
    let page = browser.submit(&form.with("trust", "yes")).await.expect(200);
    let form = page.form().with("code", &totp(SECRET, BEGAN));
    browser.submit(&form).await.expect(303);
    sign_out(&mut browser).await;

    let page = browser.open("/deep").await.expect(200);
    let form = page.form().with("username", BOB).with("password", PASSWORD);
    browser.submit(&form).await.expect(303);
    browser.submit(&form).await.expect(303);
    let mut thief = bed.browser();
    thief.open("/deep").await.expect(200);
    let asked = thief.submit(&form).await.expect(200);
    assert!(
        asked.body.contains("<h1>Enter your code</h1>"),
        "{}",
        asked.body
    );
    thief.get("/deep").await.expect(302);
    bed.stop().await;
}

/// On a browser that several use, "forget this browser" is there for who can be forgotten.
#[tokio::test]
async fn nobody_is_offered_to_forget_what_another_person_trusts() {
    let bed = TestBed::default().pool(DEVICES);
    let bed = bed.config("[device]\nremember = \"ask\"\n").start().await;
    let mut browser = bed.browser();
    let page = browser.open("/deep").await.expect(200);
    let form = page.form().with("username", BOB).with("password", PASSWORD);
    let page = browser.submit(&form.with("trust", "yes")).await.expect(200);
    let form = page.form().with("code", &totp(SECRET, BEGAN));
    browser.submit(&form).await.expect(303);
    let offers = |page: &Page| page.body.contains("forget-device");
    let page = browser.get("/.sidegate/sign-out").await.expect(200);
    assert!(offers(&Page {
        body: page.body.replace("&#x2f;", "/"),
        ..page
    }));
    sign_out(&mut browser).await;

    let page = browser.open("/deep").await.expect(200);
    let form = page.form().without("trust");
    let form = form.with("username", USER).with("password", PASSWORD);
    browser.submit(&form).await.expect(303);
    let page = browser.get("/.sidegate/sign-out").await.expect(200);
    assert!(!offers(&page), "{}", page.body);
    bed.stop().await;
}

async fn codes_asked_for(bed: &Bed, username: &str) -> Vec<(u16, String)> {
    let mut browser = bed.browser();
    let page = browser.open("/.sidegate/forgot-password").await;
    let asked = browser
        .submit(&page.form().with("username", username))
        .await;
    let page = browser.open("/.sidegate/confirm").await;
    let mut again = page.forms().remove(1);
    again
        .fields
        .insert("username".to_owned(), username.to_owned());
    let mut answers = vec![asked, browser.submit(&again).await];
    for path in ["reset-password", "resend-sign-up-code"] {
        let path = format!("/.sidegate/api/{path}");
        let named = json!({ "username": username });
        answers.push(browser.fetch(Method::POST, &path, Some(named)).await);
    }
    let plain = |page: Page| {
        let kept = |line: &&str| !line.contains("type=\"hidden\"");
        let lines: Vec<&str> = page.body.lines().filter(kept).collect();
        (
            page.status.as_u16(),
            lines.join("\n").replace(username, "NAME"),
        )
    };
    answers.into_iter().map(plain).collect()
}

/// R-81: a message is made for real accounts only, so that a function that fails to make one would tell of them.
#[tokio::test]
async fn a_message_that_cannot_be_made_tells_nobody_that_there_is_an_account() {
    let failing =
        "auto_verified_attributes = [\"email\"]\n[pool.triggers]\ncustom_message = [\"true\"]\n";
    let bed = TestBed::default().pool(failing);
    let bed = bed.config("[account]\nsign_up = true\n").start().await;
    let known = codes_asked_for(&bed, USER).await;
    let nobody = codes_asked_for(&bed, "nobody@example.com").await;
    assert!(
        nobody.iter().all(|(status, _)| *status == 200),
        "{nobody:?}"
    );
    assert_eq!(known, nobody);
    bed.stop().await;
}

/// Members have names: a list of values in the right order is no request, and no part of one.
#[tokio::test]
async fn a_list_is_not_taken_for_an_object() {
    let bed = TestBed::default().flow("USER_AUTH").start().await;
    let mut app = bed.browser();
    for request in [
        json!([USER, null, {}]),
        json!([USER, PASSWORD, { "preferredChallenge": "PASSWORD" }]),
        json!({ "username": USER, "password": PASSWORD, "options": ["PASSWORD", true] }),
        json!({ "username": USER, "options": [] }),
        json!(null),
        json!(USER),
    ] {
        let answer = app
            .fetch(
                Method::POST,
                "/.sidegate/api/sign-in",
                Some(request.clone()),
            )
            .await;
        assert_eq!(answer.status, 400, "{request}: {}", answer.body);
    }
    let calls = bed
        .wire
        .count("AWSCognitoIdentityProviderService.InitiateAuth");
    assert_eq!(calls, 0);
    bed.stop().await;
}
