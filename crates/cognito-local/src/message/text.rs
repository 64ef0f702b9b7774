//! What a message says: the pool's own wording or Cognito's, with the code put in.

use super::{Medium, Message, Purpose};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::Pool;

/// Stands for the code in a wording.
const CODE: &str = "{####}";

/// Stands for the user name in the wording of an invitation.
const USERNAME: &str = "{username}";

/// A message ready to be delivered.
pub(super) struct Text {
    /// The internal user name.
    pub(super) username: String,
    /// E-mails have one.
    pub(super) subject: Option<String>,
    pub(super) text: String,
}

/// A wording, with its placeholders.
struct Wording {
    subject: Option<String>,
    text: String,
}

/// The text of a message.
pub(super) async fn of(service: &Service, message: &Message<'_>) -> Result<Text, ApiError> {
    let (username, wording) = service.read(|state| {
        let pool = state.pool(message.pool)?;
        let user = pool
            .users
            .get(message.user)
            .ok_or_else(ApiError::user_missing)?;
        Ok::<_, ApiError>((user.name.clone(), wording(pool, message)))
    })?;
    let fill = |wording: &str| {
        let named = if message.purpose == Purpose::AdminCreateUser {
            wording.replace(USERNAME, &username)
        } else {
            wording.to_owned()
        };
        named.replace(CODE, message.code)
    };
    Ok(Text {
        subject: wording.subject.as_deref().map(fill),
        text: fill(&wording.text),
        username,
    })
}

/// The pool's wording, where CreateUserPool set one, else Cognito's.
fn wording(pool: &Pool, message: &Message<'_>) -> Wording {
    let own = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        let value = rest
            .iter()
            .try_fold(pool.shown.get(*first)?, |value, name| value.get(name))?;
        value.as_str().map(str::to_owned)
    };
    let first_of = |paths: &[&[&str]], usual: &str| {
        paths
            .iter()
            .find_map(|path| own(path))
            .unwrap_or_else(|| usual.to_owned())
    };
    const INVITATION: &str = "Your username is {username} and temporary password is {####}.";
    let invite = |member| ["AdminCreateUserConfig", "InviteMessageTemplate", member];
    let template = |member| ["VerificationMessageTemplate", member];
    match (message.contact.medium, message.purpose) {
        (Medium::Sms, Purpose::AdminCreateUser) => Wording {
            subject: None,
            text: first_of(&[&invite("SMSMessage")], INVITATION),
        },
        (Medium::Email, Purpose::AdminCreateUser) => Wording {
            subject: Some(first_of(
                &[&invite("EmailSubject")],
                "Your temporary password",
            )),
            text: first_of(&[&invite("EmailMessage")], INVITATION),
        },
        (Medium::Sms, Purpose::Authentication) => Wording {
            subject: None,
            text: first_of(
                &[&["SmsAuthenticationMessage"]],
                "Your authentication code is {####}.",
            ),
        },
        (Medium::Email, Purpose::Authentication) => Wording {
            subject: Some("Your authentication code".to_owned()),
            text: "Your authentication code is {####}.".to_owned(),
        },
        (Medium::Sms, _) => Wording {
            subject: None,
            text: first_of(
                &[&["SmsVerificationMessage"], &template("SmsMessage")],
                "Your verification code is {####}.",
            ),
        },
        (Medium::Email, _) => Wording {
            subject: Some(first_of(
                &[&["EmailVerificationSubject"], &template("EmailSubject")],
                "Your verification code",
            )),
            text: first_of(
                &[&["EmailVerificationMessage"], &template("EmailMessage")],
                "Your verification code is {####}.",
            ),
        },
    }
}
