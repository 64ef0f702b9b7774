//! Making an account, and confirming it with the code that the pool sends.
//!
//! SignUp tells whether a name is taken; nothing else here does. The Session that comes with it stays in the sealed
//! attempt: with it, under USER_AUTH, confirming the account signs the person in.

use std::collections::BTreeMap;
use std::sync::Arc;

use cognito_flow::{CognitoSession, Credentials, FlowKind, Secret};
use http::{Response, StatusCode};

use crate::body::Body;
use crate::cognito::NewAccount;
use crate::sign_in::SignIn;
use crate::sign_in::attempt::Restart;
use crate::sign_in::attributes::{input_id, input_name};
use crate::sign_in::csrf::FormName;
use crate::sign_in::error::StepError;
use crate::sign_in::form::{Form, bounded};
use crate::sign_in::steps::Outcome;
use crate::sign_in::visit::Visit;

use super::form::{Taken, entered, entered_code};
use super::page::{AccountPage, Told};
use super::steps::{Action, Settled};

const READY: &str = "Your account is ready. Sign in with it.";
const CONFIRMED: &str = "Your account is confirmed. Sign in with it.";
const SENT_AGAIN: &str = "If that account waits to be confirmed, a new code is on its way.";
/// For who proved the password of an account that is not confirmed.
pub(in crate::sign_in) const NOT_CONFIRMED: &str =
    "Your account is not confirmed yet. Enter the code you were sent, or get a new one.";

impl SignIn {
    /// GET: the empty form.
    pub(in crate::sign_in) fn sign_up_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let restart = Restart::at(self.asked_return(visit));
        let page = AccountPage::SignUp;
        self.account_page(visit, page, &restart, StatusCode::OK, Told::default())
    }

    /// POST: makes the account.
    pub(in crate::sign_in) async fn sign_up(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        const PAGE: AccountPage = AccountPage::SignUp;
        let taken = match self.let_in(visit, body, FormName::SignUp).await {
            Ok(taken) => taken,
            Err(why) => return self.account_again(visit, PAGE, why),
        };
        let action = new_account(&taken.form, &self.account.sign_up_attributes);
        let settled = match self.account_step(&taken, action.map(Action::SignUp)).await {
            Ok(settled) => settled,
            Err(error) => return self.account_failed(visit, PAGE, &taken, &error),
        };
        let Settled::SignedUp {
            confirmed: false,
            delivery,
            session,
        } = &*settled
        else {
            return self.fresh_form(visit, &taken.restart, StatusCode::OK, None, Some(READY));
        };
        let name = FormName::ConfirmSignUp;
        let fields = self.fields(visit, name, &taken.restart, session.as_ref());
        let told = Told {
            delivery: delivery.as_ref(),
            ..Told::default()
        };
        match fields {
            Ok(fields) => {
                let (page, status) = (AccountPage::Confirm, StatusCode::OK);
                self.account_page_with(visit, page, &taken.restart, status, &fields, told)
            }
            Err(fault) => self.broken(visit, &fault),
        }
    }

    /// GET: for who has a code.
    pub(in crate::sign_in) fn confirm_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let restart = Restart::at(self.asked_return(visit));
        let page = AccountPage::Confirm;
        self.account_page(visit, page, &restart, StatusCode::OK, Told::default())
    }

    /// POST: the code.
    pub(in crate::sign_in) async fn confirm(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        const PAGE: AccountPage = AccountPage::Confirm;
        let mut taken = match self.let_in(visit, body, FormName::ConfirmSignUp).await {
            Ok(taken) => taken,
            Err(why) => return self.account_again(visit, PAGE, why),
        };
        let action = confirmation(&mut taken);
        let settled = match self.account_step(&taken, action).await {
            Ok(settled) => settled,
            Err(error) => return self.account_failed(visit, PAGE, &taken, &error),
        };
        if let Settled::Confirmed(Some(session)) = &*settled
            && self.signs_in_by_session()
        {
            let sealed = taken.sealed.as_bytes();
            match self
                .auto_sign_in(visit, sealed, &taken.restart, session)
                .await
            {
                Ok(outcome) => return self.proceed(visit, &taken.restart, &outcome, None),
                // The account is confirmed all the same.
                Err(error) => tracing::info!(%error, "no sign-in of itself after a sign-up"),
            }
        }
        self.fresh_form(visit, &taken.restart, StatusCode::OK, None, Some(CONFIRMED))
    }

    /// POST: a new code.
    pub(in crate::sign_in) async fn resend_code(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        const PAGE: AccountPage = AccountPage::Confirm;
        let taken = match self.let_in(visit, body, FormName::ResendCode).await {
            Ok(taken) => taken,
            Err(why) => return self.account_again(visit, PAGE, why),
        };
        let action =
            entered(&taken.form, "username").map(|username| Action::ResendCode { username });
        if let Err(error) = self.account_step(&taken, action).await {
            return self.account_failed(visit, PAGE, &taken, &error);
        }
        let told = Told {
            notice: Some(SENT_AGAIN),
            ..Told::default()
        };
        // With a new attempt: the next new code is another step than this one.
        let session = taken.sign_up.as_ref();
        let name = FormName::ConfirmSignUp;
        match self.fields(visit, name, &taken.restart, session) {
            Ok(fields) => {
                let status = StatusCode::OK;
                self.account_page_with(visit, PAGE, &taken.restart, status, &fields, told)
            }
            Err(fault) => self.broken(visit, &fault),
        }
    }

    pub(in crate::sign_in) fn signs_in_by_session(&self) -> bool {
        self.pool.flow().kind == FlowKind::UserAuth
    }

    /// Signs in with what ConfirmSignUp gave, which only USER_AUTH takes (InitiateAuth with Session).
    pub(in crate::sign_in) async fn auto_sign_in(
        &self,
        visit: &Visit<'_>,
        nonce: &[u8],
        restart: &Restart,
        session: &CognitoSession,
    ) -> Result<Arc<Outcome>, Arc<StepError>> {
        let credentials = Credentials {
            username: restart.username.clone(),
            password: None,
            preferred: None,
            session: Some(CognitoSession::new(session.expose().to_owned())),
        };
        let visitor = self.visitor(visit, restart);
        self.steps.begin(nonce, credentials, visitor).await
    }
}

