//! The outbox for triggers that run in the same process: at AWS they would send their messages by SES.

use std::sync::Weak;

use super::{Contact, Medium, Purpose, Sent};
use crate::service::Service;

/// Puts messages into the outbox. Does nothing once the pool has stopped.
#[derive(Clone)]
pub struct Mailbox(pub(crate) Weak<Service>);

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox")
    }
}

/// A message of a trigger's own.
#[derive(Clone, Copy)]
pub struct Email<'a> {
    /// `userPoolId` of the event.
    pub pool: &'a str,
    /// `userName` of the event.
    pub username: &'a str,
    /// The address.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// The whole text.
    pub text: &'a str,
    /// The code in the text.
    pub code: &'a str,
}

impl std::fmt::Debug for Email<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Puts a message into the outbox, and one line into the log as for the pool's own messages.
    pub fn send(&self, email: Email<'_>) {
        let Some(service) = self.0.upgrade() else {
            return;
        };
        tracing::info!(
            purpose = Purpose::Trigger.name(),
            username = email.username,
            destination = email.to,
            code = email.code,
            "message"
        );
        service.outbox.put(Sent {
            number: 0,
            time: service.now(),
            pool: email.pool.to_owned(),
            username: email.username.to_owned(),
            purpose: Purpose::Trigger,
            contact: Contact {
                medium: Medium::Email,
                address: email.to.to_owned(),
            },
            subject: Some(email.subject.to_owned()),
            text: email.text.to_owned(),
            code: email.code.to_owned(),
        });
    }
}
