//! Pages and endpoints under `/.sidegate/`: one attempt, step by step.
//!
//! ```text
//!  request ─► endpoint ─┬─ GET  page ──────────────► page (templates) with a fresh sealed attempt and form token
//!                       └─ POST form or JSON ─► same_origin ─► form ─► attempt, csrf ─► steps ─► pool, sessions
//!                                                                        ▲                 │
//!                                                  the next page's form ─┴─── Ask ◄────────┴──► SignedIn: 303, cookies
//! ```
//!
//! Nothing of a sign-in under way is kept here (docs/ARCHITECTURE.md); `once` remembers a step for a minute, so that a
//! form sent twice acts once. Every response leaves through `headers`.

mod accept;
pub mod account;
mod api;
pub mod attempt;
mod attributes;
mod browser;
mod challenge;
mod csrf;
mod device;
mod endpoint;
mod error;
mod files;
mod form;
mod headers;
mod once;
mod page;
mod password;
pub mod return_to;
mod same_origin;
mod seal;
mod sign_out;
mod steps;
#[cfg(test)]
mod tests;
mod visit;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, SET_COOKIE, VARY,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use tokio_util::task::TaskTracker;
use url::form_urlencoded;

use crate::body::Body;
use crate::causes::Causes;
use crate::clock::Clock;
use crate::cognito::UserPool;
use crate::keys::Keys;
use crate::origin::{PREFIX, PublicOrigin};
use crate::refusal::{Audience, Refusal};
use crate::session::Sessions;

pub use challenge::{CustomSettings, PictureSettings};
pub use device::RememberDevice;

use account::steps::AccountSteps;
use attempt::Seal;
use browser::BrowserCookie;
use csrf::FormTokens;
use device::DeviceCookie;
use endpoint::{Endpoint, NoEndpoint, endpoint};
use error::Fault;
use headers::OwnHeaders;
use page::{MessageView, Pages, SignedOutView, View};
use return_to::ReturnTo;
use steps::Steps;
use visit::Visit;

const SIGN_IN: &str = "/.sidegate/sign-in";
const CHALLENGE: &str = "/.sidegate/challenge";
const SIGN_OUT: &str = "/.sidegate/sign-out";
const FORGET_DEVICE: &str = "/.sidegate/forget-device";
const SIGNED_OUT: &str = "/.sidegate/signed-out";

/// The pages.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the person signs in to, shown on every page.
    pub app_name: String,
    /// A folder whose files replace the built-in templates and assets of the same name.
    pub template_dir: Option<PathBuf>,
    /// Further origins that `return_to` may name, as `scheme://host[:port]` (R-32).
    pub return_origins: Vec<String>,
    /// What people can do about their account here beside signing in.
    pub account: account::Settings,
    /// How custom challenges are shown.
    pub challenge: CustomSettings,
    /// Who decides whether the pool remembers a browser.
    pub remember_device: RememberDevice,
    /// Say on every page that this is a development pool (R-133).
    pub dev: bool,
}

/// The sign-in part.
pub struct SignIn {
    origin: PublicOrigin,
    url: String,
    return_origins: Vec<String>,
    pages: Pages,
    headers: OwnHeaders,
    browser: BrowserCookie,
    device_cookie: DeviceCookie,
    remember_device: RememberDevice,
    seal: Seal,
    tokens: FormTokens,
    steps: Steps,
    account: account::Settings,
    account_steps: AccountSteps,
    pool: Arc<UserPool>,
    sessions: Arc<Sessions>,
    clock: Clock,
}

/// A template or asset of the operator's cannot be used. The text names the file, the line and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

