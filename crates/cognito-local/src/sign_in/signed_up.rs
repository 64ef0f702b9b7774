//! From sign-up straight into a sign-in: the `Session`s of SignUp and ConfirmSignUp.
//!
//! SignUp gives one to who made the user; who shows it with the right code at ConfirmSignUp gets another; with that one
//! InitiateAuth USER_AUTH asks for no further proof. Without SignUp's there is none: a code read from somebody's mail
//! confirms a user, and signs nobody in. They carry no password, so they end with their few minutes only.

use super::{
    Caller, Flow, Parameters, Step, Target, UnderWay, go_on, new_session, open_session, required,
    seal, spend,
};
use crate::error::ApiError;
use crate::secret_hash;
use crate::service::Service;
use crate::state::AuthFlow;
use crate::trigger::authentication;

/// What the sessions are good for, in the place of a challenge's name.
const SIGNED_UP: &str = "SIGN_UP";
const CONFIRMED: &str = "CONFIRM_SIGN_UP";

/// The `Session` of SignUp; none for a client that may not use USER_AUTH.
pub(crate) fn begin(
    service: &Service,
    caller: &Caller,
    username: &str,
) -> Result<Option<String>, ApiError> {
    if !caller.client.settings.allows(AuthFlow::AllowUserAuth) {
        return Ok(None);
    }
    let target = Target::look_up(service, caller, username)?;
    let under_way = UnderWay::begin(&target, Flow::UserAuth, None);
    let session = new_session(service, caller, SIGNED_UP, under_way, &())?;
    seal(service, caller, session).map(Some)
}

/// The `Session` of ConfirmSignUp for a caller who shows the one of SignUp. One that is worth nothing takes nothing from
/// the confirmation.
pub(crate) fn confirmed(
    service: &Service,
    caller: &Caller,
    username: &str,
    session: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let Ok(session) = open_session(service, caller, SIGNED_UP, username, session) else {
        return Ok(None);
    };
    spend(service, caller, &session)?;
    let session = new_session(service, caller, CONFIRMED, session.under_way, &())?;
    seal(service, caller, session).map(Some)
}

/// InitiateAuth USER_AUTH with the `Session` of ConfirmSignUp. No other parameter than USERNAME is looked at.
pub(crate) async fn redeem(
    service: &Service,
    caller: &Caller,
    parameters: &Parameters,
    session: &str,
) -> Result<Step, ApiError> {
    let username = required(parameters, "USERNAME")?;
    let hash = parameters.get("SECRET_HASH").map(String::as_str);
    secret_hash::check(&caller.client, username, hash)?;
    let session = open_session(service, caller, CONFIRMED, username, Some(session))?;
    spend(service, caller, &session)?;
    authentication::begins(service, caller, &session.under_way).await?;
    go_on(service, caller, session.under_way).await
}
