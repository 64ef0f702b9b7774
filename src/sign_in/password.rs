//! The sign-in page: user name, and password where the flow begins with one; and where every sign-in goes that cannot go on.
//!
//! A failed step leads back here with the user name kept and the password gone. The words come from our catalogue by
//! the kind of error, never from Cognito, and are one and the same for a wrong password and an unknown user.

use std::sync::Arc;

use cognito_flow::{Credentials, FlowKind, FlowSettings, Secret};
use http::{Response, StatusCode};

use crate::body::Body;
use crate::cognito::CognitoError;
use crate::refusal::Refusal;
use crate::session::Found;

use super::accept::Accepted;
use super::account::{AccountPage, FORGOT_PASSWORD, MUST_RESET, NOT_CONFIRMED, SIGN_UP, Told};
use super::attempt::Restart;
use super::csrf::FormName;
use super::device::RememberDevice;
use super::error::StepError;
use super::form::Form;
use super::page::{ErrorView, MessageView, SignInView, put_retry_after};
use super::return_to::ReturnTo;
use super::steps::{Next, Outcome};
use super::visit::Visit;
use super::{SIGN_IN, SignIn, redirect};

impl SignIn {
    /// GET: the empty form; who is signed in already goes on.
    pub(super) async fn sign_in_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let asked = visit.query("return_to");
        let return_to = asked.and_then(|asked| self.checked(&asked));
        let restart = Restart::at(return_to.unwrap_or_else(ReturnTo::root));
        match self.sessions.find(visit.headers()).await {
            Found::Caller(_) => self.go_to(&restart.return_to),
            Found::Unavailable => self.refuse(visit, Refusal::PoolUnavailable, None),
            Found::None => self.fresh_form(visit, &restart, StatusCode::OK, None, None),
        }
    }

    /// POST: the first step.
    pub(super) async fn sign_in(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        let Accepted {
            form,
            sealed,
            attempt,
        } = match self.accept(visit, body, FormName::SignIn).await {
            Ok(accepted) => accepted,
            Err(why) => return self.turn_away(visit, &why).await,
        };
        let restart = Restart {
            return_to: attempt.return_to,
            username: form.username(),
            trusted: self.trusts(form.text("trust") == "yes"),
        };
        let outcome = match credentials(&form, self.pool.flow()) {
            Ok(credentials) => {
                let visitor = self.visitor(visit, &restart);
                let begun = self.steps.begin(sealed.as_bytes(), credentials, visitor);
                begun.await
            }
            Err(error) => Err(Arc::new(error)),
        };
        match outcome {
            Ok(outcome) => self.proceed(visit, &restart, &outcome, None),
            Err(error) => self.refused(visit, &restart, &error),
        }
    }

    /// On after a step: into the application, or to the next question, with what was wrong with the last answer.
    pub(super) fn proceed(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        outcome: &Outcome,
        error: Option<ErrorView>,
    ) -> Response<Body> {
        let mut response = match &outcome.next {
            Next::Ask(pending) => self.ask(visit, restart, pending, error),
            Next::SignedIn(_) => self.after_sign_in(visit, &restart.return_to),
        };
        self.keep(visit, restart, outcome, &mut response);
        response
    }

    /// 303 after credentials, never 302 or 307.
    pub(super) fn go_to(&self, return_to: &ReturnTo) -> Response<Body> {
        redirect(StatusCode::SEE_OTHER, &return_to.location(&self.origin))
    }

    /// Back to the sign-in page, after a step that did not go on.
    pub(super) fn refused(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        error: &StepError,
    ) -> Response<Body> {
        let (status, message) = (error.status(), error.message());
        let field = match error {
            StepError::Fault(fault) => return self.broken(visit, fault),
            StepError::Pool(refused) => {
                if let Some((page, notice)) = self.way_out(refused) {
                    let told = Told {
                        notice: Some(notice),
                        ..Told::default()
                    };
                    return self.account_page(visit, page, restart, status, told);
                }
                if let Some(heading) = dead_end(refused) {
                    let view = MessageView {
                        status: status.as_u16(),
                        heading,
                        advice: message,
                        retry: None,
                        sign_in: Some(&self.url_to(&restart.return_to)),
                    };
                    return self.page(visit, status, &view, None);
                }
                if refused.start_again() {
                    return self.fresh_form(visit, restart, status, None, Some(message));
                }
                None
            }
            StepError::Field { id, .. } => Some(id.clone()),
        };
        let error_view = ErrorView {
            message: message.to_owned(),
            field,
        };
        let mut response = self.fresh_form(visit, restart, status, Some(error_view), None);
        put_retry_after(&mut response, error);
        response
    }

    /// The page that mends what no further try here can, with what to say there. The pool's error has the last word on
    /// whether the person may learn it.
    fn way_out(&self, error: &CognitoError) -> Option<(AccountPage, &'static str)> {
        match error.exception_name()? {
            "UserNotConfirmedException" if self.account.sign_up => {
                Some((AccountPage::Confirm, NOT_CONFIRMED))
            }
            "PasswordResetRequiredException" if self.account.reset_password => {
                Some((AccountPage::ResetPassword, MUST_RESET))
            }
            _ => None,
        }
    }

    /// A sign-in form with a new attempt in it.
    pub(super) fn fresh_form(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        status: StatusCode,
        error: Option<ErrorView>,
        notice: Option<&str>,
    ) -> Response<Body> {
        let hidden = match self.hide(visit, FormName::SignIn, restart, None) {
            Ok(hidden) => hidden,
            Err(fault) => return self.broken(visit, &fault),
        };
        let flow = self.pool.flow();
        let view = SignInView {
            action: SIGN_IN,
            attempt: &hidden.attempt,
            csrf: &hidden.csrf,
            username: &restart.username,
            asks_password: flow.asks_password(),
            passkeys: flow.kind == FlowKind::UserAuth,
            trust: (self.remember_device == RememberDevice::Ask).then_some(restart.trusted),
            error,
            notice,
            forgot_password: (self.account.reset_password && flow.asks_password())
                .then(|| self.page_to(FORGOT_PASSWORD, &restart.return_to)),
            sign_up: (self.account.sign_up).then(|| self.page_to(SIGN_UP, &restart.return_to)),
        };
        self.page(visit, status, &view, hidden.cookie)
    }
}

