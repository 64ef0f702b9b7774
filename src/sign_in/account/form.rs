//! Reading the forms of the account pages, and the page again when one is not let in.
//!
//! As `accept` does for sign-ins, in the same order; but who is turned away stays at the page, since there is no sign-in
//! to begin anew.

use cognito_flow::{CognitoSession, Secret};
use http::header::SET_COOKIE;
use http::{HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::cognito::CognitoError;
use crate::refusal::Refusal;
use crate::session::NoAccessToken;
use crate::sign_in::accept::Accepted;
use crate::sign_in::attempt::{Fresh, Restart};
use crate::sign_in::browser::Binding;
use crate::sign_in::csrf::FormName;
use crate::sign_in::error::{Fault, StepError, TurnedAway};
use crate::sign_in::form::Form;
use crate::sign_in::page::ErrorView;
use crate::sign_in::return_to::ReturnTo;
use crate::sign_in::visit::Visit;
use crate::sign_in::{SignIn, redirect};

const OPEN_TOO_LONG: &str =
    "This page was open for too long, or in another browser. Please try again.";

/// A form that was let in.
pub(super) struct Taken {
    pub(super) form: Form,
    /// The attempt as it came: good for the next try too.
    pub(super) sealed: String,
    /// The browser that the attempt is bound to.
    pub(super) browser: Binding,
    /// With the user name of the form's own field.
    pub(super) restart: Restart,
    /// Of a sign-up that waits for its code.
    pub(super) sign_up: Option<CognitoSession>,
}

/// The hidden fields of a form, and the cookie they are bound to if the browser has none.
pub(super) struct Fields {
    pub(super) sealed: String,
    pub(super) csrf: String,
    pub(super) browser: Binding,
    pub(super) cookie: Option<HeaderValue>,
}

/// A form that was not let in.
pub(super) enum NotLetIn {
    /// The page again, with this on it, from here.
    Again {
        restart: Restart,
        status: StatusCode,
        error: ErrorView,
    },
    /// No page: another site's request, or no form at all.
    Answered(Response<Body>),
}

impl SignIn {
    pub(super) async fn let_in(
        &self,
        visit: &Visit<'_>,
        body: Body,
        name: FormName,
    ) -> Result<Taken, NotLetIn> {
        let why = match self.accept(visit, body, name).await {
            Ok(Accepted {
                form,
                sealed,
                attempt,
            }) => {
                let restart = Restart {
                    username: form.username(),
                    ..attempt.restart()
                };
                return Ok(Taken {
                    form,
                    sealed,
                    browser: attempt.browser,
                    restart,
                    sign_up: attempt.sign_up,
                });
            }
            Err(why) => why,
        };
        Err(match &why {
            TurnedAway::CrossSite | TurnedAway::Form(_) => {
                NotLetIn::Answered(self.turn_away(visit, &why).await)
            }
            TurnedAway::NoCookie(restart)
            | TurnedAway::NotYours(restart)
            | TurnedAway::Expired(restart) => {
                tracing::info!(reason = %why, "form refused");
                NotLetIn::Again {
                    restart: restart.clone(),
                    status: why.status(),
                    error: ErrorView {
                        message: match &why {
                            TurnedAway::NoCookie(_) => why.message(),
                            _ => OPEN_TOO_LONG,
                        }
                        .to_owned(),
                        field: None,
                    },
                }
            }
        })
    }

    /// The hidden fields of a form for this browser.
    pub(super) fn fields(
        &self,
        visit: &Visit<'_>,
        name: FormName,
        restart: &Restart,
        sign_up: Option<&CognitoSession>,
    ) -> Result<Fields, Fault> {
        let (browser, cookie) = self.browser_of(visit)?;
        let sealed = self.seal_sign_up(browser, restart, sign_up)?;
        Ok(Fields {
            csrf: self.token_beside(name, &browser, &sealed),
            sealed,
            browser,
            cookie,
        })
    }

    /// The hidden fields of the same form once more.
    pub(super) fn same_fields(&self, name: FormName, taken: &Taken) -> Fields {
        Fields {
            sealed: taken.sealed.clone(),
            csrf: self.token_beside(name, &taken.browser, &taken.sealed),
            browser: taken.browser,
            cookie: None,
        }
    }

    /// A sealed attempt that begins now; with a sign-up that waits for its code, if there is one.
    pub(in crate::sign_in) fn seal_sign_up(
        &self,
        browser: Binding,
        restart: &Restart,
        sign_up: Option<&CognitoSession>,
    ) -> Result<String, Fault> {
        let attempt = Fresh {
            return_to: &restart.return_to,
            browser,
            username: &restart.username,
            trusted: false,
            pending: None,
            sign_up,
        };
        self.seal.close(&attempt, self.clock.now())
    }

    /// A token for a further form of this browser with the same attempt in it.
    pub(super) fn token_beside(&self, name: FormName, browser: &Binding, sealed: &str) -> String {
        self.tokens.issue(name, browser, sealed, self.clock.now())
    }

    /// Where to go afterwards: what the page's address asks for, if it may.
    pub(super) fn asked_return(&self, visit: &Visit<'_>) -> ReturnTo {
        let asked = visit.query("return_to");
        let checked = asked.and_then(|asked| self.checked(&asked));
        checked.unwrap_or_else(ReturnTo::root)
    }

    /// A page of ours for who is signed in, asked for by somebody who is not.
    /// They come back to `page`.
    pub(super) fn not_signed_in(
        &self,
        visit: &Visit<'_>,
        page: &'static str,
        why: NoAccessToken,
    ) -> Response<Body> {
        match why {
            NoAccessToken::NoSession => {
                let sign_in = self.url_to(&ReturnTo::own(page));
                redirect(StatusCode::SEE_OTHER, &sign_in)
            }
            NoAccessToken::Unavailable => self.refuse(visit, Refusal::PoolUnavailable, None),
        }
    }
}

/// What is wrong with a step, at its input.
pub(super) fn error_view(error: &StepError) -> ErrorView {
    let field = match error {
        StepError::Field { id, .. } => Some(id.clone()),
        StepError::Pool(error) => match error {
            CognitoError::InvalidPassword { .. } => Some("new_password".to_owned()),
            CognitoError::CodeMismatch(_) | CognitoError::ExpiredCode(_) => Some("code".to_owned()),
            CognitoError::NameTaken(_) => Some("username".to_owned()),
            _ => None,
        },
        StepError::Fault(_) => None,
    };
    ErrorView {
        message: error.message().to_owned(),
        field,
    }
}

/// What was entered into an input that must not be empty.
pub(super) fn entered(form: &Form, input: &'static str) -> Result<String, StepError> {
    let text = form.answer(input)?;
    if text.is_empty() {
        let message = match input {
            "username" => "Enter your user name.",
            "new_password" => "Enter a new password.",
            _ => "Enter the code.",
        };
        let id = input.to_owned();
        return Err(StepError::Field { id, message });
    }
    Ok(text.to_owned())
}

/// A code, without the spaces and dashes that it was shown with.
pub(super) fn entered_code(form: &Form) -> Result<Secret<String>, StepError> {
    let code = plain_code(form.answer("code")?);
    if code.expose().is_empty() {
        return Err(StepError::Field {
            id: "code".to_owned(),
            message: "Enter the code.",
        });
    }
    Ok(code)
}

pub(in crate::sign_in) fn plain_code(typed: &str) -> Secret<String> {
    let kept = |c: &char| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}');
    Secret::new(typed.chars().filter(kept).collect())
}

/// The response with one more cookie, if there is one.
pub(super) fn with_cookie(
    mut response: Response<Body>,
    cookie: Option<HeaderValue>,
) -> Response<Body> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_as_it_was_shown() {
        for typed in ["123456", " 123 456 ", "123-456", "12\u{2013}34\u{a0}56"] {
            assert_eq!(plain_code(typed).expose(), "123456", "{typed:?}");
        }
        let form = Form::parse(b"code=+-+").unwrap();
        assert!(matches!(
            entered_code(&form),
            Err(StepError::Field { id, .. }) if id == "code"
        ));
    }
}
