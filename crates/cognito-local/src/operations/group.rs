//! Groups: CreateGroup, AdminAddUserToGroup.

use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::constraint::{Constraints, GROUP_NAME, POOL_ID, TEXT, USERNAME};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::Group;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateGroup {
    group_name: Option<String>,
    user_pool_id: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    precedence: Option<i64>,
}

pub(super) fn create_group(service: &Service, request: CreateGroup) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let name = constraints.required("groupName", request.group_name, &GROUP_NAME);
    let description = constraints.optional("description", request.description, &TEXT);
    let role_arn = constraints.optional("roleArn", request.role_arn, &TEXT);
    let precedence =
        constraints.number("precedence", request.precedence, &(0..=i64::from(i32::MAX)));
    constraints.check()?;
    let group = Group {
        name,
        description,
        role_arn,
        precedence,
        created: service.now(),
    };
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        if pool.groups.contains_key(&group.name) {
            return Err(ApiError::group_exists(
                "A group with the name already exists.",
            ));
        }
        let answer = json!({ "Group": view::group(pool, &group) });
        pool.groups.insert(group.name.clone(), group);
        Ok(answer)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminAddUserToGroup {
    user_pool_id: Option<String>,
    username: Option<String>,
    group_name: Option<String>,
}

pub(super) fn admin_add_user_to_group(
    service: &Service,
    request: AdminAddUserToGroup,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let group = constraints.required("groupName", request.group_name, &GROUP_NAME);
    constraints.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        if !pool.groups.contains_key(&group) {
            return Err(ApiError::resource_not_found("Group not found."));
        }
        pool.user_mut(&username)?.groups.insert(group);
        Ok(Value::Null)
    })
}
