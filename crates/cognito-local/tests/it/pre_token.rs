//! PreTokenGeneration: what a function may change in the tokens, in each version.

use std::sync::{Arc, Mutex};

use cognito_local::{Kind, LambdaVersion};
use serde_json::{Value, json};

use crate::bed::{Bed, claims};
use crate::lambda::{Lambda, PASSWORD, attributes_of_ada, event_of};

/// A pool whose function gives the answer that the test sets.
struct Tokens {
    bed: Bed,
    lambda: Lambda,
    answer: Arc<Mutex<Value>>,
}

impl Tokens {
    async fn start(version: LambdaVersion) -> Self {
        let answer = Arc::new(Mutex::new(json!({})));
        let given = Arc::clone(&answer);
        let lambda = Lambda::start(move |_kind, _event| Ok(given.lock().unwrap().clone())).await;
        let bed = lambda
            .bed_with(&[Kind::PreTokenGeneration], |settings| {
                let triggers = &mut settings.seed.pools[0].settings.triggers;
                triggers.pre_token_generation_version = version;
            })
            .await;
        Self {
            bed,
            lambda,
            answer,
        }
    }

    fn answer(&self, response: Value) {
        *self.answer.lock().unwrap() = response;
    }

    /// The claims of the ID and the access token of a sign-in with this answer of the function.
    async fn with(&self, response: Value) -> (Value, Value) {
        self.answer(response);
        let tokens = self
            .bed
            .password_sign_in("app", "ada", PASSWORD)
            .await
            .tokens();
        (claims(&tokens["IdToken"]), claims(&tokens["AccessToken"]))
    }

    async fn v1(&self, details: Value) -> (Value, Value) {
        self.with(json!({ "claimsOverrideDetails": details })).await
    }

    async fn v2(&self, details: Value) -> (Value, Value) {
        self.with(json!({ "claimsAndScopeOverrideDetails": details }))
            .await
    }
}

/// What differs from one sign-in to the next is taken out.
fn lasting(mut claims: Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    for name in ["jti", "origin_jti", "event_id"] {
        assert!(members.remove(name).is_some(), "{name}");
    }
    claims
}

#[tokio::test]
async fn each_version_gets_its_event() {
    for (version, number) in [
        (LambdaVersion::V1, "1"),
        (LambdaVersion::V2, "2"),
        (LambdaVersion::V3, "3"),
    ] {
        let tokens = Tokens::start(version).await;
        let attributes = attributes_of_ada(&tokens.bed).await;
        tokens.with(json!({})).await;
        let mut request = json!({
            "userAttributes": attributes,
            "groupConfiguration": {
                "groupsToOverride": ["admins", "developers"],
                "iamRolesToOverride": ["arn:aws:iam::000000000000:role/admins"],
                "preferredRole": "arn:aws:iam::000000000000:role/admins",
            },
        });
        let response = if version == LambdaVersion::V1 {
            json!({ "claimsOverrideDetails": null })
        } else {
            request["scopes"] = json!(["aws.cognito.signin.user.admin"]);
            json!({ "claimsAndScopeOverrideDetails": null })
        };
        let source = "TokenGeneration_Authentication";
        let expected = event_of(number, source, "ada", request, response);
        assert_eq!(tokens.lambda.take(), [expected]);
        tokens.bed.stop().await;
    }
}

#[tokio::test]
async fn a_user_without_groups_has_an_empty_group_configuration() {
    let tokens = Tokens::start(LambdaVersion::V1).await;
    let set = json!({ "UserPoolId": "local_Triggers1", "Username": "new", "Password": PASSWORD, "Permanent": true });
    tokens.bed.call("AdminSetUserPassword", set).await.ok();
    tokens
        .bed
        .password_sign_in("app", "new", PASSWORD)
        .await
        .tokens();
    assert_eq!(
        tokens.lambda.take()[0]["request"]["groupConfiguration"],
        json!({ "groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": null })
    );
    tokens.bed.stop().await;
}

