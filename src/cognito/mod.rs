//! The user pool over the network.
//!
//! `sign_in` runs sign-ins through it and `session` renews and ends tokens. It turns the pure machine
//! of `cognito_flow` with `api`, off the async threads where the machine works, and lets no token out
//! that `token` has not checked against the keys of `jwks`. It keeps no session and shows no page.

mod account;
mod api;
mod device;
mod error;
mod jwks;
mod passkey;
mod probe;
mod settings;
mod token;
mod transport;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cognito_flow::{
    Answer, AppClient, Context, Credentials, Flow, FlowSettings, NewDevice, Pending, Refresh,
    RefreshWay, RememberedDevice, Secret, Step, TokenSet, UnixSeconds,
};
use tokio::sync::Semaphore;

use self::api::Api;
use self::device::entropy;
use self::jwks::Jwks;
use self::token::Verifier;
use crate::clock::Clock;
use crate::identity::Claims;

pub use self::account::{Delivery, Medium, NewAccount, SignedUp};
pub use self::api::{
    AwsCredentials, ClientSettings, Described, DeviceSettings, MfaSettings, PoolSettings,
};
pub use self::error::{CognitoError, Fault, PasswordRule, Refused};
pub use self::jwks::KeysError;
pub use self::passkey::Passkey;
pub use self::probe::Opening;
pub use self::settings::Settings;
pub use self::token::TokenError;
pub(crate) use self::transport::Transport;
pub use self::transport::{Obstacle, SetupError, TransportError};

/// The user pool, as the rest of sidegate sees it.
#[derive(Debug)]
pub struct UserPool {
    client: Arc<AppClient>,
    flow: Arc<FlowSettings>,
    clock: Clock,
    api: Api,
    jwks: Jwks,
    verifier: Verifier,
    /// Places for the machine's arithmetic: more at once than cores would only take longer each.
    arithmetic: Arc<Semaphore>,
    call_timeout: std::time::Duration,
    /// The service did not offer GetTokensFromRefreshToken, and REFRESH_TOKEN_AUTH worked.
    refresh_by_initiate_auth: AtomicBool,
}

/// How far a sign-in has come.
#[derive(Debug)]
pub enum Progress {
    /// The pool asks something more.
    Ask(Pending),
    /// Done, and the tokens are verified.
    SignedIn(Box<SignedIn>),
}

/// Verified tokens.
#[derive(Debug)]
pub struct SignedIn {
    /// The ID token's claims.
    pub claims: Claims,
    /// For renewing; Cognito's tokens are opaque to everybody else.
    pub grant: RefreshGrant,
    /// For calls in the person's own name, which follow at once: no session keeps it.
    pub access_token: Secret<String>,
    /// Set when the pool remembers devices and did not know this one: it must be confirmed, or the grant will be refused.
    pub new_device: Option<NewDevice>,
    /// When the access token was issued and when it ends (`iat`, `exp`).
    pub issued_at: UnixSeconds,
    /// See `issued_at`.
    pub expires_at: UnixSeconds,
    /// When the person proved who they are (`auth_time`).
    pub auth_time: UnixSeconds,
}

/// What a session keeps to renew its tokens.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    /// The refresh token.
    pub refresh_token: Secret<String>,
    /// `username` of the access token: the name that REFRESH_TOKEN_AUTH's SECRET_HASH is made of.
    pub username: String,
    /// The `sub` that renewed tokens must have.
    pub subject: String,
    /// `device_key` of the access token, where the pool remembers devices: it must be named when renewing.
    pub device_key: Option<String>,
}

