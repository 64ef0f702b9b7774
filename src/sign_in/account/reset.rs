//! A forgotten password: asking for a code, and setting a new password with it.
//!
//! The first page always leads to the second and says the same there: whether the account exists, and whether a code
//! was sent, only its owner learns.

use std::sync::Arc;

use cognito_flow::Secret;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::sign_in::SignIn;
use crate::sign_in::attempt::Restart;
use crate::sign_in::csrf::FormName;
use crate::sign_in::error::StepError;
use crate::sign_in::form::Form;
use crate::sign_in::page::put_retry_after;
use crate::sign_in::visit::Visit;

use super::form::{NotLetIn, Taken, entered, entered_code, error_view};
use super::page::{AccountPage, Told};
use super::steps::{Action, Settled};

const ON_ITS_WAY: &str = "If that account exists, a code is on its way. Enter it here.";
const CHANGED: &str = "Your password has been changed. Sign in with the new one.";
/// For who proved an old password that no longer lets in.
pub(in crate::sign_in) const MUST_RESET: &str =
    "Your password must be reset. Enter the code you were sent, or get a new one.";

impl SignIn {
    /// GET: asks whose password it is.
    pub(in crate::sign_in) fn forgot_password_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let restart = Restart::at(self.asked_return(visit));
        let page = AccountPage::ForgotPassword;
        self.account_page(visit, page, &restart, StatusCode::OK, Told::default())
    }

    /// POST: has a code sent.
    pub(in crate::sign_in) async fn forgot_password(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        const PAGE: AccountPage = AccountPage::ForgotPassword;
        let taken = match self.let_in(visit, body, FormName::ForgotPassword).await {
            Ok(taken) => taken,
            Err(why) => return self.account_again(visit, PAGE, why),
        };
        let action =
            entered(&taken.form, "username").map(|username| Action::SendResetCode { username });
        let sent = self.account_step(&taken, action).await;
        match sent {
            Ok(_) => {
                let told = Told {
                    notice: Some(ON_ITS_WAY),
                    ..Told::default()
                };
                let page = AccountPage::ResetPassword;
                self.account_page(visit, page, &taken.restart, StatusCode::OK, told)
            }
            Err(error) => self.account_failed(visit, PAGE, &taken, &error),
        }
    }

    /// GET: for who has a code already.
    pub(in crate::sign_in) fn reset_password_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let restart = Restart::at(self.asked_return(visit));
        let page = AccountPage::ResetPassword;
        self.account_page(visit, page, &restart, StatusCode::OK, Told::default())
    }

    /// POST: sets the new password.
    pub(in crate::sign_in) async fn reset_password(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        const PAGE: AccountPage = AccountPage::ResetPassword;
        let taken = match self.let_in(visit, body, FormName::ResetPassword).await {
            Ok(taken) => taken,
            Err(why) => return self.account_again(visit, PAGE, why),
        };
        let action = new_password(&taken.form);
        match self.account_step(&taken, action).await {
            Ok(_) => self.fresh_form(visit, &taken.restart, StatusCode::OK, None, Some(CHANGED)),
            Err(error) => self.account_failed(visit, PAGE, &taken, &error),
        }
    }

    /// The page of a form that was not let in.
    pub(super) fn account_again(
        &self,
        visit: &Visit<'_>,
        page: AccountPage,
        why: NotLetIn,
    ) -> Response<Body> {
        match why {
            NotLetIn::Answered(response) => response,
            NotLetIn::Again {
                restart,
                status,
                error,
            } => {
                let told = Told {
                    error: Some(error),
                    ..Told::default()
                };
                self.account_page(visit, page, &restart, status, told)
            }
        }
    }

    /// Takes the step that a form asks for.
    pub(super) async fn account_step(
        &self,
        taken: &Taken,
        action: Result<Action, StepError>,
    ) -> Result<Arc<Settled>, Arc<StepError>> {
        self.account_steps
            .take(taken.sealed.as_bytes(), action?)
            .await
    }

    /// The page of a step that did not go on.
    pub(super) fn account_failed(
        &self,
        visit: &Visit<'_>,
        page: AccountPage,
        taken: &Taken,
        error: &StepError,
    ) -> Response<Body> {
        if let StepError::Fault(fault) = error {
            return self.broken(visit, fault);
        }
        let told = Told {
            error: Some(error_view(error)),
            form: Some(&taken.form),
            ..Told::default()
        };
        let fields = self.same_fields(page.form_name(), taken);
        let status = error.status();
        let mut response =
            self.account_page_with(visit, page, &taken.restart, status, &fields, told);
        put_retry_after(&mut response, error);
        response
    }
}

fn new_password(form: &Form) -> Result<Action, StepError> {
    Ok(Action::ResetPassword {
        username: entered(form, "username")?,
        code: entered_code(form)?,
        password: Secret::new(entered(form, "new_password")?),
    })
}
