//! Passkeys of a person's own: the page, the offer after a sign-in, and the API, with a software authenticator.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::bed::{Bed, ORIGIN, PASSWORD, TestBed, USER};
use crate::browser::Page;

const POOL: &str = r#"
first_factors = ["PASSWORD", "WEB_AUTHN"]
[pool.web_authn]
relying_party_id = "localhost"
"#;

async fn bed(settings: &str) -> Bed {
    let bed = TestBed::default().pool(POOL);
    bed.config(settings).start().await
}

/// What `navigator.credentials.create` and `toJSON` give for these options: ES256, no attestation.
fn create(options: &Value) -> Value {
    create_with(
        &EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
        options,
    )
}

fn create_with(pair: &EcdsaKeyPair, options: &Value) -> Value {
    let point = pair.public_key().as_ref();
    let mut id = [0; 20];
    aws_lc_rs::rand::fill(&mut id).unwrap();
    // Present, verified, with the credential (Web Authentication level 3 §6.1).
    let flags = [0x45];
    let relying_party = digest(&SHA256, b"localhost");
    let data = [
        relying_party.as_ref(),
        &flags,
        &[0; 4],
        &[0; 16],
        &[0, 20],
        &id,
        // COSE_Key: kty 2, alg -7, crv 1, x, y.
        &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20],
        &point[1..33],
        &[0x22, 0x58, 0x20],
        &point[33..],
    ]
    .concat();
    let size = u16::try_from(data.len()).unwrap().to_be_bytes();
    let object = [
        b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".as_slice(),
        &size,
        &data,
    ]
    .concat();
    let client_data = json!({
        "type": "webauthn.create", "challenge": options["challenge"], "origin": ORIGIN, "crossOrigin": false,
    });
    let id = URL_SAFE_NO_PAD.encode(id);
    json!({
        "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data.to_string()),
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "transports": ["internal"],
        },
    })
}

/// What `navigator.credentials.get` and `toJSON` give for these options.
fn get(pair: &EcdsaKeyPair, id: &Value, options: &Value) -> Value {
    let client_data = json!({
        "type": "webauthn.get", "challenge": options["challenge"], "origin": ORIGIN, "crossOrigin": false,
    })
    .to_string();
    // Present and verified; the counter has moved.
    let data = [
        digest(&SHA256, b"localhost").as_ref(),
        &[0x05],
        &[0, 0, 0, 1],
    ]
    .concat();
    let signed = [&data, digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
    let signature = pair.sign(&SystemRandom::new(), &signed).unwrap();
    json!({
        "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
        },
    })
}

