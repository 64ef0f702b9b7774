//! SMS_MFA, SMS_OTP, EMAIL_OTP and SOFTWARE_TOKEN_MFA: a code from a message or an authenticator app.
//!
//! Codes have 6 or 8 digits and Cognito may change that, so no length is checked. Spaces and dashes, with which codes are
//! shown and pasted, are taken out.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answering, Asked, Met, NextStep, Question, Reaction};
use crate::{Answer, AnswerError, FlowError, Secret};

/// Longest destination that is taken, in characters: a person may call an authenticator app what they like.
const MAX_DESTINATION: usize = 128;

/// A code is asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeCode {
    kind: CodeKind,
    /// `CODE_DELIVERY_DESTINATION`, masked by Cognito; or `FRIENDLY_DEVICE_NAME` of an authenticator app.
    pub destination: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum CodeKind {
    SmsMfa,
    SmsOtp,
    EmailOtp,
    SoftwareTokenMfa,
}

impl CodeKind {
    const ALL: [Self; 4] = [
        Self::SmsMfa,
        Self::SmsOtp,
        Self::EmailOtp,
        Self::SoftwareTokenMfa,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::SmsMfa => "SMS_MFA",
            Self::SmsOtp => "SMS_OTP",
            Self::EmailOtp => "EMAIL_OTP",
            Self::SoftwareTokenMfa => "SOFTWARE_TOKEN_MFA",
        }
    }

    const fn response(self) -> &'static str {
        match self {
            Self::SmsMfa => "SMS_MFA_CODE",
            Self::SmsOtp => "SMS_OTP_CODE",
            Self::EmailOtp => "EMAIL_OTP_CODE",
            Self::SoftwareTokenMfa => "SOFTWARE_TOKEN_MFA_CODE",
        }
    }

    /// Amplify's step, and the `deliveryMedium` of a code that is sent.
    const fn step(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::SmsMfa | Self::SmsOtp => ("CONFIRM_SIGN_IN_WITH_SMS_CODE", Some("SMS")),
            Self::EmailOtp => ("CONFIRM_SIGN_IN_WITH_EMAIL_CODE", Some("EMAIL")),
            Self::SoftwareTokenMfa => ("CONFIRM_SIGN_IN_WITH_TOTP_CODE", None),
        }
    }
}

impl Question for OneTimeCode {
    fn names() -> &'static [&'static str] {
        &["SMS_MFA", "SMS_OTP", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA"]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let unknown = || FlowError::UnsupportedChallenge {
            name: asked.name.to_owned(),
        };
        let kind = CodeKind::ALL
            .into_iter()
            .find(|kind| kind.name() == asked.name)
            .ok_or_else(unknown)?;
        let parameter = match kind {
            CodeKind::SoftwareTokenMfa => "FRIENDLY_DEVICE_NAME",
            _ => "CODE_DELIVERY_DESTINATION",
        };
        let destination = asked.optional(parameter);
        let destination = destination.map(|text| text.chars().take(MAX_DESTINATION).collect());
        Ok(Self { kind, destination }.into())
    }

    fn samples() -> Vec<Self> {
        let sample = |kind, destination: Option<&str>| Self {
            kind,
            destination: destination.map(str::to_owned),
        };
        vec![
            sample(CodeKind::SmsMfa, Some("+*******1234")),
            sample(CodeKind::SmsOtp, Some("+*******1234")),
            sample(CodeKind::EmailOtp, Some("j***@e***")),
            sample(CodeKind::SoftwareTokenMfa, Some("Phone")),
            sample(CodeKind::SoftwareTokenMfa, None),
        ]
    }

    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn page(&self) -> &'static str {
        "code"
    }

    fn field(&self) -> &'static str {
        "code"
    }

    fn next_step(&self) -> NextStep {
        let (step, medium) = self.kind.step();
        let details = match (medium, &self.destination) {
            (Some(medium), destination) => json!({
                "codeDeliveryDetails": { "deliveryMedium": medium, "destination": destination },
            }),
            (None, Some(name)) => json!({ "friendlyDeviceName": name }),
            (None, None) => Value::Null,
        };
        NextStep::new(step, details)
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let code = code(&answer.response).ok_or_else(|| AnswerError::Empty {
            field: self.field(),
        })?;
        answering.responses.insert(self.kind.response(), code);
        Ok(answering.respond_to(self.kind.name()))
    }
}