impl UserPool {
    /// Builds the clients; no call is made yet.
    ///
    /// # Errors
    /// [`CognitoError::Setup`]: plain http to another machine, or no usable certificate authorities.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, CognitoError> {
        let peers = [&settings.endpoint, &settings.jwks_url];
        let transport = Transport::new(&peers, settings.ca_file.as_deref())?;
        let client = Arc::new(settings.client);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            flow: Arc::new(settings.flow),
            api: Api::new(
                Arc::clone(&client),
                &settings.endpoint,
                settings.call_timeout,
                transport.clone(),
            ),
            jwks: Jwks::new(settings.jwks_url, transport, clock.clone()),
            verifier: Verifier::new(settings.issuer, client.client_id().to_string()),
            arithmetic: Arc::new(Semaphore::new(cores)),
            call_timeout: settings.call_timeout,
            refresh_by_initiate_auth: AtomicBool::new(false),
            client,
            clock,
        })
    }

    /// Fetches the keys, retrying until it has one good set, then keeps them fresh. Ends only when dropped.
    pub async fn keep_keys_fresh(&self) {
        self.jwks.keep_fresh().await;
    }

    /// Whether tokens can be verified.
    pub fn is_ready(&self) -> bool {
        self.jwks.is_ready()
    }

    /// How sign-ins go.
    pub fn flow(&self) -> &FlowSettings {
        &self.flow
    }

    /// Starts a sign-in with the configured flow. `device` is this browser's, for this person; it is taken away when the
    /// pool does not know it any more, and the sign-in goes on without it (cognito-js does the same).
    ///
    /// # Errors
    /// [`CognitoError`] says what the person and the operator can do.
    pub async fn begin(
        &self,
        credentials: Credentials,
        device: &mut Option<RememberedDevice>,
    ) -> Result<Progress, CognitoError> {
        let again = device.is_some().then(|| Credentials {
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            preferred: credentials.preferred,
            session: None,
        });
        let first = move |context: Context<'_>| Ok(Flow::begin(credentials, context)?);
        match (self.run(device.clone(), first).await, again) {
            (Err(CognitoError::DeviceUnknown(_)), Some(credentials)) => {
                *device = None;
                let first = move |context: Context<'_>| Ok(Flow::begin(credentials, context)?);
                self.run(None, first).await
            }
            (progress, _) => progress,
        }
    }

    /// Goes on with the person's answer.
    ///
    /// # Errors
    /// As [`UserPool::begin`], and [`CognitoError::DeviceUnknown`]. After [`CognitoError::retry_same_step`] the same sealed sign-in can be
    /// answered again; after any other the sign-in begins anew.
    pub async fn answer(
        &self,
        pending: Pending,
        answer: Answer,
        device: Option<RememberedDevice>,
    ) -> Result<Progress, CognitoError> {
        self.run(device, move |context| Ok(pending.answer(answer, context)?))
            .await
    }

    /// New tokens for a session. A new refresh token, where the client rotates them, is in the result's grant.
    ///
    /// # Errors
    /// After [`CognitoError::is_outage`] the old tokens hold and it can be tried again; any other error
    /// ends the session.
    pub async fn refresh(&self, grant: &RefreshGrant) -> Result<SignedIn, CognitoError> {
        self.renew(grant).await.inspect_err(report)
    }

    /// Ends the refresh token at the pool, and with it the tokens made from it.
    ///
    /// # Errors
    /// The token may live on; nothing here depends on it.
    pub async fn revoke(&self, refresh_token: &Secret<String>) -> Result<(), CognitoError> {
        self.api.revoke(refresh_token).await.inspect_err(report)
    }

    async fn run<F>(
        &self,
        device: Option<RememberedDevice>,
        first: F,
    ) -> Result<Progress, CognitoError>
    where
        F: FnOnce(Context<'_>) -> Result<Step, CognitoError> + Send + 'static,
    {
        let device = device.map(Arc::new);
        // On the heap: a call through the SDK takes a large part of a thread's stack, and this is called from deep down.
        Box::pin(self.drive(device, first))
            .await
            .inspect_err(report)
    }

    /// Lets the pool and the machine answer each other until a person is asked or the tokens are there.
    async fn drive<F>(
        &self,
        device: Option<Arc<RememberedDevice>>,
        first: F,
    ) -> Result<Progress, CognitoError>
    where
        F: FnOnce(Context<'_>) -> Result<Step, CognitoError> + Send + 'static,
    {
        let mut step = self.compute(device.clone(), first).await?;
        loop {
            match step {
                Step::Call(call, flow) => {
                    let reply = self.api.send(call, flow.password_proven()).await?;
                    let next = move |context: Context<'_>| Ok(flow.on_reply(reply, context)?);
                    step = self.compute(device.clone(), next).await?;
                }
                Step::Ask(pending) => return Ok(Progress::Ask(pending)),
                Step::Done(tokens) => {
                    let signed_in = self.verify(tokens).await?;
                    return Ok(Progress::SignedIn(Box::new(signed_in)));
                }
            }
        }
    }

    async fn renew(&self, grant: &RefreshGrant) -> Result<SignedIn, CognitoError> {
        // With rotation the reply brings the only good refresh token: it must not be lost for want of keys.
        self.jwks.ensure().await?;
        let way = if self.refresh_by_initiate_auth.load(Ordering::Relaxed) {
            RefreshWay::RefreshTokenAuth
        } else {
            RefreshWay::GetTokensFromRefreshToken
        };
        let device_key = grant.device_key.clone();
        let token = grant.refresh_token.clone();
        let (call, refresh) = Refresh::begin(way, token, &grant.username, device_key, &self.client);
        let tokens = match self.api.send(call, false).await {
            Ok(reply) => refresh.on_reply(reply)?,
            Err(error @ CognitoError::NotOffered(_)) => {
                let (call, refresh) = refresh.fall_back(&self.client).ok_or(error)?;
                let reply = self.api.send(call, false).await?;
                self.refresh_by_initiate_auth.store(true, Ordering::Relaxed);
                refresh.on_reply(reply)?
            }
            Err(error) => return Err(error),
        };
        let signed_in = self.verify(tokens).await?;
        if signed_in.grant.subject != grant.subject {
            return Err(TokenError::Unexpected("sub").into());
        }
        Ok(signed_in)
    }

    /// Both tokens, each by its own rules, and that they are about the same user.
    async fn verify(&self, tokens: TokenSet) -> Result<SignedIn, CognitoError> {
        let refresh_token = tokens.refresh_token.ok_or_else(|| {
            self.api
                .bad_reply("sign-in", "tokens without a refresh token")
        })?;
        let (id_token, access_token) = (tokens.id_token.expose(), tokens.access_token.expose());
        // Cognito signs the two with different keys.
        let id_key = self.jwks.key(&token::key_id(id_token)?).await?;
        let access_key = self.jwks.key(&token::key_id(access_token)?).await?;
        let now = self.clock.now();
        let id = self.verifier.id_token(id_token, &id_key, now)?;
        let access = self.verifier.access_token(access_token, &access_key, now)?;
        if id.claims.subject() != access.subject {
            return Err(TokenError::Unexpected("sub").into());
        }
        Ok(SignedIn {
            claims: id.claims,
            grant: RefreshGrant {
                refresh_token,
                username: access.username,
                subject: access.subject,
                device_key: access.device_key,
            },
            access_token: tokens.access_token,
            new_device: tokens.new_device,
            issued_at: access.issued_at,
            expires_at: access.expires_at,
            auth_time: id.auth_time,
        })
    }

    /// Runs one step of the machine off the async threads, with fresh random bits (2 to 15 ms of CPU).
    async fn compute<F>(
        &self,
        device: Option<Arc<RememberedDevice>>,
        step: F,
    ) -> Result<Step, CognitoError>
    where
        F: FnOnce(Context<'_>) -> Result<Step, CognitoError> + Send + 'static,
    {
        let client = Arc::clone(&self.client);
        let settings = Arc::clone(&self.flow);
        let now = self.clock.now();
        let step = move || {
            step(Context {
                client: &client,
                settings: &settings,
                device: device.as_deref(),
                now,
                entropy: entropy()?,
            })
        };
        self.off_thread(step).await
    }

    /// Runs arithmetic off the async threads, as much at once as there are cores.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CognitoError> + Send + 'static,
    ) -> Result<T, CognitoError> {
        let waiting = Arc::clone(&self.arithmetic).acquire_owned();
        let busy = CognitoError::Busy { operation: "SRP" };
        let Ok(Ok(place)) = tokio::time::timeout(self.call_timeout, waiting).await else {
            return Err(busy);
        };
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _place = place;
            work()
        });
        work.await.unwrap_or(Err(CognitoError::Internal(
            "a step of the sign-in panicked",
        )))
    }
}

/// Says once, where it ends, what an operator can change. The person's own mistakes are not the operator's.
fn report(error: &CognitoError) {
    if let Some(hint) = error.operator_hint() {
        tracing::warn!(%error, hint, "the user pool did not do what was asked");
    }
}
