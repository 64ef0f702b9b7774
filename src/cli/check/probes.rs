//! What the pool tells any visitor: keys, clock, app client, flow, secret, who exists, renewal.
//!
//! `cognito::probe` asks, with a made-up user; here is what the answers mean. Each judgement is a
//! function of its own that asks nobody.

use cognito_flow::{AppClient, FlowKind, FlowSettings};

use super::aws::Aws;
use super::finding::{Finding, Severity};
use super::is_custom;
use crate::clock::Clock;
use crate::cognito::{CognitoError, Fault, Opening, Settings, UserPool};

const FLOW: &str = "app-client-flow";
const SECRET: &str = "app-client-secret";
const EXISTENCE: &str = "user-existence";

/// Seconds a token may be off before it is refused (`cognito::token`), and the half of them.
const CLOCK_ERROR: u64 = 30;
const CLOCK_WARNING: u64 = 10;

/// Asks everything that can be asked without credentials.
pub(super) async fn probe(pool: &UserPool, settings: &Settings, aws: &Aws) -> Vec<Finding> {
    let (keys, clock, sign_in, refresh) = tokio::join!(
        pool.probe_keys(),
        pool.probe_clock(),
        sign_in(pool, settings, aws),
        pool.probe_refresh()
    );
    let mut findings = vec![judge_keys(keys)];
    findings.extend(judge_clock(clock));
    findings.extend(sign_in);
    findings.extend(judge_refresh(&refresh));
    findings
}

async fn sign_in(pool: &UserPool, settings: &Settings, aws: &Aws) -> Vec<Finding> {
    let answer = pool.probe_sign_in().await;
    let secret = match settings.client.client_secret() {
        Some(_) if judges_the_secret(&answer) => {
            let without = probe_without_secret(settings).await;
            judge_secret(&answer, &without)
        }
        _ => None,
    };
    match secret {
        Some(secret) if refuses_the_secret(&answer) => vec![secret],
        secret => {
            let mut findings = judge_sign_in(&settings.flow, answer, aws);
            findings.extend(secret);
            findings
        }
    }
}

/// The same sign-in by a client that has no secret.
async fn probe_without_secret(settings: &Settings) -> Result<Opening, CognitoError> {
    let client = &settings.client;
    let client = AppClient::new(client.pool_id().clone(), client.client_id().clone(), None);
    let settings = Settings {
        client,
        ..settings.clone()
    };
    UserPool::new(settings, Clock::system())?
        .probe_sign_in()
        .await
}

fn judge_keys(keys: Result<usize, CognitoError>) -> Finding {
    const CHECK: &str = "keys";
    match keys {
        Ok(count) => Finding::ok(CHECK, format!("{count} keys to check tokens with")),
        Err(error) => of_error(CHECK, &error),
    }
}

/// `ahead` is how many seconds our clock is ahead of the service's. A service that does not answer is told by the others.
fn judge_clock(ahead: Result<Option<i64>, CognitoError>) -> Option<Finding> {
    const CHECK: &str = "clock";
    let ahead = ahead.ok()??;
    let off = ahead.unsigned_abs();
    let what = format!(
        "this machine's clock is {off} s {} the pool's",
        if ahead < 0 { "behind" } else { "ahead of" }
    );
    let why = "fresh tokens and password proofs carry the time, and are refused when it is off";
    let remedy = "set the clock: let the machine, or the host of the container, use NTP";
    Some(match off {
        CLOCK_ERROR.. => Finding::error(CHECK, what).why(why).remedy(remedy),
        CLOCK_WARNING.. => Finding::warning(CHECK, what).why(why).remedy(remedy),
        _ => Finding::ok(CHECK, "within seconds of the pool's"),
    })
}

