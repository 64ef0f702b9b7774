//! The pages for what the pool asks after the password, and the answers to them.
//!
//! A challenge of cognito-flow is one arm in each of the three matches here, a view and a template. An answer that the
//! pool did not take is asked for again with the same sealed attempt: its CognitoSession is not spent.

use std::collections::BTreeMap;
use std::sync::Arc;

use cognito_flow::{Answer, AnswerError, Challenge, Pending, Secret};
use http::{Response, StatusCode};

use crate::body::Body;
use crate::cognito::CognitoError;

use super::accept::{Accepted, Hidden};
use super::attempt::Restart;
use super::attributes::{AttributeField, INPUT_PREFIX, input_id, input_name};
use super::csrf::FormName;
use super::error::{Fault, StepError, TurnedAway};
use super::form::{Form, bounded};
use super::page::{ErrorView, NewPasswordView, put_retry_after};
use super::visit::Visit;
use super::{CHALLENGE, SignIn};

/// The id and name of the input for a new password.
const NEW_PASSWORD: &str = "new_password";

impl SignIn {
    /// The page for what the pool asks now.
    pub(super) fn ask(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        pending: &Pending,
    ) -> Response<Body> {
        let hidden = match self.hide(visit, FormName::Challenge, restart, Some(pending)) {
            Ok(hidden) => hidden,
            Err(fault) => return self.broken(visit, &fault),
        };
        let question = Question {
            challenge: pending.challenge(),
            restart,
            form: None,
            error: None,
        };
        self.question_page(visit, StatusCode::OK, &hidden, question)
    }

    /// POST: the answer.
    pub(super) async fn challenge(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        let Accepted {
            form,
            sealed,
            attempt,
        } = match self.accept(visit, body, FormName::Challenge).await {
            Ok(accepted) => accepted,
            Err(why) => return self.turn_away(visit, &why).await,
        };
        let restart = Restart {
            return_to: attempt.return_to,
            username: attempt.username,
        };
        let Some(pending) = attempt.pending else {
            // No token for this form is ever issued with such an attempt.
            let why = TurnedAway::NotYours(Restart::at(restart.return_to));
            return self.turn_away(visit, &why).await;
        };
        let challenge = pending.challenge().clone();
        let outcome = match answer(&challenge, &form) {
            Ok(answer) => {
                let headers = visit.headers();
                self.steps
                    .answer(&sealed, pending, answer, None, headers)
                    .await
            }
            Err(error) => Err(Arc::new(error)),
        };
        match outcome {
            Ok(outcome) => self.proceed(visit, &restart, &outcome),
            Err(error) if can_ask_again(&error) => {
                let csrf = self.tokens.issue(
                    FormName::Challenge,
                    &attempt.browser,
                    &sealed,
                    self.clock.now(),
                );
                let hidden = Hidden {
                    attempt: sealed,
                    csrf,
                    cookie: None,
                };
                let question = Question {
                    challenge: &challenge,
                    restart: &restart,
                    form: Some(&form),
                    error: Some(ErrorView {
                        message: error.message().to_owned(),
                        field: faulty_input(&error),
                    }),
                };
                let mut response = self.question_page(visit, error.status(), &hidden, question);
                put_retry_after(&mut response, &error);
                response
            }
            Err(error) => self.refused(visit, &restart, &error),
        }
    }

    fn question_page(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        hidden: &Hidden,
        question: Question<'_>,
    ) -> Response<Body> {
        let Hidden {
            attempt,
            csrf,
            cookie,
        } = hidden;
        let Challenge::NewPasswordRequired(asked) = question.challenge else {
            return self.broken(visit, &Fault::Header);
        };
        let value = |name: &str| {
            let form = question.form?;
            Some(form.text(&input_name(name)))
        };
        let view = NewPasswordView {
            action: CHALLENGE,
            attempt,
            csrf,
            username: &question.restart.username,
            attributes: asked
                .required_attributes
                .iter()
                .map(|name| AttributeField::new(name, value(name).unwrap_or_default()))
                .collect(),
            error: question.error,
            start_again: &self.url_to(&question.restart.return_to),
        };
        self.page(visit, status, &view, cookie.clone())
    }
}

/// A challenge as a person sees it.
struct Question<'a> {
    challenge: &'a Challenge,
    /// The user name as it was typed, for password managers, and where to go.
    restart: &'a Restart,
    /// What was entered before: kept, but for secrets.
    form: Option<&'a Form>,
    error: Option<ErrorView>,
}

/// The answer that a form holds.
fn answer(challenge: &Challenge, form: &Form) -> Result<Answer, StepError> {
    let attributes = form.starting_with(INPUT_PREFIX).map(|(name, value)| {
        let value = bounded(&input_id(name), value)?;
        Ok((name.to_owned(), value.to_owned()))
    });
    Ok(Answer {
        response: Secret::new(form.answer(challenge.field())?.to_owned()),
        attributes: attributes.collect::<Result<BTreeMap<_, _>, StepError>>()?,
        device_name: None,
    })
}

/// Whether the same question can be put again: the answer was not taken, or did not arrive.
fn can_ask_again(error: &StepError) -> bool {
    match error {
        StepError::Field { .. } => true,
        StepError::Pool(error) => error.retry_same_step() || error.is_outage(),
        StepError::Fault(_) => false,
    }
}

/// The id of the input that an error is about.
fn faulty_input(error: &StepError) -> Option<String> {
    match error {
        StepError::Field { id, .. } => Some(id.clone()),
        StepError::Pool(error) => match error {
            CognitoError::InvalidPassword { .. }
            | CognitoError::Answer(AnswerError::Empty { .. }) => Some(NEW_PASSWORD.to_owned()),
            CognitoError::Answer(AnswerError::MissingAttributes(names)) => {
                names.first().map(|name| input_id(name))
            }
            _ => None,
        },
        StepError::Fault(_) => None,
    }
}
