//! Signing out: asked for by GET, done by POST.
//!
//! Ending the session, here first and then at the pool, is `session/`'s.

use http::header::SET_COOKIE;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::session::Found;

use super::browser::Presented;
use super::csrf::FormName;
use super::page::{ErrorView, ForgetView, SignOutView};
use super::visit::Visit;
use super::{FORGET_DEVICE, SIGN_OUT, SIGNED_OUT, SignIn, redirect};

impl SignIn {
    /// GET: asks; nobody to sign out needs no asking.
    pub(super) async fn sign_out_page(&self, visit: &Visit<'_>) -> Response<Body> {
        self.confirm_sign_out(visit, StatusCode::OK, None).await
    }

    /// POST: ends the session.
    pub(super) async fn sign_out(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        match self.let_out(visit, body, FormName::SignOut).await {
            Ok(()) => self.signed_out(visit).await,
            Err(response) => *response,
        }
    }

    /// POST: ends the session, and this browser is no longer remembered.
    pub(super) async fn forget_device(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        if let Err(response) = self.let_out(visit, body, FormName::ForgetDevice).await {
            return *response;
        }
        let mut devices = self.device_cookie.read(visit.headers());
        match self.sessions.find(visit.headers()).await {
            Found::Caller(caller) => {
                if let Some(key) = devices.remove_subject(&caller.identity.subject)
                    && let Ok(token) = self.sessions.access_token(visit.headers()).await
                {
                    // Logged where it fails; this browser forgets the device either way.
                    let _ = self.pool.forget_device(&token, &key).await;
                }
            }
            Found::None | Found::Unavailable => devices.clear(),
        }
        let mut response = self.signed_out(visit).await;
        self.put_devices(&devices, &mut response);
        response
    }

    /// Lets in a form of the sign-out page, which holds no attempt.
    async fn let_out(
        &self,
        visit: &Visit<'_>,
        body: Body,
        name: FormName,
    ) -> Result<(), Box<Response<Body>>> {
        let form = match self.read_form(visit, body).await {
            Ok(form) => form,
            Err(why) => return Err(Box::new(self.turn_away(visit, &why).await)),
        };
        let good = match visit.presented {
            Presented::Known(browser) => {
                let (csrf, now) = (form.text("csrf"), self.clock.now());
                let checked = self.tokens.check(csrf, name, &browser, "", now);
                checked.is_ok()
            }
            Presented::Foreign | Presented::Missing => false,
        };
        if good {
            return Ok(());
        }
        let error = ErrorView {
            message:
                "This page was open for too long, or in another browser. Please confirm again."
                    .to_owned(),
            field: None,
        };
        let page = self.confirm_sign_out(visit, StatusCode::FORBIDDEN, Some(error));
        Err(Box::new(page.await))
    }

    async fn signed_out(&self, visit: &Visit<'_>) -> Response<Body> {
        let mut response = self.to_signed_out();
        for cookie in self.sessions.end(visit.headers()).await {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    async fn confirm_sign_out(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        error: Option<ErrorView>,
    ) -> Response<Body> {
        let found = self.sessions.find(visit.headers()).await;
        let display_name = match &found {
            Found::Caller(caller) => &*caller.identity.display_name,
            // A session that cannot be renewed just now can be ended all the same.
            Found::Unavailable => "a user whose name cannot be read just now",
            Found::None => return self.to_signed_out(),
        };
        let (browser, cookie) = match self.browser_of(visit) {
            Ok(browser) => browser,
            Err(fault) => return self.broken(visit, &fault),
        };
        let token = |name| self.tokens.issue(name, &browser, "", self.clock.now());
        let devices = self.device_cookie.read(visit.headers());
        // Another person's is theirs to forget.
        let is_remembered = match &found {
            Found::Caller(caller) => devices.has(&caller.identity.subject),
            Found::None | Found::Unavailable => !devices.is_empty(),
        };
        let view = SignOutView {
            action: SIGN_OUT,
            csrf: &token(FormName::SignOut),
            forget: is_remembered.then(|| ForgetView {
                action: FORGET_DEVICE,
                csrf: token(FormName::ForgetDevice),
            }),
            display_name,
            cancel: "/",
            error,
        };
        self.page(visit, status, &view, cookie)
    }

    fn to_signed_out(&self) -> Response<Body> {
        redirect(
            StatusCode::SEE_OTHER,
            &format!("{}{SIGNED_OUT}", self.origin),
        )
    }
}
