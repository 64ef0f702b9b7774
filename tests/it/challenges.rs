//! What the pool asks after the first step: its pages, over real sockets and the local pool.

use aws_lc_rs::hmac;
use http::Method;
use serde_json::json;

use crate::bed::{BEGAN, Bed, PASSWORD, TestBed, USER};
use crate::browser::{Browser, Page};

/// Asks for a colour until it is right, after the password where there is one.
pub(crate) const CUSTOM: &str = r#"
[pool.triggers]
define_auth_challenge = ["python3", "-c", '''
import json, sys
event = json.load(sys.stdin)
session = event["request"]["session"]
last = session[-1] if session else {"challengeName": "", "challengeResult": False}
right = last["challengeName"] == "CUSTOM_CHALLENGE" and last["challengeResult"]
event["response"] = {"issueTokens": right, "failAuthentication": False}
if last["challengeName"] == "SRP_A":
    event["response"]["challengeName"] = "PASSWORD_VERIFIER"
elif not right:
    event["response"]["challengeName"] = "CUSTOM_CHALLENGE"
json.dump(event, sys.stdout)
''']
create_auth_challenge = ["python3", "-c", '''
import json, sys
event = json.load(sys.stdin)
event["response"] = {
    "publicChallengeParameters": {
        "captchaUrl": "url/123.jpg",
        "question": "Which colour has <b>the sky</b>?",
        "hint": "Look up.",
        "attemptsLeft": "2",
        "internal": "not for people",
        "alternative": "email",
    },
    "privateChallengeParameters": {"answer": "blue"},
}
json.dump(event, sys.stdout)
''']
verify_auth_challenge_response = ["python3", "-c", '''
import json, sys
event = json.load(sys.stdin)
request = event["request"]
event["response"] = {"answerCorrect": request["challengeAnswer"] == request["privateChallengeParameters"]["answer"]}
json.dump(event, sys.stdout)
''']
"#;

/// Asks for no password where one was to come first.
const SKIPPING: &str = r#"
[pool.triggers]
define_auth_challenge = ["python3", "-c", '''
import json, sys
event = json.load(sys.stdin)
last = event["request"]["session"][-1]
right = last["challengeName"] == "CUSTOM_CHALLENGE" and last["challengeResult"]
event["response"] = {"issueTokens": right, "failAuthentication": False}
if not right:
    event["response"]["challengeName"] = "CUSTOM_CHALLENGE"
json.dump(event, sys.stdout)
''']
create_auth_challenge = ["python3", "-c", '''
import json, sys
event = json.load(sys.stdin)
event["response"] = {"publicChallengeParameters": {}, "privateChallengeParameters": {"answer": "blue"}}
json.dump(event, sys.stdout)
''']
verify_auth_challenge_response = ["python3", "-c", '''
import json, sys
event = json.load(sys.stdin)
event["response"] = {"answerCorrect": event["request"]["challengeAnswer"] == "blue"}
json.dump(event, sys.stdout)
''']
"#;

/// Everybody needs an authenticator app; ada has none yet, and bob has one.
const AUTHENTICATOR: &str = r#"
mfa = "ON"
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

/// bob has two, and prefers none.
pub(crate) const TWO_FACTORS: &str = r#"
mfa = "OPTIONAL"
mfa_methods = ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]
[[pool.user]]
username = "bob@example.com"
password = "Correct-Horse-9!"
mfa = ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]
totp_secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
attributes = { given_name = "Bob", email_verified = "true" }
"#;

pub(crate) const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
pub(crate) const BOB: &str = "bob@example.com";

pub(crate) const CHOICES: &str = r#"
first_factors = ["PASSWORD", "EMAIL_OTP"]
"#;

