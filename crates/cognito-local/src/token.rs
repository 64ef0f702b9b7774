//! The three tokens of a sign-in, and the check of an access token at the pool's own operations.
//!
//! Claims are gathered while the state is held and signed afterwards, since signing takes time and may wait for keys.
//! Claims are those of sign-in by API: the scope is `aws.cognito.signin.user.admin`. A PreTokenGeneration function
//! was asked before; its changes come last.

use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::keys::KeyError;
use crate::random;
use crate::service::Service;
use crate::sign_in::device::Bound;
use crate::state::{Client, Grant, GrantedDevice, Pool, RefreshToken, State, User};
use crate::trigger::pre_token_generation::Changes;

/// What sign-in by API grants: the user's own operations.
pub(crate) const SCOPE: &str = "aws.cognito.signin.user.admin";

/// Tokens that only lack their signatures.
pub(crate) struct Unsigned {
    pool: String,
    id: Map<String, Value>,
    access: Map<String, Value>,
    /// Seconds the access token lives.
    expires_in: u64,
    /// Absent on a refresh without rotation.
    pub(crate) refresh_token: Option<RefreshToken>,
    /// A device that may be confirmed.
    new_device: Option<GrantedDevice>,
}

impl Unsigned {
    /// `AuthenticationResult`.
    pub(crate) async fn sign(self, service: &Service) -> Result<Value, ApiError> {
        let keys = service.keys(&self.pool).await?;
        let (id, access) = (self.id, self.access);
        let signed = service
            .compute(move || Ok::<_, KeyError>((keys.id.sign(&id)?, keys.access.sign(&access)?)))
            .await?;
        let (id, access) =
            signed.map_err(|_failed| ApiError::internal("The tokens could not be signed."))?;
        let mut result = json!({ "AccessToken": access, "ExpiresIn": self.expires_in, "TokenType": "Bearer", "IdToken": id });
        if let (Some(token), Some(result)) = (self.refresh_token, result.as_object_mut()) {
            result.insert("RefreshToken".to_owned(), token.0.into());
        }
        if let (Some(device), Some(result)) = (self.new_device, result.as_object_mut()) {
            let metadata = json!({ "DeviceKey": device.key, "DeviceGroupKey": device.group_key });
            result.insert("NewDeviceMetadata".to_owned(), metadata);
        }
        Ok(result)
    }
}

/// Begins a sign-in that was proven: remembers it and gives all three tokens.
pub(crate) fn begin(
    pool: &mut Pool,
    client: &Client,
    user: &str,
    device: Option<Bound>,
    issuer: &str,
    now: Duration,
    changes: &Changes,
) -> Result<Unsigned, ApiError> {
    pool.grants.retain(|_, grant| !grant.is_over(now));
    let event_id = random::uuid()?;
    let refresh_token = RefreshToken::new(&event_id)?;
    let mut grant = Grant {
        user: user.to_owned(),
        client: client.id.clone(),
        origin_jti: random::uuid()?,
        auth_time: now,
        refresh_until: now + client.settings.refresh_token_validity.duration(),
        access_until: now + client.settings.access_token_validity.duration(),
        revoked: false,
        refresh_tokens: Vec::new(),
        device: device.as_ref().map(|bound| bound.device.clone()),
    };
    grant.remember(&refresh_token);
    pool.grants.insert(event_id.clone(), grant);
    let mut tokens = renew(pool, client, &event_id, issuer, now, changes)?;
    tokens.refresh_token = Some(refresh_token);
    tokens.new_device = device.filter(|bound| bound.new).map(|bound| bound.device);
    Ok(tokens)
}

/// New ID and access tokens of a sign-in under way.
pub(crate) fn renew(
    pool: &mut Pool,
    client: &Client,
    event_id: &str,
    issuer: &str,
    now: Duration,
    changes: &Changes,
) -> Result<Unsigned, ApiError> {
    let validity = client.settings.access_token_validity.duration();
    let grant = pool
        .grants
        .get_mut(event_id)
        .ok_or_else(invalid_refresh_token)?;
    grant.access_until = grant.access_until.max(now + validity);
    let (grant, pool) = (grant.clone(), &*pool);
    let user = pool
        .users
        .get(&grant.user)
        .ok_or_else(ApiError::user_missing)?;
    let sign_in = SignIn {
        pool,
        client,
        user,
        grant: &grant,
        event_id,
        issuer,
        now,
    };
    let (mut id, mut access) = (sign_in.id_claims()?, sign_in.access_claims()?);
    changes.apply_to_id(&mut id);
    changes.apply_to_access(&mut access);
    Ok(Unsigned {
        pool: pool.id.clone(),
        id,
        access,
        expires_in: validity.as_secs(),
        refresh_token: None,
        new_device: None,
    })
}

/// The answer to a refresh token that says nothing to this client.
pub(crate) fn invalid_refresh_token() -> ApiError {
    ApiError::not_authorized("Invalid Refresh Token.")
}

struct SignIn<'a> {
    pool: &'a Pool,
    client: &'a Client,
    user: &'a User,
    grant: &'a Grant,
    event_id: &'a str,
    issuer: &'a str,
    now: Duration,
}

