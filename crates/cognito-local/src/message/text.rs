//! What a message says: the pool's own wording or Cognito's, as the CustomMessage function changed it, with the code put
//! in. The function never sees the code.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Medium, Message, Purpose};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::Pool;
use crate::trigger::{self, Event, Kind};

/// Stands for the code in a wording.
const CODE: &str = "{####}";

/// Stands for the user name in the wording of an invitation.
const USERNAME: &str = "{username}";

/// Characters of an SMS, placeholders and all.
const LONGEST_SMS: usize = 140;

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
    let (username, attributes, wording) = service.read(|state| {
        let pool = state.pool(message.pool)?;
        let user = pool
            .users
            .get(message.user)
            .ok_or_else(ApiError::user_missing)?;
        Ok::<_, ApiError>((
            user.name.clone(),
            trigger::attributes(user),
            wording(pool, message),
        ))
    })?;
    let wording = rewritten(service, message, &username, attributes, wording).await?;
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

/// What a CustomMessage function may answer.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Custom {
    sms_message: Option<String>,
    email_message: Option<String>,
    email_subject: Option<String>,
}

/// The wording after the CustomMessage function saw it. What it leaves out stays as it was.
///
/// # Errors
/// InvalidLambdaResponseException for a text without the placeholders it needs, and for a long SMS.
async fn rewritten(
    service: &Service,
    message: &Message<'_>,
    username: &str,
    attributes: Map<String, Value>,
    wording: Wording,
) -> Result<Wording, ApiError> {
    let invitation = message.purpose == Purpose::AdminCreateUser;
    let mut request = Map::new();
    request.insert("userAttributes".to_owned(), attributes.into());
    request.insert("codeParameter".to_owned(), CODE.into());
    let name = if invitation {
        USERNAME.into()
    } else {
        Value::Null
    };
    request.insert("usernameParameter".to_owned(), name);
    trigger::add_metadata(&mut request, message.metadata);
    let event = Event {
        pool: message.pool,
        client: message.client,
        kind: Kind::CustomMessage,
        source: &format!("CustomMessage_{}", message.purpose.name()),
        user_name: username,
        request,
        response: json!({ "smsMessage": null, "emailMessage": null, "emailSubject": null }),
    };
    let Some(response) = trigger::call(service, event).await? else {
        return Ok(wording);
    };
    let custom: Custom = trigger::read(response)?;
    let complete = |text: &String| text.contains(CODE) && (!invitation || text.contains(USERNAME));
    let short = |text: &String| text.chars().count() <= LONGEST_SMS;
    let (sms, email) = (&custom.sms_message, &custom.email_message);
    if !sms.iter().chain(email).all(complete) || !sms.iter().all(short) {
        return Err(ApiError::invalid_lambda_response(
            "Unrecognizable lambda output",
        ));
    }
    Ok(match message.contact.medium {
        Medium::Sms => Wording {
            text: custom.sms_message.unwrap_or(wording.text),
            ..wording
        },
        Medium::Email => Wording {
            subject: custom.email_subject.or(wording.subject),
            text: custom.email_message.unwrap_or(wording.text),
        },
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
