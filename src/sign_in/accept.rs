//! Letting a posted form in, and giving out the hidden fields that let the next one in.
//!
//! The order is fixed: where it comes from, what it is, whose attempt it holds, its token.
//! What is turned away gets a fresh form and none of its own content back.

use cognito_flow::Pending;
use http::{HeaderValue, Response};

use crate::body::Body;
use crate::refusal::Refusal;
use crate::session::Found;

use super::attempt::{Attempt, Fresh, OpenError, Restart};
use super::browser::{Binding, Presented};
use super::csrf::{FormName, TokenError};
use super::error::{Fault, TurnedAway};
use super::form::{self, Form, FormError};
use super::page::ErrorView;
use super::return_to::ReturnTo;
use super::same_origin::is_same_origin;
use super::visit::Visit;
use super::{SIGN_IN, SignIn};

/// A posted form whose token and attempt are good.
pub(super) struct Accepted {
    pub(super) form: Form,
    /// The sealed text.
    pub(super) sealed: String,
    pub(super) attempt: Attempt,
}

/// The hidden fields of a form, and the cookie they are bound to if the browser has none.
pub(super) struct Hidden {
    pub(super) attempt: String,
    pub(super) csrf: String,
    pub(super) cookie: Option<HeaderValue>,
}

impl SignIn {
    /// Lets in a form that carries an attempt.
    pub(super) async fn accept(
        &self,
        visit: &Visit<'_>,
        body: Body,
        name: FormName,
    ) -> Result<Accepted, TurnedAway> {
        let form = self.read_form(visit, body).await?;
        let sealed = form.text("attempt").to_owned();
        let attempt = self.open(visit, &sealed).map_err(|why| match why {
            // What was typed into the first form is not in its attempt.
            TurnedAway::Expired(restart) if name == FormName::SignIn => {
                TurnedAway::Expired(Restart {
                    username: form.username(),
                    ..restart
                })
            }
            other => other,
        })?;
        // Against the attempt's browser, not the request's: whether these two may differ has just been judged.
        let (csrf, now) = (form.text("csrf"), self.clock.now());
        self.tokens
            .check(csrf, name, &attempt.browser, &sealed, now)
            .map_err(|error| {
                let restart = Restart::at(attempt.return_to.clone());
                match error {
                    TokenError::Wrong => TurnedAway::NotYours(restart),
                    TokenError::Expired => TurnedAway::Expired(restart),
                }
            })?;
        Ok(Accepted {
            form,
            sealed,
            attempt,
        })
    }

    /// Reads a form that a page of ours posted.
    pub(super) async fn read_form(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Result<Form, TurnedAway> {
        if !is_same_origin(visit.headers(), &self.origin) {
            return Err(TurnedAway::CrossSite);
        }
        let bytes = form::read(visit.headers(), body, form::URL_ENCODED).await?;
        Ok(Form::parse(&bytes)?)
    }

    /// Opens an attempt for the browser that brings it back.
    pub(super) fn open(&self, visit: &Visit<'_>, sealed: &str) -> Result<Attempt, TurnedAway> {
        let opened = Attempt::open(sealed, &self.seal, visit.bearer(), self.clock.now());
        opened.map_err(|error| match (error, visit.presented) {
            (OpenError::Expired(restart), _) => TurnedAway::Expired(restart),
            (OpenError::NotYours(restart), Presented::Missing) => TurnedAway::NoCookie(restart),
            (OpenError::NotYours(restart), _) => TurnedAway::NotYours(restart),
            (OpenError::Malformed, _) => TurnedAway::NotYours(Restart::at(ReturnTo::root())),
        })
    }

    /// The hidden fields of a form for this browser.
    pub(super) fn hide(
        &self,
        visit: &Visit<'_>,
        name: FormName,
        restart: &Restart,
        pending: Option<&Pending>,
    ) -> Result<Hidden, Fault> {
        let (browser, cookie) = self.browser_of(visit)?;
        let attempt = self.seal_attempt(browser, restart, pending)?;
        let csrf = self
            .tokens
            .issue(name, &browser, &attempt, self.clock.now());
        Ok(Hidden {
            attempt,
            csrf,
            cookie,
        })
    }

    /// A sealed attempt that begins now.
    pub(super) fn seal_attempt(
        &self,
        browser: Binding,
        restart: &Restart,
        pending: Option<&Pending>,
    ) -> Result<String, Fault> {
        let attempt = Fresh {
            return_to: &restart.return_to,
            browser,
            username: &restart.username,
            trusted: restart.trusted,
            pending,
            sign_up: None,
        };
        self.seal.close(&attempt, self.clock.now())
    }

    /// The browser of a request; a new one with its cookie when it brings none of ours. One of ours stays.
    pub(super) fn browser_of(
        &self,
        visit: &Visit<'_>,
    ) -> Result<(Binding, Option<HeaderValue>), Fault> {
        match visit.presented {
            Presented::Known(browser) => Ok((browser, None)),
            Presented::Foreign | Presented::Missing => {
                let (browser, cookie) = self.browser.mint()?;
                Ok((browser, Some(cookie)))
            }
        }
    }

    /// The answer to a form that was not let in.
    pub(super) async fn turn_away(&self, visit: &Visit<'_>, why: &TurnedAway) -> Response<Body> {
        tracing::info!(reason = %why, "form refused");
        let refusal = match why {
            TurnedAway::NoCookie(restart) | TurnedAway::NotYours(restart) => {
                return self.fresh_form(visit, restart, why.status(), Some(complaint(why)), None);
            }
            // Signed in meanwhile, in another tab: this one goes on too.
            TurnedAway::Expired(restart) => {
                return match self.sessions.find(visit.headers()).await {
                    Found::Caller(_) => self.go_to(&restart.return_to),
                    Found::None | Found::Unavailable => {
                        self.fresh_form(visit, restart, why.status(), None, Some(why.message()))
                    }
                };
            }
            // No cookie and no form for a request that another site made this browser send.
            TurnedAway::CrossSite => Refusal::WrongOrigin,
            TurnedAway::Form(FormError::TooLarge) => Refusal::TooLarge,
            TurnedAway::Form(_) => Refusal::BadRequest(why.message()),
        };
        self.refuse(visit, refusal, Some(SIGN_IN))
    }
}

fn complaint(why: &TurnedAway) -> ErrorView {
    ErrorView {
        message: why.message().to_owned(),
        field: None,
    }
}