/// A code without the spaces and dashes it was shown with; `None` when nothing is left.
pub(super) fn code(typed: &Secret<String>) -> Option<Secret<String>> {
    let kept = |c: &char| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}');
    let code: String = typed.expose().chars().filter(kept).collect();
    let code = Secret::new(code);
    (!code.expose().is_empty()).then_some(code)
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneTimeCode")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FlowKind;
    use crate::testing::*;

    #[test]
    fn each_kind_of_code_has_its_step_and_its_response() {
        let destination = ("CODE_DELIVERY_DESTINATION", "+*******1234");
        let device = ("FRIENDLY_DEVICE_NAME", "Phone");
        let sms = json!({"codeDeliveryDetails": {"deliveryMedium": "SMS", "destination": "+*******1234"}});
        let email = json!({"codeDeliveryDetails": {"deliveryMedium": "EMAIL", "destination": "+*******1234"}});
        let totp = json!({"friendlyDeviceName": "Phone"});
        for (name, parameter, step, details, response) in [
            ("SMS_MFA", destination, "CONFIRM_SIGN_IN_WITH_SMS_CODE", &sms, "SMS_MFA_CODE"),
            ("SMS_OTP", destination, "CONFIRM_SIGN_IN_WITH_SMS_CODE", &sms, "SMS_OTP_CODE"),
            ("EMAIL_OTP", destination, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE", &email, "EMAIL_OTP_CODE"),
            ("SOFTWARE_TOKEN_MFA", device, "CONFIRM_SIGN_IN_WITH_TOTP_CODE", &totp, "SOFTWARE_TOKEN_MFA_CODE"),
        ] {
            let bed = Bed::of(FlowKind::UserPasswordAuth);
            let pending = bed.question(name, &[parameter]);
            assert_eq!(pending.challenge().name(), name);
            let next_step = pending.challenge().next_step();
            assert_eq!(next_step.sign_in_step, step);
            assert_eq!(&Value::Object(next_step.details), details, "{name}");
            let (call, _) = call(bed.answer(pending, " 123\u{2013}456 "));
            let expected = vec![(response, "123456")];
            assert_eq!(
                sent_besides_the_name(&call),
                ("RespondToAuthChallenge", name, expected, Some(SESSION))
            );
        }
    }

    #[test]
    fn without_a_destination_there_is_still_a_question() {
        let bed = Bed::of(FlowKind::UserPasswordAuth);
        let details = |name| bed.question(name, &[]).challenge().next_step().details;
        let medium = json!({"deliveryMedium": "EMAIL", "destination": null});
        assert_eq!(details("EMAIL_OTP")["codeDeliveryDetails"], medium);
        assert!(details("SOFTWARE_TOKEN_MFA").is_empty());
    }

    #[test]
    fn a_long_name_of_an_app_is_cut_between_its_characters() {
        let bed = Bed::of(FlowKind::UserPasswordAuth);
        let name = "\u{1f511}".repeat(1_000);
        let pending = bed.question("SOFTWARE_TOKEN_MFA", &[("FRIENDLY_DEVICE_NAME", &name)]);
        let told = pending.challenge().next_step().details["friendlyDeviceName"].clone();
        assert_eq!(told, "\u{1f511}".repeat(MAX_DESTINATION));
    }

    #[test]
    fn a_code_of_spaces_and_dashes_is_none() {
        for typed in ["", "  ", "-", " \u{2014} "] {
            let bed = Bed::of(FlowKind::UserPasswordAuth);
            let error = bed.answer(bed.question("SMS_MFA", &[]), typed).unwrap_err();
            assert_eq!(error, AnswerError::Empty { field: "code" }, "{typed:?}");
        }
    }
}