/// The code of an authenticator app (RFC 6238).
pub(crate) fn totp(secret: &str, seconds: u64) -> String {
    let mut bits = String::new();
    for letter in secret.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        bits.push_str(&format!("{value:05b}"));
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|eight| u8::from_str_radix(std::str::from_utf8(eight).unwrap(), 2).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The first step of a flow that begins with the user name alone.
async fn name_oneself(browser: &mut Browser, username: &str) -> Page {
    let page = browser.open("/deep").await.expect(200);
    let form = page.form();
    assert!(!form.fields.contains_key("password"), "{}", page.body);
    browser.submit(&form.with("username", username)).await
}

fn heading(page: &Page) -> &str {
    let (_, rest) = page.body.split_once("<h1>").unwrap();
    rest.split_once("</h1>").unwrap().0
}

#[tokio::test]
async fn a_custom_challenge_is_asked_without_a_password_until_it_is_answered() {
    let bed = TestBed::default().flow("CUSTOM_WITHOUT_SRP").pool(CUSTOM);
    let settings = r#"
[challenge]
image_base = "https://pictures.example.com/captcha/"
show = ["attemptsLeft"]
answer_label = "Colour"
answer_inputmode = "search"
answer_autocomplete = "off"
"#;
    let bed = bed.config(settings).start().await;
    let mut browser = bed.browser();
    let page = name_oneself(&mut browser, USER).await.expect(200);
    let shown = page.body.replace("&#x2f;", "/");
    for text in [
        "src=\"https://pictures.example.com/captcha/url/123.jpg\"",
        "referrerpolicy=\"no-referrer\"",
        "Which colour has &lt;b&gt;the sky&lt;/b&gt;?",
        "Look up.",
        "<dt>attemptsLeft</dt><dd>2</dd>",
        ">Colour</label>",
        "inputmode=\"search\" autocomplete=\"off\"",
        "Get a code by e-mail instead",
    ] {
        assert!(shown.contains(text), "no {text} in {shown}");
    }
    assert!(!shown.contains("not for people"), "{shown}");
    assert!(!shown.contains("That was not right"), "{shown}");
    assert_eq!(page.form().fields["username"], USER);
    let policy = page.header("content-security-policy");
    let want = "img-src 'self' https://pictures.example.com;";
    assert!(policy.contains(want), "{policy}");

    let again = browser.submit(&page.form().with("answer", "red")).await;
    let again = again.expect(200);
    assert!(again.body.contains("That was not right"), "{}", again.body);
    assert!(again.body.contains("role=\"alert\""), "{}", again.body);

    let calls = bed
        .wire
        .count("AWSCognitoIdentityProviderService.RespondToAuthChallenge");
    browser
        .submit(&again.form().without("answer"))
        .await
        .expect(422);
    let empty = browser.submit(&again.form().with("answer", "")).await;
    let empty = empty.expect(422);
    assert_eq!(
        bed.wire
            .count("AWSCognitoIdentityProviderService.RespondToAuthChallenge"),
        calls,
        "an answer that is not there is not sent"
    );
    let done = browser.submit(&empty.form().with("answer", "blue")).await;
    assert_eq!(done.expect(303).location(), "/deep");
    bed.stop().await;
}

#[tokio::test]
async fn a_template_of_the_operators_draws_its_kind_of_challenge() {
    let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder).unwrap();
    let own = r#"{% extends "custom.html" %}{% block heading %}{{ custom.parameters.internal | default("") }}{% endblock %}"#;
    std::fs::write(folder.join("custom_email.html"), own).unwrap();
    let settings = format!(
        "[challenge]\ntemplate_param = \"alternative\"\n[sign_in]\ntemplate_dir = {folder:?}\n"
    );
    let bed = TestBed::default().flow("CUSTOM_WITHOUT_SRP").pool(CUSTOM);
    let bed = bed.config(&settings).start().await;
    let page = name_oneself(&mut bed.browser(), USER).await.expect(200);
    assert_eq!(heading(&page), "not for people");
    bed.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

/// R-93: by default no picture is loaded from anywhere.
#[tokio::test]
async fn a_picture_that_is_not_allowed_is_told_to_the_person_and_loaded_from_nowhere() {
    let bed = TestBed::default().flow("CUSTOM_WITHOUT_SRP").pool(CUSTOM);
    let bed = bed.start().await;
    let page = name_oneself(&mut bed.browser(), USER).await.expect(200);
    assert!(page.body.contains("cannot be shown here"), "{}", page.body);
    assert!(!page.body.contains("<img"), "{}", page.body);
    assert!(!page.body.contains("123.jpg"), "{}", page.body);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("img-src 'self';"), "{policy}");
    bed.stop().await;
}

#[tokio::test]
async fn after_max_rounds_the_person_starts_again_with_the_name_kept() {
    let bed = TestBed::default().flow("CUSTOM_WITHOUT_SRP").pool(CUSTOM);
    let bed = bed.config("[challenge]\nmax_rounds = 2\n").start().await;
    let mut browser = bed.browser();
    let first = name_oneself(&mut browser, USER).await.expect(200);
    let second = browser.submit(&first.form().with("answer", "red")).await;
    let second = second.expect(200);
    let over = browser.submit(&second.form().with("answer", "red")).await;
    assert_eq!(heading(&over), "Sign in", "{}", over.body);
    assert_eq!(over.form().fields["username"], USER);
    bed.stop().await;
}

