//! PreTokenGeneration: a function that changes the claims of tokens about to be signed.
//!
//! Each form of the event reads its own member of the answer and no other, so an answer in the form of another version
//! is without effect, as in the service. Claims a function may not touch stay as they are, without a word.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::{Event, Kind, LambdaVersion, add_metadata, attributes, call, read, unusable};
use crate::error::ApiError;
use crate::service::Service;
use crate::sign_in::Caller;
use crate::state::{Group, Pool, User};
use crate::token::{SCOPE, claim_of};

/// Claims no function adds, changes or removes; `cognito:` names have rules of their own.
const FIXED: [&str; 21] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "client_id",
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
];

/// Claims whose form in the ID token is not a text: only a text can take their place.
const TYPED: [&str; 4] = [
    "address",
    "email_verified",
    "phone_number_verified",
    "updated_at",
];

/// What a function wants of the tokens; nothing when the pool has no function.
#[derive(Default)]
pub(crate) struct Changes {
    id: Claims,
    access: Claims,
    scopes_to_add: Vec<String>,
    scopes_to_suppress: BTreeSet<String>,
    /// `None` leaves the groups as they are.
    groups: Option<Groups>,
}

#[derive(Default)]
struct Claims {
    add: Map<String, Value>,
    suppress: BTreeSet<String>,
}

/// `groupOverrideDetails`: takes the place of the user's groups as a whole.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    groups_to_override: Option<Vec<String>>,
    iam_roles_to_override: Option<Vec<String>>,
    preferred_role: Option<String>,
}

/// Asks the pool's function about tokens for a user; `source` is the `triggerSource`.
pub(crate) async fn ask(
    service: &Service,
    caller: &Caller,
    user: &str,
    source: &str,
) -> Result<Changes, ApiError> {
    let (version, name, mut request) = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool.users.get(user).ok_or_else(ApiError::user_missing)?;
        let version = pool.settings.triggers.pre_token_generation_version;
        Ok::<_, ApiError>((version, user.name.clone(), request(pool, user, version)))
    })?;
    add_metadata(&mut request, &caller.metadata);
    let event = Event {
        pool: &caller.pool,
        client: &caller.client.id,
        kind: Kind::PreTokenGeneration,
        source,
        user_name: &name,
        request,
        response: match version {
            LambdaVersion::V1 => json!({ "claimsOverrideDetails": null }),
            LambdaVersion::V2 | LambdaVersion::V3 => {
                json!({ "claimsAndScopeOverrideDetails": null })
            }
        },
    };
    match call(service, event).await? {
        None => Ok(Changes::default()),
        Some(answer) => match version {
            LambdaVersion::V1 => read::<AnswerV1>(answer).map(Changes::from),
            LambdaVersion::V2 | LambdaVersion::V3 => read::<AnswerV2>(answer)?.try_into(),
        },
    }
}

fn request(pool: &Pool, user: &User, version: LambdaVersion) -> Map<String, Value> {
    let groups = pool.groups_of(user);
    let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
    let roles: Vec<_> = groups.iter().filter_map(|group| role(group)).collect();
    let mut request = Map::new();
    request.insert("userAttributes".to_owned(), attributes(user).into());
    request.insert(
        "groupConfiguration".to_owned(),
        json!({ "groupsToOverride": names, "iamRolesToOverride": roles, "preferredRole": roles.first() }),
    );
    if version != LambdaVersion::V1 {
        request.insert("scopes".to_owned(), json!([SCOPE]));
    }
    request
}

fn role<'a>(group: &&'a Group) -> Option<&'a str> {
    group.role_arn.as_deref()
}

/// `response` of version 1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerV1 {
    claims_override_details: Option<DetailsV1>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailsV1 {
    claims_to_add_or_override: Option<BTreeMap<String, String>>,
    claims_to_suppress: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "present")]
    group_override_details: Option<Groups>,
}

impl From<AnswerV1> for Changes {
    fn from(answer: AnswerV1) -> Self {
        let details = answer.claims_override_details.unwrap_or_default();
        let add = details.claims_to_add_or_override.unwrap_or_default();
        Self {
            id: Claims {
                add: add
                    .into_iter()
                    .map(|(name, value)| (name, value.into()))
                    .collect(),
                suppress: details.claims_to_suppress.unwrap_or_default(),
            },
            groups: details.group_override_details,
            ..Self::default()
        }
    }
}

/// `response` of versions 2 and 3.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerV2 {
    claims_and_scope_override_details: Option<DetailsV2>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailsV2 {
    id_token_generation: Option<TokenV2>,
    access_token_generation: Option<TokenV2>,
    #[serde(default, deserialize_with = "present")]
    group_override_details: Option<Groups>,
}

