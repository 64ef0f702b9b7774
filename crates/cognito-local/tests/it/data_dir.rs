//! The data directory: what survives a restart, and what is refused.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cognito_local::{Settings, StartError, StoreError};
use serde_json::{Value, json};

use crate::bed::{ADA, ADA_PASSWORD, Bed, NEW, NEW_PASSWORD, SEED, text};

/// A directory that is gone after the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("cognito-local-{}-{name}", std::process::id()));
        Self(path)
    }

    fn state(&self) -> PathBuf {
        self.0.join("pool.state")
    }

    fn settings(&self) -> impl FnOnce(&mut Settings) {
        let path = self.0.clone();
        move |settings| settings.data_dir = Some(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn keys_users_sessions_and_refresh_tokens_survive_a_restart() {
    let directory = Directory::new("restart");
    let bed = Bed::with(directory.settings()).await;
    let port = bed.pool.address();
    let keys = bed.get("/local_MailPool1/.well-known/jwks.json").await.body;
    let tokens = bed.signed_in("web").await;
    let session = |challenge: &Value| challenge["Session"].clone();
    let open = session(&bed.password_sign_in("web", NEW, NEW_PASSWORD).await.ok());
    let used = session(&bed.password_sign_in("web", NEW, NEW_PASSWORD).await.ok());
    let create = json!({ "UserPoolId": "local_MailPool1", "Username": "lin@example.com" });
    bed.call("AdminCreateUser", create).await.ok();
    let answer = async |bed: &Bed, session: &Value| {
        let responses = json!({ "USERNAME": NEW, "NEW_PASSWORD": "Brand-New-Stable-4", "userAttributes.given_name": "N" });
        let body = json!({ "ChallengeName": "NEW_PASSWORD_REQUIRED", "ClientId": "web", "Session": session, "ChallengeResponses": responses });
        bed.call("RespondToAuthChallenge", body).await
    };
    answer(&bed, &used).await.tokens();
    bed.stop().await;

    let bed = Bed::with(|settings| {
        directory.settings()(settings);
        settings.listen = port;
    })
    .await;
    assert_eq!(
        bed.get("/local_MailPool1/.well-known/jwks.json").await.body,
        keys
    );
    bed.call("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
        .await
        .ok();
    bed.call(
        "GetTokensFromRefreshToken",
        json!({ "ClientId": "web", "RefreshToken": tokens["RefreshToken"] }),
    )
    .await
    .tokens();
    bed.call(
        "AdminGetUser",
        json!({ "UserPoolId": "local_MailPool1", "Username": "lin@example.com" }),
    )
    .await
    .ok();
    bed.password_sign_in("web", NEW, "Brand-New-Stable-4")
        .await
        .tokens();
    assert!(
        answer(&bed, &used)
            .await
            .error()
            .1
            .ends_with("can only be used once.")
    );
    // The session was for the temporary password, which is gone.
    answer(&bed, &open)
        .await
        .assert_error("NotAuthorizedException", "Invalid session for the user.");
    bed.stop().await;
}

#[tokio::test]
async fn an_answer_means_that_the_change_is_on_disk() {
    let directory = Directory::new("on-disk");
    let bed = Bed::with(directory.settings()).await;
    let before = fs::read(directory.state()).unwrap();
    bed.call(
        "CreateGroup",
        json!({ "UserPoolId": "local_MailPool1", "GroupName": "written" }),
    )
    .await
    .ok();
    let after = fs::read_to_string(directory.state()).unwrap();
    assert_ne!(before, after.as_bytes());
    assert!(after.contains("\"written\""));
    bed.stop().await;
}

#[tokio::test]
async fn generated_ids_secrets_and_passwords_stay_the_same_in_their_directory() {
    let seed = include_str!("../../../../config/pool.toml");
    let directory = Directory::new("generated");
    let start = async |directory: &Directory| {
        let bed = Bed::with(|settings| {
            directory.settings()(settings);
            settings.seed = cognito_local::Seed::from_toml(seed, "config/pool.toml").unwrap();
        })
        .await;
        let pool = bed.pool.pools().remove(0);
        bed.stop().await;
        let clients: Vec<_> = pool
            .clients
            .iter()
            .map(|client| (client.id.clone(), client.secret.clone()))
            .collect();
        let users: Vec<_> = pool
            .users
            .iter()
            .map(|user| user.password.clone().unwrap())
            .collect();
        (pool.id, clients, users)
    };
    let first = start(&directory).await;
    assert_eq!(start(&directory).await, first);
    let other = start(&Directory::new("generated-other")).await;
    assert_ne!(other.0, first.0);
    assert_ne!(other.2, first.2);
}

#[tokio::test]
async fn settings_come_from_the_seed_and_people_from_the_directory() {
    let directory = Directory::new("settings");
    let bed = Bed::with(directory.settings()).await;
    let set = json!({ "UserPoolId": "local_MailPool1", "Username": ADA, "Password": "Changed-Horse-8", "Permanent": true });
    bed.call("AdminSetUserPassword", set).await.ok();
    bed.stop().await;

    let changed = SEED
        .replace("\"ALLOW_ADMIN_USER_PASSWORD_AUTH\"", "")
        .replace("id = \"refreshonly\"", "id = \"added\"");
    let with_seed = |text: String| {
        let seed = cognito_local::Seed::from_toml(&text, "changed").unwrap();
        let path = directory.0.clone();
        move |settings: &mut Settings| {
            settings.data_dir = Some(path);
            settings.seed = seed;
        }
    };
    let bed = Bed::with(with_seed(changed)).await;
    assert_eq!(
        bed.password_sign_in("web", ADA, ADA_PASSWORD).await.status,
        400
    );
    bed.password_sign_in("web", ADA, "Changed-Horse-8")
        .await
        .tokens();
    let user = &bed.pool.pools()[0].users[0];
    assert_eq!(
        (user.username.as_str(), user.password.as_ref()),
        (ADA, None),
        "the banner must not print a password that is wrong"
    );
    let body = json!({ "UserPoolId": "local_MailPool1", "ClientId": "added" });
    bed.call("DescribeUserPoolClient", body).await.ok();
    bed.stop().await;

    let fixed = SEED.replacen(
        "username_attributes = [\"email\"]",
        "username_attributes = [\"email\", \"phone_number\"]",
        1,
    );
    let refused = Bed::try_with(with_seed(fixed)).await.err().unwrap();
    assert!(matches!(refused, StartError::Apply(_)), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_as_it_is() {
    let directory = Directory::new("damaged");
    Bed::with(directory.settings()).await.stop().await;
    let good = fs::read(directory.state()).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [
        &good[..good.len() / 2],
        &good[..good.len() - 1],
        &flipped,
        b"",
        b"{}",
        b"\xff\xfe",
    ] {
        fs::write(directory.state(), bad).unwrap();
        let error = Bed::try_with(directory.settings()).await.err().unwrap();
        let StartError::Store(error @ StoreError::Damaged { .. }) = error else {
            panic!("{error:?}")
        };
        assert!(error.to_string().contains("left as it is"), "{error}");
        assert_eq!(fs::read(directory.state()).unwrap(), bad);
    }
    fs::write(directory.state(), &good).unwrap();
    let bed = Bed::with(directory.settings()).await;
    bed.advance(Duration::from_secs(1));
    bed.signed_in("web").await;
    bed.stop().await;
}

#[tokio::test]
async fn a_write_that_was_cut_short_leaves_the_last_state() {
    let directory = Directory::new("cut");
    Bed::with(directory.settings()).await.stop().await;
    fs::write(directory.0.join("pool.state.new"), b"half of").unwrap();
    let bed = Bed::with(directory.settings()).await;
    bed.signed_in("web").await;
    bed.stop().await;
}

#[tokio::test]
async fn a_directory_serves_one_process_and_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new("private");
    let bed = Bed::with(directory.settings()).await;
    let second = Bed::try_with(directory.settings()).await.err().unwrap();
    assert!(
        matches!(second, StartError::Store(StoreError::InUse(_))),
        "{second:?}"
    );
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&directory.0), mode(&directory.state())),
        (0o700, 0o600)
    );
    let kept = fs::read_to_string(directory.state()).unwrap();
    let tokens = bed.signed_in("web").await;
    assert!(!kept.contains(&text(&tokens["RefreshToken"])));
    bed.stop().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_an_error_with_its_name() {
    let directory = Directory::new("file");
    fs::write(&directory.0, b"a file").unwrap();
    let error = Bed::try_with(directory.settings()).await.err().unwrap();
    fs::remove_file(&directory.0).unwrap();
    assert!(
        matches!(error, StartError::Store(StoreError::Io { .. })),
        "{error:?}"
    );
}

/// Takes from an object every member that is not named.
fn keep(object: &mut Value, members: &[&str]) {
    let object = object.as_object_mut().unwrap();
    object.retain(|name, _| members.contains(&name.as_str()));
}

/// A state as it was written before pools had codes, factors and more than one trigger.
fn of_the_first_version(state: &mut Value) {
    for pool in state["pools"].as_object_mut().unwrap().values_mut() {
        keep(
            pool,
            &[
                "id", "name", "secret", "settings", "shown", "keys", "clients", "groups", "users",
                "grants", "spent", "created",
            ],
        );
        let settings = &mut pool["settings"];
        keep(
            settings,
            &[
                "username_attributes",
                "alias_attributes",
                "case_sensitive",
                "required_attributes",
                "custom_attributes",
                "password_policy",
            ],
        );
        settings["user_migration"] = Value::Null;
        keep(
            &mut settings["password_policy"],
            &[
                "minimum_length",
                "require_uppercase",
                "require_lowercase",
                "require_numbers",
                "require_symbols",
                "temporary_password_validity_days",
            ],
        );
        for user in pool["users"].as_object_mut().unwrap().values_mut() {
            keep(
                user,
                &[
                    "name",
                    "attributes",
                    "enabled",
                    "status",
                    "password",
                    "password_set",
                    "groups",
                    "created",
                    "modified",
                    "printed_password",
                ],
            );
            user["sms_mfa"] = false.into();
        }
        for grant in pool["grants"].as_object_mut().unwrap().values_mut() {
            keep(
                grant,
                &[
                    "user",
                    "client",
                    "origin_jti",
                    "auth_time",
                    "refresh_until",
                    "access_until",
                    "revoked",
                    "refresh_tokens",
                ],
            );
        }
    }
}

#[tokio::test]
async fn a_file_of_the_first_version_still_opens_and_its_sign_ins_go_on() {
    let directory = Directory::new("first-version");
    let bed = Bed::with(directory.settings()).await;
    let port = bed.pool.address();
    let tokens = bed.signed_in("web").await;
    bed.stop().await;

    let file = fs::read_to_string(directory.state()).unwrap();
    let (head, body) = file.split_once('\n').unwrap();
    let mut state: Value = serde_json::from_str(body).unwrap();
    of_the_first_version(&mut state);
    let body = state.to_string();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
    let sum: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (form, _) = head.rsplit_once(' ').unwrap();
    fs::write(directory.state(), format!("{form} {sum}\n{body}")).unwrap();

    let bed = Bed::with(|settings| {
        directory.settings()(settings);
        settings.listen = port;
    })
    .await;
    let body = json!({ "AccessToken": tokens["AccessToken"] });
    bed.call("GetUser", body).await.ok();
    bed.signed_in("web").await;
    bed.stop().await;
}
