//! USER_AUTH: the user chooses what to begin with, among what the pool allows and the user has.
//!
//! SELECT_CHALLENGE names the choices; PASSWORD and PASSWORD_SRP ask for what they say. A name nobody has is offered
//! what most users would be, and everything that follows is played to its end without success.

use serde_json::json;

use super::code::{self, CodeChallenge, Role};
use super::{
    Caller, Flow, Parameters, Step, Target, UnderWay, challenge, go_on, new_session, open_session,
    password, required, seal, spend, srp, web_authn,
};
use crate::error::ApiError;
use crate::message::{Contact, Medium};
use crate::sealed::Session;
use crate::secret_hash;
use crate::service::Service;
use crate::state::{FirstFactor, MfaConfiguration, Pool, is_email, is_phone_number};
use crate::trigger::authentication;

const SELECT: &str = "SELECT_CHALLENGE";
const PASSWORD: &str = "PASSWORD";
const PASSWORD_SRP: &str = "PASSWORD_SRP";

/// The `Session` of ConfirmSignUp: its user is let in without another proof.
const SIGNED_UP: &str = "CONFIRM_SIGN_UP";

/// The `Session` of SignUp.
const SIGNING_UP: &str = "SIGN_UP";

/// InitiateAuth with USER_AUTH.
pub(crate) async fn begin(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    parameters: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(parameters, "USERNAME")?;
    secret_hash::check(
        &caller.client,
        username,
        parameters.get("SECRET_HASH").map(String::as_str),
    )?;
    if session.is_some() {
        let session = open_session(service, caller, SIGNED_UP, username, session)?;
        spend(service, caller, &session)?;
        let mut under_way = session.under_way;
        under_way.second_factor = true;
        return go_on(service, caller, under_way).await;
    }
    let target = Target::look_up(service, caller, username)?;
    if !target.known && !caller.hides_users() {
        return Err(ApiError::user_missing());
    }
    let mut under_way = UnderWay::begin(&target, Flow::UserAuth, parameters.get("DEVICE_KEY"));
    authentication::begins(service, caller, &under_way).await?;
    let available = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        Ok::<_, ApiError>(available(pool, &mut under_way))
    })?;
    match parameters
        .get("PREFERRED_CHALLENGE")
        .and_then(|preferred| available.iter().find(|name| *name == preferred))
    {
        Some(chosen) => choose(service, caller, under_way, chosen, parameters, None).await,
        None => select(service, caller, under_way, available),
    }
}

/// The `Session` of SignUp, for a client that may use it: brought to ConfirmSignUp it becomes the one that signs in; of a
/// user who was confirmed at once it is that one already.
pub(crate) fn signing_up(
    service: &Service,
    caller: &Caller,
    user: &str,
    confirmed: bool,
) -> Result<Option<String>, ApiError> {
    if !caller.client.settings.allows(Flow::UserAuth.setting()) {
        return Ok(None);
    }
    let target = Target::look_up(service, caller, user)?;
    let under_way = UnderWay::begin(&target, Flow::UserAuth, None);
    let name = if confirmed { SIGNED_UP } else { SIGNING_UP };
    let session = new_session(service, caller, name, under_way, &())?;
    seal(service, caller, session).map(Some)
}

/// Opens the `Session` that ConfirmSignUp was given.
pub(crate) fn open_signing_up(
    service: &Service,
    caller: &Caller,
    user: &str,
    session: &str,
) -> Result<Session, ApiError> {
    open_session(service, caller, SIGNING_UP, user, Some(session))
}

/// The `Session` with which a user who confirmed the sign-up just now signs in.
pub(crate) fn signed_up(
    service: &Service,
    caller: &Caller,
    session: Session,
) -> Result<String, ApiError> {
    spend(service, caller, &session)?;
    let next = new_session(service, caller, SIGNED_UP, session.under_way, &())?;
    seal(service, caller, next)
}

/// The challenges the user may choose from. Who has none of them, or is disabled, is nobody from here on.
fn available(pool: &Pool, under_way: &mut UnderWay) -> Vec<String> {
    let user = pool
        .users
        .get(&under_way.user)
        .filter(|user| under_way.known && user.enabled);
    let mut factors = user
        .map(|user| pool.first_factors_of(user))
        .unwrap_or_default();
    if factors.is_empty() {
        under_way.known = false;
        factors = usual(pool, &under_way.user);
    }
    factors
        .into_iter()
        .flat_map(|factor| match factor {
            FirstFactor::Password => vec![PASSWORD_SRP, PASSWORD],
            _ => vec![factor.name()],
        })
        .map(str::to_owned)
        .collect()
}

/// What most users of the pool would be offered.
fn usual(pool: &Pool, typed: &str) -> Vec<FirstFactor> {
    let allowed = &pool.settings.first_factors;
    let codes = pool.settings.mfa.configuration != MfaConfiguration::On;
    let by_phone = is_phone_number(typed);
    FirstFactor::ALL
        .into_iter()
        .filter(|factor| match factor {
            FirstFactor::Password => allowed.is_empty() || allowed.contains(factor),
            FirstFactor::EmailOtp => codes && !by_phone && allowed.contains(factor),
            FirstFactor::SmsOtp => codes && by_phone && allowed.contains(factor),
            FirstFactor::WebAuthn => false,
        })
        .collect()
}

