//! CreateUserPoolClient, UpdateUserPoolClient, DescribeUserPoolClient, DeleteUserPoolClient, ListUserPoolClients.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::page::Page;
use super::view;
use crate::constraint::{CLIENT_ID, CLIENT_NAME, CLIENT_SECRET, Constraints, POOL_ID};
use crate::error::ApiError;
use crate::random;
use crate::service::Service;
use crate::state::{AuthFlow, Client, ClientSettings, Unit, Validity};

/// Kept and shown, not acted on.
const SHOWN: &[&str] = &[
    "SupportedIdentityProviders",
    "CallbackURLs",
    "LogoutURLs",
    "DefaultRedirectURI",
    "AllowedOAuthFlows",
    "AllowedOAuthScopes",
    "AllowedOAuthFlowsUserPoolClient",
    "EnablePropagateAdditionalUserContextData",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateUserPoolClient {
    user_pool_id: Option<String>,
    client_name: Option<String>,
    generate_secret: Option<bool>,
    client_secret: Option<String>,
    refresh_token_validity: Option<i64>,
    access_token_validity: Option<i64>,
    id_token_validity: Option<i64>,
    token_validity_units: Option<Units>,
    read_attributes: Option<BTreeSet<String>>,
    write_attributes: Option<BTreeSet<String>>,
    explicit_auth_flows: Option<Vec<String>>,
    prevent_user_existence_errors: Option<String>,
    enable_token_revocation: Option<bool>,
    auth_session_validity: Option<i64>,
    refresh_token_rotation: Option<Rotation>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Units {
    access_token: Option<String>,
    id_token: Option<String>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rotation {
    feature: Option<String>,
    retry_grace_period_seconds: Option<i64>,
}

/// PreventUserExistenceErrors is ENABLED when it is left out, unlike at the service.
pub(super) fn create_user_pool_client(
    service: &Service,
    request: CreateUserPoolClient,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id.clone(), &POOL_ID);
    let name = constraints.required("clientName", request.client_name.clone(), &CLIENT_NAME);
    let given = constraints.optional(
        "clientSecret",
        request.client_secret.clone(),
        &CLIENT_SECRET,
    );
    let settings = settings(&mut constraints, &request);
    constraints.check()?;
    if let Some(problem) = settings.problems().into_iter().next() {
        return Err(ApiError::invalid_parameter(problem));
    }
    let secret = match (given, request.generate_secret) {
        (Some(_), Some(true)) => {
            return Err(ApiError::invalid_parameter(
                "ClientSecret and GenerateSecret exclude each other.",
            ));
        }
        (Some(given), _) => Some(given),
        (None, Some(true)) => Some(random::text(random::LOWER, Client::SECRET_LENGTH)?),
        (None, _) => None,
    };
    let client = Client {
        id: random::text(random::LOWER, Client::ID_LENGTH)?,
        name,
        secret,
        settings,
        shown: shown(request.other),
        created: service.now(),
    };
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let answer = json!({ "UserPoolClient": view::client(pool, &client) });
        pool.clients.insert(client.id.clone(), client);
        Ok(answer)
    })
}

fn shown(members: Map<String, Value>) -> Map<String, Value> {
    members
        .into_iter()
        .filter(|(name, value)| SHOWN.contains(&name.as_str()) && !value.is_null())
        .collect()
}