/// The scopes are of use in the access token only.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenV2 {
    claims_to_add_or_override: Option<Map<String, Value>>,
    claims_to_suppress: Option<BTreeSet<String>>,
    scopes_to_add: Option<Vec<String>>,
    scopes_to_suppress: Option<BTreeSet<String>>,
}

impl TryFrom<AnswerV2> for Changes {
    type Error = ApiError;

    fn try_from(answer: AnswerV2) -> Result<Self, ApiError> {
        let details = answer.claims_and_scope_override_details.unwrap_or_default();
        let (id, access) = (
            details.id_token_generation.unwrap_or_default(),
            details.access_token_generation.unwrap_or_default(),
        );
        let claims = |add: Option<Map<String, Value>>, suppress: Option<BTreeSet<String>>| {
            let add = add.unwrap_or_default();
            if add.values().any(Value::is_null) {
                return Err(unusable());
            }
            Ok(Claims {
                add,
                suppress: suppress.unwrap_or_default(),
            })
        };
        let scopes_to_add = access.scopes_to_add.unwrap_or_default();
        // In a token scopes are parted by spaces: one with a space inside would be two.
        if scopes_to_add
            .iter()
            .any(|scope| scope.is_empty() || scope.contains(char::is_whitespace))
        {
            return Err(unusable());
        }
        Ok(Self {
            id: claims(id.claims_to_add_or_override, id.claims_to_suppress)?,
            access: claims(access.claims_to_add_or_override, access.claims_to_suppress)?,
            scopes_to_add,
            scopes_to_suppress: access.scopes_to_suppress.unwrap_or_default(),
            groups: details.group_override_details,
        })
    }
}

/// A member that is there: null means the same as an empty object, and not the same as absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Groups>, D::Error> {
    Option::<Groups>::deserialize(deserializer).map(|groups| Some(groups.unwrap_or_default()))
}

impl Changes {
    /// Changes the claims of an ID token.
    pub(crate) fn apply_to_id(&self, claims: &mut Map<String, Value>) {
        self.override_groups(claims);
        if let Some(groups) = &self.groups {
            put(
                claims,
                "cognito:roles",
                groups.iam_roles_to_override.as_ref(),
            );
            let role = groups.preferred_role.as_ref();
            claims.remove("cognito:preferred_role");
            claims.extend(
                role.map(|role| ("cognito:preferred_role".to_owned(), role.as_str().into())),
            );
        }
        for (name, value) in self.id.add.iter().filter(|(name, _)| may_set(name)) {
            match value.as_str().filter(|_| TYPED.contains(&name.as_str())) {
                Some(text) => claims.insert(name.clone(), claim_of(name, text)),
                None if TYPED.contains(&name.as_str()) => None,
                None => claims.insert(name.clone(), value.clone()),
            };
        }
        self.id.suppress(claims);
    }

    /// Changes the claims of an access token.
    pub(crate) fn apply_to_access(&self, claims: &mut Map<String, Value>) {
        self.override_groups(claims);
        let client = claims.get("client_id").cloned();
        for (name, value) in &self.access.add {
            let audience = name == "aud" && Some(value) == client.as_ref();
            if audience || (may_set(name) && name != "scope") {
                claims.insert(name.clone(), value.clone());
            }
        }
        self.access.suppress(claims);
        let mut scopes: Vec<&str> = Vec::new();
        for scope in std::iter::once(SCOPE).chain(self.scopes_to_add.iter().map(String::as_str)) {
            if !self.scopes_to_suppress.contains(scope) && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        if scopes.is_empty() {
            claims.remove("scope");
        } else {
            claims.insert("scope".to_owned(), scopes.join(" ").into());
        }
    }

    fn override_groups(&self, claims: &mut Map<String, Value>) {
        if let Some(groups) = &self.groups {
            put(claims, "cognito:groups", groups.groups_to_override.as_ref());
        }
    }
}

impl Claims {
    /// Last of all: what is to be left out is left out, even when it was added.
    fn suppress(&self, claims: &mut Map<String, Value>) {
        for name in self.suppress.iter().filter(|name| may_suppress(name)) {
            claims.remove(name);
            if name == "cognito:groups" {
                claims.remove("cognito:roles");
                claims.remove("cognito:preferred_role");
            }
        }
    }
}

/// A list of texts, or no claim.
fn put(claims: &mut Map<String, Value>, name: &str, list: Option<&Vec<String>>) {
    match list.filter(|list| !list.is_empty()) {
        Some(list) => claims.insert(name.to_owned(), json!(list)),
        None => claims.remove(name),
    };
}

fn may_set(name: &str) -> bool {
    !FIXED.contains(&name) && !name.starts_with("cognito:") && !name.starts_with("dev:")
}

fn may_suppress(name: &str) -> bool {
    matches!(
        name,
        "cognito:groups" | "cognito:roles" | "cognito:preferred_role"
    ) || name.starts_with("dev:")
        || (may_set(name) && name != "scope")
}