#[tokio::test]
async fn each_way_to_tokens_has_its_source_and_metadata_comes_with_its_own_call() {
    let tokens = Tokens::start(LambdaVersion::V1).await;
    let bed = &tokens.bed;
    let mut seen = Vec::new();
    let mut look = |tokens: &Tokens| {
        let event = tokens.lambda.take().remove(0);
        seen.push((
            event["triggerSource"].clone(),
            event["request"]["clientMetadata"].clone(),
        ));
    };
    let signed_in = bed.password_sign_in("app", "ada", PASSWORD).await.tokens();
    look(&tokens);
    let challenge = bed.password_sign_in("app", "new", PASSWORD).await.ok();
    let body = json!({
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "ClientId": "app",
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": "new", "NEW_PASSWORD": "Another-Horse-10" },
        "ClientMetadata": { "at": "answer" },
    });
    bed.call("RespondToAuthChallenge", body).await.tokens();
    look(&tokens);
    let body = json!({
        "AuthFlow": "REFRESH_TOKEN_AUTH",
        "ClientId": "app",
        "AuthParameters": { "REFRESH_TOKEN": signed_in["RefreshToken"] },
        "ClientMetadata": { "at": "refresh" },
    });
    bed.call("InitiateAuth", body).await.tokens();
    look(&tokens);
    let body = json!({
        "ClientId": "app", "RefreshToken": signed_in["RefreshToken"], "ClientMetadata": { "at": "refresh" },
    });
    bed.call("GetTokensFromRefreshToken", body).await.tokens();
    look(&tokens);
    assert_eq!(
        seen,
        [
            ("TokenGeneration_Authentication".into(), Value::Null),
            (
                "TokenGeneration_NewPasswordChallenge".into(),
                json!({ "at": "answer" })
            ),
            ("TokenGeneration_RefreshTokens".into(), Value::Null),
            (
                "TokenGeneration_RefreshTokens".into(),
                json!({ "at": "refresh" })
            ),
        ]
    );
    tokens.bed.stop().await;
}

#[tokio::test]
async fn version_1_changes_the_id_token_and_the_groups_of_both() {
    let tokens = Tokens::start(LambdaVersion::V1).await;
    let (id, access) = tokens
        .v1(json!({
            "claimsToAddOrOverride": { "team": "red", "given_name": "Countess", "both": "yes", "email_verified": "false" },
            "claimsToSuppress": ["email", "both", "unheard_of"],
            "groupOverrideDetails": {
                "groupsToOverride": ["b", "a"], "iamRolesToOverride": ["arn:r"], "preferredRole": "arn:p",
            },
        }))
        .await;
    assert_eq!(id["team"], "red");
    assert_eq!(id["given_name"], "Countess");
    assert_eq!(id["email_verified"], false);
    assert_eq!(id.get("email"), None);
    assert_eq!(id.get("both"), None, "suppressing beats adding");
    assert_eq!(id["cognito:groups"], json!(["b", "a"]));
    assert_eq!(id["cognito:roles"], json!(["arn:r"]));
    assert_eq!(id["cognito:preferred_role"], "arn:p");
    assert_eq!(access["cognito:groups"], json!(["b", "a"]));
    assert_eq!(access.get("team"), None);
    tokens.bed.stop().await;
}

#[tokio::test]
async fn group_details_that_are_empty_remove_all_groups_and_absent_ones_none() {
    let tokens = Tokens::start(LambdaVersion::V1).await;
    for details in [
        json!({ "groupOverrideDetails": {} }),
        json!({ "groupOverrideDetails": null }),
        json!({ "groupOverrideDetails": { "groupsToOverride": [], "iamRolesToOverride": null } }),
    ] {
        let (id, access) = tokens.v1(details.clone()).await;
        for claim in ["cognito:groups", "cognito:roles", "cognito:preferred_role"] {
            assert_eq!(id.get(claim), None, "{details}");
            assert_eq!(access.get(claim), None, "{details}");
        }
    }
    for details in [json!({}), Value::Null] {
        let (id, access) = tokens.v1(details).await;
        assert_eq!(id["cognito:groups"], json!(["admins", "developers"]));
        assert!(id["cognito:preferred_role"].is_string());
        assert_eq!(access["cognito:groups"], id["cognito:groups"]);
    }
    let (id, access) = tokens
        .v1(json!({ "claimsToSuppress": ["cognito:groups"] }))
        .await;
    for claim in ["cognito:groups", "cognito:roles", "cognito:preferred_role"] {
        assert_eq!(id.get(claim), None);
    }
    assert_eq!(access["cognito:groups"], json!(["admins", "developers"]));
    tokens.bed.stop().await;
}