/// The options that a page hands to its script.
fn options(page: &Page) -> Value {
    let (_, rest) = page.body.split_once("data-new-passkey=\"").unwrap();
    let (text, _) = rest.split_once('"').unwrap();
    let text = text.replace("&quot;", "\"").replace("&#x2f;", "/");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

fn form_to(page: &Page, path: &str) -> crate::browser::Form {
    let forms = page.forms();
    let found = forms.into_iter().find(|form| form.action == path);
    found.unwrap_or_else(|| panic!("no form for {path}: {}", page.body))
}

#[tokio::test]
async fn a_person_adds_a_passkey_sees_it_and_deletes_it() {
    let bed = bed("[passkey]\nmanage = true").await;
    let mut browser = bed.browser();
    let nobody = browser.get("/.sidegate/passkeys").await.expect(303);
    assert_eq!(
        nobody.location(),
        "/.sidegate/sign-in?return_to=%2F.sidegate%2Fpasskeys"
    );
    browser.sign_in("/", USER, PASSWORD).await.expect(303);

    let empty = browser.get("/.sidegate/passkeys").await.expect(200);
    assert!(empty.body.contains("You have none yet."));
    let add = form_to(&empty, "/.sidegate/passkeys/add");
    let asked = browser.submit(&add).await.expect(200);
    let options = options(&asked);
    assert_eq!(options["rp"]["id"], "localhost");
    let filled = asked
        .form()
        .with("credential", &create(&options).to_string());
    let saved = browser.submit(&filled).await.expect(303);
    assert_eq!(saved.location(), "/.sidegate/passkeys");

    let list = browser.get("/.sidegate/passkeys").await.expect(200);
    let delete = form_to(&list, "/.sidegate/passkeys/delete");
    browser.submit(&delete).await.expect(303);
    let empty = browser.get("/.sidegate/passkeys").await.expect(200);
    assert!(empty.body.contains("You have none yet."));
    bed.stop().await;
}

#[tokio::test]
async fn a_passkey_that_cannot_be_taken_is_refused_and_the_list_shown_again() {
    let bed = bed("[passkey]\nmanage = true").await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let empty = browser.get("/.sidegate/passkeys").await.expect(200);
    let add = form_to(&empty, "/.sidegate/passkeys/add");
    let asked = browser.submit(&add).await.expect(200);
    let refused = browser.submit(&asked.form().with("credential", "{")).await;
    let refused = refused.expect(422);
    assert!(refused.body.contains("The passkey could not be read."));
    // For another challenge than the one that was given.
    let other = create(&json!({"challenge": "AAAA"})).to_string();
    let refused = browser
        .submit(&asked.form().with("credential", &other))
        .await;
    assert!(!refused.status.is_success() && !refused.status.is_redirection());
    let list = browser.get("/.sidegate/passkeys").await.expect(200);
    assert!(list.body.contains("You have none yet."));
    bed.stop().await;
}

#[tokio::test]
async fn a_passkey_is_offered_after_a_sign_in_until_there_is_one_or_it_is_declined() {
    let bed = bed("[passkey]\noffer = true").await;
    let mut browser = bed.browser();
    let signed_in = browser.sign_in("/reports?a=1", USER, PASSWORD).await;
    let offer = signed_in.expect(303).location();
    assert!(offer.starts_with("/.sidegate/passkeys?offer=1&"), "{offer}");
    let page = browser.get(&offer).await.expect(200);
    assert!(page.body.contains("Sign in faster next time?"));
    let decline = form_to(&page, "/.sidegate/passkeys/not-now");
    let gone_on = browser.submit(&decline).await.expect(303);
    assert_eq!(gone_on.location(), "/reports?a=1");
    assert!(gone_on.header("set-cookie").contains("Max-Age="));
    let sign_out = browser.get("/.sidegate/sign-out").await.expect(200);
    browser.submit(&sign_out.form()).await.expect(303);
    let again = browser.sign_in("/reports", USER, PASSWORD).await;
    assert_eq!(again.expect(303).location(), "/reports", "remembered");

    let mut second = bed.browser();
    let offer = second.sign_in("/reports", USER, PASSWORD).await.expect(303);
    let page = second.get(&offer.location()).await.expect(200);
    let add = form_to(&page, "/.sidegate/passkeys/add");
    let asked = second.submit(&add).await.expect(200);
    let credential = create(&options(&asked)).to_string();
    let saved = second
        .submit(&asked.form().with("credential", &credential))
        .await;
    assert_eq!(saved.expect(303).location(), "/reports");

    let mut third = bed.browser();
    let offer = third.sign_in("/reports", USER, PASSWORD).await.expect(303);
    let passed = third.get(&offer.location()).await.expect(303);
    assert_eq!(passed.location(), "/reports", "there is one already");
    bed.stop().await;
}

#[tokio::test]
async fn a_pool_without_passkeys_makes_none_and_the_way_on_stays_open() {
    let settings = "[passkey]\noffer = true";
    let bed = TestBed::default().config(settings).start().await;
    let mut browser = bed.browser();
    let offer = browser
        .sign_in("/reports", USER, PASSWORD)
        .await
        .expect(303);
    let page = browser.get(&offer.location()).await.expect(200);
    let add = form_to(&page, "/.sidegate/passkeys/add");
    let refused = browser.submit(&add).await.expect(503);
    let way_on = "http:&#x2f;&#x2f;localhost:4280&#x2f;reports";
    assert!(refused.body.contains(way_on), "{}", refused.body);
    bed.stop().await;
}

#[tokio::test]
async fn an_app_adds_lists_and_deletes_passkeys() {
    let bed = bed("[passkey]\nmanage = true").await;
    let mut app = bed.browser();
    let list = "/.sidegate/api/passkeys";
    app.fetch(Method::GET, list, None).await.expect(401);
    let credentials = json!({"username": USER, "password": PASSWORD});
    let path = "/.sidegate/api/sign-in";
    app.fetch(Method::POST, path, Some(credentials))
        .await
        .expect(200);
    let start = "/.sidegate/api/passkeys/start";
    let begun = app.fetch(Method::POST, start, Some(json!({}))).await;
    let options = begun.expect(200).json()["credentialCreationOptions"].clone();
    let complete = json!({"credential": create(&options)});
    let path = "/.sidegate/api/passkeys/complete";
    let done = app.fetch(Method::POST, path, Some(complete)).await;
    assert_eq!(done.expect(200).json(), json!({"isComplete": true}));
    let listed = app.fetch(Method::GET, list, None).await.expect(200).json();
    let id = &listed["credentials"][0]["credentialId"];
    assert!(id.is_string(), "{listed}");
    let path = "/.sidegate/api/passkeys/delete";
    let delete = json!({"credentialId": id});
    app.fetch(Method::POST, path, Some(delete))
        .await
        .expect(200);
    let listed = app.fetch(Method::GET, list, None).await.expect(200).json();
    assert_eq!(listed, json!({"credentials": []}));
    bed.stop().await;
}

#[tokio::test]
async fn an_app_signs_in_with_a_passkey() {
    let bed = TestBed::default().pool(POOL).flow("USER_AUTH");
    let bed = bed.config("[passkey]\nmanage = true").start().await;
    let mut app = bed.browser();
    let sign_in = "/.sidegate/api/sign-in";
    let by_password = json!({
        "username": USER, "password": PASSWORD, "options": {"preferredChallenge": "PASSWORD_SRP"},
    });
    let done = app.fetch(Method::POST, sign_in, Some(by_password)).await;
    assert_eq!(done.expect(200).json()["isSignedIn"], true);
    let start = "/.sidegate/api/passkeys/start";
    let begun = app.fetch(Method::POST, start, Some(json!({}))).await;
    let options = begun.expect(200).json()["credentialCreationOptions"].clone();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let credential = create_with(&pair, &options);
    let complete = json!({"credential": credential});
    let path = "/.sidegate/api/passkeys/complete";
    app.fetch(Method::POST, path, Some(complete))
        .await
        .expect(200);

    let id = &credential["id"];
    let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    for (key, may) in [(&stranger, false), (&pair, true)] {
        let mut elsewhere = bed.browser();
        let preferred = json!({"username": USER, "options": {"preferredChallenge": "WEB_AUTHN"}});
        let asked = elsewhere
            .fetch(Method::POST, sign_in, Some(preferred))
            .await;
        let asked = asked.expect(200).json();
        let next = &asked["nextStep"];
        assert_eq!(next["signInStep"], "CONFIRM_SIGN_IN_WITH_WEB_AUTHN");
        let credential = get(key, id, &next["credentialRequestOptions"]).to_string();
        let answer = json!({"attempt": asked["attempt"], "challengeResponse": credential});
        let path = "/.sidegate/api/confirm-sign-in";
        let answered = elsewhere.fetch(Method::POST, path, Some(answer)).await;
        assert_eq!(answered.status.is_success(), may, "{}", answered.body);
        let session = elsewhere
            .fetch(Method::GET, "/.sidegate/api/session", None)
            .await;
        assert_eq!(session.expect(200).json()["isSignedIn"], may);
    }
    bed.stop().await;
}
