//! One's own passkeys, signed in: the list, a new one, deleting one, and the offer after a sign-in.
//!
//! Adding takes two forms: the first has the pool begin (StartWebAuthnRegistration), the page's script asks the browser
//! for the passkey, and the second brings it (CompleteWebAuthnRegistration). Nothing of it is kept here in between: the
//! challenge is the pool's.

use cognito_flow::Secret;
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::body::Body;
use crate::cognito::{CognitoError, Passkey};
use crate::session::{CookieValue, find_cookie};
use crate::sign_in::attempt::Restart;
use crate::sign_in::csrf::FormName;
use crate::sign_in::error::{Fault, StepError};
use crate::sign_in::form::{MAX_CREDENTIAL, bounded_by};
use crate::sign_in::page::{ErrorView, MessageView, Pages, View, put_retry_after};
use crate::sign_in::return_to::ReturnTo;
use crate::sign_in::visit::Visit;
use crate::sign_in::{SignIn, redirect};

use super::form::{NotLetIn, Taken, error_view, with_cookie};
use super::steps::Action;
use super::{ADD_PASSKEY, DECLINE_PASSKEY, DELETE_PASSKEY, PASSKEYS, SAVE_PASSKEY};

const NOT_MADE: &str = "The passkey could not be read. Please try again.";

/// The list, or the offer.
#[derive(Debug, Serialize)]
struct PasskeysView<'a> {
    /// Whether this is the offer after a sign-in.
    offer: bool,
    attempt: &'a str,
    passkeys: Vec<Row>,
    add_action: &'a str,
    add_csrf: &'a str,
    delete_action: &'a str,
    delete_csrf: String,
    decline_action: &'a str,
    decline_csrf: String,
    error: Option<ErrorView>,
    /// URL.
    home: &'a str,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
}

/// Where the script makes the passkey.
#[derive(Debug, Serialize)]
struct NewPasskeyView<'a> {
    action: &'a str,
    attempt: &'a str,
    csrf: &'a str,
    offer: bool,
    /// CredentialCreationOptions, as JSON.
    options: String,
    /// URL.
    cancel: &'a str,
}

impl View for PasskeysView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        "passkeys.html"
    }
}

impl View for NewPasskeyView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        "new_passkey.html"
    }
}

impl SignIn {
    /// Where a sign-in leads that is done: into the application, by way of the offer if it is to be made.
    pub(in crate::sign_in) fn after_sign_in(
        &self,
        visit: &Visit<'_>,
        return_to: &ReturnTo,
    ) -> Response<Body> {
        let declined = self.sessions.cookie_names().passkey_declined();
        let declined = find_cookie(visit.headers(), declined) != CookieValue::Missing;
        if !self.account.offer_passkey || declined {
            return self.go_to(return_to);
        }
        let return_to: String =
            form_urlencoded::byte_serialize(return_to.as_str().as_bytes()).collect();
        let offer = format!("{}{PASSKEYS}?offer=1&return_to={return_to}", self.origin);
        redirect(StatusCode::SEE_OTHER, &offer)
    }