#[tokio::test]
async fn what_no_function_may_touch_stays_without_a_word() {
    let fixed = [
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "azp",
        "client_id",
        "cognito:username",
        "cognito:mine",
        "device_key",
        "event_id",
        "exp",
        "iat",
        "identities",
        "iss",
        "jti",
        "nbf",
        "nonce",
        "origin_jti",
        "sub",
        "token_use",
        "username",
        "version",
        "dev:mine",
    ];
    let add: Value = fixed
        .iter()
        .map(|name| ((*name).to_owned(), json!("forged")))
        .collect();
    let suppress: Vec<_> = fixed
        .iter()
        .filter(|name| !name.starts_with("dev:"))
        .collect();
    for version in [LambdaVersion::V1, LambdaVersion::V2] {
        let tokens = Tokens::start(version).await;
        let plain = tokens.with(json!({})).await;
        let plain = (lasting(plain.0), lasting(plain.1));
        for change in [
            json!({ "claimsToAddOrOverride": add }),
            json!({ "claimsToSuppress": suppress }),
        ] {
            let changed = match version {
                LambdaVersion::V1 => tokens.v1(change).await,
                _ => {
                    let both =
                        json!({ "idTokenGeneration": change, "accessTokenGeneration": change });
                    tokens.v2(both).await
                }
            };
            let changed = (lasting(changed.0), lasting(changed.1));
            assert_eq!(changed, plain, "{version:?}");
        }
        tokens.bed.stop().await;
    }
}

#[tokio::test]
async fn version_2_changes_both_tokens_with_any_json() {
    let tokens = Tokens::start(LambdaVersion::V2).await;
    let values = json!({ "text": "t", "number": 7, "flag": true, "list": [1, "2"], "object": { "a": { "b": null } } });
    let mut of_id = values.clone();
    of_id["email_verified"] = json!({ "odd": 1 });
    of_id["address"] = "1 Main Street".into();
    let (id, access) = tokens
        .v2(json!({
            "idTokenGeneration": { "claimsToAddOrOverride": of_id, "claimsToSuppress": ["given_name"] },
            "accessTokenGeneration": { "claimsToAddOrOverride": values, "claimsToSuppress": ["flag", "cognito:groups"] },
            "groupOverrideDetails": { "groupsToOverride": ["c"] },
        }))
        .await;
    for name in ["text", "number", "list", "object"] {
        assert_eq!((&id[name], &access[name]), (&values[name], &values[name]));
    }
    assert_eq!((&id["flag"], access.get("flag")), (&json!(true), None));
    assert_eq!(id["email_verified"], true, "its form in the token is fixed");
    assert_eq!(id["address"], json!({ "formatted": "1 Main Street" }));
    assert_eq!(id.get("given_name"), None);
    assert_eq!(
        (&id["cognito:groups"], access.get("cognito:groups")),
        (&json!(["c"]), None)
    );
    tokens.bed.stop().await;
}

#[tokio::test]
async fn scopes_are_added_and_suppressed_and_what_is_suppressed_cannot_be_used() {
    let tokens = Tokens::start(LambdaVersion::V3).await;
    let scopes = |add: Value, suppress: Value| json!({ "accessTokenGeneration": { "scopesToAdd": add, "scopesToSuppress": suppress, "claimsToAddOrOverride": { "scope": "all" } } });
    let admin = "aws.cognito.signin.user.admin";
    for (add, suppress, expected) in [
        (
            json!(["a", "b", "a", admin]),
            json!(["b"]),
            Some(format!("{admin} a")),
        ),
        (Value::Null, Value::Null, Some(admin.to_owned())),
        (json!(["a"]), json!([admin]), Some("a".to_owned())),
        (json!([]), json!([admin]), None),
    ] {
        let (id, access) = tokens.v2(scopes(add, suppress)).await;
        assert_eq!(access.get("scope").cloned(), expected.map(Value::from));
        assert_eq!(id.get("scope"), None);
    }
    let signed_in = tokens
        .bed
        .password_sign_in("app", "ada", PASSWORD)
        .await
        .tokens();
    let body = json!({ "AccessToken": signed_in["AccessToken"] });
    let refused = tokens.bed.call("GetUser", body).await;
    refused.assert_error(
        "NotAuthorizedException",
        "Access Token does not have required scopes",
    );
    tokens.bed.stop().await;
}

#[tokio::test]
async fn an_audience_may_be_added_to_the_access_token_when_it_is_the_client() {
    let tokens = Tokens::start(LambdaVersion::V2).await;
    for (audience, expected) in [
        (json!("app"), Some(json!("app"))),
        (json!("other"), None),
        (json!(["app"]), None),
    ] {
        let add =
            json!({ "accessTokenGeneration": { "claimsToAddOrOverride": { "aud": audience } } });
        let (_, access) = tokens.v2(add).await;
        assert_eq!(access.get("aud").cloned(), expected);
    }
    tokens.bed.stop().await;
}

