//! Confirming one's own e-mail address and telephone number, signed in: a code is sent there, and typed in here.
//!
//! The calls are made in the person's own name: each takes an access token, which is got for it (`Sessions::access_token`).

use http::{Response, StatusCode};
use serde::Serialize;

use crate::body::Body;
use crate::cognito::{Delivery, Medium};
use crate::sign_in::attempt::Restart;
use crate::sign_in::csrf::FormName;
use crate::sign_in::error::{Fault, StepError};
use crate::sign_in::page::{ErrorView, Pages, View, put_retry_after};
use crate::sign_in::visit::Visit;
use crate::sign_in::{SignIn, redirect};

use super::form::{Fields, NotLetIn, Taken, entered_code, error_view};
use super::steps::{Action, Settled};
use super::{SEND_ATTRIBUTE_CODE, VERIFY};

/// What Cognito sends codes to: the attribute, its flag, and what people call it.
const CONTACTS: [(&str, &str, &str); 2] = [
    ("email", "email_verified", "E-mail address"),
    ("phone_number", "phone_number_verified", "Telephone number"),
];

#[derive(Debug, Serialize)]
struct VerifyView<'a> {
    attempt: &'a str,
    contacts: Vec<Contact>,
    send_action: &'a str,
    send_csrf: &'a str,
    /// The code that is asked for.
    asked: Option<Asked<'a>>,
    error: Option<ErrorView>,
    /// URL.
    home: &'a str,
}

/// An address of the person's.
#[derive(Debug, Serialize)]
struct Contact {
    attribute: &'static str,
    label: &'static str,
    value: String,
    verified: bool,
}

#[derive(Debug, Serialize)]
struct Asked<'a> {
    action: &'a str,
    csrf: String,
    attribute: &'a str,
    label: &'a str,
    /// Where the code went, right after it was sent.
    destination: Option<&'a str>,
    by_sms: bool,
}

/// What the page is about to show beside the contacts.
#[derive(Default)]
struct Told<'a> {
    /// Waits for the code of this attribute.
    attribute: Option<&'static str>,
    delivery: Option<&'a Delivery>,
    error: Option<ErrorView>,
}

impl View for VerifyView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        "verify.html"
    }
}

impl SignIn {
    /// GET: the addresses, and which are confirmed.
    pub(in crate::sign_in) async fn verify_page(&self, visit: &Visit<'_>) -> Response<Body> {
        let restart = Restart::at(self.asked_return(visit));
        self.contacts_page(visit, &restart, StatusCode::OK, Told::default())
            .await
    }