#[tokio::test]
async fn the_password_comes_before_the_challenge() {
    let bed = TestBed::default().flow("CUSTOM_WITH_SRP").pool(CUSTOM);
    let bed = bed.start().await;
    let mut browser = bed.browser();
    let wrong = browser.sign_in("/deep", USER, "wrong-Pass-1!").await;
    wrong.expect(401);
    let page = browser.sign_in("/deep", USER, PASSWORD).await.expect(200);
    let done = browser.submit(&page.form().with("answer", "blue")).await;
    assert_eq!(done.expect(303).location(), "/deep");
    bed.stop().await;
}

/// A pool whose triggers leave the password out would let in whoever can answer.
#[tokio::test]
async fn triggers_that_skip_the_password_are_refused_unless_the_operator_allows_it() {
    for (allowed, status) in [(false, 503), (true, 200)] {
        let settings = format!("[challenge]\nallow_skipped_password = {allowed}\n");
        let bed = TestBed::default().flow("CUSTOM_WITH_SRP").pool(SKIPPING);
        let bed = bed.config(&settings).start().await;
        let mut browser = bed.browser();
        let page = browser.sign_in("/deep", USER, "wrong-Pass-1!").await;
        let page = page.expect(status);
        if allowed {
            // Its challenge has no parameters at all, and still a question and a field.
            assert_eq!(heading(&page), "One more step");
            let asks = page.body.contains("Answer to finish signing in.");
            assert!(
                asks && page.body.contains(">Answer</label>"),
                "{}",
                page.body
            );
            let form = page.form().with("answer", "blue");
            browser.submit(&form).await.expect(303);
        }
        bed.stop().await;
    }
}

#[tokio::test]
async fn an_authenticator_app_is_set_up_from_its_picture_or_its_key() {
    let bed = TestBed::default().pool(AUTHENTICATOR).start().await;
    let mut browser = bed.browser();
    let page = browser.sign_in("/deep", USER, PASSWORD).await.expect(200);
    assert_eq!(heading(&page), "Set up your authenticator app");
    let shown = page.body.replace("&#x2f;", "/").replace("&amp;", "&");
    assert!(
        shown.contains("<svg class=\"qr\" role=\"img\" aria-label="),
        "{shown}"
    );
    let (_, key) = shown.split_once("<code class=\"key\">").unwrap();
    let key = key.split_once("</code>").unwrap().0.replace(' ', "");
    let uri = format!(
        "href=\"otpauth://totp/localhost:ada%40example.com?secret={key}&issuer=localhost&algorithm=SHA1&digits=6&period=30\""
    );
    assert!(shown.contains(&uri), "no {uri} in {shown}");

    let wrong = browser.submit(&page.form().with("code", "000 000")).await;
    let wrong = wrong.expect(422);
    assert!(
        wrong.body.contains("aria-invalid=\"true\""),
        "{}",
        wrong.body
    );
    let shown = wrong.body.replace(' ', "");
    assert!(
        shown.contains(&key),
        "the key is shown until it is taken over"
    );

    let mut code = totp(&key, BEGAN);
    code.insert(3, ' ');
    let form = wrong
        .form()
        .with("code", &code)
        .with("device_name", "my phone");
    assert_eq!(browser.submit(&form).await.expect(303).location(), "/deep");

    // And from now on it is asked for, by its name.
    bed.clock.advance(std::time::Duration::from_secs(30));
    let mut browser = bed.browser();
    let page = browser.sign_in("/deep", USER, PASSWORD).await.expect(200);
    assert!(page.body.contains("my phone"), "{}", page.body);
    let form = page.form().with("code", &totp(&key, BEGAN + 30));
    browser.submit(&form).await.expect(303);
    bed.stop().await;
}

#[tokio::test]
async fn a_person_with_two_second_factors_chooses_one() {
    let bed = TestBed::default().pool(TWO_FACTORS).start().await;
    let mut browser = bed.browser();
    let page = browser.sign_in("/deep", BOB, PASSWORD).await.expect(200);
    assert_eq!(heading(&page), "Choose how to confirm it is you");
    let form = page.form().with("choice", "EMAIL");
    let page = browser.submit(&form).await.expect(200);
    assert!(page.body.contains("b***@e***"), "{}", page.body);

    // Another way begins with the password: the name is kept.
    let form = page.form().with("again", "code");
    let again = browser.submit(&form).await.expect(200);
    assert_eq!(heading(&again), "Sign in");
    assert_eq!(again.form().fields["username"], BOB);
    assert!(again.body.contains("to get a new code"), "{}", again.body);
    let page = browser
        .submit(&again.form().with("password", PASSWORD))
        .await
        .expect(200);
    let form = page.form().with("choice", "TOTP");
    let page = browser.submit(&form).await.expect(200);
    let form = page.form().with("code", &totp(SECRET, BEGAN));
    browser.submit(&form).await.expect(303);
    bed.stop().await;
}