fn settings(constraints: &mut Constraints, request: &CreateUserPoolClient) -> ClientSettings {
    let default = ClientSettings::default();
    let names: Vec<&str> = AuthFlow::ALL.into_iter().map(AuthFlow::name).collect();
    for flow in request.explicit_auth_flows.iter().flatten() {
        constraints.one_of("explicitAuthFlows", Some(flow), &names);
    }
    let flows = request
        .explicit_auth_flows
        .iter()
        .flatten()
        .filter_map(|flow| AuthFlow::from_name(flow))
        .collect();
    let existence = request.prevent_user_existence_errors.as_deref();
    constraints.one_of(
        "preventUserExistenceErrors",
        existence,
        &["LEGACY", "ENABLED"],
    );
    let minutes = constraints.number(
        "authSessionValidity",
        request.auth_session_validity,
        &(3..=15),
    );
    let units = request.token_validity_units.as_ref();
    let mut validity =
        |member: &str, amount: Option<i64>, unit: Option<&String>, default: Validity| {
            constraints.one_of(
                "tokenValidityUnits",
                unit.map(String::as_str),
                &["seconds", "minutes", "hours", "days"],
            );
            let amount = constraints
                .number(member, amount, &(0..=315_360_000))
                .filter(|amount| *amount > 0);
            Validity {
                amount: amount
                    .and_then(|amount| u32::try_from(amount).ok())
                    .unwrap_or(default.amount),
                unit: unit
                    .and_then(|unit| Unit::from_name(unit))
                    .filter(|_| amount.is_some())
                    .unwrap_or(default.unit),
            }
        };
    ClientSettings {
        access_token_validity: validity(
            "accessTokenValidity",
            request.access_token_validity,
            units.and_then(|units| units.access_token.as_ref()),
            default.access_token_validity,
        ),
        id_token_validity: validity(
            "idTokenValidity",
            request.id_token_validity,
            units.and_then(|units| units.id_token.as_ref()),
            default.id_token_validity,
        ),
        refresh_token_validity: validity(
            "refreshTokenValidity",
            request.refresh_token_validity,
            units.and_then(|units| units.refresh_token.as_ref()),
            default.refresh_token_validity,
        ),
        explicit_auth_flows: flows,
        prevent_user_existence_errors: existence != Some("LEGACY"),
        auth_session_validity: minutes
            .and_then(|minutes| u8::try_from(minutes).ok())
            .unwrap_or(default.auth_session_validity),
        enable_token_revocation: request.enable_token_revocation.unwrap_or(true),
        refresh_token_rotation: rotation(constraints, request.refresh_token_rotation.as_ref()),
        read_attributes: request.read_attributes.clone(),
        write_attributes: request.write_attributes.clone(),
    }
}

/// The grace period in seconds; `None` when rotation is off.
fn rotation(constraints: &mut Constraints, rotation: Option<&Rotation>) -> Option<u8> {
    let rotation = rotation?;
    constraints.one_of(
        "refreshTokenRotation.feature",
        rotation.feature.as_deref(),
        &["ENABLED", "DISABLED"],
    );
    let grace = constraints.number(
        "refreshTokenRotation.retryGracePeriodSeconds",
        rotation.retry_grace_period_seconds,
        &(0..=60),
    );
    (rotation.feature.as_deref() == Some("ENABLED")).then(|| {
        grace
            .and_then(|grace| u8::try_from(grace).ok())
            .unwrap_or(0)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeUserPoolClient {
    user_pool_id: Option<String>,
    client_id: Option<String>,
}

pub(super) fn describe_user_pool_client(
    service: &Service,
    request: DescribeUserPoolClient,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    constraints.check()?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        let client = pool
            .clients
            .get(&client_id)
            .ok_or_else(|| ApiError::client_missing(&client_id))?;
        Ok(json!({ "UserPoolClient": view::client(pool, client) }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateUserPoolClient {
    client_id: Option<String>,
    #[serde(flatten)]
    settings: CreateUserPoolClient,
}

/// Replaces the settings: members left out go back to their defaults. Name and secret stay.
pub(super) fn update_user_pool_client(
    service: &Service,
    request: UpdateUserPoolClient,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let (client_id, request) = (request.client_id, request.settings);
    let pool_id = constraints.required("userPoolId", request.user_pool_id.clone(), &POOL_ID);
    let client_id = constraints.required("clientId", client_id, &CLIENT_ID);
    let name = constraints.optional("clientName", request.client_name.clone(), &CLIENT_NAME);
    let settings = settings(&mut constraints, &request);
    constraints.check()?;
    if let Some(problem) = settings.problems().into_iter().next() {
        return Err(ApiError::invalid_parameter(problem));
    }
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let client = pool
            .clients
            .get_mut(&client_id)
            .ok_or_else(|| ApiError::client_missing(&client_id))?;
        client.settings = settings;
        client.shown = shown(request.other);
        if let Some(name) = name {
            client.name = name;
        }
        let client = client.clone();
        Ok(json!({ "UserPoolClient": view::client(pool, &client) }))
    })
}

/// Deletes a client and ends its sign-ins.
pub(super) fn delete_user_pool_client(
    service: &Service,
    request: DescribeUserPoolClient,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    constraints.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        if pool.clients.remove(&client_id).is_none() {
            return Err(ApiError::client_missing(&client_id));
        }
        pool.grants.retain(|_, grant| grant.client != client_id);
        Ok(Value::Null)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListUserPoolClients {
    user_pool_id: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list_user_pool_clients(
    service: &Service,
    request: ListUserPoolClients,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let page =
        Page::new(&mut constraints, "maxResults", request.max_results).after(request.next_token);
    constraints.check()?;
    let page = page?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        let clients = pool.clients.iter().map(|(id, client)| {
            let view = json!({ "ClientId": id, "UserPoolId": pool.id, "ClientName": client.name });
            (id.as_str(), view)
        });
        Ok(page.answer("UserPoolClients", clients))
    })
}
