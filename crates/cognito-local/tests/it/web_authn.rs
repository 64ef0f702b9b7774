//! Passkeys: registered and used by a software authenticator, and everything a browser could send that is not one.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::bed::{Answer, Bed, text};
use crate::mfa::bed;

const SETTINGS: &str = r#"first_factors = ["PASSWORD", "WEB_AUTHN"]
[pool.web_authn]
relying_party_id = "localhost""#;

const ORIGIN: &str = "http://localhost:4280";

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

enum Key {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

/// One passkey, and what its authenticator says about the world.
pub(crate) struct Authenticator {
    key: Key,
    id: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
}

impl Authenticator {
    pub(crate) fn es256() -> Self {
        Self::with(Key::Es256(
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
        ))
    }

    fn rs256() -> Self {
        Self::with(Key::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    fn with(key: Key) -> Self {
        let mut id = vec![0; 20];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        Self {
            key,
            id,
            origin: ORIGIN.to_owned(),
            rp_id: "localhost".to_owned(),
            flags: PRESENT | VERIFIED,
            counter: 0,
        }
    }

    fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.id)
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> String {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        [hash.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn cose(&self) -> Vec<u8> {
        match &self.key {
            Key::Es256(pair) => {
                let point = pair.public_key().as_ref();
                [
                    [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20].as_slice(),
                    &point[1..33],
                    &[0x22, 0x58, 0x20],
                    &point[33..],
                ]
                .concat()
            }
            Key::Rs256(pair) => {
                let parts: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
                [
                    [
                        0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00,
                    ]
                    .as_slice(),
                    &parts.n,
                    &[0x21, 0x43],
                    &parts.e,
                ]
                .concat()
            }
        }
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(pair) => pair.sign(&random, data).unwrap().as_ref().to_vec(),
            Key::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    /// `PublicKeyCredential.toJSON()` after `navigator.credentials.create`.
    pub(crate) fn create(&self, options: &Value) -> Value {
        self.create_with_key(options, &self.cose())
    }

    fn create_with_key(&self, options: &Value, key: &[u8]) -> Value {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [
            self.data(self.flags | ATTESTED),
            vec![0; 16],
            length.to_vec(),
            self.id.clone(),
            key.to_vec(),
        ]
        .concat();
        let size = u16::try_from(data.len()).unwrap().to_be_bytes();
        let object = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".as_slice(),
            &size,
            &data,
        ]
        .concat();
        json!({
            "id": self.id(),
            "rawId": self.id(),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", &options["challenge"])),
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
                "transports": ["internal", "hybrid"],
            },
        })
    }

    /// The same after `navigator.credentials.get`.
    pub(crate) fn get(&self, options: &Value, user_handle: &str) -> Value {
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.data(self.flags);
        let signed = [&data, digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        json!({
            "id": self.id(),
            "rawId": self.id(),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(self.sign(&signed)),
                "userHandle": user_handle,
            },
        })
    }
}

async fn start(bed: &Bed, token: &Value) -> Value {
    bed.call("StartWebAuthnRegistration", json!({ "AccessToken": token }))
        .await
        .ok()["CredentialCreationOptions"]
        .clone()
}

async fn complete(bed: &Bed, token: &Value, credential: Value) -> Answer {
    let body = json!({ "AccessToken": token, "Credential": credential });
    bed.call("CompleteWebAuthnRegistration", body).await
}

/// Registers a passkey for `plain`; the user handle.
async fn registered(bed: &Bed, authenticator: &Authenticator) -> String {
    let token = bed.password("plain").await.tokens()["AccessToken"].clone();
    let options = start(bed, &token).await;
    complete(bed, &token, authenticator.create(&options))
        .await
        .ok();
    text(&options["user"]["id"])
}

async fn asked(bed: &Bed, username: &str) -> Value {
    let parameters = json!({ "USERNAME": username, "PREFERRED_CHALLENGE": "WEB_AUTHN" });
    let body = json!({ "AuthFlow": "USER_AUTH", "ClientId": "web", "AuthParameters": parameters });
    bed.call("InitiateAuth", body).await.ok()
}

fn options(asked: &Value) -> Value {
    assert_eq!(asked["ChallengeName"], "WEB_AUTHN", "{asked}");
    serde_json::from_str(&text(
        &asked["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"],
    ))
    .unwrap()
}

async fn answer(bed: &Bed, asked: &Value, credential: &Value) -> Answer {
    let responses = json!({ "USERNAME": "plain", "CREDENTIAL": credential.to_string() });
    bed.respond("WEB_AUTHN", &asked["Session"], responses).await
}

#[tokio::test]
async fn a_passkey_of_either_kind_is_registered_listed_used_and_deleted() {
    for mut authenticator in [Authenticator::es256(), Authenticator::rs256()] {
        let bed = bed(SETTINGS).await;
        let token = bed.password("plain").await.tokens()["AccessToken"].clone();
        let made = start(&bed, &token).await;
        assert_eq!(made["rp"], json!({ "id": "localhost", "name": "factors" }));
        assert_eq!(
            made["pubKeyCredParams"],
            json!([{ "alg": -7, "type": "public-key" }, { "alg": -257, "type": "public-key" }])
        );
        let handle = registered(&bed, &authenticator).await;
        let listed = bed
            .call("ListWebAuthnCredentials", json!({ "AccessToken": token }))
            .await
            .ok();
        let passkey = &listed["Credentials"][0];
        assert_eq!(passkey["CredentialId"], authenticator.id().as_str());
        assert_eq!(passkey["RelyingPartyId"], "localhost");
        assert_eq!(passkey["AuthenticatorAttachment"], "platform");
        assert_eq!(
            passkey["AuthenticatorTransports"],
            json!(["hybrid", "internal"])
        );
        let excluded = start(&bed, &token).await["excludeCredentials"].clone();
        assert_eq!(excluded[0]["id"], authenticator.id().as_str());

        for counter in [1, 2] {
            authenticator.counter = counter;
            let asked = asked(&bed, "plain").await;
            let options = options(&asked);
            assert_eq!(options["rpId"], "localhost");
            assert_eq!(
                options["allowCredentials"][0]["id"],
                authenticator.id().as_str()
            );
            let credential = authenticator.get(&options, &handle);
            answer(&bed, &asked, &credential).await.tokens();
            let replay = answer(&bed, &asked, &credential).await;
            assert_eq!(replay.error().0, "NotAuthorizedException");
        }

        let one = json!({ "AccessToken": token, "CredentialId": authenticator.id() });
        bed.call("DeleteWebAuthnCredential", one.clone()).await.ok();
        let (name, _) = bed.call("DeleteWebAuthnCredential", one).await.error();
        assert_eq!(name, "ResourceNotFoundException");
        assert_eq!(
            asked(&bed, "plain").await["ChallengeName"],
            "SELECT_CHALLENGE"
        );
        bed.stop().await;
    }
}

#[tokio::test]
async fn a_registration_that_is_not_what_it_should_be_is_refused_by_name() {
    let bed = bed(SETTINGS).await;
    let token = bed.password("plain").await.tokens()["AccessToken"].clone();
    let good = Authenticator::es256();
    let changed = |change: fn(&mut Authenticator)| {
        let mut authenticator = Authenticator::es256();
        change(&mut authenticator);
        authenticator
    };
    let rows = [
        (
            changed(|one| one.origin = "https://evil.example".to_owned()),
            "WebAuthnOriginNotAllowedException",
        ),
        (
            changed(|one| one.rp_id = "example.com".to_owned()),
            "WebAuthnRelyingPartyMismatchException",
        ),
        (
            changed(|one| one.flags = VERIFIED),
            "InvalidParameterException",
        ),
    ];
    for (authenticator, expected) in rows {
        let options = start(&bed, &token).await;
        let credential = authenticator.create(&options);
        let (name, _) = complete(&bed, &token, credential.clone()).await.error();
        assert_eq!(name, expected);
        let (name, _) = complete(&bed, &token, credential).await.error();
        assert_eq!(name, "WebAuthnChallengeNotFoundException", "one try each");
    }
    let options = start(&bed, &token).await;
    // EdDSA (-8) on Ed25519.
    let ed25519 = [
        b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20".as_slice(),
        &[7; 32],
    ]
    .concat();
    let (name, _) = complete(&bed, &token, good.create_with_key(&options, &ed25519))
        .await
        .error();
    assert_eq!(name, "WebAuthnCredentialNotSupportedException");
    let stale = start(&bed, &token).await;
    start(&bed, &token).await;
    let (name, _) = complete(&bed, &token, good.create(&stale)).await.error();
    assert_eq!(name, "WebAuthnChallengeNotFoundException");
    let late = start(&bed, &token).await;
    bed.advance(std::time::Duration::from_secs(120));
    let (name, _) = complete(&bed, &token, good.create(&late)).await.error();
    assert_eq!(name, "WebAuthnChallengeNotFoundException");
    let other = bed
        .password_sign_in("other", "plain", crate::mfa::PASSWORD)
        .await
        .tokens()["AccessToken"]
        .clone();
    let options = start(&bed, &other).await;
    let (name, _) = complete(&bed, &token, good.create(&options)).await.error();
    assert_eq!(name, "WebAuthnClientMismatchException");
    bed.stop().await;
}

#[tokio::test]
async fn an_assertion_that_is_not_what_it_should_be_signs_nobody_in() {
    let bed = bed(SETTINGS).await;
    let mut authenticator = Authenticator::es256();
    authenticator.counter = 5;
    let handle = registered(&bed, &authenticator).await;
    let mut copy = Authenticator::es256();
    copy.id.clone_from(&authenticator.id);
    copy.counter = 6;
    let changes: [fn(&mut Authenticator); 4] = [
        |one| one.origin = "http://localhost.evil".to_owned(),
        |one| one.rp_id = "example.com".to_owned(),
        |one| one.flags = VERIFIED,
        |one| one.counter = 5,
    ];
    let refused = ("NotAuthorizedException", "Incorrect username or password.");
    for change in changes {
        authenticator.origin = ORIGIN.to_owned();
        authenticator.rp_id = "localhost".to_owned();
        authenticator.flags = PRESENT;
        authenticator.counter = 6;
        change(&mut authenticator);
        let asked = asked(&bed, "plain").await;
        let credential = authenticator.get(&options(&asked), &handle);
        answer(&bed, &asked, &credential)
            .await
            .assert_error(refused.0, refused.1);
    }
    bed.advance(std::time::Duration::from_secs(60));
    authenticator.counter = 6;
    let asked = asked(&bed, "plain").await;
    let options = options(&asked);
    let stale = json!({ "challenge": "AAAA" });
    for credential in [
        copy.get(&options, &handle),
        Authenticator::es256().get(&options, &handle),
        authenticator.get(&options, "c29tZWJvZHkgZWxzZQ"),
        authenticator.get(&stale, &handle),
    ] {
        answer(&bed, &asked, &credential)
            .await
            .assert_error(refused.0, refused.1);
        // Past the lock of the failures so far.
        bed.advance(std::time::Duration::from_secs(20));
    }
    answer(&bed, &asked, &authenticator.get(&options, &handle))
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn where_two_factors_are_due_only_a_verified_passkey_of_a_pool_that_says_so_is_enough() {
    let second = "mfa = \"ON\"\nmfa_methods = [\"SOFTWARE_TOKEN_MFA\"]\n";
    for (factor, offered) in [
        ("SINGLE_FACTOR", false),
        ("MULTI_FACTOR_WITH_USER_VERIFICATION", true),
    ] {
        let bed = bed(&format!("{second}{SETTINGS}\nfactor = \"{factor}\"")).await;
        let mut authenticator = Authenticator::es256();
        let session = bed.password("app").await.ok()["Session"].clone();
        let code = bed.totp(crate::mfa::SECRET);
        let code = json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": code });
        let tokens = bed
            .respond("SOFTWARE_TOKEN_MFA", &session, code)
            .await
            .tokens();
        let made = start(&bed, &tokens["AccessToken"]).await;
        complete(&bed, &tokens["AccessToken"], authenticator.create(&made))
            .await
            .ok();
        let asked = asked(&bed, "app").await;
        if offered {
            let options = options(&asked);
            assert_eq!(options["userVerification"], "required");
            let handle = text(&made["user"]["id"]);
            authenticator.flags = PRESENT;
            let unverified = authenticator.get(&options, &handle).to_string();
            authenticator.flags = PRESENT | VERIFIED;
            let verified = authenticator.get(&options, &handle).to_string();
            let with = |credential: String| json!({ "USERNAME": "app", "CREDENTIAL": credential });
            let refused = bed
                .respond("WEB_AUTHN", &asked["Session"], with(unverified))
                .await;
            assert_eq!(refused.error().0, "NotAuthorizedException");
            bed.respond("WEB_AUTHN", &asked["Session"], with(verified))
                .await
                .tokens();
        } else {
            assert_eq!(
                asked["AvailableChallenges"],
                json!(["PASSWORD_SRP", "PASSWORD"])
            );
        }
        bed.stop().await;
    }
}

#[tokio::test]
async fn without_passkeys_in_the_pool_nothing_is_registered() {
    for (settings, expected) in [
        ("", "WebAuthnNotEnabledException"),
        (
            "[pool.web_authn]\nrelying_party_id = \"localhost\"",
            "WebAuthnNotEnabledException",
        ),
    ] {
        let bed = bed(settings).await;
        let token = bed.password("plain").await.tokens()["AccessToken"].clone();
        let (name, _) = bed
            .call("StartWebAuthnRegistration", json!({ "AccessToken": token }))
            .await
            .error();
        assert_eq!(name, expected);
        bed.stop().await;
    }
}