impl SignIn {
    /// Loads the templates. `tasks` owns the steps under way: one that has been sent to Cognito is seen through even
    /// when the browser hangs up.
    ///
    /// # Errors
    /// [`TemplateError`]: a template or asset cannot be read, compiled or drawn.
    pub fn new(
        settings: Settings,
        origin: PublicOrigin,
        keys: &Keys,
        pool: Arc<UserPool>,
        sessions: Arc<Sessions>,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Result<Self, TemplateError> {
        let pages = Pages::load(&settings, &origin, clock.clone())?;
        let pictures = settings.challenge.pictures.sources();
        let headers = OwnHeaders::new(&origin, &settings.return_origins, &pictures, settings.dev)
            .map_err(|error| TemplateError(format!("return_origins: {error}")))?;
        let names = sessions.cookie_names();
        let (browser, device) = (names.browser().to_owned(), names.device().to_owned());
        Ok(Self {
            url: format!("{origin}{SIGN_IN}"),
            return_origins: settings.return_origins,
            pages,
            headers,
            browser: BrowserCookie::new(browser, origin.is_secure(), keys),
            device_cookie: DeviceCookie::new(device, keys, &origin),
            remember_device: settings.remember_device,
            seal: Seal::new(keys, &origin),
            tokens: FormTokens::new(keys),
            account: settings.account,
            account_steps: AccountSteps::new(keys, Arc::clone(&pool), tasks.clone()),
            steps: Steps::new(keys, Arc::clone(&pool), Arc::clone(&sessions), tasks),
            pool,
            sessions,
            origin,
            clock,
        })
    }

    /// Whether a path is ours: the prefix, byte for byte, or the prefix without its last slash.
    pub fn owns(&self, path: &str) -> bool {
        path.starts_with(PREFIX) || path == PREFIX.trim_end_matches('/')
    }

    /// Answers a request under the prefix.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let visit = Visit::new(&head, &self.browser);
        let mut response = match endpoint(&head.method, head.uri.path(), &self.account) {
            // On the heap: it holds the largest of all handlers.
            Ok(endpoint) => Box::pin(self.answer(endpoint, &visit, body)).await,
            Err(NoEndpoint::NotFound) => self.refuse(&visit, Refusal::NotFound, None),
            Err(NoEndpoint::Method { allow }) => {
                let mut response = self.refuse(&visit, Refusal::MethodNotAllowed, None);
                let headers = response.headers_mut();
                headers.insert(ALLOW, HeaderValue::from_static(allow));
                response
            }
        };
        if head.method == Method::HEAD {
            drop_body(&mut response);
        }
        self.headers.put(&mut response);
        response
    }

    /// 302 to the sign-in page (R-112), for a page load without a session. A `return_to` that must not be followed is
    /// left out.
    pub fn redirect(&self, return_to: &str) -> Response<Body> {
        let return_to = self.checked(return_to).unwrap_or_else(ReturnTo::root);
        let mut response = redirect(StatusCode::FOUND, &self.url_to(&return_to));
        self.headers.put(&mut response);
        response
    }

    /// The page of a refusal, for a person.
    pub fn refusal_page(&self, refusal: Refusal, request_id: &str) -> Response<Body> {
        let sign_in = (refusal == Refusal::SignInNeeded).then_some(SIGN_IN);
        let mut response = self.message(refusal, request_id, sign_in);
        self.headers.put(&mut response);
        response
    }