fn select(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
    available: Vec<String>,
) -> Result<Step, ApiError> {
    let parameters = json!({ "USERNAME": under_way.name });
    let session = new_session(service, caller, SELECT, under_way, &available)?;
    Ok(Step::Select {
        name: SELECT,
        session: seal(service, caller, session)?,
        parameters,
        available,
    })
}

/// RespondToAuthChallenge with SELECT_CHALLENGE.
pub(crate) async fn respond_selected(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let answer = required(responses, "ANSWER")?;
    let session = opened(service, caller, SELECT, session, responses)?;
    let available: Vec<String> = session.own()?;
    let chosen = available
        .iter()
        .find(|name| *name == answer)
        .ok_or_else(|| ApiError::invalid_parameter("Invalid challenge selected."))?;
    let under_way = under_way_of(&session, responses);
    choose(
        service,
        caller,
        under_way,
        chosen,
        responses,
        Some(&session),
    )
    .await
}

/// RespondToAuthChallenge with PASSWORD.
pub(crate) async fn respond_password(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    required(responses, "PASSWORD")?;
    let session = opened(service, caller, PASSWORD, session, responses)?;
    let under_way = under_way_of(&session, responses);
    choose(
        service,
        caller,
        under_way,
        PASSWORD,
        responses,
        Some(&session),
    )
    .await
}

/// RespondToAuthChallenge with PASSWORD_SRP.
pub(crate) async fn respond_srp(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    required(responses, "SRP_A")?;
    let session = opened(service, caller, PASSWORD_SRP, session, responses)?;
    let under_way = under_way_of(&session, responses);
    choose(
        service,
        caller,
        under_way,
        PASSWORD_SRP,
        responses,
        Some(&session),
    )
    .await
}

fn opened(
    service: &Service,
    caller: &Caller,
    name: &str,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Session, ApiError> {
    caller.check_flow(Flow::UserAuth.setting())?;
    let username = required(responses, "USERNAME")?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    open_session(service, caller, name, username, session)
}

fn under_way_of(session: &Session, responses: &Parameters) -> UnderWay {
    let mut under_way = session.under_way.clone();
    under_way.see_device(responses);
    under_way
}

/// Asks for a factor, or takes its proof when it came along. `session` is the one it answers: used up by a right
/// password and by every question.
async fn choose(
    service: &Service,
    caller: &Caller,
    mut under_way: UnderWay,
    chosen: &str,
    given: &Parameters,
    session: Option<&Session>,
) -> Result<Step, ApiError> {
    if chosen == PASSWORD
        && let Some(password) = given.get("PASSWORD").filter(|text| !text.is_empty())
    {
        let target = Target::look_up(service, caller, &under_way.user)?;
        let under_way =
            password::prove(service, caller, &target, under_way, password.clone()).await?;
        if let Some(session) = session {
            spend(service, caller, session)?;
        }
        return go_on(service, caller, under_way).await;
    }
    let public = match chosen {
        PASSWORD_SRP if given.contains_key("SRP_A") => Some(srp::public(given)?),
        _ => None,
    };
    if let Some(session) = session {
        spend(service, caller, session)?;
    }
    let name = json!({ "USERNAME": under_way.name });
    match chosen {
        PASSWORD => challenge(service, caller, PASSWORD, under_way, &(), name),
        PASSWORD_SRP if public.is_some() => {
            under_way.srp_a = public;
            srp::verifier(service, caller, under_way).await
        }
        PASSWORD_SRP => challenge(service, caller, PASSWORD_SRP, under_way, &(), name),
        "EMAIL_OTP" => by_code(service, caller, under_way, CodeChallenge::EmailOtp).await,
        "SMS_OTP" => by_code(service, caller, under_way, CodeChallenge::SmsOtp).await,
        _ => web_authn::ask(service, caller, under_way),
    }
}

async fn by_code(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
    challenge: CodeChallenge,
) -> Result<Step, ApiError> {
    let contact = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool.users.get(&under_way.user);
        let contact = user
            .filter(|_| under_way.known)
            .and_then(|user| Contact::verified(user, challenge.medium()));
        Ok::<_, ApiError>(contact.unwrap_or_else(|| made_up(pool, challenge.medium(), &under_way)))
    })?;
    let role = Role::FirstFactor;
    code::ask(service, caller, under_way, challenge, &contact, role).await
}

/// Where the code of nobody would go: to the name typed where it is an address, else to one that is always the same.
fn made_up(pool: &Pool, medium: Medium, under_way: &UnderWay) -> Contact {
    let typed = &under_way.user;
    let is_address = match medium {
        Medium::Email => is_email(typed),
        Medium::Sms => is_phone_number(typed),
    };
    let derived = super::target::derived(pool, "address", typed);
    let mut bytes = derived.as_ref().iter();
    let mut letter = || char::from(b'a' + bytes.next().map_or(0, |byte| byte % 26));
    let address = match medium {
        _ if is_address => typed.clone(),
        Medium::Email => format!("{}@{}.example", letter(), letter()),
        Medium::Sms => {
            let digits: String = derived
                .as_ref()
                .iter()
                .take(10)
                .map(|byte| char::from(b'0' + byte % 10))
                .collect();
            format!("+1{digits}")
        }
    };
    Contact { medium, address }
}