    /// POST: has a code sent.
    pub(in crate::sign_in) async fn send_attribute_code(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let taken = match self.let_in(visit, body, FormName::SendAttributeCode).await {
            Ok(taken) => taken,
            Err(why) => return self.contacts_again(visit, why).await,
        };
        let Some(attribute) = contact(taken.form.text("attribute")) else {
            return self.verify_page(visit).await;
        };
        let access_token = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => access_token,
            Err(why) => return self.not_signed_in(visit, VERIFY, why),
        };
        let action = Action::SendAttributeCode {
            access_token,
            attribute,
        };
        let settled = match self.account_step(&taken, Ok(action)).await {
            Ok(settled) => settled,
            Err(error) => return self.contacts_failed(visit, &taken, None, &error).await,
        };
        let told = Told {
            attribute: Some(attribute),
            delivery: match &*settled {
                Settled::Sent(delivery) => delivery.as_ref(),
                _ => None,
            },
            error: None,
        };
        self.contacts_page(visit, &taken.restart, StatusCode::OK, told)
            .await
    }

    /// POST: the code.
    pub(in crate::sign_in) async fn verify_attribute(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let taken = match self.let_in(visit, body, FormName::VerifyAttribute).await {
            Ok(taken) => taken,
            Err(why) => return self.contacts_again(visit, why).await,
        };
        let Some(attribute) = contact(taken.form.text("attribute")) else {
            return self.verify_page(visit).await;
        };
        let code = match entered_code(&taken.form) {
            Ok(code) => code,
            Err(error) => {
                return self
                    .contacts_failed(visit, &taken, Some(attribute), &error)
                    .await;
            }
        };
        let access_token = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => access_token,
            Err(why) => return self.not_signed_in(visit, VERIFY, why),
        };
        let action = Action::VerifyAttribute {
            access_token,
            attribute,
            code,
        };
        match self.account_step(&taken, Ok(action)).await {
            Ok(_) => redirect(StatusCode::SEE_OTHER, &format!("{}{VERIFY}", self.origin)),
            Err(error) => {
                self.contacts_failed(visit, &taken, Some(attribute), &error)
                    .await
            }
        }
    }

    async fn contacts_again(&self, visit: &Visit<'_>, why: NotLetIn) -> Response<Body> {
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
                self.contacts_page(visit, &restart, status, told).await
            }
        }
    }

    async fn contacts_failed(
        &self,
        visit: &Visit<'_>,
        taken: &Taken,
        attribute: Option<&'static str>,
        error: &StepError,
    ) -> Response<Body> {
        if let StepError::Fault(fault) = error {
            return self.broken(visit, fault);
        }
        let told = Told {
            attribute,
            delivery: None,
            error: Some(error_view(error)),
        };
        let status = error.status();
        let mut response = self
            .contacts_page(visit, &taken.restart, status, told)
            .await;
        put_retry_after(&mut response, error);
        response
    }

    async fn contacts_page(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        status: StatusCode,
        told: Told<'_>,
    ) -> Response<Body> {
        let access_token = match self.sessions.access_token(visit.headers()).await {
            Ok(access_token) => access_token,
            Err(why) => return self.not_signed_in(visit, VERIFY, why),
        };
        let user = match self.pool.user(&access_token).await {
            Ok(user) => user,
            Err(error) => return self.account_unreadable(visit, error),
        };
        let fields = match self.fields(visit, FormName::SendAttributeCode, restart, None) {
            Ok(fields) => fields,
            Err(fault) => return self.broken(visit, &fault),
        };
        let contacts = CONTACTS.iter().filter_map(|(attribute, flag, label)| {
            Some(Contact {
                attribute,
                label,
                value: user.get(*attribute)?.clone(),
                verified: user.get(*flag).is_some_and(|flag| flag == "true"),
            })
        });
        let view = VerifyView {
            attempt: &fields.sealed,
            contacts: contacts.collect(),
            send_action: SEND_ATTRIBUTE_CODE,
            send_csrf: &fields.csrf,
            asked: told
                .attribute
                .map(|attribute| self.asked(&fields, attribute, told.delivery)),
            error: told.error,
            home: &restart.return_to.location(&self.origin),
        };
        self.page(visit, status, &view, fields.cookie.clone())
    }

    fn asked<'a>(
        &self,
        fields: &Fields,
        attribute: &'static str,
        delivery: Option<&'a Delivery>,
    ) -> Asked<'a> {
        let known = CONTACTS.iter().find(|(name, ..)| *name == attribute);
        Asked {
            action: VERIFY,
            csrf: self.token_beside(FormName::VerifyAttribute, &fields.browser, &fields.sealed),
            attribute,
            label: known.map_or(attribute, |(_, _, label)| label),
            destination: delivery.map(|delivery| delivery.destination.as_str()),
            by_sms: delivery.is_some_and(|delivery| delivery.medium == Medium::Sms),
        }
    }
}

/// An attribute that codes are sent to, of a name that a form or a program gave.
pub(in crate::sign_in) fn contact(name: &str) -> Option<&'static str> {
    let mut names = CONTACTS.iter().map(|(attribute, ..)| *attribute);
    names.find(|attribute| *attribute == name)
}

pub(super) fn draw_samples(pages: &Pages, error: Option<&ErrorView>) -> Result<(), Fault> {
    let full = error.is_some();
    let contact = |verified| Contact {
        attribute: "email",
        label: "sample",
        value: "sample".to_owned(),
        verified,
    };
    let view = VerifyView {
        attempt: "sample",
        contacts: [true, false]
            .into_iter()
            .filter(|_| full)
            .map(contact)
            .collect(),
        send_action: "/",
        send_csrf: "sample",
        asked: full.then(|| Asked {
            action: "/",
            csrf: "sample".to_owned(),
            attribute: "email",
            label: "sample",
            destination: Some("sample"),
            by_sms: true,
        }),
        error: error.cloned(),
        home: "/",
    };
    pages.draw(StatusCode::OK, &view, full.then_some("sample"))?;
    Ok(())
}
