//! The operations of the JSON protocol: the table, and one file a group.
//!
//! An operation takes its typed request and gives a JSON object, `Null` for an empty body, or an exception. It knows no
//! HTTP. A request's explicit nulls are absent members: every member is an `Option`, and maps drop theirs in `text_map`.

mod account;
mod admin_user;
mod attribute;
mod auth;
mod client;
mod device;
mod group;
mod mfa;
mod page;
mod pool;
mod reset;
mod sign_up;
mod triggers;
mod user;
mod view;
mod web_authn;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::constraint::{ATTRIBUTE_NAME, ATTRIBUTE_VALUE, Constraints};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::{Client, Pool};
use device::By;

/// Operations of the service that the pool knows by name and does not offer.
const NOT_OFFERED: &[&str] = &[
    "AddCustomAttributes",
    "AdminDisableProviderForUser",
    "AdminLinkProviderForUser",
    "AdminListUserAuthEvents",
    "AdminSetUserSettings",
    "AdminUpdateAuthEventFeedback",
    "CreateIdentityProvider",
    "CreateManagedLoginBranding",
    "CreateResourceServer",
    "CreateUserImportJob",
    "CreateUserPoolDomain",
    "DeleteIdentityProvider",
    "DeleteManagedLoginBranding",
    "DeleteResourceServer",
    "DeleteUserPoolDomain",
    "DescribeIdentityProvider",
    "DescribeManagedLoginBranding",
    "DescribeResourceServer",
    "DescribeRiskConfiguration",
    "DescribeUserImportJob",
    "DescribeUserPoolDomain",
    "GetCSVHeader",
    "GetIdentityProviderByIdentifier",
    "GetLogDeliveryConfiguration",
    "GetSigningCertificate",
    "GetUICustomization",
    "ListIdentityProviders",
    "ListResourceServers",
    "ListTagsForResource",
    "ListUserImportJobs",
    "SetLogDeliveryConfiguration",
    "SetRiskConfiguration",
    "SetUICustomization",
    "SetUserSettings",
    "StartUserImportJob",
    "StopUserImportJob",
    "TagResource",
    "UntagResource",
    "UpdateAuthEventFeedback",
    "UpdateGroup",
    "UpdateIdentityProvider",
    "UpdateManagedLoginBranding",
    "UpdateResourceServer",
    "UpdateUserPoolDomain",
];

