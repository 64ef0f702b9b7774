//! Remembered devices: confirmed with a verifier of their own, in place of a second factor, bound to refresh tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bed::{Answer, Bed, claims, text};
use crate::mfa::{ALL_METHODS, PASSWORD, SECRET, bed};
use crate::srp_client::{self, Client, Proof, timestamp};

const SALT: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
const DEVICE_PASSWORD: &str = "ZGV2aWNlIHNlY3JldCBvZiBmb3J0eSBieXRlcyBpcyBsb25nZXI=";

fn settings(devices: &str) -> String {
    format!("mfa = \"OPTIONAL\"\n{ALL_METHODS}\n[pool.devices]\n{devices}")
}

/// Always remembered, and in place of a second factor.
async fn remembering() -> Bed {
    bed(&settings("challenge_required_on_new_device = true")).await
}

/// A device as its client keeps it.
struct Device {
    key: String,
    group: String,
}

impl Device {
    fn handed_out(tokens: &Value) -> Self {
        let metadata = &tokens["NewDeviceMetadata"];
        Self {
            key: text(&metadata["DeviceKey"]),
            group: text(&metadata["DeviceGroupKey"]),
        }
    }

    /// base64(P(g^x mod N)), by the client's own arithmetic.
    fn verifier(&self) -> String {
        srp_client::verifier(&self.group, &self.key, DEVICE_PASSWORD, SALT)
    }

    async fn confirm(&self, bed: &Bed, tokens: &Value) -> Answer {
        let salt: Vec<u8> = srp_client::padded(&srp_client::bytes(SALT));
        let body = json!({
            "AccessToken": tokens["AccessToken"],
            "DeviceKey": self.key,
            "DeviceName": "laptop",
            "DeviceSecretVerifierConfig": {
                "PasswordVerifier": self.verifier(),
                "Salt": STANDARD.encode(salt),
            },
        });
        bed.call("ConfirmDevice", body).await
    }

    /// USER_PASSWORD_AUTH with the device's key.
    async fn password(&self, bed: &Bed, username: &str) -> Answer {
        let parameters =
            json!({ "USERNAME": username, "PASSWORD": PASSWORD, "DEVICE_KEY": self.key });
        let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": parameters });
        bed.call("InitiateAuth", body).await
    }

    /// From DEVICE_SRP_AUTH to its end.
    async fn prove(&self, bed: &Bed, asked: &Value, username: &str, password: &str) -> Answer {
        assert_eq!(asked["ChallengeName"], "DEVICE_SRP_AUTH", "{asked}");
        let client = Client::new("1f2e3d4c5b6a79880123456789abcdef");
        let responses =
            json!({ "USERNAME": username, "DEVICE_KEY": self.key, "SRP_A": client.public });
        let verifier = bed
            .respond("DEVICE_SRP_AUTH", &asked["Session"], responses)
            .await
            .ok();
        assert_eq!(verifier["ChallengeName"], "DEVICE_PASSWORD_VERIFIER");
        let parameter = |name: &str| text(&verifier["ChallengeParameters"][name]);
        assert_eq!(parameter("DEVICE_KEY"), self.key);
        let timestamp = timestamp(bed);
        let signature = client.signature(&Proof {
            pool_name: &self.group,
            user: &self.key,
            password,
            salt: &parameter("SALT"),
            b: &parameter("SRP_B"),
            secret_block: &parameter("SECRET_BLOCK"),
            timestamp: &timestamp,
        });
        let responses = json!({
            "USERNAME": username,
            "DEVICE_KEY": self.key,
            "PASSWORD_CLAIM_SECRET_BLOCK": parameter("SECRET_BLOCK"),
            "PASSWORD_CLAIM_SIGNATURE": signature,
            "TIMESTAMP": timestamp,
        });
        bed.respond("DEVICE_PASSWORD_VERIFIER", &verifier["Session"], responses)
            .await
    }
}

async fn refresh(bed: &Bed, tokens: &Value, device: Option<&str>) -> Answer {
    let mut parameters = json!({ "REFRESH_TOKEN": tokens["RefreshToken"] });
    if let Some(device) = device {
        parameters["DEVICE_KEY"] = device.into();
    }
    let body = json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": "web", "AuthParameters": parameters });
    bed.call("InitiateAuth", body).await
}