/// The heading for such an error where its page is switched off. The pool's error has the last word on whether the person
/// may learn it: only then does it give these names.
fn dead_end(error: &CognitoError) -> Option<&'static str> {
    match error.exception_name()? {
        "UserNotConfirmedException" => Some("Your account is not confirmed yet"),
        "PasswordResetRequiredException" => Some("Your password must be reset"),
        _ => None,
    }
}

/// Exactly what was typed: Cognito hashes these very characters.
fn credentials(form: &Form, flow: &FlowSettings) -> Result<Credentials, StepError> {
    let username = form.answer("username")?;
    let password = form.answer("password")?;
    for (id, text, is_needed, message) in [
        ("username", username, true, "Enter your user name."),
        (
            "password",
            password,
            flow.asks_password(),
            "Enter your password.",
        ),
    ] {
        if text.is_empty() && is_needed {
            let id = id.to_owned();
            return Err(StepError::Field { id, message });
        }
    }
    Ok(Credentials {
        username: username.to_owned(),
        password: flow
            .asks_password()
            .then(|| Secret::new(password.to_owned())),
        preferred: flow.preferred_challenge,
        session: None,
    })
}

#[cfg(test)]
mod tests {
    use cognito_flow::FirstFactor;

    use super::*;

    fn read(body: &str, flow: &FlowSettings) -> Result<Credentials, StepError> {
        credentials(&Form::parse(body.as_bytes()).unwrap(), flow)
    }

    #[test]
    fn an_empty_field_is_named() {
        let flow = FlowSettings::new(FlowKind::UserSrpAuth);
        for (body, empty) in [
            ("", "username"),
            ("username=", "username"),
            ("password=pw", "username"),
            ("username=jane", "password"),
            ("username=jane&password=", "password"),
        ] {
            let Err(StepError::Field { id, .. }) = read(body, &flow) else {
                panic!("{body:?} was let through")
            };
            assert_eq!(id, empty, "{body:?}");
        }
    }

    #[test]
    fn spaces_are_part_of_a_password() {
        let flow = FlowSettings::new(FlowKind::UserSrpAuth);
        let credentials = read("username=+jane&password=+a+b+", &flow).unwrap();
        assert_eq!(credentials.username, " jane");
        assert_eq!(credentials.password.unwrap().expose(), " a b ");
    }

    #[test]
    fn a_flow_that_begins_without_a_password_takes_none() {
        for kind in [FlowKind::CustomWithoutSrp, FlowKind::UserAuth] {
            let flow = FlowSettings::new(kind);
            for body in ["username=jane", "username=jane&password=pw"] {
                let credentials = read(body, &flow).unwrap();
                assert!(credentials.password.is_none(), "{kind} {body}");
            }
            assert!(read("password=pw", &flow).is_err(), "{kind}");
        }
    }

    #[test]
    fn what_the_operator_prefers_is_asked_for_first() {
        let flow = FlowSettings {
            preferred_challenge: Some(FirstFactor::EmailOtp),
            ..FlowSettings::new(FlowKind::UserAuth)
        };
        let credentials = read("username=jane", &flow).unwrap();
        assert_eq!(credentials.preferred, Some(FirstFactor::EmailOtp));
    }
}