/// Runs one operation on the JSON body of its request.
pub(crate) async fn run(
    service: &Service,
    operation: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    match operation {
        "AdminAddUserToGroup" => group::admin_add_user_to_group(service, parse(body)?),
        "AdminCreateUser" => admin_user::admin_create_user(service, parse(body)?).await,
        "AdminDeleteUser" => admin_user::admin_delete_user(service, parse(body)?),
        "AdminDisableUser" => admin_user::admin_disable_user(service, parse(body)?),
        "AdminEnableUser" => admin_user::admin_enable_user(service, parse(body)?),
        "AdminGetUser" => admin_user::admin_get_user(service, parse(body)?),
        "AdminInitiateAuth" => auth::admin_initiate_auth(service, parse(body)?).await,
        "AdminRespondToAuthChallenge" => {
            auth::admin_respond_to_auth_challenge(service, parse(body)?).await
        }
        "AdminSetUserPassword" => admin_user::admin_set_user_password(service, parse(body)?).await,
        "AdminUserGlobalSignOut" => admin_user::admin_user_global_sign_out(service, parse(body)?),
        "ChangePassword" => user::change_password(service, parse(body)?).await,
        "CreateGroup" => group::create_group(service, parse(body)?),
        "CreateUserPool" => pool::create_user_pool(service, parse(body)?),
        "CreateUserPoolClient" => client::create_user_pool_client(service, parse(body)?),
        "DescribeUserPool" => pool::describe_user_pool(service, parse(body)?),
        "DescribeUserPoolClient" => client::describe_user_pool_client(service, parse(body)?),
        "GetTokensFromRefreshToken" => {
            auth::get_tokens_from_refresh_token(service, parse(body)?).await
        }
        "GetUser" => user::get_user(service, parse(body)?).await,
        "GlobalSignOut" => user::global_sign_out(service, parse(body)?).await,
        "InitiateAuth" => auth::initiate_auth(service, parse(body)?).await,
        "ListUsers" => admin_user::list::list_users(service, parse(body)?),
        "RespondToAuthChallenge" => auth::respond_to_auth_challenge(service, parse(body)?).await,
        "RevokeToken" => auth::revoke_token(service, parse(body)?),
        "SignUp" => sign_up::sign_up(service, parse(body)?).await,
        "ConfirmSignUp" => sign_up::confirm_sign_up(service, parse(body)?).await,
        "ResendConfirmationCode" => sign_up::resend_confirmation_code(service, parse(body)?).await,
        "AdminConfirmSignUp" => sign_up::admin_confirm_sign_up(service, parse(body)?).await,
        "ForgotPassword" => reset::forgot_password(service, parse(body)?).await,
        "ConfirmForgotPassword" => reset::confirm_forgot_password(service, parse(body)?).await,
        "AdminResetUserPassword" => reset::admin_reset_user_password(service, parse(body)?).await,
        "UpdateUserAttributes" => attribute::update_user_attributes(service, parse(body)?).await,
        "AdminUpdateUserAttributes" => {
            attribute::admin_update_user_attributes(service, parse(body)?).await
        }
        "DeleteUserAttributes" => attribute::delete_user_attributes(service, parse(body)?).await,
        "AdminDeleteUserAttributes" => {
            attribute::admin_delete_user_attributes(service, parse(body)?)
        }
        "GetUserAttributeVerificationCode" => {
            attribute::get_user_attribute_verification_code(service, parse(body)?).await
        }
        "VerifyUserAttribute" => attribute::verify_user_attribute(service, parse(body)?).await,
        "DeleteUser" => user::delete_user(service, parse(body)?).await,
        "AdminSetUserMFAPreference" => mfa::admin_set_user_mfa_preference(service, parse(body)?),
        "GetUserAuthFactors" => mfa::get_user_auth_factors(service, parse(body)?).await,
        "GetUserPoolMfaConfig" => mfa::config::get_user_pool_mfa_config(service, parse(body)?),
        "SetUserMFAPreference" => mfa::set_user_mfa_preference(service, parse(body)?).await,
        "SetUserPoolMfaConfig" => mfa::config::set_user_pool_mfa_config(service, parse(body)?),
        "ConfirmDevice" => device::confirm_device(service, parse(body)?).await,
        "UpdateDeviceStatus" => device::update_device_status(service, By::User, parse(body)?).await,
        "ForgetDevice" => device::forget_device(service, By::User, parse(body)?).await,
        "GetDevice" => device::get_device(service, By::User, parse(body)?).await,
        "ListDevices" => device::list_devices(service, By::User, parse(body)?).await,
        "AdminUpdateDeviceStatus" => {
            device::update_device_status(service, By::Admin, parse(body)?).await
        }
        "AdminForgetDevice" => device::forget_device(service, By::Admin, parse(body)?).await,
        "AdminGetDevice" => device::get_device(service, By::Admin, parse(body)?).await,
        "AdminListDevices" => device::list_devices(service, By::Admin, parse(body)?).await,
        "StartWebAuthnRegistration" => {
            web_authn::start_web_authn_registration(service, parse(body)?).await
        }
        "CompleteWebAuthnRegistration" => {
            web_authn::complete_web_authn_registration(service, parse(body)?).await
        }
        "ListWebAuthnCredentials" => {
            web_authn::list_web_authn_credentials(service, parse(body)?).await
        }
        "DeleteWebAuthnCredential" => {
            web_authn::delete_web_authn_credential(service, parse(body)?).await
        }
        "AssociateSoftwareToken" => {
            mfa::software_token::associate_software_token(service, parse(body)?).await
        }
        "VerifySoftwareToken" => {
            mfa::software_token::verify_software_token(service, parse(body)?).await
        }
        "UpdateUserPool" => pool::update_user_pool(service, parse(body)?),
        "DeleteUserPool" => pool::delete_user_pool(service, parse(body)?),
        "ListUserPools" => pool::list_user_pools(service, parse(body)?),
        "UpdateUserPoolClient" => client::update_user_pool_client(service, parse(body)?),
        "DeleteUserPoolClient" => client::delete_user_pool_client(service, parse(body)?),
        "ListUserPoolClients" => client::list_user_pool_clients(service, parse(body)?),
        "AdminRemoveUserFromGroup" => group::admin_remove_user_from_group(service, parse(body)?),
        "AdminListGroupsForUser" => group::admin_list_groups_for_user(service, parse(body)?),
        "DeleteGroup" => group::delete_group(service, parse(body)?),
        "GetGroup" => group::get_group(service, parse(body)?),
        "ListGroups" => group::list_groups(service, parse(body)?),
        "ListUsersInGroup" => group::list_users_in_group(service, parse(body)?),
        known if NOT_OFFERED.contains(&known) => {
            let text = format!(
                "The local pool does not offer {known}. It stands in for Amazon Cognito on one machine and has a part of its operations."
            );
            Err(ApiError::unsupported_operation(text))
        }
        _ => Err(ApiError::unknown_operation("")),
    }
}