fn judge_refresh(answer: &Result<(), CognitoError>) -> Option<Finding> {
    const CHECK: &str = "renewal";
    let why = "sessions end with their first access token, an hour after the sign-in by default";
    match answer {
        Ok(()) => Some(
            Finding::error(CHECK, "the pool renewed a made-up token")
                .why("what answers is not a user pool"),
        ),
        Err(CognitoError::RefreshRefused(_)) => Some(Finding::ok(CHECK, "the pool renews tokens")),
        Err(CognitoError::NotOffered(_)) => Some(
            Finding::error(CHECK, "the service offers neither way to renew tokens")
                .why(why)
                .remedy(
                    "check cognito.endpoint, and that the region has GetTokensFromRefreshToken",
                ),
        ),
        Err(CognitoError::Misconfigured {
            fault: Fault::FlowNotEnabled { .. },
            ..
        }) => Some(
            Finding::error(CHECK, "the app client does not allow tokens to be renewed")
                .why(why)
                .remedy("add ALLOW_REFRESH_TOKEN_AUTH to the app client's ExplicitAuthFlows"),
        ),
        // Whatever else is wrong, the sign-in has met it too.
        Err(_) => None,
    }
}

/// Whether the pool got as far as the secret.
const fn judges_the_secret(answer: &Result<Opening, CognitoError>) -> bool {
    match answer {
        Ok(_) | Err(CognitoError::BadCredentials(_)) => true,
        Err(error) => matches!(
            error,
            CognitoError::Misconfigured {
                fault: Fault::ClientSecret { .. },
                ..
            }
        ),
    }
}

const fn refuses_the_secret(answer: &Result<Opening, CognitoError>) -> bool {
    matches!(
        answer,
        Err(CognitoError::Misconfigured {
            fault: Fault::ClientSecret { .. },
            ..
        })
    )
}

/// What two sign-ins say of a secret that is configured: one with it, one without.
fn judge_secret(
    with: &Result<Opening, CognitoError>,
    without: &Result<Opening, CognitoError>,
) -> Option<Finding> {
    let unwanted = judges_the_secret(without) && !refuses_the_secret(without);
    match (refuses_the_secret(with), unwanted) {
        (true, true) => Some(unwanted_secret()),
        (false, true) => Some(
            Finding::warning(SECRET, "the app client works without a secret, and one is configured")
                .why("the secret protects nothing: whoever knows the client id, which is no secret, can use this client")
                .remedy(
                    "put the id of the client that has this secret into cognito.client_id, or remove cognito.client_secret_file",
                ),
        ),
        (true, false) => Some(wrong_secret()),
        (false, false) => None,
    }
}

pub(super) fn unwanted_secret() -> Finding {
    Finding::error(SECRET, "the app client has no secret, and one is configured")
        .why("it may be meant for another client; Cognito can refuse every sign-in for it")
        .remedy(
            "remove cognito.client_secret_file, or put the id of the client with this secret into cognito.client_id",
        )
}

pub(super) fn wrong_secret() -> Finding {
    Finding::error(SECRET, "the client secret is wrong")
        .why("every sign-in is refused")
        .remedy(
            "compare cognito.client_secret_file and cognito.client_id with the app client's (AWS console: App clients, Show client secret)",
        )
}

pub(super) fn missing_secret(aws: &Aws) -> Finding {
    Finding::error(SECRET, "the app client has a secret, and none is configured")
        .why("every sign-in is refused")
        .remedy(
            "put the secret into a file that only sidegate reads, and name it in cognito.client_secret_file",
        )
        .command(aws.pool(&format!(
            "describe-user-pool-client --client-id {} --query UserPoolClient.ClientSecret --output text",
            aws.client_id
        )))
}