/// What the form says of the new account. Attributes that were not asked for are not taken.
fn new_account(form: &Form, asked: &[String]) -> Result<NewAccount, StepError> {
    let username = entered(form, "username")?;
    let password = Secret::new(entered(form, "new_password")?);
    let mut attributes = BTreeMap::new();
    for name in asked {
        let id = input_id(name);
        let value = bounded(&id, form.text(&input_name(name)))?;
        if value.is_empty() {
            let message = "Fill in this field.";
            return Err(StepError::Field { id, message });
        }
        attributes.insert(name.clone(), value.to_owned());
    }
    Ok(NewAccount {
        username,
        password: Some(password),
        attributes,
    })
}

fn confirmation(taken: &mut Taken) -> Result<Action, StepError> {
    Ok(Action::ConfirmSignUp {
        username: entered(&taken.form, "username")?,
        code: entered_code(&taken.form)?,
        session: taken.sign_up.take(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_has_every_attribute_that_is_asked_for_and_no_other() {
        let asked = ["email".to_owned(), "custom:team".to_owned()];
        let whole = "username=ada&new_password=p&attribute.email=a%40b.c&attribute.custom%3Ateam=x&attribute.sub=1";
        let account = new_account(&Form::parse(whole.as_bytes()).unwrap(), &asked).unwrap();
        assert_eq!(account.username, "ada");
        let names: Vec<_> = account.attributes.keys().collect();
        assert_eq!(names, ["custom:team", "email"]);
        for (part, id) in [
            ("username=ada", "username"),
            ("new_password=p", "new_password"),
            ("attribute.email=a%40b.c", "attribute-email"),
            ("attribute.custom%3Ateam=x", "attribute-custom-team"),
        ] {
            let form = Form::parse(whole.replace(part, "").as_bytes()).unwrap();
            let Err(StepError::Field { id: faulty, .. }) = new_account(&form, &asked) else {
                panic!("{part} was not missed")
            };
            assert_eq!(faulty, id);
        }
    }
}
