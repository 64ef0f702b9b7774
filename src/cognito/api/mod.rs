//! Cognito's API through the AWS SDK. Only this folder names the SDK.
//!
//! `UserPool` hands in a `Call` and gets a `Reply`. Requests are not signed: the operations used here
//! are open ones, and no credentials are looked for. (Those of `describe` are signed, for `check` alone.) No step of a sign-in is sent twice, since a repeated
//! answer burns the session and counts as a wrong try; only a connection that was not made is tried
//! again (`transport`). The SDK logs requests and replies in full at level trace, so none of its events
//! leave this file.

mod account;
mod describe;
mod device;
mod web_authn;

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cognitoidentityprovider as sdk;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::{DateTime, Format};
use bytes::Bytes;
use cognito_flow::{
    AppClient, Call, CognitoSession, NewDevice, Parameters, Reply, Secret, TokenSet,
};
use http_body_util::Full;
use sdk::config::retry::RetryConfig;
use sdk::config::{BehaviorVersion, Config, Region, StalledStreamProtectionConfig};
use sdk::error::{ProvideErrorMetadata, SdkError};
use sdk::types::{
    AuthFlowType, AuthenticationResultType, ChallengeNameType, VerifySoftwareTokenResponseType,
};
use tokio::sync::Semaphore;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use url::Url;

pub use describe::{
    AwsCredentials, ClientSettings, Described, DeviceSettings, MfaSettings, PoolSettings,
};

use super::error::{CognitoError, Refused, Stage};
use super::transport::{MAX_ANSWER_BYTES, Transport, TransportError};

/// Most calls under way at once; further ones wait, within their own time.
const MAX_CALLS: usize = 60;

/// The API of one pool's region, for one app client.
#[derive(Debug)]
pub(super) struct Api {
    sdk: sdk::Client,
    client: Arc<AppClient>,
    transport: Transport,
    endpoint: Url,
    host: String,
    call_timeout: Duration,
    calls: Semaphore,
}