#[tokio::test]
async fn the_person_chooses_among_what_the_pool_offers() {
    let bed = TestBed::default().flow("USER_AUTH").pool(CHOICES);
    let bed = bed.start().await;
    let mut browser = bed.browser();
    let page = name_oneself(&mut browser, USER).await.expect(200);
    assert_eq!(heading(&page), "Choose how to sign in");
    let offered = page.body.matches("type=\"radio\"").count();
    assert_eq!(offered, 2, "a password is offered once: {}", page.body);
    assert!(
        page.body.contains("value=\"PASSWORD_SRP\""),
        "{}",
        page.body
    );
    assert!(page.body.contains("value=\"EMAIL_OTP\""), "{}", page.body);

    let forged = browser.submit(&page.form().with("choice", "SMS_OTP")).await;
    let forged = forged.expect(422);
    let form = forged.form().with("choice", "PASSWORD_SRP");
    let page = browser.submit(&form).await.expect(200);
    assert_eq!(heading(&page), "Enter your password");
    let again = browser
        .submit(&page.form().with("password", "wrong-Pass-1!"))
        .await;
    assert_eq!(again.status.as_u16(), 401, "{}", again.body);

    let page = name_oneself(&mut browser, USER).await.expect(200);
    let form = page.form().with("choice", "PASSWORD_SRP");
    let page = browser.submit(&form).await.expect(200);
    let done = browser
        .submit(&page.form().with("password", PASSWORD))
        .await;
    assert_eq!(done.expect(303).location(), "/deep");
    bed.stop().await;
}

#[tokio::test]
async fn a_code_by_e_mail_is_asked_for_sent_again_and_taken() {
    let bed = TestBed::default().flow("USER_AUTH").pool(CHOICES);
    let bed = bed
        .config("preferred_challenge = \"EMAIL_OTP\"\n")
        .start()
        .await;
    let mut browser = bed.browser();
    let page = name_oneself(&mut browser, USER).await.expect(200);
    assert_eq!(heading(&page), "Enter your code");
    assert!(page.body.contains("a***@e***"), "{}", page.body);
    for attribute in ["autocomplete=\"one-time-code\"", "inputmode=\"numeric\""] {
        assert!(page.body.contains(attribute), "{}", page.body);
    }
    assert!(!page.body.contains("maxlength"), "{}", page.body);
    let first = bed.code(USER).await;

    let wrong = browser.submit(&page.form().with("code", "not-it")).await;
    let wrong = wrong.expect(422);
    assert!(
        wrong.body.contains("aria-invalid=\"true\""),
        "{}",
        wrong.body
    );
    let form = wrong.form().with("again", "code");
    let page = browser.submit(&form).await.expect(200);
    assert_eq!(heading(&page), "Enter your code");
    assert_ne!(bed.code(USER).await, first, "no new code came");

    let form = page.form().with("again", "way");
    let choose = browser.submit(&form).await.expect(200);
    assert_eq!(heading(&choose), "Choose how to sign in");
    let form = choose.form().with("choice", "EMAIL_OTP");
    let page = browser.submit(&form).await.expect(200);
    let mut code = bed.code(USER).await;
    code.insert(4, '-');
    let done = browser.submit(&page.form().with("code", &code)).await;
    assert_eq!(done.expect(303).location(), "/deep");
    bed.stop().await;
}

async fn enter_code(bed: &Bed, browser: &mut Browser, seconds: u64) -> Page {
    let form = browser
        .open("/deep")
        .await
        .expect(200)
        .form()
        .with("username", BOB)
        .with("password", PASSWORD)
        .with("trust", "yes");
    let page = browser.submit(&form).await.expect(200);
    assert_eq!(heading(&page), "Enter your code");
    bed.clock.advance(std::time::Duration::from_secs(30));
    let code = totp(SECRET, BEGAN + seconds);
    browser.submit(&page.form().with("code", &code)).await
}

