//! CUSTOM_CHALLENGE: what of a trigger's parameters a page shows, by convention and by the operator's settings.
//!
//! All of it is somebody else's text: shown as text or not at all.

use std::collections::BTreeMap;

use cognito_flow::{Challenge, CustomChallenge};
use serde::Serialize;

use super::Challenges;
use super::picture::PictureSettings;

/// Longest text that is shown, in bytes.
const MAX_TEXT: usize = 1024;

/// Texts that are shown without being listed, with their labels.
const CONVENTION: [(&str, &str); 2] = [("email", "E-mail address"), ("phone", "Telephone number")];

/// How custom challenges are shown: `[challenge]`.
#[derive(Clone, Debug)]
pub struct CustomSettings {
    /// The parameter with the address of a picture.
    pub image_param: String,
    /// Where pictures may come from.
    pub pictures: PictureSettings,
    /// Further parameters to show as text, by name.
    pub show: Vec<String>,
    /// What the answer is called.
    pub answer_label: String,
    /// `inputmode` of its input.
    pub answer_inputmode: Option<String>,
    /// `autocomplete` of its input.
    pub answer_autocomplete: Option<String>,
    /// The parameter whose value NAME chooses the template `custom_NAME.html`.
    pub template_param: Option<String>,
    /// The parameter with an answer that asks for another way.
    pub alternative_param: String,
}

impl Default for CustomSettings {
    fn default() -> Self {
        Self {
            image_param: "captchaUrl".to_owned(),
            pictures: PictureSettings::default(),
            show: Vec::new(),
            answer_label: "Answer".to_owned(),
            answer_inputmode: None,
            answer_autocomplete: None,
            template_param: None,
            alternative_param: "alternative".to_owned(),
        }
    }
}

/// What `custom.html` is given.
#[derive(Serialize)]
pub(super) struct CustomView {
    round: u8,
    /// What `src` may be.
    picture: Option<String>,
    picture_refused: bool,
    /// It was shown with the first page only.
    picture_gone: bool,
    question: Option<String>,
    hint: Option<String>,
    texts: Vec<Text>,
    alternative: Option<String>,
    label: String,
    inputmode: Option<String>,
    autocomplete: Option<String>,
    /// All public parameters, but for pictures.
    parameters: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Text {
    label: String,
    value: String,
}

impl CustomView {
    pub(super) const fn has_picture(&self) -> bool {
        self.picture.is_some()
    }

    /// Puts in what can be there: a template is tried out with all of it.
    pub(super) fn fill_for_a_sample(&mut self) {
        let sample = || Some("sample".to_owned());
        self.picture = sample();
        self.question = sample();
        self.hint = sample();
        self.alternative = sample();
        self.inputmode = sample();
        self.autocomplete = sample();
        self.texts = vec![Text {
            label: "sample".to_owned(),
            value: "sample".to_owned(),
        }];
    }
}

impl Challenges {
    /// The page of a custom challenge. `once_more`: the same question again, from its seal.
    pub(super) fn custom(&self, asked: &CustomChallenge, round: u8, once_more: bool) -> CustomView {
        let settings = &self.settings;
        let parameter = |name: &str| {
            let value = asked.parameters.get(name)?;
            Some(value.clone()).filter(|value| !value.is_empty() && value.len() <= MAX_TEXT)
        };
        let address = asked.parameters.get(&settings.image_param);
        // What is too long for the seal has come back empty.
        let picture_gone = once_more && address.is_some_and(String::is_empty);
        let address = address.filter(|address| !address.is_empty());
        let picture = address.and_then(|address| self.picture(address));
        let listed = settings
            .show
            .iter()
            .map(|name| (name.as_str(), name.as_str()));
        let texts = CONVENTION
            .into_iter()
            .chain(listed)
            .filter_map(|(name, label)| {
                Some(Text {
                    label: label.to_owned(),
                    value: parameter(name)?,
                })
            });
        CustomView {
            round,
            picture_refused: address.is_some() && picture.is_none(),
            picture,
            picture_gone,
            question: parameter("question"),
            hint: parameter("hint"),
            texts: texts.collect(),
            alternative: parameter(&settings.alternative_param),
            label: settings.answer_label.clone(),
            inputmode: settings.answer_inputmode.clone(),
            autocomplete: settings.answer_autocomplete.clone(),
            parameters: asked
                .parameters
                .iter()
                .filter(|(_, value)| value.len() <= MAX_TEXT)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        }
    }

