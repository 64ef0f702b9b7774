//! InitiateAuth, RespondToAuthChallenge, their admin forms, refresh and revocation of tokens.
//!
//! The order of checks: constraints, client, flow, parameters, SECRET_HASH, lock-out, user. What follows is in
//! `sign_in`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::text_map;
use crate::constraint::{CLIENT_ID, Constraints, DEVICE_KEY, POOL_ID, SESSION, TEXT, TOKEN};
use crate::error::ApiError;
use crate::secret_hash;
use crate::service::Service;
use crate::sign_in::{
    Caller, Flow, Step, code, code::CodeChallenge, custom, device, mfa, mfa_setup, new_password,
    password, refresh, srp, user_auth, web_authn,
};
use crate::state::{AuthFlow, Presented, RefreshToken};

const FLOWS: &[&str] = &[
    "USER_SRP_AUTH",
    "REFRESH_TOKEN_AUTH",
    "REFRESH_TOKEN",
    "CUSTOM_AUTH",
    "ADMIN_NO_SRP_AUTH",
    "USER_PASSWORD_AUTH",
    "ADMIN_USER_PASSWORD_AUTH",
    "USER_AUTH",
];

const CHALLENGES: &[&str] = &[
    "SMS_MFA",
    "EMAIL_OTP",
    "SOFTWARE_TOKEN_MFA",
    "SELECT_MFA_TYPE",
    "MFA_SETUP",
    "PASSWORD_VERIFIER",
    "CUSTOM_CHALLENGE",
    "SELECT_CHALLENGE",
    "DEVICE_SRP_AUTH",
    "DEVICE_PASSWORD_VERIFIER",
    "ADMIN_NO_SRP_AUTH",
    "NEW_PASSWORD_REQUIRED",
    "SMS_OTP",
    "PASSWORD",
    "WEB_AUTHN",
    "PASSWORD_SRP",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InitiateAuth {
    user_pool_id: Option<String>,
    client_id: Option<String>,
    session: Option<String>,
    auth_flow: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    auth_parameters: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RespondToAuthChallenge {
    user_pool_id: Option<String>,
    client_id: Option<String>,
    challenge_name: Option<String>,
    session: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    challenge_responses: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// Whether a call names its pool and must be allowed by the operator, or comes from anybody.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Open,
    Admin,
}

pub(super) async fn initiate_auth(
    service: &Service,
    request: InitiateAuth,
) -> Result<Value, ApiError> {
    initiate(service, Side::Open, request).await
}

pub(super) async fn admin_initiate_auth(
    service: &Service,
    request: InitiateAuth,
) -> Result<Value, ApiError> {
    initiate(service, Side::Admin, request).await
}

async fn initiate(service: &Service, side: Side, request: InitiateAuth) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    let flow = constraints.required("authFlow", request.auth_flow, &TEXT);
    constraints.one_of(
        "authFlow",
        Some(&flow)
            .filter(|flow| !flow.is_empty())
            .map(String::as_str),
        FLOWS,
    );
    let pool = pool_member(&mut constraints, side, request.user_pool_id);
    let session = constraints.optional("session", request.session, &SESSION);
    constraints.check()?;
    let mut caller = caller(service, &client_id, pool.as_deref())?;
    caller.validation = request.client_metadata;
    let parameters = request.auth_parameters;
    let step = match (side, flow.as_str()) {
        (_, "USER_SRP_AUTH") => {
            caller.check_flow(AuthFlow::AllowUserSrpAuth)?;
            srp::begin(service, &caller, &parameters).await?
        }
        (Side::Open, "USER_PASSWORD_AUTH") => {
            caller.check_flow(AuthFlow::AllowUserPasswordAuth)?;
            password::begin(service, &caller, Flow::UserPassword, &parameters).await?
        }
        (Side::Admin, "ADMIN_USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH") => {
            caller.check_flow(AuthFlow::AllowAdminUserPasswordAuth)?;
            password::begin(service, &caller, Flow::AdminUserPassword, &parameters).await?
        }
        (_, "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN") => {
            refresh::begin(service, &caller, &parameters).await?
        }
        (_, "CUSTOM_AUTH") => {
            caller.check_flow(AuthFlow::AllowCustomAuth)?;
            custom::begin(service, &caller, &parameters).await?
        }
        (_, "USER_AUTH") => {
            caller.check_flow(AuthFlow::AllowUserAuth)?;
            user_auth::begin(service, &caller, session.as_deref(), &parameters).await?
        }
        _ => {
            return Err(ApiError::invalid_parameter(
                "Initiate Auth method not supported.",
            ));
        }
    };
    step.answer(service).await
}

pub(super) async fn respond_to_auth_challenge(
    service: &Service,
    request: RespondToAuthChallenge,
) -> Result<Value, ApiError> {
    respond(service, Side::Open, request).await
}

pub(super) async fn admin_respond_to_auth_challenge(
    service: &Service,
    request: RespondToAuthChallenge,
) -> Result<Value, ApiError> {
    respond(service, Side::Admin, request).await
}

async fn respond(
    service: &Service,
    side: Side,
    request: RespondToAuthChallenge,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    let challenge = constraints.required("challengeName", request.challenge_name, &TEXT);
    constraints.one_of(
        "challengeName",
        Some(&challenge)
            .filter(|name| !name.is_empty())
            .map(String::as_str),
        CHALLENGES,
    );
    let session = constraints.optional("session", request.session, &SESSION);
    let pool = pool_member(&mut constraints, side, request.user_pool_id);
    constraints.check()?;
    let mut caller = caller(service, &client_id, pool.as_deref())?;
    caller.metadata = request.client_metadata;
    let responses = request.challenge_responses;
    let step: Step = match challenge.as_str() {
        "PASSWORD_VERIFIER" => {
            srp::respond(service, &caller, session.as_deref(), &responses).await?
        }
        "NEW_PASSWORD_REQUIRED" => {
            new_password::respond(service, &caller, session.as_deref(), &responses).await?
        }
        "CUSTOM_CHALLENGE" => {
            custom::respond(service, &caller, session.as_deref(), &responses).await?
        }
        "SMS_MFA" => {
            code::respond(
                service,
                &caller,
                CodeChallenge::SmsMfa,
                session.as_deref(),
                &responses,
            )
            .await?
        }
        "EMAIL_OTP" => {
            code::respond(
                service,
                &caller,
                CodeChallenge::EmailOtp,
                session.as_deref(),
                &responses,
            )
            .await?
        }
        "SMS_OTP" => {
            code::respond(
                service,
                &caller,
                CodeChallenge::SmsOtp,
                session.as_deref(),
                &responses,
            )
            .await?
        }
        "SOFTWARE_TOKEN_MFA" => {
            mfa::respond(service, &caller, session.as_deref(), &responses).await?
        }
        "SELECT_MFA_TYPE" => {
            mfa::respond_selected(service, &caller, session.as_deref(), &responses).await?
        }
        "MFA_SETUP" => mfa_setup::respond(service, &caller, session.as_deref(), &responses).await?,
        "DEVICE_SRP_AUTH" => {
            device::respond_srp(service, &caller, session.as_deref(), &responses).await?
        }
        "DEVICE_PASSWORD_VERIFIER" => {
            device::respond_verifier(service, &caller, session.as_deref(), &responses).await?
        }
        "SELECT_CHALLENGE" => {
            user_auth::respond_selected(service, &caller, session.as_deref(), &responses).await?
        }
        "PASSWORD" => {
            user_auth::respond_password(service, &caller, session.as_deref(), &responses).await?
        }
        "PASSWORD_SRP" => {
            user_auth::respond_srp(service, &caller, session.as_deref(), &responses).await?
        }
        "WEB_AUTHN" => web_authn::respond(service, &caller, session.as_deref(), &responses).await?,
        // ADMIN_NO_SRP_AUTH, which the service names and does not hand out any more.
        _ => return Err(ApiError::not_authorized("Invalid session for the user.")),
    };
    step.answer(service).await
}

fn pool_member(constraints: &mut Constraints, side: Side, pool: Option<String>) -> Option<String> {
    (side == Side::Admin).then(|| constraints.required("userPoolId", pool, &POOL_ID))
}

pub(super) fn caller(
    service: &Service,
    client_id: &str,
    pool_id: Option<&str>,
) -> Result<Caller, ApiError> {
    service.read(|state| {
        if let Some(pool_id) = pool_id {
            state.pool(pool_id)?;
        }
        let (pool, client) = state.client(client_id)?;
        if pool_id.is_some_and(|pool_id| pool_id != pool.id) {
            return Err(ApiError::client_missing(client_id));
        }
        Ok(Caller::of(pool, client))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTokensFromRefreshToken {
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    device_key: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

pub(super) async fn get_tokens_from_refresh_token(
    service: &Service,
    request: GetTokensFromRefreshToken,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("refreshToken", request.refresh_token, &TOKEN);
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    let device = constraints.optional("deviceKey", request.device_key, &DEVICE_KEY);
    constraints.check()?;
    let mut caller = caller(service, &client_id, None)?;
    caller.metadata = request.client_metadata;
    if !secret_hash::is_secret_of(&caller.client, request.client_secret.as_deref()) {
        return Err(ApiError::not_authorized(format!(
            "Unable to verify secret for client {client_id}"
        )));
    }
    let tokens = refresh::redeem(service, &caller, &RefreshToken(token), device.as_deref()).await?;
    Ok(json!({ "AuthenticationResult": tokens.sign(service).await? }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RevokeToken {
    token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// A token that is unknown, of another client or revoked already is no error (RFC 7009 §2.2).
pub(super) fn revoke_token(service: &Service, request: RevokeToken) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("token", request.token, &TOKEN);
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    constraints.check()?;
    // RevokeToken has no ResourceNotFoundException: an unknown client is no authorized one.
    let caller = caller(service, &client_id, None)
        .map_err(|_unknown| ApiError::unauthorized("Invalid client."))?;
    if !secret_hash::is_secret_of(&caller.client, request.client_secret.as_deref()) {
        return Err(ApiError::unauthorized("Invalid client secret."));
    }
    if !caller.client.settings.enable_token_revocation {
        return Err(ApiError::unsupported_operation(
            "Token revocation is not enabled for this client.",
        ));
    }
    if token.split('.').count() == 3 {
        return Err(ApiError::unsupported_token_type(
            "Only refresh tokens can be revoked.",
        ));
    }
    let (token, now) = (RefreshToken(token), service.now());
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let grant = token
            .grant()
            .and_then(|event_id| pool.grants.get_mut(&event_id));
        if let Some(grant) = grant.filter(|grant| {
            grant.client == client_id && grant.presented(&token, now) != Presented::Unknown
        }) {
            grant.revoked = true;
        }
        Ok(Value::Null)
    })
}
