//! The client's half of SRP, written for the tests alone and checked against the vectors.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use serde_json::{Value, json};

use crate::bed::{Answer, Bed, text};

pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/data/srp-vectors.json")).unwrap()
}

pub(crate) struct Client {
    group: BoxedMontyParams,
    a: BoxedUint,
    pub(crate) public: String,
}

/// What a proof is made of.
pub(crate) struct Proof<'a> {
    pub(crate) pool_name: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) salt: &'a str,
    pub(crate) b: &'a str,
    pub(crate) secret_block: &'a str,
    pub(crate) timestamp: &'a str,
}

impl Client {
    pub(crate) fn new(a: &str) -> Self {
        let constants = vectors()["constants"].clone();
        let n = BoxedUint::from_be_hex(constants["N_hex"].as_str().unwrap(), 3072).unwrap();
        let group = BoxedMontyParams::new_vartime(Odd::new(n).unwrap());
        let a = BoxedUint::from_be_slice(&bytes(a), 1024).unwrap();
        let public = hex(&Self::element(&group, &[2]).pow(&a).retrieve().to_be_bytes());
        Self { group, a, public }
    }

    fn element(group: &BoxedMontyParams, number: &[u8]) -> BoxedMontyForm {
        BoxedMontyForm::new(BoxedUint::from_be_slice(number, 3072).unwrap(), group)
    }

    pub(crate) fn signature(&self, proof: &Proof<'_>) -> String {
        let u = sha256(&[padded(&bytes(&self.public)), padded(&bytes(proof.b))].concat());
        let inner =
            sha256(format!("{}{}:{}", proof.pool_name, proof.user, proof.password).as_bytes());
        let x = sha256(&[padded(&bytes(proof.salt)), inner].concat());
        let k = bytes(vectors()["constants"]["k_hex"].as_str().unwrap());
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 256).unwrap();
        let kgx =
            Self::element(&self.group, &k) * Self::element(&self.group, &[2]).pow(&number(&x));
        let base = Self::element(&self.group, &bytes(proof.b)) - kgx;
        // (B - k g^x)^a · ((B - k g^x)^x)^u: the exponent a + u·x without adding it up.
        let s = (base.pow(&self.a) * base.pow(&number(&x)).pow(&number(&u))).retrieve();
        let prk = hmac256(&padded(&u), &padded(&s.to_be_bytes()));
        let key = &hmac256(&prk, b"Caldera Derived Key\x01")[..16];
        let block = STANDARD.decode(proof.secret_block).unwrap();
        let message = [
            proof.pool_name.as_bytes(),
            proof.user.as_bytes(),
            &block,
            proof.timestamp.as_bytes(),
        ];
        STANDARD.encode(hmac256(key, &message.concat()))
    }
}

/// base64(P(g^x mod N)) for a new password: PasswordVerifier of ConfirmDevice.
pub(crate) fn verifier(group_key: &str, key: &str, password: &str, salt: &str) -> String {
    let inner = sha256(format!("{group_key}{key}:{password}").as_bytes());
    let x = hex(&sha256(&[padded(&bytes(salt)), inner].concat()));
    STANDARD.encode(padded(&bytes(&Client::new(&x).public)))
}

fn sha256(data: &[u8]) -> Vec<u8> {
    digest(&SHA256, data).as_ref().to_vec()
}

fn hmac256(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
        .as_ref()
        .to_vec()
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let even = if hex.len() % 2 == 1 {
        format!("0{hex}")
    } else {
        hex.to_owned()
    };
    (0..even.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&even[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    let all: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    all.trim_start_matches('0').to_owned()
}

pub(crate) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut rest: Vec<u8> = bytes
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect();
    if rest.first().is_none_or(|first| *first >= 0x80) {
        rest.insert(0, 0);
    }
    rest
}

/// A TIMESTAMP of the bed's first day; `seconds` since its midnight.
pub(crate) fn timestamp(bed: &Bed) -> String {
    let seconds = bed.now() - 1_772_496_000;
    assert!(seconds < 86_400, "the clock left 3 March 2026");
    format!(
        "Tue Mar 3 {:02}:{:02}:{:02} UTC 2026",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// USER_SRP_AUTH up to PASSWORD_VERIFIER.
pub(crate) async fn initiate(
    bed: &Bed,
    client_id: &str,
    username: &str,
    client: &Client,
) -> Answer {
    let parameters = json!({ "USERNAME": username, "SRP_A": client.public });
    let body =
        json!({ "AuthFlow": "USER_SRP_AUTH", "ClientId": client_id, "AuthParameters": parameters });
    bed.call("InitiateAuth", body).await
}

/// The answer to PASSWORD_VERIFIER, signed with `password`.
pub(crate) fn responses(
    bed: &Bed,
    pool_name: &str,
    challenge: &Value,
    client: &Client,
    password: &str,
) -> Value {
    let parameter = |name: &str| text(&challenge["ChallengeParameters"][name]);
    let (user, block) = (parameter("USER_ID_FOR_SRP"), parameter("SECRET_BLOCK"));
    let timestamp = timestamp(bed);
    let signature = client.signature(&Proof {
        pool_name,
        user: &user,
        password,
        salt: &parameter("SALT"),
        b: &parameter("SRP_B"),
        secret_block: &block,
        timestamp: &timestamp,
    });
    json!({
        "USERNAME": user,
        "PASSWORD_CLAIM_SECRET_BLOCK": block,
        "PASSWORD_CLAIM_SIGNATURE": signature,
        "TIMESTAMP": timestamp,
    })
}

pub(crate) async fn respond(bed: &Bed, client_id: &str, responses: Value) -> Answer {
    let body = json!({ "ChallengeName": "PASSWORD_VERIFIER", "ClientId": client_id, "ChallengeResponses": responses });
    bed.call("RespondToAuthChallenge", body).await
}

/// The whole of USER_SRP_AUTH.
pub(crate) async fn sign_in(
    bed: &Bed,
    client_id: &str,
    pool_name: &str,
    username: &str,
    password: &str,
) -> Answer {
    let client = Client::new("1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef");
    let challenge = initiate(bed, client_id, username, &client).await.ok();
    respond(
        bed,
        client_id,
        responses(bed, pool_name, &challenge, &client, password),
    )
    .await
}

#[test]
fn the_test_client_agrees_with_every_user_vector() {
    for vector in vectors()["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vector| vector["kind"] == "user")
    {
        let field = |name: &str| vector[name].as_str().unwrap();
        let client = Client::new(field("a"));
        assert_eq!(client.public, field("SRP_A"), "{}", field("id"));
        let signature = client.signature(&Proof {
            pool_name: field("pool_id").split_once('_').unwrap().1,
            user: field("user_id"),
            password: field("password"),
            salt: field("salt_wire"),
            b: field("SRP_B"),
            secret_block: field("secret_block"),
            timestamp: field("timestamp"),
        });
        assert_eq!(signature, field("signature"), "{}", field("id"));
    }
}
