//! ListUsers: a page of users in the order of their names, with Cognito's one-condition filter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::constraint::{Constraints, POOL_ID, TEXT};
use crate::error::ApiError;
use crate::operations::view;
use crate::service::Service;
use crate::state::User;

/// What a filter may ask about.
const FILTERED: &[&str] = &[
    "username",
    "email",
    "phone_number",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "cognito:user_status",
    "status",
    "sub",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct ListUsers {
    user_pool_id: Option<String>,
    attributes_to_get: Option<Vec<String>>,
    limit: Option<i64>,
    pagination_token: Option<String>,
    filter: Option<String>,
}

pub(in crate::operations) fn list_users(
    service: &Service,
    request: ListUsers,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let limit = constraints.number("limit", request.limit, &(0..=60));
    let filter = constraints.optional("filter", request.filter, &TEXT);
    constraints.check()?;
    // 0 is the service's way to say "the most".
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0)
        .unwrap_or(60);
    let filter = filter
        .as_deref()
        .filter(|filter| !filter.trim().is_empty())
        .map(Filter::parse)
        .transpose()?;
    let after = request
        .pagination_token
        .as_deref()
        .map(position)
        .transpose()?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        let mut matching = pool
            .users
            .iter()
            .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
            .filter(|(_, user)| filter.as_ref().is_none_or(|filter| filter.matches(user)));
        let page: Vec<_> = matching.by_ref().take(limit).collect();
        let wanted = |name: &str| {
            request
                .attributes_to_get
                .as_ref()
                .is_none_or(|names| names.iter().any(|wanted| wanted == name))
        };
        let users: Vec<_> = page
            .iter()
            .map(|(_, user)| view::user(user, "Attributes", view::attributes(user, wanted)))
            .collect();
        let mut answer = json!({ "Users": users });
        if let (Some(_more), Some((last, _)), Some(answer)) =
            (matching.next(), page.last(), answer.as_object_mut())
        {
            answer.insert(
                "PaginationToken".to_owned(),
                URL_SAFE_NO_PAD.encode(last).into(),
            );
        }
        Ok(answer)
    })
}

/// Where the last page ended: the key of its last user.
fn position(token: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ApiError::invalid_parameter("Invalid pagination token."))
}

/// `attribute = "value"` or `attribute ^= "prefix"`.
struct Filter {
    attribute: String,
    prefix: bool,
    value: String,
}

impl Filter {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let invalid = || ApiError::invalid_parameter("Error while parsing filter.");
        let (left, right) = text.split_once('=').ok_or_else(invalid)?;
        let (left, prefix) = left
            .strip_suffix('^')
            .map_or((left, false), |left| (left, true));
        let value = right
            .trim()
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .ok_or_else(invalid)?;
        let attribute = left.trim().trim_matches('"');
        if !FILTERED.contains(&attribute) {
            return Err(invalid());
        }
        Ok(Self {
            attribute: attribute.to_owned(),
            prefix,
            value: value.replace("\\\"", "\""),
        })
    }

    fn matches(&self, user: &User) -> bool {
        let actual = match self.attribute.as_str() {
            "username" => user.name.as_str(),
            "cognito:user_status" => user.status.name(),
            "status" => {
                if user.enabled {
                    "Enabled"
                } else {
                    "Disabled"
                }
            }
            attribute => match user.attributes.get(attribute) {
                Some(value) => value,
                None => return false,
            },
        };
        if self.prefix {
            actual.starts_with(&self.value)
        } else {
            actual == self.value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_one_condition_on_a_searchable_attribute() {
        let filter = Filter::parse(r#"email ^= "ada@""#).unwrap();
        assert!(filter.prefix && filter.attribute == "email" && filter.value == "ada@");
        let filter = Filter::parse(r#""family_name"="O\"Hara""#).unwrap();
        assert!(!filter.prefix && filter.value == "O\"Hara");
        for refused in [
            "",
            "email",
            "email = ada",
            r#"custom:x = "1""#,
            r#"= "1""#,
            r#"email ~ "1""#,
        ] {
            assert!(Filter::parse(refused).is_err(), "{refused}");
        }
    }
}