impl Api {
    pub(super) fn new(
        client: Arc<AppClient>,
        endpoint: &Url,
        call_timeout: Duration,
        transport: Transport,
    ) -> Self {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(client.pool_id().region().to_owned()))
            .endpoint_url(endpoint.as_str())
            .http_client(SdkTransport(transport.clone()))
            .retry_config(RetryConfig::disabled())
            // Ours is the one time-out; it counts the wait for a place too.
            .timeout_config(sdk::config::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            sdk: sdk::Client::from_conf(config),
            client,
            transport,
            endpoint: endpoint.clone(),
            host: endpoint.authority().to_owned(),
            call_timeout,
            calls: Semaphore::new(MAX_CALLS),
        }
    }

    /// Sends one step of a sign-in or a refresh, once. `password_proven` is the flow's; it bears on what a refusal tells.
    ///
    /// # Errors
    /// A refusal of Cognito's as what it means, or why there is none of its answers.
    pub(super) async fn send(
        &self,
        call: Call,
        password_proven: bool,
    ) -> Result<Reply, CognitoError> {
        let operation = call.operation();
        let (stage, flow) = Stage::of(&call, password_proven);
        let client_id = self.client.client_id().as_str();
        let sent = async {
            match call {
                Call::InitiateAuth {
                    auth_flow,
                    parameters,
                    session,
                } => {
                    let request = self
                        .sdk
                        .initiate_auth()
                        .client_id(client_id)
                        .auth_flow(AuthFlowType::from(auth_flow))
                        .set_auth_parameters(Some(map(&parameters)))
                        .set_session(session.map(text));
                    let output = unlogged(request.send()).await;
                    let output =
                        output.map_err(|error| self.error(operation, stage, flow, error))?;
                    self.reply(
                        operation,
                        output.authentication_result,
                        output.challenge_name,
                        output.challenge_parameters,
                        output.session,
                        output.available_challenges,
                    )
                }
                Call::RespondToAuthChallenge {
                    challenge,
                    responses,
                    session,
                } => {
                    let request = self
                        .sdk
                        .respond_to_auth_challenge()
                        .client_id(client_id)
                        .challenge_name(ChallengeNameType::from(challenge))
                        .set_challenge_responses(Some(map(&responses)))
                        .set_session(session.map(text));
                    let output = unlogged(request.send()).await;
                    let output =
                        output.map_err(|error| self.error(operation, stage, flow, error))?;
                    self.reply(
                        operation,
                        output.authentication_result,
                        output.challenge_name,
                        output.challenge_parameters,
                        output.session,
                        output.available_challenges,
                    )
                }
                Call::AssociateSoftwareToken { session } => {
                    let request = self
                        .sdk
                        .associate_software_token()
                        .set_session(session.map(text));
                    let output = unlogged(request.send()).await;
                    let output =
                        output.map_err(|error| self.error(operation, stage, flow, error))?;
                    let secret_code = output.secret_code.ok_or_else(|| {
                        self.bad_reply(operation, "an answer without its SecretCode")
                    })?;
                    Ok(Reply::SoftwareTokenSecret {
                        secret_code: Secret::new(secret_code),
                        session: output.session.map(CognitoSession::new),
                    })
                }
                Call::VerifySoftwareToken {
                    session,
                    user_code,
                    device_name,
                } => {
                    let request = self
                        .sdk
                        .verify_software_token()
                        .set_session(session.map(text))
                        .user_code(user_code.expose())
                        .set_friendly_device_name(device_name);
                    let output = unlogged(request.send()).await;
                    let output =
                        output.map_err(|error| self.error(operation, stage, flow, error))?;
                    if output.status != Some(VerifySoftwareTokenResponseType::Success) {
                        return Err(self.bad_reply(operation, "a Status other than SUCCESS"));
                    }
                    Ok(Reply::SoftwareTokenVerified {
                        session: output.session.map(CognitoSession::new),
                    })
                }
                Call::GetTokensFromRefreshToken {
                    refresh_token,
                    client_secret,
                    device_key,
                } => {
                    let request = self
                        .sdk
                        .get_tokens_from_refresh_token()
                        .client_id(client_id)
                        .refresh_token(refresh_token.expose())
                        .set_client_secret(client_secret.map(|secret| secret.expose().clone()))
                        .set_device_key(device_key);
                    let output = unlogged(request.send()).await;
                    let output =
                        output.map_err(|error| self.error(operation, stage, flow, error))?;
                    self.reply(
                        operation,
                        output.authentication_result,
                        None,
                        None,
                        None,
                        None,
                    )
                }
            }
        };
        self.bounded(operation, sent, |reply| reply.name().to_owned())
            .await
    }

    /// RevokeToken. Sent twice at most: a second time does no harm.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(super) async fn revoke(&self, refresh_token: &Secret<String>) -> Result<(), CognitoError> {
        const OPERATION: &str = "RevokeToken";
        let client_secret = self.client.client_secret();
        let request = self
            .sdk
            .revoke_token()
            .client_id(self.client.client_id().as_str())
            .token(refresh_token.expose())
            .set_client_secret(client_secret.map(|secret| secret.expose().clone()))
            .customize()
            .config_override(
                Config::builder().retry_config(RetryConfig::standard().with_max_attempts(2)),
            );
        let sent = async {
            let sent = unlogged(request.send()).await;
            sent.map(drop)
                .map_err(|error| self.error(OPERATION, Stage::Revoke, None, error))
        };
        self.bounded(OPERATION, sent, |()| "done".to_owned()).await
    }

    /// The `Date` of an answer, in seconds since 1970. What is asked, a GET, is none of the operations.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(super) async fn date(&self) -> Result<Option<i64>, CognitoError> {
        const OPERATION: &str = "GET";
        let sent = async {
            let request = http::Request::get(self.endpoint.as_str()).body(Full::default());
            let request =
                request.map_err(|_| CognitoError::Internal("the endpoint is not an address"))?;
            let answer = self.transport.send(request, MAX_ANSWER_BYTES).await;
            let answer = answer.map_err(|source| CognitoError::Unreachable {
                operation: OPERATION,
                source,
            })?;
            let date = answer.headers().get(http::header::DATE);
            let date = date.and_then(|date| date.to_str().ok());
            Ok(date
                .and_then(|date| DateTime::from_str(date, Format::HttpDate).ok())
                .map(|date| date.secs()))
        };
        self.bounded(OPERATION, sent, |_| "done".to_owned()).await
    }

    /// As if [`MAX_CALLS`] were under way.
    #[cfg(test)]
    pub(super) async fn occupy_all_places(&self) -> impl Sized {
        self.calls.acquire_many(60).await.unwrap()
    }

    /// Waits for a place, then for the answer, both within the call's time.
    async fn bounded<T>(
        &self,
        operation: &'static str,
        sent: impl Future<Output = Result<T, CognitoError>>,
        name: impl Fn(&T) -> String,
    ) -> Result<T, CognitoError> {
        let began = tokio::time::Instant::now();
        let deadline = began + self.call_timeout;
        let result = match tokio::time::timeout_at(deadline, self.calls.acquire()).await {
            Ok(Ok(_place)) => {
                let timed_out = |_| CognitoError::TimedOut {
                    operation,
                    host: self.host.clone(),
                    limit: self.call_timeout,
                };
                let answer = tokio::time::timeout_at(deadline, sent).await;
                answer.map_err(timed_out).flatten()
            }
            Ok(Err(_)) | Err(_) => Err(CognitoError::Busy { operation }),
        };
        let ms = began.elapsed().as_millis();
        match &result {
            Ok(answer) => tracing::debug!(operation, outcome = name(answer), ms, "Cognito call"),
            Err(error) => tracing::debug!(operation, outcome = error.outcome(), ms, "Cognito call"),
        }
        result
    }

    /// What an `InitiateAuth`, `RespondToAuthChallenge` or `GetTokensFromRefreshToken` output says.
    fn reply(
        &self,
        operation: &'static str,
        tokens: Option<AuthenticationResultType>,
        challenge: Option<ChallengeNameType>,
        parameters: Option<HashMap<String, String>>,
        session: Option<String>,
        available: Option<Vec<ChallengeNameType>>,
    ) -> Result<Reply, CognitoError> {
        let incomplete = |what: &str| self.bad_reply(operation, what);
        match (tokens, challenge) {
            (Some(tokens), _) => {
                let (Some(access_token), Some(id_token)) = (tokens.access_token, tokens.id_token)
                else {
                    return Err(incomplete("an AuthenticationResult without its tokens"));
                };
                let new_device = tokens.new_device_metadata.and_then(|device| {
                    Some(NewDevice {
                        device_key: device.device_key?,
                        device_group_key: device.device_group_key?,
                    })
                });
                Ok(Reply::Tokens(TokenSet {
                    access_token: Secret::new(access_token),
                    id_token: Secret::new(id_token),
                    refresh_token: tokens.refresh_token.map(Secret::new),
                    expires_in: u32::try_from(tokens.expires_in).unwrap_or_default(),
                    new_device,
                }))
            }
            (None, Some(challenge)) => {
                let names = available.unwrap_or_default();
                Ok(Reply::Challenge {
                    name: challenge.as_str().to_owned(),
                    parameters: BTreeMap::from_iter(parameters.unwrap_or_default()),
                    session: session.map(CognitoSession::new),
                    available: names.iter().map(|name| name.as_str().to_owned()).collect(),
                })
            }
            (None, None) => Err(incomplete("neither tokens nor a challenge")),
        }
    }

    /// Our error for one of the SDK's. Its own is dropped here: it can hold requests and replies.
    fn error<E>(
        &self,
        operation: &'static str,
        stage: Stage,
        flow: Option<&str>,
        error: SdkError<E, HttpResponse>,
    ) -> CognitoError
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(error) => match error.err().code() {
                Some(exception) => {
                    let message = error.err().message().unwrap_or_default();
                    let refused = Refused::new(operation, stage, exception);
                    tracing::debug!(%refused, text = presentable(exception, message), "refused by Cognito");
                    CognitoError::from_exception(refused, message, flow, &self.client)
                }
                None => {
                    let status = error.raw().status().as_u16();
                    self.bad_reply(operation, &format!("status {status} without an exception"))
                }
            },
            SdkError::DispatchFailure(failure) => {
                let source = failure.as_connector_error().and_then(StdError::source);
                match source.and_then(|source| source.downcast_ref::<TransportError>()) {
                    Some(source) => CognitoError::Unreachable {
                        operation,
                        source: source.clone(),
                    },
                    None => CognitoError::Internal("the SDK did not send the request"),
                }
            }
            error @ SdkError::ResponseError(_) => match error.source() {
                Some(cause) if TransportError::is_of_body(cause) => CognitoError::Unreachable {
                    operation,
                    source: TransportError::of_body(cause, MAX_ANSWER_BYTES),
                },
                _ => self.bad_reply(operation, "something other than Cognito's JSON"),
            },
            _ => CognitoError::Internal("the SDK could not make the request"),
        }
    }

    /// An answer that is none of Cognito's.
    pub(super) fn bad_reply(&self, operation: &'static str, what: &str) -> CognitoError {
        CognitoError::BadReply {
            operation,
            host: self.host.clone(),
            what: what.to_owned(),
        }
    }
}

