//! PreAuthentication and PostAuthentication: before the proof of a sign-in, and after its last step.
//!
//! Both can only refuse. Their answers say nothing: what counts is that they gave one.

use serde_json::{Map, Value, json};

use super::{Event, Kind, add_metadata, attributes, call};
use crate::error::ApiError;
use crate::service::Service;
use crate::sign_in::{Caller, UnderWay, device};

/// Calls PreAuthentication. It runs for names nobody has as well, where existence is hidden: else its absence would tell.
pub(crate) async fn begins(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
) -> Result<(), ApiError> {
    let mut request = about(service, caller, under_way);
    request.insert("validationData".to_owned(), caller.validation_data());
    let event = Event {
        pool: &caller.pool,
        client: &caller.client.id,
        kind: Kind::PreAuthentication,
        source: "PreAuthentication_Authentication",
        user_name: &under_way.event_name,
        request,
        response: json!({}),
    };
    call(service, event).await.map(|_answer| ())
}

/// Calls PostAuthentication.
pub(crate) async fn succeeded(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
) -> Result<(), ApiError> {
    let mut request = Map::new();
    request.insert(
        "userAttributes".to_owned(),
        user_attributes(service, caller, under_way),
    );
    let tracked = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        Ok::<_, ApiError>(device::are_tracked(pool, under_way))
    })?;
    if tracked {
        let new = under_way.proven_device.is_none();
        request.insert("newDeviceUsed".to_owned(), new.into());
    }
    add_metadata(&mut request, &caller.metadata);
    let event = Event {
        pool: &caller.pool,
        client: &caller.client.id,
        kind: Kind::PostAuthentication,
        source: "PostAuthentication_Authentication",
        user_name: &under_way.event_name,
        request,
        response: json!({}),
    };
    call(service, event).await.map(|_answer| ())
}

/// `userAttributes`, and `userNotFound` where existence is hidden: the beginning of every `request` of a sign-in that
/// may be about nobody.
pub(crate) fn about(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
) -> Map<String, Value> {
    let mut request = Map::new();
    request.insert(
        "userAttributes".to_owned(),
        user_attributes(service, caller, under_way),
    );
    if caller.hides_users() {
        request.insert("userNotFound".to_owned(), (!under_way.known).into());
    }
    request
}

fn user_attributes(service: &Service, caller: &Caller, under_way: &UnderWay) -> Value {
    service.read(|state| {
        let user = state
            .pool(&caller.pool)
            .ok()
            .and_then(|pool| pool.users.get(&under_way.user))
            .filter(|_| under_way.known);
        user.map(attributes).unwrap_or_default().into()
    })
}