/// Signs `app` in with the authenticator's code and confirms the device handed out.
async fn confirmed(bed: &Bed) -> (Device, Value) {
    let asked = bed.password("app").await.ok();
    let code = json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": bed.totp(SECRET) });
    let tokens = bed
        .respond("SOFTWARE_TOKEN_MFA", &asked["Session"], code)
        .await
        .tokens();
    let device = Device::handed_out(&tokens);
    device.confirm(bed, &tokens).await.ok();
    (device, tokens)
}

#[tokio::test]
async fn a_remembered_device_proves_itself_in_place_of_the_second_factor() {
    let bed = remembering().await;
    let (device, first) = confirmed(&bed).await;
    assert!(device.key.starts_with("local_"), "{}", device.key);
    assert_eq!(
        claims(&first["AccessToken"])["device_key"],
        device.key.as_str()
    );

    let asked = device.password(&bed, "app").await.ok();
    let tokens = device
        .prove(&bed, &asked, "app", DEVICE_PASSWORD)
        .await
        .tokens();
    assert_eq!(tokens["NewDeviceMetadata"], Value::Null);
    assert_eq!(
        claims(&tokens["AccessToken"])["device_key"],
        device.key.as_str()
    );

    let asked = device.password(&bed, "app").await.ok();
    device
        .prove(&bed, &asked, "app", "another secret")
        .await
        .assert_error("NotAuthorizedException", "Incorrect username or password.");
    assert_eq!(
        bed.password("app").await.ok()["ChallengeName"],
        "SOFTWARE_TOKEN_MFA",
        "without its key the device is nobody"
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_device_of_one_user_is_no_device_of_another() {
    let bed = remembering().await;
    let (device, _) = confirmed(&bed).await;
    for user in ["phone", "plain"] {
        device
            .password(&bed, user)
            .await
            .assert_error("ResourceNotFoundException", "Device does not exist.");
    }
    bed.stop().await;
}

#[tokio::test]
async fn where_devices_replace_nothing_the_factor_comes_first_and_the_device_after_it() {
    let bed = bed(&settings("challenge_required_on_new_device = false")).await;
    let (device, _) = confirmed(&bed).await;
    bed.advance(std::time::Duration::from_secs(30));
    let asked = device.password(&bed, "app").await.ok();
    assert_eq!(asked["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    let code = json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": bed.totp(SECRET) });
    let asked = bed
        .respond("SOFTWARE_TOKEN_MFA", &asked["Session"], code)
        .await
        .ok();
    device
        .prove(&bed, &asked, "app", DEVICE_PASSWORD)
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_device_the_user_must_agree_to_replaces_the_factor_only_then() {
    let only = "challenge_required_on_new_device = true\nonly_remembered_on_user_prompt = true";
    let bed = bed(&settings(only)).await;
    let tokens = bed.password("plain").await.tokens();
    let device = Device::handed_out(&tokens);
    assert_eq!(
        device.confirm(&bed, &tokens).await.ok(),
        json!({ "UserConfirmationNecessary": true })
    );
    let (name, _) = device.confirm(&bed, &tokens).await.error();
    assert_eq!(name, "DeviceKeyExistsException");
    let one = json!({ "AccessToken": tokens["AccessToken"], "DeviceKey": device.key });
    let shown = bed.call("GetDevice", one.clone()).await.ok()["Device"].clone();
    assert_eq!(
        shown["DeviceAttributes"],
        json!([
            { "Name": "device_status", "Value": "not_remembered" },
            { "Name": "device_name", "Value": "laptop" },
        ])
    );
    let mut remember = one.clone();
    remember["DeviceRememberedStatus"] = "remembered".into();
    bed.call("UpdateDeviceStatus", remember).await.ok();
    let listed = bed
        .call(
            "ListDevices",
            json!({ "AccessToken": tokens["AccessToken"] }),
        )
        .await
        .ok();
    assert_eq!(
        listed["Devices"][0]["DeviceAttributes"][0]["Value"],
        "remembered"
    );
    let admin = json!({ "UserPoolId": "local_Factors1", "Username": "plain" });
    let by_admin = bed.call("AdminListDevices", admin).await.ok();
    assert_eq!(by_admin["Devices"], listed["Devices"]);
    bed.stop().await;
}

#[tokio::test]
async fn a_refresh_needs_the_confirmed_device_of_its_sign_in() {
    let bed = remembering().await;
    let invalid = ("NotAuthorizedException", "Invalid Refresh Token.");
    let tokens = bed.password("plain").await.tokens();
    let device = Device::handed_out(&tokens);
    refresh(&bed, &tokens, Some(&device.key))
        .await
        .assert_error(invalid.0, invalid.1);
    device.confirm(&bed, &tokens).await.ok();
    refresh(&bed, &tokens, None)
        .await
        .assert_error(invalid.0, invalid.1);
    let other = "local_00000000-0000-0000-0000-000000000000";
    refresh(&bed, &tokens, Some(other))
        .await
        .assert_error(invalid.0, invalid.1);
    let renewed = refresh(&bed, &tokens, Some(&device.key)).await.tokens();
    assert_eq!(
        claims(&renewed["AccessToken"])["device_key"],
        device.key.as_str()
    );
    let body = json!({ "RefreshToken": tokens["RefreshToken"], "ClientId": "web", "DeviceKey": device.key });
    bed.call("GetTokensFromRefreshToken", body).await.tokens();

    let forget = json!({ "AccessToken": tokens["AccessToken"], "DeviceKey": device.key });
    bed.call("ForgetDevice", forget.clone()).await.ok();
    refresh(&bed, &tokens, Some(&device.key))
        .await
        .assert_error(invalid.0, invalid.1);
    let gone = ("ResourceNotFoundException", "Device does not exist.");
    bed.call("ForgetDevice", forget)
        .await
        .assert_error(gone.0, gone.1);
    device
        .password(&bed, "plain")
        .await
        .assert_error(gone.0, gone.1);
    bed.stop().await;
}

#[tokio::test]
async fn only_the_key_of_this_sign_in_is_confirmed_and_only_with_numbers() {
    let bed = remembering().await;
    let (first, second) = (
        bed.password("plain").await.tokens(),
        bed.password("plain").await.tokens(),
    );
    Device::handed_out(&second)
        .confirm(&bed, &first)
        .await
        .assert_error("InvalidParameterException", "Invalid device key given.");
    let device = Device::handed_out(&first);
    for (verifier, salt) in [("", "AQ=="), ("AQ==", ""), ("AA==", "AQ=="), ("?", "AQ==")] {
        let body = json!({
            "AccessToken": first["AccessToken"],
            "DeviceKey": device.key,
            "DeviceSecretVerifierConfig": { "PasswordVerifier": verifier, "Salt": salt },
        });
        let (name, _) = bed.call("ConfirmDevice", body).await.error();
        assert_eq!(name, "InvalidParameterException", "{verifier} {salt}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_administrators_password_sign_in_knows_no_devices() {
    let bed = remembering().await;
    let parameters = json!({ "USERNAME": "plain", "PASSWORD": PASSWORD });
    let body = json!({ "UserPoolId": "local_Factors1", "ClientId": "web", "AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "AuthParameters": parameters });
    let tokens = bed.call("AdminInitiateAuth", body).await.tokens();
    assert_eq!(tokens["NewDeviceMetadata"], Value::Null);
    refresh(&bed, &tokens, None)
        .await
        .assert_error("NotAuthorizedException", "Invalid Refresh Token.");
    bed.stop().await;
}

#[test]
fn the_test_device_agrees_with_every_device_vector() {
    let vectors = srp_client::vectors();
    let devices: Vec<_> = vectors["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vector| vector["kind"] == "device")
        .collect();
    assert_eq!(devices.len(), 8);
    for vector in devices {
        let field = |name: &str| vector[name].as_str().unwrap();
        let verifier = srp_client::verifier(
            field("device_group_key"),
            field("device_key"),
            field("password"),
            field("salt_wire"),
        );
        let expected = srp_client::padded(&srp_client::bytes(field("verifier")));
        assert_eq!(verifier, STANDARD.encode(expected), "{}", field("id"));
        let signature = Client::new(field("a")).signature(&Proof {
            pool_name: field("device_group_key"),
            user: field("device_key"),
            password: field("password"),
            salt: field("salt_wire"),
            b: field("SRP_B"),
            secret_block: field("secret_block"),
            timestamp: field("timestamp"),
        });
        assert_eq!(signature, field("signature"), "{}", field("id"));
    }
}