/// The SDK's HTTP client: `transport` in its clothes.
#[derive(Clone, Debug)]
struct SdkTransport(Transport);

impl HttpClient for SdkTransport {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SdkTransport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(transport) = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x();
            let request = request.map_err(|error| ConnectorError::user(error.into()))?;
            let whole = |body: SdkBody| body.bytes().map(Bytes::copy_from_slice);
            let (head, body) = request.into_parts();
            let body = whole(body).ok_or_else(|| ConnectorError::user("a streamed body".into()))?;
            let request = http::Request::from_parts(head, Full::new(body));
            let answer = transport.send(request, MAX_ANSWER_BYTES).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Runs the SDK with nobody listening to its events.
fn unlogged<F: Future>(call: F) -> impl Future<Output = F::Output> {
    call.with_subscriber(Dispatch::none())
}

fn map(parameters: &Parameters) -> HashMap<String, String> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    parameters.iter().map(owned).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "the session is spent here")]
fn text(session: CognitoSession) -> String {
    session.expose().to_owned()
}

/// Cognito's text, fit for the log: no word of a Lambda function's own, no value of the person's.
fn presentable(exception: &str, message: &str) -> String {
    if exception.contains("Lambda") {
        return message
            .split(" with error")
            .next()
            .unwrap_or_default()
            .chars()
            .take(60)
            .collect();
    }
    // AWS writes constraint failures as: Value 'what was sent' at 'field' failed to satisfy constraint.
    let mut text = String::new();
    for (index, part) in message.split('\'').enumerate() {
        let is_quoted = index % 2 == 1;
        let is_field = text.ends_with(" at '");
        text.push_str(if is_quoted && !is_field { "…" } else { part });
        text.push('\'');
    }
    text.pop();
    let fits = |word: &&str| !word.contains('@') && word.len() <= 60;
    let words: Vec<_> = text.split_whitespace().filter(fits).collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::presentable;

    #[test]
    fn cognitos_text_reaches_the_log_without_what_a_person_or_a_function_wrote() {
        for (exception, message, logged) in [
            (
                "NotAuthorizedException",
                "Refresh Token has expired",
                "Refresh Token has expired",
            ),
            (
                "UserLambdaValidationException",
                "PreSignUp failed with error jane is late.",
                "PreSignUp failed",
            ),
            (
                "InvalidParameterException",
                "1 validation error detected: Value 'jane d' at 'username' failed to satisfy constraint",
                "1 validation error detected: Value '…' at 'username' failed to satisfy constraint",
            ),
            (
                "InvalidParameterException",
                "Address jane@example.com is bad",
                "Address is bad",
            ),
            (
                "InvalidParameterException",
                "One\nline\u{1b}[0m",
                "One line[0m",
            ),
        ] {
            assert_eq!(presentable(exception, message), logged);
        }
        assert_eq!(presentable("X", &"word ".repeat(100)).len(), 200);
    }
}
