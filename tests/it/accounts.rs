//! Forgotten passwords, signing up, and confirming addresses: the pages, the API, and what a stranger learns from them.

use http::Method;
use serde_json::{Value, json};

use crate::bed::{Bed, PASSWORD, TestBed, USER};
use crate::browser::{Browser, Page};

const NEWCOMER: &str = "nova@example.com";
const NEW_PASSWORD: &str = "Fresh-Horse-11!";

const ON: &str = r#"
[account]
sign_up = true
sign_up_attributes = ["given_name"]
"#;

async fn bed() -> Bed {
    let pool = "auto_verified_attributes = [\"email\"]";
    TestBed::default().pool(pool).config(ON).start().await
}

/// A page without what differs from one to the next: hidden fields, and the user name.
fn plain(page: &Page, username: &str) -> String {
    let mut text = String::new();
    for line in page.body.replace(username, "NAME").lines() {
        if !line.contains("type=\"hidden\"") {
            text.push_str(line);
            text.push('\n');
        }
    }
    format!("{}\n{text}", page.status)
}

async fn forgot(browser: &mut Browser, username: &str) -> Page {
    let page = browser.open("/.sidegate/forgot-password").await;
    let form = page.form().with("username", username);
    browser.submit(&form).await
}

async fn post(browser: &mut Browser, path: &str, body: Value) -> Page {
    let path = format!("/.sidegate/api/{path}");
    browser.fetch(Method::POST, &path, Some(body)).await
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_with_the_code_that_was_sent() {
    let bed = bed().await;
    let mut browser = bed.browser();
    let sign_in = browser.open("/reports").await;
    assert!(sign_in.body.contains("Forgot your password?"));
    let link = "/.sidegate/forgot-password?return_to=%2Freports";
    let page = browser.get(link).await.expect(200);
    let asked = browser.submit(&page.form().with("username", USER)).await;
    let asked = asked.expect(200);
    let code = bed.code(USER).await;
    assert!(!asked.body.contains(&code));

    let wrong = if code == "000000" { "000001" } else { "000000" };
    let filled = |page: &Page, code: &str, password: &str| {
        let form = page.form();
        assert_eq!(form.fields["username"], USER);
        form.with("code", code).with("new_password", password)
    };
    let refused = browser.submit(&filled(&asked, wrong, NEW_PASSWORD)).await;
    let refused = refused.expect(422);
    assert!(refused.body.contains("That code is not right"));
    assert!(!refused.body.contains(NEW_PASSWORD));
    let weak = browser.submit(&filled(&refused, &code, "short")).await;
    let weak = weak.expect(422);
    // As a mail program may break it up.
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let done = browser.submit(&filled(&weak, &spaced, NEW_PASSWORD)).await;
    let done = done.expect(200);
    assert!(done.body.contains("Your password has been changed."));
    let form = done.form();
    assert_eq!(form.fields["username"], USER);
    let signed_in = browser.submit(&form.with("password", NEW_PASSWORD)).await;
    assert_eq!(signed_in.expect(303).location(), "/reports");
    bed.stop().await;
}

/// R-81.
#[tokio::test]
async fn a_stranger_learns_nothing_of_an_account_by_resetting_its_password() {
    let bed = bed().await;
    let mut answers = Vec::new();
    for username in [USER, "nobody@example.com"] {
        let mut browser = bed.browser();
        let asked = forgot(&mut browser, username).await.expect(200);
        let form = asked.form().with("code", "000000");
        let wrong = browser
            .submit(&form.with("new_password", NEW_PASSWORD))
            .await;
        let api = [
            post(&mut browser, "reset-password", json!({"username": username})).await,
            post(
                &mut browser,
                "confirm-reset-password",
                json!({"username": username, "confirmationCode": "000000", "newPassword": NEW_PASSWORD}),
            )
            .await,
        ];
        let pages = [asked, wrong].map(|page| plain(&page, username));
        answers.push((pages, api.map(|page| without_id(&page))));
    }
    assert_eq!(answers[0], answers[1]);
    bed.stop().await;
}

/// R-81.
#[tokio::test]
async fn a_stranger_learns_nothing_of_an_account_by_confirming_it() {
    let bed = bed().await;
    let mut browser = bed.browser();
    let sign_up = json!({
        "username": NEWCOMER, "password": NEW_PASSWORD, "options": {"userAttributes": {"given_name": "Nova"}},
    });
    post(&mut browser, "sign-up", sign_up).await.expect(200);
    let mut answers = Vec::new();
    for username in [USER, NEWCOMER, "nobody@example.com"] {
        let mut browser = bed.browser();
        let page = browser.open("/.sidegate/confirm").await;
        let form = page
            .form()
            .with("username", username)
            .with("code", "000000");
        let wrong = browser.submit(&form).await.expect(422);
        let mut again = wrong.forms().remove(1);
        again
            .fields
            .insert("username".to_owned(), username.to_owned());
        let sent = browser.submit(&again).await.expect(200);
        let api = [
            post(
                &mut browser,
                "resend-sign-up-code",
                json!({"username": username}),
            )
            .await,
            post(
                &mut browser,
                "confirm-sign-up",
                json!({"username": username, "confirmationCode": "000000"}),
            )
            .await,
        ];
        let pages = [wrong, sent].map(|page| plain(&page, username));
        answers.push((pages, api.map(|page| without_id(&page))));
    }
    assert_eq!(answers[0], answers[2], "an account that is confirmed");
    assert_eq!(answers[1], answers[2], "an account that waits for its code");
    bed.stop().await;
}

fn without_id(page: &Page) -> (u16, Value) {
    let mut body = page.json();
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
    }
    (page.status.as_u16(), body)
}

