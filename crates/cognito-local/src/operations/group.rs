//! Groups, and who is in them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Page;
use super::view;
use crate::constraint::{Constraints, GROUP_NAME, POOL_ID, TEXT, USERNAME};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::{Group, Pool};

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

impl AdminAddUserToGroup {
    /// Pool, user and group.
    fn check(self) -> Result<(String, String, String), ApiError> {
        let mut constraints = Constraints::default();
        let pool_id = constraints.required("userPoolId", self.user_pool_id, &POOL_ID);
        let username = constraints.required("username", self.username, &USERNAME);
        let group = constraints.required("groupName", self.group_name, &GROUP_NAME);
        constraints.check()?;
        Ok((pool_id, username, group))
    }
}

pub(super) fn admin_add_user_to_group(
    service: &Service,
    request: AdminAddUserToGroup,
) -> Result<Value, ApiError> {
    let (pool_id, username, group) = request.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        known(pool, &group)?;
        pool.user_mut(&username)?.groups.insert(group);
        Ok(Value::Null)
    })
}

/// A user who is not in the group is no error.
pub(super) fn admin_remove_user_from_group(
    service: &Service,
    request: AdminAddUserToGroup,
) -> Result<Value, ApiError> {
    let (pool_id, username, group) = request.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        known(pool, &group)?;
        pool.user_mut(&username)?.groups.remove(&group);
        Ok(Value::Null)
    })
}

fn known<'p>(pool: &'p Pool, group: &str) -> Result<&'p Group, ApiError> {
    pool.groups
        .get(group)
        .ok_or_else(|| ApiError::resource_not_found("Group not found."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PoolAndGroup {
    user_pool_id: Option<String>,
    group_name: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn get_group(service: &Service, request: PoolAndGroup) -> Result<Value, ApiError> {
    let (pool_id, name) = request.check()?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        Ok(json!({ "Group": view::group(pool, known(pool, &name)?) }))
    })
}

/// Deletes a group; its users stay.
pub(super) fn delete_group(service: &Service, request: PoolAndGroup) -> Result<Value, ApiError> {
    let (pool_id, name) = request.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        known(pool, &name)?;
        pool.groups.remove(&name);
        for user in pool.users.values_mut() {
            user.groups.remove(&name);
        }
        Ok(Value::Null)
    })
}

impl PoolAndGroup {
    fn check(self) -> Result<(String, String), ApiError> {
        let mut constraints = Constraints::default();
        let pool_id = constraints.required("userPoolId", self.user_pool_id, &POOL_ID);
        let name = constraints.required("groupName", self.group_name, &GROUP_NAME);
        constraints.check()?;
        Ok((pool_id, name))
    }
}

pub(super) fn list_groups(service: &Service, request: PoolAndGroup) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let page = Page::new(&mut constraints, "limit", request.limit).after(request.next_token);
    constraints.check()?;
    let page = page?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        let groups = pool.groups.iter();
        let groups = groups.map(|(name, group)| (name.as_str(), view::group(pool, group)));
        Ok(page.answer("Groups", groups))
    })
}

pub(super) fn list_users_in_group(
    service: &Service,
    request: PoolAndGroup,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let name = constraints.required("groupName", request.group_name, &GROUP_NAME);
    let page = Page::new(&mut constraints, "limit", request.limit).after(request.next_token);
    constraints.check()?;
    let page = page?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        known(pool, &name)?;
        let members = pool
            .users
            .iter()
            .filter(|(_, user)| user.groups.contains(&name))
            .map(|(key, user)| {
                let attributes = view::attributes(user, |_| true);
                let view = view::user(user, "Attributes", attributes);
                (key.as_str(), Value::from(view))
            });
        Ok(page.answer("Users", members))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminListGroupsForUser {
    user_pool_id: Option<String>,
    username: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn admin_list_groups_for_user(
    service: &Service,
    request: AdminListGroupsForUser,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let page = Page::new(&mut constraints, "limit", request.limit).after(request.next_token);
    constraints.check()?;
    let page = page?;
    service.read(|state| {
        let pool = state.pool(&pool_id)?;
        let user = pool.user(&username)?;
        let groups = user.groups.iter().filter_map(|name| pool.groups.get(name));
        let groups = groups.map(|group| (group.name.as_str(), view::group(pool, group)));
        Ok(page.answer("Groups", groups))
    })
}