    /// The picture, if it may be shown; else the operator reads why.
    fn picture(&self, address: &str) -> Option<String> {
        let allowed = self.settings.pictures.allow(address, &self.own_origin);
        allowed
            .inspect_err(|refused| {
                if self.refused_pictures.is_due(self.clock.now()) {
                    tracing::warn!(
                        parameter = self.settings.image_param,
                        "the picture of a custom challenge is not shown: {refused}"
                    );
                }
            })
            .ok()
    }

    /// Whether `next` is the same kind of question as `before`, so that the answer in between was wrong. The wire does not
    /// say it: a trigger that goes on to its next question sends another set of parameters.
    pub(super) fn asks_again(&self, before: &Challenge, next: &Challenge, answer: &str) -> bool {
        let (Challenge::CustomChallenge(before), Challenge::CustomChallenge(next)) = (before, next)
        else {
            return false;
        };
        let kind = |challenge: &CustomChallenge| {
            let param = self.settings.template_param.as_ref();
            param.and_then(|name| challenge.parameters.get(name).cloned())
        };
        let wanted_another_way = before.parameters.get(&self.settings.alternative_param);
        before.parameters.keys().eq(next.parameters.keys())
            && kind(before) == kind(next)
            && wanted_another_way.is_none_or(|alternative| alternative != answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn challenges(settings: CustomSettings) -> Challenges {
        Challenges::new(
            "Engine room".to_owned(),
            settings,
            vec!["custom_captcha.html".to_owned()],
            &"https://app.example.com".parse().unwrap(),
            Clock::at(1_900_000_000),
        )
    }

    fn asked(parameters: &[(&str, &str)]) -> CustomChallenge {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        CustomChallenge {
            parameters: parameters.iter().map(own).collect(),
        }
    }

    #[test]
    fn only_what_is_known_or_listed_is_shown() {
        let challenges = challenges(CustomSettings {
            show: vec!["left".to_owned(), "absent".to_owned()],
            ..CustomSettings::default()
        });
        let long = "x".repeat(MAX_TEXT + 1);
        let parameters = [
            ("question", "Which?"),
            ("hint", long.as_str()),
            ("phone", "+*******1234"),
            ("left", "2"),
            ("secret", "not for people"),
        ];
        let view = challenges.custom(&asked(&parameters), 1, false);
        let texts: Vec<_> = view
            .texts
            .iter()
            .map(|text| (text.label.as_str(), text.value.as_str()))
            .collect();
        assert_eq!(texts, [("Telephone number", "+*******1234"), ("left", "2")]);
        assert_eq!(view.question.as_deref(), Some("Which?"));
        assert_eq!(view.hint, None, "R-94: too long to be shown");
        assert!(!view.picture_refused && !view.picture_gone);
    }

    #[test]
    fn a_picture_that_the_seal_had_no_room_for_is_told_to_be_gone() {
        let challenges = challenges(CustomSettings::default());
        let sealed = asked(&[("captchaUrl", "")]);
        let view = challenges.custom(&sealed, 1, true);
        assert!(view.picture_gone && !view.picture_refused);
        assert!(!challenges.custom(&asked(&[]), 1, true).picture_gone);
    }

    #[test]
    fn a_value_of_the_pools_chooses_among_the_operators_templates_and_no_others() {
        let challenges = challenges(CustomSettings {
            template_param: Some("type".to_owned()),
            ..CustomSettings::default()
        });
        for (value, file) in [
            ("captcha", "custom_captcha.html"),
            ("other", "custom.html"),
            ("../layout", "custom.html"),
            ("captcha.html", "custom.html"),
            ("", "custom.html"),
        ] {
            let challenge = Challenge::from(asked(&[("type", value)]));
            assert_eq!(challenges.template(&challenge), file, "{value:?}");
        }
    }

    #[test]
    fn the_same_question_again_means_that_the_answer_was_wrong() {
        let challenges = challenges(CustomSettings {
            template_param: Some("type".to_owned()),
            ..CustomSettings::default()
        });
        let captcha = |url| {
            let parameters = [("captchaUrl", url), ("type", "a"), ("alternative", "email")];
            Challenge::from(asked(&parameters))
        };
        let before = captcha("1");
        let again = |next: &Challenge, answer| challenges.asks_again(&before, next, answer);
        assert!(again(&captcha("2"), "guess"));
        assert!(!again(&captcha("2"), "email"), "another way was asked for");
        let parameters = [("captchaUrl", "2"), ("type", "b"), ("alternative", "email")];
        assert!(!again(&asked(&parameters).into(), "guess"), "another kind");
        assert!(!again(&asked(&[("email", "j***@e***")]).into(), "guess"));
        let password = Challenge::samples().remove(0);
        assert!(!again(&password, "guess"));
        assert!(!challenges.asks_again(&password, &before, "guess"));
    }
}
