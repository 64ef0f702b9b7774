//! The pages for what the pool asks after the first step, and the answers to them.
//!
//! All challenges go the same way: cognito-flow says which template shows one and which field answers it, so a new one
//! needs nothing here. An answer that the pool did not take is asked for again with the same sealed attempt: its
//! CognitoSession is not spent.

mod authenticator;
mod custom;
mod picture;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cognito_flow::{
    Answer, AnswerError, Challenge, Credentials, FirstFactor, FlowKind, Pending, Secret,
    UnixSeconds,
};
use http::{Response, StatusCode};
use url::Url;

use crate::body::Body;
use crate::clock::Clock;
use crate::cognito::CognitoError;
use crate::origin::PublicOrigin;

use super::accept::{Accepted, Hidden};
use super::account::FORGOT_PASSWORD;
use super::attempt::Restart;
use super::attributes::{INPUT_PREFIX, input_id};
use super::csrf::FormName;
use super::error::{StepError, TurnedAway};
use super::form::{Form, MAX_CREDENTIAL, bounded, bounded_by};
use super::page::{ErrorView, put_retry_after};
use super::steps::Next;
use super::visit::Visit;
use super::{CHALLENGE, SignIn};
use view::{Links, Question};

pub use custom::CustomSettings;
pub use picture::PictureSettings;

pub(super) use authenticator::setup_uri;

/// The id and name of the input for a new password.
const NEW_PASSWORD: &str = "new_password";

/// How challenges are shown.
#[derive(Debug)]
pub(super) struct Challenges {
    app_name: String,
    settings: CustomSettings,
    /// The operator's `custom_NAME.html`, by file name.
    own_templates: Vec<String>,
    own_origin: Url,
    clock: Clock,
    refused_pictures: OnceAMinute,
}

impl Challenges {
    pub(super) fn new(
        app_name: String,
        settings: CustomSettings,
        own_templates: Vec<String>,
        origin: &PublicOrigin,
        clock: Clock,
    ) -> Self {
        Self {
            app_name,
            settings,
            own_templates,
            own_origin: origin.url().clone(),
            clock,
            refused_pictures: OnceAMinute::default(),
        }
    }

    /// Who issues an authenticator app's key, as the app will show it.
    pub(super) fn app_name(&self) -> &str {
        &self.app_name
    }

    fn own_templates(&self) -> impl Iterator<Item = &str> {
        self.own_templates.iter().map(String::as_str)
    }

    /// The file that shows a challenge. A value from the pool only chooses among the files that there are.
    fn template(&self, challenge: &Challenge) -> String {
        let own = match (challenge, &self.settings.template_param) {
            (Challenge::CustomChallenge(asked), Some(parameter)) => {
                let name = asked.parameters.get(parameter);
                let file = name.map(|name| format!("custom_{name}.html"));
                file.filter(|file| self.own_templates.contains(file))
            }
            _ => None,
        };
        own.unwrap_or_else(|| format!("{}.html", challenge.page()))
    }
}

impl SignIn {
    /// The page for what the pool asks now.
    pub(super) fn ask(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        pending: &Pending,
        error: Option<ErrorView>,
    ) -> Response<Body> {
        let hidden = match self.hide(visit, FormName::Challenge, restart, Some(pending)) {
            Ok(hidden) => hidden,
            Err(fault) => return self.broken(visit, &fault),
        };
        let question = Question {
            challenge: pending.challenge(),
            flow: pending.kind(),
            round: pending.round(),
            restart,
            form: None,
            error,
        };
        self.question_page(visit, StatusCode::OK, hidden, question)
    }

