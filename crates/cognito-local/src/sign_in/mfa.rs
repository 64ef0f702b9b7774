//! The second factor: which one is due, and the challenges SOFTWARE_TOKEN_MFA and SELECT_MFA_TYPE.
//!
//! Codes that are sent are in `code`, setting a factor up is in `mfa_setup`. Nothing is remembered about which factors a
//! user has: `due` looks each time.

use serde_json::{Value, json};

use super::chain::Next;
use super::code::{self, CodeChallenge, Role};
use super::{
    Caller, Flow, Parameters, Step, UnderWay, attempts_exceeded, challenge, device,
    foreign_session, go_on, mfa_setup, open_session, required, spend, spend_in,
};
use crate::error::ApiError;
use crate::message::{Contact, Medium};
use crate::secret_hash;
use crate::service::Service;
use crate::state::{CodeCheck, MfaConfiguration, MfaMethod, Pool, User, code_attempts};

const SELECT: &str = "SELECT_MFA_TYPE";

/// What stands between a proven first factor and the tokens.
pub(super) enum Due {
    Nothing,
    One(MfaMethod),
    Choice(Vec<MfaMethod>),
    /// The pool insists, and the user has nothing: one of these.
    SetUp(Vec<MfaMethod>),
}

/// Asks for the second factor, unless none is due.
pub(super) async fn next(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
) -> Result<Next, ApiError> {
    // Custom challenges without a password are the whole proof: no factor is put on top of them.
    if under_way.flow == Flow::Custom && under_way.password.is_none() {
        return Ok(Next::LetThrough(under_way));
    }
    let due = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool
            .users
            .get(&under_way.user)
            .ok_or_else(foreign_session)?;
        device::check_known(pool, user, &under_way)?;
        due(pool, user, &under_way)
    })?;
    let step = match due {
        Due::Nothing => return Ok(Next::LetThrough(under_way)),
        Due::One(method) => ask(service, caller, under_way, method).await?,
        Due::Choice(methods) => select(service, caller, under_way, &methods)?,
        Due::SetUp(methods) => mfa_setup::challenge(service, caller, under_way, &methods)?,
    };
    Ok(Next::Ask(step))
}

/// Which factor this sign-in still needs (API reference, MfaConfiguration and SetUserMFAPreference).
pub(super) fn due(pool: &Pool, user: &User, under_way: &UnderWay) -> Result<Due, ApiError> {
    let mfa = &pool.settings.mfa;
    if under_way.second_factor
        || !pool.asks_second_factor_of(user)
        || device::stands_in(pool, user, under_way)
    {
        return Ok(Due::Nothing);
    }
    let enabled: Vec<_> = mfa
        .methods
        .intersection(&user.factors.enabled)
        .copied()
        .collect();
    let usable: Vec<_> = enabled
        .iter()
        .copied()
        .filter(|method| is_usable(*method, user))
        .collect();
    if let Some(preferred) = user.factors.preferred.filter(|one| usable.contains(one)) {
        return Ok(Due::One(preferred));
    }
    match (usable.as_slice(), enabled.is_empty()) {
        ([one], _) => return Ok(Due::One(*one)),
        ([], true) => {}
        ([], false) => {
            return Err(ApiError::mfa_method_not_found(
                "The user has no usable MFA method.",
            ));
        }
        (several, _) => return Ok(Due::Choice(several.to_vec())),
    }
    if mfa.configuration != MfaConfiguration::On {
        return Ok(Due::Nothing);
    }
    // Who chose nothing is reached by what is known to work.
    let reached: Vec<_> = [
        (MfaMethod::SmsMfa, "phone_number"),
        (MfaMethod::EmailOtp, "email"),
    ]
    .into_iter()
    .filter(|(method, attribute)| {
        mfa.methods.contains(method) && user.verified(attribute).is_some()
    })
    .map(|(method, _)| method)
    .collect();
    Ok(match reached.as_slice() {
        [] => Due::SetUp(mfa.methods.iter().copied().collect()),
        [one] => Due::One(*one),
        _ => Due::Choice(reached),
    })
}

fn is_usable(method: MfaMethod, user: &User) -> bool {
    match method {
        MfaMethod::SoftwareTokenMfa => user.factors.software_token.is_some(),
        MfaMethod::SmsMfa => contact(CodeChallenge::SmsMfa, user).is_some(),
        MfaMethod::EmailOtp => contact(CodeChallenge::EmailOtp, user).is_some(),
    }
}