/// What the first answer to a made-up user says of the client, the flow and the triggers.
fn judge_sign_in(
    settings: &FlowSettings,
    answer: Result<Opening, CognitoError>,
    aws: &Aws,
) -> Vec<Finding> {
    let flow = settings.kind;
    let allowed = || Finding::ok(FLOW, format!("{} allows {flow}", aws.client_id));
    match answer {
        Ok(opening) => match (opening.challenge.as_deref(), flow) {
            (Some("PASSWORD_VERIFIER"), _)
            | (Some(_), FlowKind::CustomWithoutSrp | FlowKind::UserAuth) => {
                vec![allowed(), hidden()]
            }
            (challenge, FlowKind::CustomWithSrp) => {
                let (severity, why) = match challenge {
                    Some(_) => skipped_password(settings),
                    None => (Severity::Error, "SRP_A proves nothing: anybody is signed in without the password"),
                };
                let challenge = challenge.unwrap_or("tokens");
                vec![
                    allowed(),
                    Finding::new(
                        severity,
                        "define-auth-challenge",
                        format!("the pool answers SRP_A with {challenge}, not with PASSWORD_VERIFIER"),
                    )
                    .why(why)
                    .remedy(
                        "let DefineAuthChallenge answer challengeName PASSWORD_VERIFIER when the only entry of its session is SRP_A",
                    ),
                ]
            }
            (challenge, _) => vec![
                allowed(),
                Finding::error(
                    "user-migration",
                    format!(
                        "a made-up user with a random password got {}",
                        challenge.unwrap_or("tokens")
                    ),
                )
                .why("the pool's UserMigration trigger takes anybody")
                .remedy("let the trigger throw unless the old directory knows the user and the password; then delete the user it made")
                .command(aws.pool(&format!("admin-delete-user --username {}", opening.username))),
            ],
        },
        Err(CognitoError::BadCredentials(refused))
            if refused.exception() == "UserNotFoundException" =>
        {
            vec![allowed(), told(aws)]
        }
        Err(CognitoError::BadCredentials(_)) if is_custom(flow) => vec![
            allowed(),
            hidden(),
            Finding::note(
                "define-auth-challenge",
                "the triggers refuse a made-up user at once",
            )
            .why("right if they do so for userNotFound alone, and a fault if they do so for everybody")
            .remedy("replay sign-ins to the trigger: sidegate check --trigger define=FUNCTION"),
        ],
        Err(CognitoError::BadCredentials(_)) => vec![allowed(), hidden()],
        Err(CognitoError::RefusedByTrigger { trigger, .. }) => vec![
            allowed(),
            Finding::note("trigger", format!("the trigger {trigger} refuses a made-up user"))
                .why("right if it knows its users; a visitor can tell by it who exists if it lets others pass")
                .remedy("see that it refuses a missing user in no other way than a known one"),
        ],
        Err(error @ CognitoError::TriggerFailed(_)) => vec![
            allowed(),
            Finding::warning("trigger", error.to_string())
                .why("whoever meets the trigger as this made-up user did cannot sign in")
                .remedy(error.operator_hint().unwrap_or_default()),
        ],
        Err(CognitoError::Misconfigured { refused, fault }) => {
            vec![of_fault(flow, &fault, refused.exception(), aws)]
        }
        Err(error @ (CognitoError::Throttled(_) | CognitoError::Busy { .. })) => {
            vec![Finding::warning(FLOW, format!("could not be asked: {error}"))
                .remedy("run the check again in a minute")]
        }
        Err(error) if error.is_outage() => vec![of_error(FLOW, &error)],
        // Whatever else is said of a made-up user is said by a client that runs the flow.
        Err(_) => vec![allowed()],
    }
}

/// How bad it is, and why, that triggers answer SRP_A with a custom challenge under CUSTOM_WITH_SRP.
pub(super) const fn skipped_password(settings: &FlowSettings) -> (Severity, &'static str) {
    if settings.custom_may_skip_password {
        (
            Severity::Warning,
            "the password is never asked, and challenge.allow_skipped_password lets such a sign-in pass",
        )
    } else {
        (
            Severity::Error,
            "the password is never asked; sidegate refuses such a sign-in under CUSTOM_WITH_SRP",
        )
    }
}

fn hidden() -> Finding {
    Finding::ok(EXISTENCE, "the pool does not tell who exists")
}

/// PreventUserExistenceErrors is LEGACY.
pub(super) fn told(aws: &Aws) -> Finding {
    Finding::warning(EXISTENCE, "the pool tells anybody whether a user exists")
        .why("PreventUserExistenceErrors of the app client is LEGACY: names can be collected, then attacked")
        .remedy("set PreventUserExistenceErrors to ENABLED")
        .command(aws.update_client(".PreventUserExistenceErrors = \"ENABLED\""))
}

/// The app client does not allow the configured flow.
pub(super) fn not_allowed(flow: FlowKind, aws: &Aws) -> Finding {
    let entry = explicit_flow(flow);
    Finding::error(FLOW, format!("the app client does not allow {flow}"))
        .why("nobody can sign in")
        .remedy(format!(
            "add {entry} to the app client's ExplicitAuthFlows, or set cognito.flow to a flow that it allows"
        ))
        .command(aws.allow_flow(entry))
}

