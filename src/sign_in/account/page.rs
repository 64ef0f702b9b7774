//! The pages before a person is signed in: forgot password, reset password, sign up, confirm.
//!
//! One view for the four: each shows the part of it that it needs. Their templates bear their names.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::body::Body;
use crate::cognito::{Delivery, Medium};
use crate::sign_in::SignIn;
use crate::sign_in::attempt::Restart;
use crate::sign_in::attributes::{AttributeField, input_name};
use crate::sign_in::csrf::FormName;
use crate::sign_in::error::Fault;
use crate::sign_in::form::Form;
use crate::sign_in::page::{ErrorView, Pages, View};
use crate::sign_in::visit::Visit;

use super::form::Fields;
use super::{CONFIRM, FORGOT_PASSWORD, RESEND_CODE, RESET_PASSWORD, SIGN_UP};

/// A page before sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sign_in) enum AccountPage {
    ForgotPassword,
    ResetPassword,
    SignUp,
    Confirm,
}

impl AccountPage {
    const ALL: [Self; 4] = [
        Self::ForgotPassword,
        Self::ResetPassword,
        Self::SignUp,
        Self::Confirm,
    ];

    pub(super) const fn form_name(self) -> FormName {
        match self {
            Self::ForgotPassword => FormName::ForgotPassword,
            Self::ResetPassword => FormName::ResetPassword,
            Self::SignUp => FormName::SignUp,
            Self::Confirm => FormName::ConfirmSignUp,
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::ForgotPassword => "forgot_password.html",
            Self::ResetPassword => "reset_password.html",
            Self::SignUp => "sign_up.html",
            Self::Confirm => "confirm.html",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::ForgotPassword => FORGOT_PASSWORD,
            Self::ResetPassword => RESET_PASSWORD,
            Self::SignUp => SIGN_UP,
            Self::Confirm => CONFIRM,
        }
    }

    /// The form that asks for a new code.
    const fn new_code(self) -> Option<(&'static str, FormName)> {
        match self {
            Self::ResetPassword => Some((FORGOT_PASSWORD, FormName::ForgotPassword)),
            Self::Confirm => Some((RESEND_CODE, FormName::ResendCode)),
            Self::ForgotPassword | Self::SignUp => None,
        }
    }
}

/// What a page says beside its form.
#[derive(Default)]
pub(in crate::sign_in) struct Told<'a> {
    pub(in crate::sign_in) error: Option<ErrorView>,
    pub(in crate::sign_in) notice: Option<&'a str>,
    /// Where the code went, right after it was sent.
    pub(in crate::sign_in) delivery: Option<&'a Delivery>,
    /// What was entered before: kept, but for secrets.
    pub(in crate::sign_in) form: Option<&'a Form>,
}

#[derive(Debug, Serialize)]
struct AccountView<'a> {
    #[serde(skip)]
    page: AccountPage,
    action: &'a str,
    attempt: &'a str,
    csrf: &'a str,
    /// What was typed as user name; then it cannot be changed on a page that takes a code.
    username: &'a str,
    attributes: Vec<AttributeField>,
    sent_to: Option<SentTo<'a>>,
    new_code: Option<NewCode<'a>>,
    error: Option<ErrorView>,
    notice: Option<&'a str>,
    /// URL.
    sign_in: &'a str,
}

#[derive(Debug, Serialize)]
struct SentTo<'a> {
    by_sms: bool,
    /// As the pool masks it.
    destination: &'a str,
}

#[derive(Debug, Serialize)]
struct NewCode<'a> {
    action: &'a str,
    csrf: &'a str,
}

impl View for AccountView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        self.page.template()
    }
}

impl<'a> SentTo<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        Self {
            by_sms: delivery.medium == Medium::Sms,
            destination: &delivery.destination,
        }
    }
}

impl SignIn {
    /// A page with a new attempt in it.
    pub(in crate::sign_in) fn account_page(
        &self,
        visit: &Visit<'_>,
        page: AccountPage,
        restart: &Restart,
        status: StatusCode,
        told: Told<'_>,
    ) -> Response<Body> {
        match self.fields(visit, page.form_name(), restart, None) {
            Ok(fields) => self.account_page_with(visit, page, restart, status, &fields, told),
            Err(fault) => self.broken(visit, &fault),
        }
    }

    /// A page with these hidden fields.
    pub(super) fn account_page_with(
        &self,
        visit: &Visit<'_>,
        page: AccountPage,
        restart: &Restart,
        status: StatusCode,
        fields: &Fields,
        told: Told<'_>,
    ) -> Response<Body> {
        let new_code = page.new_code().map(|(action, name)| {
            let csrf = self.token_beside(name, &fields.browser, &fields.sealed);
            (action, csrf)
        });
        let value = |name: &str| told.form.map_or("", |form| form.text(&input_name(name)));
        let attributes = self.account.sign_up_attributes.iter();
        let view = AccountView {
            page,
            action: page.action(),
            attempt: &fields.sealed,
            csrf: &fields.csrf,
            username: &restart.username,
            attributes: match page {
                AccountPage::SignUp => attributes
                    .map(|name| AttributeField::new(name, value(name)))
                    .collect(),
                _ => Vec::new(),
            },
            sent_to: told.delivery.map(SentTo::of),
            new_code: new_code
                .as_ref()
                .map(|(action, csrf)| NewCode { action, csrf }),
            error: told.error,
            notice: told.notice,
            sign_in: &self.url_to(&restart.return_to),
        };
        self.page(visit, status, &view, fields.cookie.clone())
    }
}

/// Draws each of these pages, and those of `verify` and `passkeys`, with everything in it and with as little as can be.
pub(in crate::sign_in) fn draw_samples(pages: &Pages, full: bool) -> Result<(), Fault> {
    let error = |field: &str| {
        full.then(|| ErrorView {
            message: "Sample".to_owned(),
            field: Some(field.to_owned()),
        })
    };
    for page in AccountPage::ALL {
        let view = AccountView {
            page,
            action: "/",
            attempt: "sample",
            csrf: "sample",
            username: if full { "sample" } else { "" },
            attributes: ["email", "phone_number", "custom:sample"]
                .into_iter()
                .filter(|_| full)
                .map(|name| AttributeField::new(name, ""))
                .collect(),
            sent_to: full.then_some(SentTo {
                by_sms: true,
                destination: "sample",
            }),
            new_code: full.then_some(NewCode {
                action: "/",
                csrf: "sample",
            }),
            error: error("code"),
            notice: full.then_some("Sample"),
            sign_in: "/",
        };
        pages.draw(StatusCode::OK, &view, full.then_some("sample"))?;
    }
    super::verify::draw_samples(pages, error("code").as_ref())?;
    super::passkeys::draw_samples(pages, error("sample").as_ref())
}