#[tokio::test]
async fn a_browser_that_is_trusted_needs_no_code_until_it_is_forgotten() {
    let bed = TestBed::default().pool(AUTHENTICATOR);
    let bed = bed.config("[device]\nremember = \"ask\"\n").start().await;
    let mut browser = bed.browser();
    enter_code(&bed, &mut browser, 30).await.expect(303);
    let cookie = browser.jar.keys().find(|name| name.contains("device"));
    assert!(cookie.is_some(), "{:?}", browser.jar.keys());

    // Signing out leaves it.
    let out = browser.get("/.sidegate/sign-out").await.expect(200);
    browser.submit(&out.form()).await.expect(303);
    browser.sign_in("/deep", BOB, PASSWORD).await.expect(303);
    // Its tokens live an hour, and the pool renews them for the device alone: it must be named.
    for minutes in [29, 29, 3] {
        bed.clock
            .advance(std::time::Duration::from_secs(minutes * 60));
        browser.get("/deep").await.expect(200);
    }
    assert!(bed.wire.carried("GetTokensFromRefreshToken"));

    let out = browser.get("/.sidegate/sign-out").await.expect(200);
    let (_, forget) = out.body.split_once("</form>").unwrap();
    let forget = Page {
        body: forget.to_owned(),
        status: out.status,
        headers: out.headers.clone(),
    };
    browser.submit(&forget.form()).await.expect(303);
    let forgotten = "AWSCognitoIdentityProviderService.ForgetDevice";
    assert_eq!(bed.wire.count(forgotten), 1, "the pool forgets it too");
    let page = browser.sign_in("/deep", BOB, PASSWORD).await.expect(200);
    assert_eq!(heading(&page), "Enter your code");
    bed.stop().await;
}

#[tokio::test]
async fn an_app_goes_through_the_steps_in_amplifys_words() {
    let bed = TestBed::default().pool(AUTHENTICATOR).start().await;
    let mut app = bed.browser();
    app.get("/.sidegate/api/session").await.expect(200);
    let begin = json!({ "username": USER, "password": PASSWORD });
    let asked = app
        .fetch(Method::POST, "/.sidegate/api/sign-in", Some(begin))
        .await
        .expect(200)
        .json();
    assert_eq!(asked["isSignedIn"], false);
    let step = &asked["nextStep"];
    assert_eq!(step["signInStep"], "CONTINUE_SIGN_IN_WITH_TOTP_SETUP");
    let details = &step["totpSetupDetails"];
    let secret = details["sharedSecret"].as_str().unwrap();
    let uri = details["setupUri"].as_str().unwrap();
    let want = format!("otpauth://totp/localhost:ada%40example.com?secret={secret}&");
    assert!(uri.starts_with(&want), "{uri}");
    let confirm = json!({
        "attempt": asked["attempt"],
        "challengeResponse": totp(secret, BEGAN),
        "options": { "friendlyDeviceName": "my phone" },
    });
    let done = app
        .fetch(
            Method::POST,
            "/.sidegate/api/confirm-sign-in",
            Some(confirm),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        done,
        json!({ "isSignedIn": true, "nextStep": { "signInStep": "DONE" } })
    );
    bed.stop().await;
}

#[tokio::test]
async fn an_app_chooses_a_first_factor() {
    let bed = TestBed::default().flow("USER_AUTH").pool(CHOICES);
    let bed = bed.start().await;
    let mut app = bed.browser();
    app.get("/.sidegate/api/session").await.expect(200);
    let begin = json!({ "username": USER });
    let asked = app
        .fetch(Method::POST, "/.sidegate/api/sign-in", Some(begin))
        .await
        .expect(200)
        .json();
    let step = &asked["nextStep"];
    assert_eq!(
        step["signInStep"],
        "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION"
    );
    assert!(
        step["availableChallenges"]
            .as_array()
            .unwrap()
            .contains(&json!("EMAIL_OTP")),
        "{step}"
    );
    let begin = json!({ "username": USER, "options": { "preferredChallenge": "EMAIL_OTP" } });
    let asked = app
        .fetch(Method::POST, "/.sidegate/api/sign-in", Some(begin))
        .await
        .expect(200)
        .json();
    let step = &asked["nextStep"];
    assert_eq!(step["signInStep"], "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
    assert_eq!(step["codeDeliveryDetails"]["deliveryMedium"], "EMAIL");
    let confirm = json!({ "attempt": asked["attempt"], "challengeResponse": bed.code(USER).await });
    let done = app
        .fetch(
            Method::POST,
            "/.sidegate/api/confirm-sign-in",
            Some(confirm),
        )
        .await
        .expect(200);
    assert_eq!(done.json()["isSignedIn"], true);
    for (request, status) in [
        (
            json!({ "username": USER, "options": { "preferredChallenge": "PASSWORD" } }),
            422,
        ),
        (
            json!({ "username": USER, "options": { "preferredChallenge": "GUESSING" } }),
            400,
        ),
        (json!({ "username": "" }), 400),
    ] {
        app.fetch(Method::POST, "/.sidegate/api/sign-in", Some(request))
            .await
            .expect(status);
    }
    bed.stop().await;
}
