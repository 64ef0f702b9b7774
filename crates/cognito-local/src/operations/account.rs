//! What sign-up and forgotten passwords have in common: who calls about whom, and the PostConfirmation trigger.
//!
//! These calls come from anybody. Under ENABLED a name of nobody takes the same way as a user's: its codes are made,
//! kept and counted like theirs, and told to nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::auth;
use crate::error::ApiError;
use crate::message::{self, CodeDelivery, Contact, Medium, Message, Purpose};
use crate::secret_hash;
use crate::service::Service;
use crate::sign_in::Caller;
use crate::state::{CodeUse, Pool, User};
use crate::trigger::{self, Event, Kind};

/// The members every open account call has.
pub(super) struct Open {
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) secret_hash: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// Whom an open account call is about.
pub(super) struct Account {
    pub(super) caller: Caller,
    pub(super) username: String,
    /// Key of the user, or the folded name of nobody.
    pub(super) key: String,
}

/// A code that is to be sent, or only answered for.
pub(super) struct Outgoing {
    /// `None`: nobody is there to send it to.
    pub(super) contact: Option<Contact>,
    pub(super) code: String,
    pub(super) delivery: CodeDelivery,
}

impl Open {
    /// The client, after its secret hash.
    pub(super) fn caller(self, service: &Service) -> Result<(Caller, String), ApiError> {
        let mut caller = auth::caller(service, &self.client_id, None)?;
        caller.metadata = self.metadata;
        secret_hash::check(&caller.client, &self.username, self.secret_hash.as_deref())?;
        Ok((caller, self.username))
    }

    /// The client and the account, after the secret hash. Says nothing about whether there is such a user.
    pub(super) fn account(self, service: &Service) -> Result<Account, ApiError> {
        let (caller, username) = self.caller(service)?;
        Account::of(service, caller, username)
    }
}

impl Account {
    /// The account looked up anew: its user may have come into the pool meanwhile.
    pub(super) fn again(self, service: &Service) -> Result<Self, ApiError> {
        Self::of(service, self.caller, self.username)
    }

    fn of(service: &Service, caller: Caller, username: String) -> Result<Self, ApiError> {
        let key = service.read(|state| {
            let pool = state.pool(&caller.pool)?;
            Ok::<_, ApiError>(match pool.find(&username) {
                Some((key, _)) => key.to_owned(),
                None => pool.key(&username),
            })
        })?;
        Ok(Self {
            caller,
            username,
            key,
        })
    }

    /// The user as this client may know of it: `None` for one who is missing or disabled.
    ///
    /// # Errors
    /// Under LEGACY, UserNotFoundException or NotAuthorizedException instead.
    pub(super) fn user<'p>(&self, pool: &'p Pool) -> Result<Option<&'p User>, ApiError> {
        let user = pool.users.get(&self.key);
        if self.hidden() {
            return Ok(user.filter(|user| user.enabled));
        }
        match user {
            None => Err(ApiError::user_not_found(
                "Username/client id combination not found.",
            )),
            Some(user) if !user.enabled => Err(ApiError::not_authorized("User is disabled.")),
            Some(user) => Ok(Some(user)),
        }
    }

    /// Whether the client must not learn who exists.
    pub(super) fn hidden(&self) -> bool {
        self.caller.client.settings.prevent_user_existence_errors
    }

    /// Where a code for nobody would have gone.
    pub(super) fn stand_in(&self, pool: &Pool, media: &[Medium]) -> Option<Contact> {
        Contact::stand_in(pool, media, &self.username)
    }
}

impl Outgoing {
    /// Makes the code. `shown` is where the answer says it went; `contact` where it goes.
    pub(super) fn issue(
        pool: &mut Pool,
        account: &Account,
        purpose: CodeUse,
        contact: Option<Contact>,
        shown: Contact,
        now: Duration,
    ) -> Result<Self, ApiError> {
        let delivery = shown.delivery();
        let code = pool.issue_code(&account.key, purpose, shown, now)?;
        Ok(Self {
            contact,
            code,
            delivery,
        })
    }

    /// Sends the code if there is somebody to send it to; `CodeDeliveryDetails`.
    pub(super) async fn send(
        self,
        service: &Service,
        account: &Account,
        purpose: Purpose,
    ) -> Result<Value, ApiError> {
        if let Some(contact) = &self.contact {
            let key = &account.key;
            deliver(service, &account.caller, purpose, key, contact, &self.code).await?;
        }
        Ok(self.delivery.details())
    }
}

/// Sends a code on behalf of an app client.
pub(super) async fn deliver(
    service: &Service,
    caller: &Caller,
    purpose: Purpose,
    key: &str,
    contact: &Contact,
    code: &str,
) -> Result<CodeDelivery, ApiError> {
    let message = Message {
        pool: &caller.pool,
        client: &caller.client.id,
        metadata: &caller.metadata,
        purpose,
        user: key,
        contact,
        code,
    };
    message::send(service, &message).await
}

/// Tells the PostConfirmation function; `source` is `ConfirmSignUp` or `ConfirmForgotPassword`. What it is told about
/// is done already, whatever it answers.
pub(super) async fn confirmed(
    service: &Service,
    pool: &str,
    client: &str,
    key: &str,
    source: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let (name, attributes) = service.read(|state| {
        let user = state.pool(pool)?.users.get(key);
        let user = user.ok_or_else(ApiError::user_missing)?;
        Ok::<_, ApiError>((user.name.clone(), trigger::attributes(user)))
    })?;
    let mut request = Map::new();
    request.insert("userAttributes".to_owned(), attributes.into());
    trigger::add_metadata(&mut request, metadata);
    let event = Event {
        pool,
        client,
        kind: Kind::PostConfirmation,
        source: &format!("PostConfirmation_{source}"),
        user_name: &name,
        request,
        response: json!({}),
    };
    trigger::call(service, event).await.map(|_nothing_in_it| ())
}