    /// POST: the answer, or the wish to begin anew.
    pub(super) async fn challenge(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        let Accepted {
            form,
            sealed,
            attempt,
        } = match self.accept(visit, body, FormName::Challenge).await {
            Ok(accepted) => accepted,
            Err(why) => return self.turn_away(visit, &why).await,
        };
        let restart = attempt.restart();
        let Some(pending) = attempt.pending else {
            // No token for this form is ever issued with such an attempt.
            let why = TurnedAway::NotYours(Restart::at(restart.return_to));
            return self.turn_away(visit, &why).await;
        };
        if let Some(wish) = Again::read(&form) {
            return self
                .begin_again(visit, &sealed, &restart, &pending, wish)
                .await;
        }
        let (challenge, flow, round) =
            (pending.challenge().clone(), pending.kind(), pending.round());
        let outcome = match answer(&challenge, &form) {
            Ok(answer) => {
                let visitor = self.visitor(visit, &restart);
                self.steps.answer(&sealed, pending, answer, visitor).await
            }
            Err(error) => Err(Arc::new(error)),
        };
        match outcome {
            Ok(outcome) => {
                let given = form.text(challenge.field());
                let error = match &outcome.next {
                    Next::Ask(next)
                        if self
                            .challenges()
                            .asks_again(&challenge, next.challenge(), given) =>
                    {
                        Some(ErrorView {
                            message: "That was not right. Please try again.".to_owned(),
                            field: Some(challenge.field().to_owned()),
                        })
                    }
                    _ => None,
                };
                self.proceed(visit, &restart, &outcome, error)
            }
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
                    error: Some(ErrorView {
                        message: error.message().to_owned(),
                        field: faulty_input(&error, &challenge),
                    }),
                    challenge: &challenge,
                    flow,
                    round,
                    restart: &restart,
                    form: Some(&form),
                };
                let mut response = self.question_page(visit, error.status(), hidden, question);
                put_retry_after(&mut response, &error);
                response
            }
            Err(error) => {
                let mut response = self.refused(visit, &restart, &error);
                if let StepError::Pool(CognitoError::DeviceUnknown(_)) = &*error {
                    self.drop_device(visit, &restart, &mut response);
                }
                response
            }
        }
    }

    /// A new code, or another way: the pool knows neither, so the flow begins anew. Where it begins with the password, the
    /// person does too, with the user name kept.
    async fn begin_again(
        &self,
        visit: &Visit<'_>,
        sealed: &str,
        restart: &Restart,
        pending: &Pending,
        wish: Again,
    ) -> Response<Body> {
        let preferred = match (pending.kind(), wish) {
            (FlowKind::UserAuth, Again::Way) | (FlowKind::CustomWithoutSrp, _) => None,
            // Another factor's code comes after a first factor, which is asked for again.
            (FlowKind::UserAuth, Again::Code) => {
                let factor: Option<FirstFactor> = pending.challenge().name().parse().ok();
                factor.filter(|factor| !factor.is_password())
            }
            (FlowKind::UserSrpAuth | FlowKind::UserPasswordAuth | FlowKind::CustomWithSrp, _) => {
                let notice = "Sign in again to get a new code.";
                return self.fresh_form(visit, restart, StatusCode::OK, None, Some(notice));
            }
        };
        let credentials = Credentials {
            username: restart.username.clone(),
            password: None,
            preferred,
            session: None,
        };
        let visitor = self.visitor(visit, restart);
        let begun = self.steps.begin(sealed.as_bytes(), credentials, visitor);
        match begun.await {
            Ok(outcome) => self.proceed(visit, restart, &outcome, None),
            Err(error) => self.refused(visit, restart, &error),
        }
    }

    fn question_page(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        hidden: Hidden,
        question: Question<'_>,
    ) -> Response<Body> {
        let start_again = self.url_to(&question.restart.return_to);
        let forgot_password = (self.account.reset_password)
            .then(|| self.page_to(FORGOT_PASSWORD, &question.restart.return_to));
        let links = Links {
            action: CHALLENGE,
            attempt: &hidden.attempt,
            csrf: &hidden.csrf,
            start_again: &start_again,
            forgot_password: forgot_password.as_deref(),
        };
        let view = self.challenges().view(question, links);
        self.page(visit, status, &view, hidden.cookie)
    }

    pub(super) fn challenges(&self) -> &Challenges {
        self.pages.challenges()
    }
}

/// What the second form of a challenge's page asks for.
#[derive(Clone, Copy)]
enum Again {
    Code,
    Way,
}

impl Again {
    fn read(form: &Form) -> Option<Self> {
        match form.text("again") {
            "code" => Some(Self::Code),
            "way" => Some(Self::Way),
            _ => None,
        }
    }
}

/// The answer that a form holds.
fn answer(challenge: &Challenge, form: &Form) -> Result<Answer, StepError> {
    let attributes = form.starting_with(INPUT_PREFIX).map(|(name, value)| {
        let value = bounded(&input_id(name), value)?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let device_name = form.answer("device_name")?;
    Ok(Answer {
        response: Secret::new(bounded_answer(challenge, form.text(challenge.field()))?.to_owned()),
        attributes: attributes.collect::<Result<BTreeMap<_, _>, StepError>>()?,
        device_name: (!device_name.is_empty()).then(|| device_name.to_owned()),
    })
}

/// An answer, if it is no longer than any can be.
pub(super) fn bounded_answer<'a>(
    challenge: &Challenge,
    text: &'a str,
) -> Result<&'a str, StepError> {
    match challenge {
        Challenge::WebAuthn(_) => bounded_by(MAX_CREDENTIAL, challenge.field(), text),
        _ => bounded(challenge.field(), text),
    }
}

/// Whether the same question can be put again: the answer was not taken, or did not arrive.
fn can_ask_again(error: &StepError) -> bool {
    match error {
        StepError::Field { .. } => true,
        // An authenticator's next code will do; a message's, the page can send.
        StepError::Pool(CognitoError::ExpiredCode(_)) => true,
        StepError::Pool(error) => error.retry_same_step() || error.is_outage(),
        StepError::Fault(_) => false,
    }
}

/// The id of the input that an error is about.
fn faulty_input(error: &StepError, challenge: &Challenge) -> Option<String> {
    match error {
        StepError::Field { id, .. } => Some(id.clone()),
        StepError::Pool(error) => match error {
            CognitoError::InvalidPassword { .. } => Some(NEW_PASSWORD.to_owned()),
            CognitoError::CodeMismatch(_) | CognitoError::ExpiredCode(_) => {
                Some(challenge.field().to_owned())
            }
            CognitoError::Answer(
                AnswerError::Empty { field }
                | AnswerError::NotAChoice { field }
                | AnswerError::NotACredential { field },
            ) => Some((*field).to_owned()),
            CognitoError::Answer(AnswerError::MissingAttributes(names)) => {
                names.first().map(|name| input_id(name))
            }
            _ => None,
        },
        StepError::Fault(_) => None,
    }
}

/// Lets one log line a minute through: a stranger can cause as many as they like.
#[derive(Debug, Default)]
struct OnceAMinute(AtomicU64);

impl OnceAMinute {
    fn is_due(&self, now: UnixSeconds) -> bool {
        let minute = now.0 / 60;
        self.0.swap(minute, Ordering::Relaxed) != minute
    }
}