    /// Absolute URL of the sign-in page.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn answer(
        &self,
        endpoint: Endpoint<'_>,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        match endpoint {
            Endpoint::SignInPage => self.sign_in_page(visit).await,
            Endpoint::SignIn => self.sign_in(visit, body).await,
            Endpoint::ChallengePage => redirect(StatusCode::SEE_OTHER, &self.url),
            Endpoint::Challenge => self.challenge(visit, body).await,
            Endpoint::SignOutPage => self.sign_out_page(visit).await,
            Endpoint::SignOut => self.sign_out(visit, body).await,
            Endpoint::ForgetDevice => self.forget_device(visit, body).await,
            Endpoint::SignedOut => {
                let view = SignedOutView { sign_in: SIGN_IN };
                self.page(visit, StatusCode::OK, &view, None)
            }
            Endpoint::ForgotPasswordPage => self.forgot_password_page(visit),
            Endpoint::ForgotPassword => self.forgot_password(visit, body).await,
            Endpoint::ResetPasswordPage => self.reset_password_page(visit),
            Endpoint::ResetPassword => self.reset_password(visit, body).await,
            Endpoint::SignUpPage => self.sign_up_page(visit),
            Endpoint::SignUp => self.sign_up(visit, body).await,
            Endpoint::ConfirmPage => self.confirm_page(visit),
            Endpoint::Confirm => self.confirm(visit, body).await,
            Endpoint::ResendCode => self.resend_code(visit, body).await,
            Endpoint::VerifyPage => self.verify_page(visit).await,
            Endpoint::VerifyAttribute => self.verify_attribute(visit, body).await,
            Endpoint::SendAttributeCode => self.send_attribute_code(visit, body).await,
            Endpoint::PasskeysPage => self.passkeys_page(visit).await,
            Endpoint::AddPasskey => self.add_passkey(visit, body).await,
            Endpoint::SavePasskey => self.save_passkey(visit, body).await,
            Endpoint::DeletePasskey => self.delete_passkey(visit, body).await,
            Endpoint::DeclinePasskey => self.decline_passkey(visit, body).await,
            Endpoint::Asset(file) => {
                let found = self.pages.assets().find(file);
                found.unwrap_or_else(|| self.refuse(visit, Refusal::NotFound, None))
            }
            Endpoint::Health => text("ok"),
            Endpoint::ApiSession => self.api_session(visit).await,
            Endpoint::ApiSignIn => self.api_sign_in(visit, body).await,
            Endpoint::ApiConfirmSignIn => self.api_confirm_sign_in(visit, body).await,
            Endpoint::ApiSignOut => self.api_sign_out(visit, body).await,
            Endpoint::ApiResetPassword => self.api_reset_password(visit, body).await,
            Endpoint::ApiConfirmResetPassword => self.api_confirm_reset_password(visit, body).await,
            Endpoint::ApiSignUp => self.api_sign_up(visit, body).await,
            Endpoint::ApiConfirmSignUp => self.api_confirm_sign_up(visit, body).await,
            Endpoint::ApiAutoSignIn => self.api_auto_sign_in(visit, body).await,
            Endpoint::ApiResendSignUpCode => self.api_resend_sign_up_code(visit, body).await,
            Endpoint::ApiSendAttributeCode => self.api_send_attribute_code(visit, body).await,
            Endpoint::ApiConfirmAttribute => self.api_confirm_attribute(visit, body).await,
            Endpoint::ApiDescription => self.api_description(),
            Endpoint::ApiPasskeys => self.api_passkeys(visit).await,
            Endpoint::ApiStartPasskey => self.api_start_passkey(visit, body).await,
            Endpoint::ApiCompletePasskey => self.api_complete_passkey(visit, body).await,
            Endpoint::ApiDeletePasskey => self.api_delete_passkey(visit, body).await,
        }
    }

    /// What a request asked to go back to, if it may (R-31).
    fn checked(&self, return_to: &str) -> Option<ReturnTo> {
        ReturnTo::parse(return_to, &self.origin, &self.return_origins)
            .inspect_err(|error| tracing::debug!(%error, "return_to is not followed"))
            .ok()
    }

    /// The sign-in page, and back to this address afterwards.
    fn url_to(&self, return_to: &ReturnTo) -> String {
        self.page_to(SIGN_IN, return_to)
    }

    /// A page of ours, and to this address afterwards.
    fn page_to(&self, path: &str, return_to: &ReturnTo) -> String {
        let url = format!("{}{path}", self.origin);
        if return_to.is_root() {
            return url;
        }
        let encoded: String =
            form_urlencoded::byte_serialize(return_to.as_str().as_bytes()).collect();
        format!("{url}?return_to={encoded}")
    }

    /// A page, with the browser cookie that its form is bound to.
    fn page<V: View>(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        view: &V,
        cookie: Option<HeaderValue>,
    ) -> Response<Body> {
        let request_id = status.is_server_error().then(|| visit.request_id());
        match self.pages.draw(status, view, request_id) {
            Ok(mut response) => {
                let conflicting = self.sessions.clear_conflict(visit.headers());
                for cookie in cookie.into_iter().chain(conflicting) {
                    response.headers_mut().append(SET_COOKIE, cookie);
                }
                response
            }
            Err(fault) => self.broken(visit, &fault),
        }
    }

    /// A refusal in the caller's own format.
    fn refuse(&self, visit: &Visit<'_>, refusal: Refusal, sign_in: Option<&str>) -> Response<Body> {
        match visit.audience() {
            Audience::Page => self.message(refusal, visit.request_id(), sign_in),
            other => refusal.into_response(other, visit.request_id(), &self.url),
        }
    }

    /// A fault of our own: logged here, once.
    fn broken(&self, visit: &Visit<'_>, fault: &Fault) -> Response<Body> {
        tracing::error!(
            error = %Causes(fault),
            "a sign-in page failed"
        );
        self.refuse(visit, Refusal::Internal, None)
    }

    fn message(&self, refusal: Refusal, request_id: &str, sign_in: Option<&str>) -> Response<Body> {
        let words = refusal.words();
        let view = MessageView {
            status: refusal.status().as_u16(),
            heading: words.title,
            advice: words.advice,
            retry: None,
            sign_in,
        };
        match self.pages.draw(refusal.status(), &view, Some(request_id)) {
            Ok(mut response) => {
                refusal.put_ways_on(response.headers_mut());
                response
            }
            Err(fault) => {
                tracing::error!(
                    error = %Causes(&fault),
                    "a message page failed"
                );
                refusal.into_response(Audience::Program, request_id, &self.url)
            }
        }
    }
}

/// Keys and secrets are inside: the name only.
impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// To an address of our own making. Never cached, and different for who has a cookie (R-112).
fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // A checked `return_to` has no byte that a header cannot have.
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(LOCATION, location);
    headers.insert(VARY, HeaderValue::from_static("Cookie"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// The head of the answer to GET, without its body (RFC 9110 §9.3.2).
fn drop_body(response: &mut Response<Body>) {
    if let Some(length) = response.body().size_hint().exact() {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::Empty;
}