/// The request of an operation. The parser's own text is not passed on: it may quote a value.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let kind = if error.is_data() {
            "a member has the wrong type"
        } else {
            "it is not a JSON object"
        };
        let text = format!(
            "The request body cannot be read: {kind} (line {}, column {})",
            error.line(),
            error.column()
        );
        ApiError::serialization(text)
    })
}

/// A map of texts whose null members, and which itself, may be null: amazon-cognito-identity-js sends such maps.
fn text_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let map = Option::<BTreeMap<String, Option<String>>>::deserialize(deserializer)?;
    Ok(map
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect())
}

/// A member of an attribute list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: Option<String>,
    value: Option<String>,
}

/// An attribute list as a map; of a name given twice the last counts.
fn attribute_map(
    constraints: &mut Constraints,
    member: &str,
    list: Option<Vec<Attribute>>,
) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    for attribute in list.unwrap_or_default() {
        let name = format!("{member}.member.name");
        let name = constraints.required(&name, attribute.name, &ATTRIBUTE_NAME);
        let value = format!("{member}.member.value");
        let value = constraints.optional(&value, attribute.value, &ATTRIBUTE_VALUE);
        attributes.insert(name, value.unwrap_or_default());
    }
    attributes
}

/// Whether a user may set an attribute through this client. The verified flags are never theirs to set.
fn writable(pool: &Pool, client: &Client, name: &str, value: &str) -> Result<(), ApiError> {
    pool.check_attribute(name, value)?;
    if client.settings.writes(name) && !name.ends_with("_verified") {
        return Ok(());
    }
    Err(ApiError::not_authorized(
        "A client attempted to write unauthorized attribute",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_absent_at_every_level() {
        #[derive(Deserialize)]
        struct Request {
            #[serde(default, deserialize_with = "text_map")]
            map: BTreeMap<String, String>,
            text: Option<String>,
        }
        for body in [
            r#"{"map":{"a":null,"b":"1"},"text":null}"#,
            r#"{"map":{"b":"1"},"other":[null]}"#,
        ] {
            let request: Request = parse(body.as_bytes()).unwrap();
            assert_eq!(
                request.map,
                BTreeMap::from([("b".to_owned(), "1".to_owned())])
            );
            assert_eq!(request.text, None);
        }
        assert!(parse::<Request>(br#"{"map":null}"#).unwrap().map.is_empty());
    }

    #[test]
    fn a_body_that_cannot_be_read_is_a_serialization_exception_that_quotes_nothing() {
        for body in ["", "{", "[]", r#"{"AccessToken":{"hunter2":1}}"#, "\u{0}"] {
            let error = parse::<Attribute>(body.as_bytes()).err();
            assert!(
                error.is_none_or(|error| error.name() == "SerializationException"
                    && !error.message().contains("hunter2")),
                "{body}"
            );
        }
        let wrong_type = parse::<Attribute>(br#"{"Name":{"hunter2":1}}"#)
            .err()
            .unwrap();
        assert!(
            wrong_type.message().contains("wrong type")
                && !wrong_type.message().contains("hunter2"),
            "{wrong_type}"
        );
    }

    #[test]
    fn the_list_of_what_is_not_offered_is_sorted_and_has_no_name_twice() {
        assert!(NOT_OFFERED.is_sorted_by(|one, next| one < next));
    }
}
