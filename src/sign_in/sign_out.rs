//! Signing out: asked for by GET, done by POST.
//!
//! Ending the session, here first and then at the pool, is `session/`'s.

use http::header::SET_COOKIE;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::session::Found;

use super::browser::Presented;
use super::csrf::FormName;
use super::page::{ErrorView, SignOutView};
use super::visit::Visit;
use super::{SIGN_OUT, SIGNED_OUT, SignIn, redirect};

impl SignIn {
    /// GET: asks; nobody to sign out needs no asking.
    pub(super) async fn sign_out_page(&self, visit: &Visit<'_>) -> Response<Body> {
        self.confirm_sign_out(visit, StatusCode::OK, None).await
    }

    /// POST: ends the session.
    pub(super) async fn sign_out(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        let form = match self.read_form(visit, body).await {
            Ok(form) => form,
            Err(why) => return self.turn_away(visit, &why).await,
        };
        let good = match visit.presented {
            Presented::Known(browser) => {
                let (csrf, now) = (form.text("csrf"), self.clock.now());
                self.tokens
                    .check(csrf, FormName::SignOut, &browser, "", now)
                    .is_ok()
            }
            Presented::Foreign | Presented::Missing => false,
        };
        if !good {
            let error = ErrorView {
                message:
                    "This page was open for too long, or in another browser. Please confirm again."
                        .to_owned(),
                field: None,
            };
            return self
                .confirm_sign_out(visit, StatusCode::FORBIDDEN, Some(error))
                .await;
        }
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
        let csrf = self
            .tokens
            .issue(FormName::SignOut, &browser, "", self.clock.now());
        let view = SignOutView {
            action: SIGN_OUT,
            csrf: &csrf,
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