#[tokio::test]
async fn a_newcomer_signs_up_confirms_and_signs_in() {
    let bed = bed().await;
    let mut browser = bed.browser();
    let page = browser
        .open("/.sidegate/sign-up?return_to=%2Freports")
        .await;
    let form = page.form().with("username", NEWCOMER);
    let form = form
        .with("new_password", "weak")
        .with("attribute.given_name", "Nova");
    let weak = browser.submit(&form).await.expect(422);
    let form = weak.form();
    assert_eq!(form.fields["attribute.given_name"], "Nova", "kept");
    assert_eq!(form.fields["new_password"], "", "never kept");
    let form = form.with("new_password", NEW_PASSWORD);
    let asked = browser.submit(&form).await.expect(200);
    assert!(asked.body.contains("n***@e***"), "{}", asked.body);

    // The password alone, which leads back to where the code is asked for.
    let sign_in = browser.sign_in("/", NEWCOMER, NEW_PASSWORD).await;
    let sign_in = sign_in.expect(403);
    assert!(sign_in.body.contains("Your account is not confirmed yet."));
    assert_eq!(sign_in.form().action, "/.sidegate/confirm");

    let code = bed.code(NEWCOMER).await;
    let done = browser.submit(&asked.form().with("code", &code)).await;
    let done = done.expect(200);
    assert!(done.body.contains("Your account is confirmed."));
    let form = done.form().with("password", NEW_PASSWORD);
    let signed_in = browser.submit(&form).await.expect(303);
    assert_eq!(signed_in.location(), "/reports");
    browser.get("/reports").await.expect(200);

    let mut late = bed.browser();
    let page = late.open("/.sidegate/sign-up").await;
    let form = page.form().with("username", NEWCOMER);
    let form = form
        .with("new_password", NEW_PASSWORD)
        .with("attribute.given_name", "Nova");
    let taken = late.submit(&form).await.expect(422);
    assert!(taken.body.contains("is taken. Choose another"));
    bed.stop().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_account() {
    let bed = bed().await;
    let mut browser = bed.browser();
    let page = browser.open("/.sidegate/sign-up").await;
    let form = page.form().with("username", NEWCOMER);
    let form = form
        .with("new_password", NEW_PASSWORD)
        .with("attribute.given_name", "Nova");
    browser.submit(&form).await.expect(200);
    browser.submit(&form).await.expect(200);
    let calls = bed.wire.count("AWSCognitoIdentityProviderService.SignUp");
    assert_eq!(calls, 1);
    bed.stop().await;
}

#[tokio::test]
async fn whoever_is_signed_in_confirms_their_address() {
    let bed = bed().await;
    let unproven = json!({
        "Username": USER, "UserAttributes": [{"Name": "email_verified", "Value": "false"}],
    });
    bed.admin("AdminUpdateUserAttributes", unproven).await;
    let mut browser = bed.browser();
    // Whoever must sign in first comes back to this page.
    let verify = "/.sidegate/verify";
    let signed_in = browser.sign_in(verify, USER, PASSWORD).await.expect(303);
    assert_eq!(signed_in.location(), verify);
    let page = browser.get(verify).await.expect(200);
    assert!(page.body.contains("not confirmed"), "{}", page.body);
    let asked = browser.submit(&page.form()).await.expect(200);
    assert!(asked.body.contains("a***@e***"), "{}", asked.body);
    let wrong = asked.form().with("code", "000000");
    let wrong = browser.submit(&wrong).await.expect(422);
    let code = bed.code(USER).await;
    let done = browser.submit(&wrong.form().with("code", &code)).await;
    assert_eq!(done.expect(303).location(), "/.sidegate/verify");
    let page = browser.get("/.sidegate/verify").await.expect(200);
    assert!(!page.body.contains("not confirmed"), "{}", page.body);
    bed.stop().await;
}

#[tokio::test]
async fn an_app_signs_up_resets_and_confirms_in_amplifys_words() {
    let bed = bed().await;
    let mut app = bed.browser();
    let sign_up = |attribute: &str| {
        json!({
            "username": NEWCOMER, "password": NEW_PASSWORD, "options": {"userAttributes": {attribute: "Nova"}},
        })
    };
    // An attribute that nobody is asked for may be one that the application trusts.
    post(&mut app, "sign-up", sign_up("family_name"))
        .await
        .expect(400);
    let asked = post(&mut app, "sign-up", sign_up("given_name")).await;
    let asked = asked.expect(200).json();
    assert_eq!(asked["isSignUpComplete"], false);
    assert_eq!(asked["nextStep"]["signUpStep"], "CONFIRM_SIGN_UP");
    let delivery = json!({"deliveryMedium": "EMAIL", "destination": "n***@e***"});
    assert_eq!(asked["nextStep"]["codeDeliveryDetails"], delivery);
    let taken = post(&mut app, "sign-up", sign_up("given_name")).await;
    assert_eq!(taken.expect(422).json()["name"], "UsernameExistsException");
    let code = bed.code(NEWCOMER).await;
    let confirm = json!({
        "username": NEWCOMER, "confirmationCode": code, "attempt": asked["attempt"],
    });
    let done = post(&mut app, "confirm-sign-up", confirm).await.expect(200);
    assert_eq!(
        done.json(),
        json!({"isSignUpComplete": true, "nextStep": {"signUpStep": "DONE"}})
    );

    let asked = post(&mut app, "reset-password", json!({"username": NEWCOMER})).await;
    let asked = asked.expect(200).json();
    assert_eq!(
        asked["nextStep"]["resetPasswordStep"],
        "CONFIRM_RESET_PASSWORD_WITH_CODE"
    );
    let code = bed.code(NEWCOMER).await;
    let password = "Another-Horse-12!";
    let reset = json!({"username": NEWCOMER, "confirmationCode": code, "newPassword": password});
    let done = post(&mut app, "confirm-reset-password", reset).await;
    assert_eq!(
        done.expect(200).json()["nextStep"]["resetPasswordStep"],
        "DONE"
    );

    let key = json!({"userAttributeKey": "email"});
    let path = "send-user-attribute-verification-code";
    post(&mut app, path, key.clone()).await.expect(401);
    let credentials = json!({"username": NEWCOMER, "password": password});
    post(&mut app, "sign-in", credentials).await.expect(200);
    let sent = post(&mut app, path, key).await.expect(200).json();
    assert_eq!(sent["codeDeliveryDetails"]["attributeName"], "email");
    let code = bed.code(NEWCOMER).await;
    let confirm = json!({"userAttributeKey": "email", "confirmationCode": code});
    let done = post(&mut app, "confirm-user-attribute", confirm).await;
    assert_eq!(done.expect(200).json(), json!({"isConfirmed": true}));
    bed.stop().await;
}

#[tokio::test]
async fn under_user_auth_a_confirmed_newcomer_is_signed_in_at_once() {
    let pool = "auto_verified_attributes = [\"email\"]";
    let bed = TestBed::default().pool(pool).config(ON).flow("USER_AUTH");
    let bed = bed.start().await;
    let mut browser = bed.browser();
    let page = browser
        .open("/.sidegate/sign-up?return_to=%2Freports")
        .await;
    let form = page.form().with("username", NEWCOMER);
    let form = form
        .with("new_password", NEW_PASSWORD)
        .with("attribute.given_name", "Nova");
    let asked = browser.submit(&form).await.expect(200);
    let code = bed.code(NEWCOMER).await;
    let form = asked.form().with("code", &code);
    let mut thief = bed.browser();
    thief.open("/.sidegate/confirm").await;
    thief.submit(&form).await.expect(403);
    let signed_in = browser.submit(&form).await.expect(303);
    assert_eq!(signed_in.location(), "/reports");
    browser.get("/reports").await.expect(200);

    let mut app = bed.browser();
    let other = "other@example.com";
    let sign_up = json!({
        "username": other, "password": NEW_PASSWORD, "options": {"userAttributes": {"given_name": "Nova"}},
    });
    let asked = post(&mut app, "sign-up", sign_up).await.expect(200).json();
    let code = bed.code(other).await;
    let confirm = json!({
        "username": other, "confirmationCode": code, "attempt": asked["attempt"],
    });
    let confirmed = post(&mut app, "confirm-sign-up", confirm).await;
    let confirmed = confirmed.expect(200).json();
    assert_eq!(confirmed["nextStep"]["signUpStep"], "COMPLETE_AUTO_SIGN_IN");
    let attempt = json!({"attempt": confirmed["attempt"]});
    let done = post(&mut app, "auto-sign-in", attempt).await.expect(200);
    assert_eq!(done.json()["isSignedIn"], true);
    bed.stop().await;
}

#[tokio::test]
async fn what_is_switched_off_is_not_there() {
    let off = "[account]\nreset_password = false\nverify_attributes = false\n";
    let bed = TestBed::default().config(off).start().await;
    let mut browser = bed.browser();
    for path in [
        "forgot-password",
        "reset-password",
        "sign-up",
        "confirm",
        "resend-code",
        "verify",
        "verify/send",
        "passkeys",
        "passkeys/add",
        "api/reset-password",
        "api/confirm-reset-password",
        "api/sign-up",
        "api/confirm-sign-up",
        "api/auto-sign-in",
        "api/resend-sign-up-code",
        "api/send-user-attribute-verification-code",
        "api/confirm-user-attribute",
        "api/passkeys",
        "api/passkeys/start",
        "api/passkeys/complete",
        "api/passkeys/delete",
    ] {
        let path = format!("/.sidegate/{path}");
        browser.get(&path).await.expect(404);
        let posted = browser.fetch(Method::POST, &path, Some(json!({}))).await;
        posted.expect(404);
    }
    let page = browser.open("/").await;
    assert!(!page.body.contains("Forgot"), "{}", page.body);
    assert!(!page.body.contains("Create an account"), "{}", page.body);
    bed.stop().await;
}