/// Where a code goes. A phone number need not be proven: a migration may switch SMS on for one it took over. An address
/// must be, else who changes it with a stolen access token moves the factor with it.
fn contact(challenge: CodeChallenge, user: &User) -> Option<Contact> {
    match challenge.medium() {
        Medium::Sms => Contact::of(user, Medium::Sms),
        Medium::Email => Contact::verified(user, Medium::Email),
    }
}

async fn ask(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
    method: MfaMethod,
) -> Result<Step, ApiError> {
    let by_code = match method {
        MfaMethod::SmsMfa => CodeChallenge::SmsMfa,
        MfaMethod::EmailOtp => CodeChallenge::EmailOtp,
        MfaMethod::SoftwareTokenMfa => return software_token(service, caller, under_way),
    };
    let contact = service.read(|state| {
        let user = state.pool(&caller.pool)?.users.get(&under_way.user);
        user.and_then(|user| contact(by_code, user))
            .ok_or_else(|| ApiError::mfa_method_not_found("The user has no usable MFA method."))
    })?;
    code::ask(
        service,
        caller,
        under_way,
        by_code,
        &contact,
        Role::SecondFactor,
    )
    .await
}

fn software_token(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
) -> Result<Step, ApiError> {
    let name = service.read(|state| {
        let user = state.pool(&caller.pool)?.users.get(&under_way.user);
        let token = user.and_then(|user| user.factors.software_token.clone());
        Ok::<_, ApiError>(token.and_then(|token| token.friendly_name))
    })?;
    let mut parameters = json!({ "USER_ID_FOR_SRP": under_way.name });
    if let (Some(name), Some(parameters)) = (name, parameters.as_object_mut()) {
        parameters.insert("FRIENDLY_DEVICE_NAME".to_owned(), name.into());
    }
    let name = MfaMethod::SoftwareTokenMfa.name();
    challenge(service, caller, name, under_way, &(), parameters)
}

/// RespondToAuthChallenge with SOFTWARE_TOKEN_MFA.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let name = MfaMethod::SoftwareTokenMfa.name();
    let username = required(responses, "USERNAME")?;
    let code = required(responses, "SOFTWARE_TOKEN_MFA_CODE")?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, name, username, session)?;
    let mut under_way = session.under_way.clone();
    under_way.see_device(responses);
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let attempts = code_attempts(&under_way.user);
        if pool.lockout.is_locked(&attempts, now) {
            return Err(attempts_exceeded());
        }
        let user = pool
            .users
            .get_mut(&under_way.user)
            .ok_or_else(foreign_session)?;
        let token = user.factors.software_token.as_mut().ok_or_else(|| {
            ApiError::software_token_mfa_not_found("The user has no software token.")
        })?;
        match token.check(code, now) {
            CodeCheck::Right => {}
            CodeCheck::Wrong => {
                pool.lockout.failed(&attempts, now);
                return Err(code::mismatch());
            }
            CodeCheck::Replayed => {
                pool.lockout.failed(&attempts, now);
                return Err(ApiError::expired_code(
                    "Your software token has already been used once.",
                ));
            }
        }
        pool.lockout.clear(&attempts);
        spend_in(pool, &session, now)
    })?;
    under_way.prove(name);
    under_way.second_factor = true;
    go_on(service, caller, under_way).await
}

fn select(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
    methods: &[MfaMethod],
) -> Result<Step, ApiError> {
    let parameters = json!({
        // JSON in a text.
        "MFAS_CAN_CHOOSE": names(methods).to_string(),
        "USER_ID_FOR_SRP": under_way.name,
    });
    challenge(service, caller, SELECT, under_way, &methods, parameters)
}

pub(super) fn names(methods: &[MfaMethod]) -> Value {
    methods.iter().map(|method| method.name()).collect()
}

/// RespondToAuthChallenge with SELECT_MFA_TYPE.
pub(crate) async fn respond_selected(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    let answer = match required(responses, "ANSWER")? {
        // The name some of the service's own documents use.
        "EMAIL_MFA" => MfaMethod::EmailOtp.name(),
        answer => answer,
    };
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, SELECT, username, session)?;
    let methods: Vec<MfaMethod> = session.own()?;
    let method = MfaMethod::from_name(answer)
        .filter(|method| methods.contains(method))
        .ok_or_else(|| ApiError::invalid_parameter("Invalid MFA type selected."))?;
    spend(service, caller, &session)?;
    let mut under_way = session.under_way;
    under_way.see_device(responses);
    ask(service, caller, under_way, method).await
}