#[tokio::test]
async fn an_answer_in_the_form_of_the_other_version_is_without_effect() {
    let details_v1 =
        json!({ "claimsToAddOrOverride": { "team": "red" }, "groupOverrideDetails": {} });
    let details_v2 = json!({ "idTokenGeneration": { "claimsToAddOrOverride": { "team": "red" } }, "groupOverrideDetails": {} });
    for (version, member, details) in [
        (
            LambdaVersion::V1,
            "claimsAndScopeOverrideDetails",
            details_v2,
        ),
        (
            LambdaVersion::V2,
            "claimsOverrideDetails",
            details_v1.clone(),
        ),
        (LambdaVersion::V3, "claimsOverrideDetails", details_v1),
    ] {
        let tokens = Tokens::start(version).await;
        let (id, _) = tokens.with(json!({ member: details })).await;
        assert_eq!(id.get("team"), None, "{version:?}");
        assert_eq!(id["cognito:groups"], json!(["admins", "developers"]));
        tokens.bed.stop().await;
    }
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_is_told_and_gives_no_tokens() {
    let rows: [(LambdaVersion, &[Value]); 2] = [
        (
            LambdaVersion::V1,
            &[
                json!({ "claimsOverrideDetails": "none" }),
                json!({ "claimsOverrideDetails": { "claimsToAddOrOverride": { "level": 7 } } }),
                json!({ "claimsOverrideDetails": { "claimsToAddOrOverride": { "level": null } } }),
                json!({ "claimsOverrideDetails": { "claimsToSuppress": "email" } }),
                json!({ "claimsOverrideDetails": { "groupOverrideDetails": { "groupsToOverride": "a" } } }),
            ],
        ),
        (
            LambdaVersion::V2,
            &[
                json!({ "claimsAndScopeOverrideDetails": { "idTokenGeneration": [] } }),
                json!({ "claimsAndScopeOverrideDetails": { "idTokenGeneration": { "claimsToAddOrOverride": { "a": null } } } }),
                json!({ "claimsAndScopeOverrideDetails": { "accessTokenGeneration": { "scopesToAdd": ["a b"] } } }),
                json!({ "claimsAndScopeOverrideDetails": { "accessTokenGeneration": { "scopesToAdd": [""] } } }),
                json!({ "claimsAndScopeOverrideDetails": { "accessTokenGeneration": { "scopesToAdd": [7] } } }),
            ],
        ),
    ];
    for (version, answers) in rows {
        let tokens = Tokens::start(version).await;
        for answer in answers {
            tokens.answer(answer.clone());
            let refused = tokens.bed.password_sign_in("app", "ada", PASSWORD).await;
            assert_eq!(
                refused.error().0,
                "InvalidLambdaResponseException",
                "{answer}"
            );
        }
        tokens.bed.stop().await;
    }
}

#[tokio::test]
async fn a_function_that_fails_at_a_refresh_leaves_the_refresh_token_as_it_was() {
    let failing = Arc::new(Mutex::new(false));
    let fails = Arc::clone(&failing);
    let lambda = Lambda::start(move |_kind, _event: &Value| {
        if *fails.lock().unwrap() {
            Err("no".to_owned())
        } else {
            Ok(json!({ "claimsOverrideDetails": { "claimsToAddOrOverride": { "team": "red" } } }))
        }
    })
    .await;
    let bed = lambda.bed(&[Kind::PreTokenGeneration]).await;
    let signed_in = bed
        .password_sign_in("rotating", "ada", PASSWORD)
        .await
        .tokens();
    let body = json!({ "ClientId": "rotating", "RefreshToken": signed_in["RefreshToken"] });
    *failing.lock().unwrap() = true;
    let refused = bed.call("GetTokensFromRefreshToken", body.clone()).await;
    refused.assert_error(
        "UserLambdaValidationException",
        "PreTokenGeneration failed with error no.",
    );
    *failing.lock().unwrap() = false;
    let renewed = bed
        .call("GetTokensFromRefreshToken", body.clone())
        .await
        .tokens();
    assert_eq!(claims(&renewed["IdToken"])["team"], "red");
    let again = bed.call("GetTokensFromRefreshToken", body).await;
    assert_eq!(again.error().0, "RefreshTokenReuseException");
    bed.stop().await;
}
