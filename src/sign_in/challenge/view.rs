//! What the page of a challenge is given: the same for all, and for a few what their templates cannot make of the step.
//!
//! Everything is the pool's or the person's text: the template engine escapes it.

use cognito_flow::{Challenge, FlowKind, NextStep};
use serde::Serialize;

use crate::sign_in::attempt::Restart;
use crate::sign_in::attributes::{AttributeField, input_name};
use crate::sign_in::form::Form;
use crate::sign_in::page::{ErrorView, View};

use super::Challenges;
use super::authenticator::AuthenticatorApp;
use super::custom::CustomView;

/// A challenge as a person sees it.
pub(super) struct Question<'a> {
    pub(super) challenge: &'a Challenge,
    pub(super) flow: FlowKind,
    /// The rounds of CUSTOM_CHALLENGE so far, this one included.
    pub(super) round: u8,
    /// The user name as it was typed, for password managers, and where to go.
    pub(super) restart: &'a Restart,
    /// What was entered before: kept, but for secrets. The challenge then comes from its seal.
    pub(super) form: Option<&'a Form>,
    pub(super) error: Option<ErrorView>,
}

/// The one view of all challenges.
#[derive(Serialize)]
pub(in crate::sign_in) struct ChallengeView<'a> {
    #[serde(skip)]
    template: String,
    action: &'a str,
    attempt: &'a str,
    csrf: &'a str,
    username: &'a str,
    /// Of the input for the answer.
    field: &'a str,
    /// The id of the input that the error is about, or nothing.
    faulty: String,
    step: NextStep,
    /// What was typed before, where it is no secret.
    value: &'a str,
    /// Whether the sign-in can begin in another way.
    other_ways: bool,
    /// URL.
    start_again: &'a str,
    /// URL, on a page that asks for the password.
    forgot_password: Option<&'a str>,
    error: Option<ErrorView>,
    #[serde(flatten)]
    more: More,
}

/// The hidden fields and the addresses of the page's forms.
#[derive(Clone, Copy)]
pub(super) struct Links<'a> {
    pub(super) action: &'a str,
    pub(super) attempt: &'a str,
    pub(super) csrf: &'a str,
    pub(super) start_again: &'a str,
    pub(super) forgot_password: Option<&'a str>,
}

/// What only some templates need.
#[derive(Serialize)]
#[serde(untagged)]
enum More {
    Nothing {},
    NewPassword {
        attributes: Vec<AttributeField>,
    },
    Authenticator {
        authenticator: Box<AuthenticatorApp>,
    },
    Custom {
        custom: Box<CustomView>,
    },
}

impl View for ChallengeView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        &self.template
    }

    fn shows_pictures(&self) -> bool {
        matches!(&self.more, More::Custom { custom } if custom.has_picture())
    }
}

impl Challenges {
    /// The page of a question.
    pub(super) fn view<'a>(&self, question: Question<'a>, links: Links<'a>) -> ChallengeView<'a> {
        let challenge = question.challenge;
        let typed = |name: &str| {
            question
                .form
                .map(|form| form.text(name))
                .unwrap_or_default()
        };
        let more = match challenge {
            Challenge::NewPasswordRequired(asked) => More::NewPassword {
                attributes: asked
                    .required_attributes
                    .iter()
                    .map(|name| AttributeField::new(name, typed(&input_name(name))))
                    .collect(),
            },
            Challenge::AuthenticatorSetup(setup) => More::Authenticator {
                authenticator: Box::new(AuthenticatorApp::new(
                    self.app_name(),
                    &question.restart.username,
                    &setup.secret_code,
                    typed("device_name"),
                )),
            },
            Challenge::CustomChallenge(asked) => More::Custom {
                custom: Box::new(self.custom(asked, question.round, question.form.is_some())),
            },
            _ => More::Nothing {},
        };
        let value = match challenge {
            Challenge::EmailSetup(_) => typed(challenge.field()),
            _ => "",
        };
        ChallengeView {
            template: self.template(challenge),
            action: links.action,
            attempt: links.attempt,
            csrf: links.csrf,
            username: &question.restart.username,
            field: challenge.field(),
            faulty: question
                .error
                .as_ref()
                .and_then(|error| error.field.clone())
                .unwrap_or_default(),
            step: challenge.next_step(),
            value,
            other_ways: question.flow == FlowKind::UserAuth
                && !matches!(challenge, Challenge::SelectChallenge(_)),
            start_again: links.start_again,
            forgot_password: links
                .forgot_password
                .filter(|_| matches!(challenge, Challenge::PasswordChallenge(_))),
            error: question.error,
            more,
        }
    }

    /// Pages of this challenge as a template may meet them: with everything in them, and with nothing that can be left out.
    pub(in crate::sign_in) fn samples(
        &self,
        challenge: &Challenge,
        full: bool,
    ) -> Vec<ChallengeView<'static>> {
        let mut templates = vec![self.template(challenge)];
        if let Challenge::CustomChallenge(_) = challenge {
            templates.extend(self.own_templates().map(str::to_owned));
        }
        let field = challenge.field();
        let sample = |template: String| ChallengeView {
            template,
            action: "/",
            attempt: "sample",
            csrf: "sample",
            username: "sample",
            field,
            faulty: if full {
                field.to_owned()
            } else {
                String::new()
            },
            step: challenge.next_step(),
            value: "",
            other_ways: full,
            start_again: "/",
            forgot_password: full.then_some("/"),
            error: full.then(|| ErrorView {
                message: "Sample".to_owned(),
                field: Some(field.to_owned()),
            }),
            more: self.sample_of_more(challenge, full),
        };
        templates.into_iter().map(sample).collect()
    }

    fn sample_of_more(&self, challenge: &Challenge, full: bool) -> More {
        match challenge {
            Challenge::NewPasswordRequired(asked) => More::NewPassword {
                attributes: asked
                    .required_attributes
                    .iter()
                    .map(|name| AttributeField::new(name, ""))
                    .collect(),
            },
            Challenge::AuthenticatorSetup(setup) => More::Authenticator {
                authenticator: Box::new(AuthenticatorApp::new(
                    self.app_name(),
                    "sample",
                    &setup.secret_code,
                    "",
                )),
            },
            Challenge::CustomChallenge(asked) => {
                // Its picture may be refused here, which is nothing to log.
                let mut asked = asked.clone();
                asked.parameters.remove(&self.settings.image_param);
                let mut custom = self.custom(&asked, 1, false);
                if full {
                    custom.fill_for_a_sample();
                }
                More::Custom {
                    custom: Box::new(custom),
                }
            }
            _ => More::Nothing {},
        }
    }
}