impl SignIn<'_> {
    fn access_claims(&self) -> Result<Map<String, Value>, Unspecified> {
        let mut claims = self.common(
            "access",
            self.client.settings.access_token_validity.duration(),
        )?;
        claims.insert("client_id".to_owned(), self.client.id.as_str().into());
        claims.insert("username".to_owned(), self.user.name.as_str().into());
        claims.insert("scope".to_owned(), SCOPE.into());
        // The grant of an access token must be found even when revocation is off.
        claims.insert("event_id".to_owned(), self.event_id.into());
        if let Some(device) = &self.grant.device {
            claims.insert("device_key".to_owned(), device.key.as_str().into());
        }
        Ok(claims)
    }

    fn id_claims(&self) -> Result<Map<String, Value>, Unspecified> {
        let mut claims = self.common("id", self.client.settings.id_token_validity.duration())?;
        claims.insert("aud".to_owned(), self.client.id.as_str().into());
        claims.insert(
            "cognito:username".to_owned(),
            self.user.name.as_str().into(),
        );
        let groups = self.pool.groups_of(self.user);
        let roles: Vec<&str> = groups
            .iter()
            .filter_map(|group| group.role_arn.as_deref())
            .collect();
        if let Some(preferred) = roles.first() {
            claims.insert("cognito:preferred_role".to_owned(), (*preferred).into());
            claims.insert("cognito:roles".to_owned(), roles.into());
        }
        for (name, value) in self
            .user
            .attributes
            .iter()
            .filter(|(name, _)| self.client.settings.reads(name))
        {
            claims.insert(name.clone(), claim_of(name, value));
        }
        Ok(claims)
    }

    fn common(
        &self,
        token_use: &str,
        validity: Duration,
    ) -> Result<Map<String, Value>, Unspecified> {
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("sub", self.user.sub().into());
        put("iss", self.issuer.into());
        put("token_use", token_use.into());
        put("auth_time", self.grant.auth_time.as_secs().into());
        put("iat", self.now.as_secs().into());
        put("exp", (self.now + validity).as_secs().into());
        put("jti", random::uuid()?.into());
        if self.client.settings.enable_token_revocation {
            put("origin_jti", self.grant.origin_jti.as_str().into());
            put("event_id", self.event_id.into());
        }
        let groups: Vec<&str> = self
            .pool
            .groups_of(self.user)
            .into_iter()
            .map(|group| group.name.as_str())
            .collect();
        if !groups.is_empty() {
            put("cognito:groups", groups.into());
        }
        Ok(claims)
    }
}

/// An attribute as the ID token shows it: verified flags are booleans there, the address is an object.
pub(crate) fn claim_of(name: &str, value: &str) -> Value {
    match name {
        "email_verified" | "phone_number_verified" => (value == "true").into(),
        "address" => json!({ "formatted": value }),
        "updated_at" => value
            .parse::<u64>()
            .map_or_else(|_no_number| value.into(), Into::into),
        _ => value.into(),
    }
}

/// Whom an access token stands for.
pub(crate) struct Authorized {
    pub(crate) pool: String,
    pub(crate) client: Client,
    /// Key of the user in the pool.
    pub(crate) user: String,
    /// Names the grant of the sign-in.
    pub(crate) event_id: String,
}

/// Checks the access token of a call like GetUser: ours, not over, not revoked, with the scope.
pub(crate) async fn authorize(service: &Service, token: &str) -> Result<Authorized, ApiError> {
    let invalid = || ApiError::not_authorized("Invalid Access Token");
    let claims = open(service, token).await?.ok_or_else(invalid)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("token_use") != "access" {
        return Err(invalid());
    }
    if claims
        .get("exp")
        .and_then(Value::as_u64)
        .unwrap_or_default()
        <= service.now().as_secs()
    {
        return Err(ApiError::not_authorized("Access Token has expired"));
    }
    if !text("scope").split(' ').any(|scope| scope == SCOPE) {
        return Err(ApiError::not_authorized(
            "Access Token does not have required scopes",
        ));
    }
    service.read(|state| holder(state, text("client_id"), text("event_id")))
}

fn holder(state: &State, client: &str, event_id: &str) -> Result<Authorized, ApiError> {
    let (pool, client) = state.client(client)?;
    let revoked = || ApiError::not_authorized("Access Token has been revoked");
    let grant = pool
        .grants
        .get(event_id)
        .filter(|grant| !grant.revoked)
        .ok_or_else(revoked)?;
    let user = pool
        .users
        .get(&grant.user)
        .ok_or_else(ApiError::user_missing)?;
    if !user.enabled {
        return Err(ApiError::not_authorized("User is disabled."));
    }
    Ok(Authorized {
        pool: pool.id.clone(),
        client: client.clone(),
        user: grant.user.clone(),
        event_id: event_id.to_owned(),
    })
}

/// The claims of a token that a pool of this server signed under its own issuer.
async fn open(service: &Service, token: &str) -> Result<Option<Map<String, Value>>, ApiError> {
    let Some(pool) = service.read(|state| {
        state
            .pools
            .keys()
            .find(|pool| names_issuer(token, &service.issuer(pool)))
            .cloned()
    }) else {
        return Ok(None);
    };
    Ok(service.keys(&pool).await?.access.open(token))
}

/// Whether the unproven claims name this issuer: chooses the key, proves nothing.
fn names_issuer(token: &str, issuer: &str) -> bool {
    use base64::Engine as _;
    let claims = || {
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1)?)
            .ok()?;
        serde_json::from_slice::<Value>(&claims).ok()
    };
    claims().is_some_and(|claims| claims.get("iss").is_some_and(|named| named == issuer))
}