    /// GET: the list, or the offer. Who has a passkey, or cannot have one, is not offered one again.
    pub(in crate::sign_in) async fn passkeys_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let restart = Restart::at(self.asked_return(visit));
        let offer = self.account.offer_passkey && visit.query("offer").is_some();
        let passkeys = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => self.pool.passkeys(&access_token).await,
            Err(why) => return self.not_signed_in(visit, PASSKEYS, why),
        };
        match passkeys {
            Ok(passkeys) if !offer || passkeys.is_empty() => {
                self.list_page(visit, &restart, offer, passkeys, StatusCode::OK, None)
            }
            Ok(_) => self.decline_for(visit, &restart.return_to),
            Err(error) if offer => {
                tracing::info!(%error, "a passkey cannot be offered");
                self.go_to(&restart.return_to)
            }
            Err(error) => self.account_unreadable(visit, error),
        }
    }

    /// POST: begins a new one.
    pub(in crate::sign_in) async fn add_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let taken = match self.let_in(visit, body, FormName::AddPasskey).await {
            Ok(taken) => taken,
            Err(why) => return self.passkeys_again(visit, why).await,
        };
        let access_token = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => access_token,
            Err(why) => return self.not_signed_in(visit, PASSKEYS, why),
        };
        let options = match self.pool.start_passkey(&access_token).await {
            Ok(options) => options,
            Err(error) => {
                let error = StepError::Pool(error);
                return self
                    .passkeys_failed(visit, &taken, access_token, &error)
                    .await;
            }
        };
        let fields = self.same_fields(FormName::SavePasskey, &taken);
        let offer = taken.form.text("offer") == "1";
        let view = NewPasskeyView {
            action: SAVE_PASSKEY,
            attempt: &fields.sealed,
            csrf: &fields.csrf,
            offer,
            options: Value::Object(options).to_string(),
            cancel: &if offer {
                taken.restart.return_to.location(&self.origin)
            } else {
                PASSKEYS.to_owned()
            },
        };
        self.page(visit, StatusCode::OK, &view, None)
    }

    /// POST: the passkey that the browser made.
    pub(in crate::sign_in) async fn save_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let taken = match self.let_in(visit, body, FormName::SavePasskey).await {
            Ok(taken) => taken,
            Err(why) => return self.passkeys_again(visit, why).await,
        };
        let access_token = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => access_token,
            Err(why) => return self.not_signed_in(visit, PASSKEYS, why),
        };
        let action =
            credential(taken.form.text("credential")).map(|credential| Action::SavePasskey {
                access_token: access_token.clone(),
                credential,
            });
        match self.account_step(&taken, action).await {
            Ok(_) if taken.form.text("offer") == "1" => {
                self.decline_for(visit, &taken.restart.return_to)
            }
            Ok(_) => self.to_passkeys(),
            Err(error) => {
                self.passkeys_failed(visit, &taken, access_token, &error)
                    .await
            }
        }
    }

    /// POST: deletes one.
    pub(in crate::sign_in) async fn delete_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let taken = match self.let_in(visit, body, FormName::DeletePasskey).await {
            Ok(taken) => taken,
            Err(why) => return self.passkeys_again(visit, why).await,
        };
        let access_token = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => access_token,
            Err(why) => return self.not_signed_in(visit, PASSKEYS, why),
        };
        let action = taken.form.answer("id").map(|id| Action::DeletePasskey {
            access_token: access_token.clone(),
            id: id.to_owned(),
        });
        match self.account_step(&taken, action).await {
            Ok(_) => self.to_passkeys(),
            Err(error) => {
                self.passkeys_failed(visit, &taken, access_token, &error)
                    .await
            }
        }
    }

    /// POST: not now.
    pub(in crate::sign_in) async fn decline_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        match self.let_in(visit, body, FormName::DeclinePasskey).await {
            Ok(taken) => self.decline_for(visit, &taken.restart.return_to),
            Err(why) => self.passkeys_again(visit, why).await,
        }
    }

    /// On into the application; this browser is not offered a passkey again for a while.
    fn decline_for(&self, visit: &Visit<'_>, return_to: &ReturnTo) -> Response<Body> {
        match self.sessions.cookie_names().decline_passkey() {
            Ok(cookie) => with_cookie(self.go_to(return_to), Some(cookie)),
            Err(_) => self.broken(visit, &Fault::Header),
        }
    }

    fn to_passkeys(&self) -> Response<Body> {
        redirect(StatusCode::SEE_OTHER, &format!("{}{PASSKEYS}", self.origin))
    }

    async fn passkeys_again(&self, visit: &Visit<'_>, why: NotLetIn) -> Response<Body> {
        match why {
            NotLetIn::Answered(response) => response,
            NotLetIn::Again {
                restart,
                status,
                error,
            } => {
                let access_token = match self.sessions.access_token(visit.headers()).await {
                    Ok(access_token) => access_token,
                    Err(why) => return self.not_signed_in(visit, PASSKEYS, why),
                };
                self.list_page_with(visit, &restart, &access_token, status, error)
                    .await
            }
        }
    }

    async fn passkeys_failed(
        &self,
        visit: &Visit<'_>,
        taken: &Taken,
        access_token: Secret<String>,
        error: &StepError,
    ) -> Response<Body> {
        if let StepError::Fault(fault) = error {
            return self.broken(visit, fault);
        }
        let (status, shown) = (error.status(), error_view(error));
        let mut response = self
            .list_page_with(visit, &taken.restart, &access_token, status, shown)
            .await;
        put_retry_after(&mut response, error);
        response
    }

    async fn list_page_with(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        access_token: &Secret<String>,
        status: StatusCode,
        error: ErrorView,
    ) -> Response<Body> {
        match self.pool.passkeys(access_token).await {
            Ok(passkeys) => self.list_page(visit, restart, false, passkeys, status, Some(error)),
            Err(error) => self.account_unreadable(visit, error),
        }
    }

    fn list_page(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        offer: bool,
        passkeys: Vec<Passkey>,
        status: StatusCode,
        error: Option<ErrorView>,
    ) -> Response<Body> {
        let fields = match self.fields(visit, FormName::AddPasskey, restart, None) {
            Ok(fields) => fields,
            Err(fault) => return self.broken(visit, &fault),
        };
        let token = |name| self.token_beside(name, &fields.browser, &fields.sealed);
        let view = PasskeysView {
            offer,
            attempt: &fields.sealed,
            passkeys: passkeys
                .into_iter()
                .map(|Passkey { id, name, .. }| Row { id, name })
                .collect(),
            add_action: ADD_PASSKEY,
            add_csrf: &fields.csrf,
            delete_action: DELETE_PASSKEY,
            delete_csrf: token(FormName::DeletePasskey),
            decline_action: DECLINE_PASSKEY,
            decline_csrf: token(FormName::DeclinePasskey),
            error,
            home: &restart.return_to.location(&self.origin),
        };
        self.page(visit, status, &view, fields.cookie.clone())
    }

    /// The pool did not say what this page is about.
    pub(super) fn account_unreadable(
        &self,
        visit: &Visit<'_>,
        error: CognitoError,
    ) -> Response<Body> {
        let error = StepError::Pool(error);
        let view = MessageView {
            status: error.status().as_u16(),
            heading: "This page cannot be shown just now",
            advice: error.message(),
            retry: None,
            sign_in: None,
        };
        let mut response = self.page(visit, error.status(), &view, None);
        put_retry_after(&mut response, &error);
        response
    }
}