/// The custom flows without their triggers.
pub(super) fn no_triggers(what: String) -> Finding {
    Finding::error("custom-triggers", what)
        .why("custom authentication runs on three functions, so nobody can sign in")
        .remedy(
            "set DefineAuthChallenge, CreateAuthChallenge and VerifyAuthChallengeResponse in the pool's LambdaConfig \
             (AWS console: Extensions, Add Lambda trigger)",
        )
}

/// What the app client's `ExplicitAuthFlows` must hold for a flow of `cognito.flow`.
pub(super) const fn explicit_flow(flow: FlowKind) -> &'static str {
    match flow {
        FlowKind::UserSrpAuth => "ALLOW_USER_SRP_AUTH",
        FlowKind::UserPasswordAuth => "ALLOW_USER_PASSWORD_AUTH",
        FlowKind::CustomWithSrp | FlowKind::CustomWithoutSrp => "ALLOW_CUSTOM_AUTH",
        FlowKind::UserAuth => "ALLOW_USER_AUTH",
    }
}

fn of_fault(flow: FlowKind, fault: &Fault, exception: &str, aws: &Aws) -> Finding {
    match fault {
        Fault::FlowNotEnabled { .. } => not_allowed(flow, aws),
        Fault::TriggerMissing => no_triggers("the pool lacks the triggers of custom authentication".to_owned()),
        Fault::ClientSecret { given: false } => missing_secret(aws),
        Fault::ClientSecret { given: true } => wrong_secret(),
        Fault::NoSuchClient { pool_id, client_id } => Finding::error(
            "app-client",
            format!("region {} has no app client {client_id}", aws.region),
        )
        .why("nobody can sign in")
        .remedy(format!(
            "check cognito.client_id, cognito.user_pool_id (its region is what stands before the underscore of {pool_id}) and cognito.endpoint"
        ))
        .command(aws.pool("list-user-pool-clients")),
        Fault::Tier => Finding::error(FLOW, format!("the pool's plan does not have {flow}"))
            .why("nobody can sign in")
            .remedy("USER_AUTH needs the plan Essentials or Plus: change the plan (AWS console: Settings, Feature plan), or cognito.flow"),
        Fault::Pool
        | Fault::Passkeys
        | Fault::Permission
        | Fault::Credentials
        | Fault::Other => Finding::error(
            FLOW,
            format!("a sign-in of a made-up user failed with {exception}: {fault}"),
        )
        .why("most likely nobody can sign in")
        .remedy("check the pool's MFA, SMS and e-mail settings; run sidegate with --log-level debug and sign in to see Cognito's own text"),
    }
}

/// An error that ends the looking.
pub(super) fn of_error(check: &'static str, error: &CognitoError) -> Finding {
    let finding = Finding::error(check, error.to_string()).why("nobody can sign in");
    match error.operator_hint() {
        Some(hint) => finding.remedy(hint),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// What is said under CUSTOM_WITH_SRP of a pool that answers SRP_A with `challenge`, or with tokens.
    fn told(challenge: Option<&str>, may_skip_password: bool) -> Severity {
        let minimal = include_str!("../../../config/minimal.toml");
        let config = Config::from_toml("minimal.toml", minimal).unwrap();
        let mut settings = FlowSettings::new(FlowKind::CustomWithSrp);
        settings.custom_may_skip_password = may_skip_password;
        let opening = Opening {
            username: "nobody.invalid".to_owned(),
            challenge: challenge.map(str::to_owned),
        };
        let findings = judge_sign_in(&settings, Ok(opening), &Aws::of(&config.cognito));
        findings
            .iter()
            .map(|finding| finding.severity)
            .max()
            .unwrap()
    }

    #[test]
    fn a_skipped_password_is_an_error_unless_the_configuration_allows_it_and_tokens_always_are() {
        assert_eq!(told(Some("PASSWORD_VERIFIER"), false), Severity::Ok);
        assert_eq!(told(Some("CUSTOM_CHALLENGE"), false), Severity::Error);
        assert_eq!(told(Some("CUSTOM_CHALLENGE"), true), Severity::Warning);
        for may_skip_password in [false, true] {
            assert_eq!(told(None, may_skip_password), Severity::Error);
        }
    }
}