/// What the browser's `PublicKeyCredential` says, as JSON.
fn credential(text: &str) -> Result<Map<String, Value>, StepError> {
    bounded_by(MAX_CREDENTIAL, "credential", text)?;
    serde_json::from_str(text).map_err(|_| StepError::Field {
        id: "credential".to_owned(),
        message: NOT_MADE,
    })
}

pub(super) fn draw_samples(pages: &Pages, error: Option<&ErrorView>) -> Result<(), Fault> {
    let full = error.is_some();
    let row = || Row {
        id: "sample".to_owned(),
        name: "sample".to_owned(),
    };
    for offer in [true, false] {
        let view = PasskeysView {
            offer,
            attempt: "sample",
            passkeys: full.then(row).into_iter().collect(),
            add_action: "/",
            add_csrf: "sample",
            delete_action: "/",
            delete_csrf: "sample".to_owned(),
            decline_action: "/",
            decline_csrf: "sample".to_owned(),
            error: error.cloned(),
            home: "/",
        };
        pages.draw(StatusCode::OK, &view, full.then_some("sample"))?;
    }
    let view = NewPasskeyView {
        action: "/",
        attempt: "sample",
        csrf: "sample",
        offer: full,
        options: "{}".to_owned(),
        cancel: "/",
    };
    pages.draw(StatusCode::OK, &view, full.then_some("sample"))?;
    Ok(())
}
