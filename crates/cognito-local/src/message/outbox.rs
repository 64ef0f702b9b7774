//! The outbox: the last messages of the local pool, in memory.
//!
//! What a real pool mails or texts is read here instead. It ends with the process; nothing is written to disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Contact, Purpose};

/// Messages kept; the oldest go first.
const KEPT: usize = 200;

/// A message as it was delivered.
#[derive(Clone)]
pub(crate) struct Sent {
    /// Counts from 1; given by the outbox.
    pub(crate) number: u64,
    pub(crate) time: Duration,
    pub(crate) pool: String,
    /// The internal user name.
    pub(crate) username: String,
    pub(crate) purpose: Purpose,
    pub(crate) contact: Contact,
    /// E-mails have one.
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
    pub(crate) code: String,
}

#[derive(Default)]
pub(crate) struct Outbox(Mutex<Messages>);

#[derive(Default)]
struct Messages {
    put: u64,
    kept: VecDeque<Sent>,
}

impl Outbox {
    /// Adds a message and gives it its number.
    pub(crate) fn put(&self, message: Sent) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.put += 1;
        let number = messages.put;
        messages.kept.push_front(Sent { number, ..message });
        messages.kept.truncate(KEPT);
    }

    /// The messages, newest first; to one address or of one user only, when these are given.
    pub(crate) fn messages(&self, to: Option<&str>, user: Option<&str>) -> Vec<Sent> {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages
            .kept
            .iter()
            .filter(|message| to.is_none_or(|to| message.contact.address == to))
            .filter(|message| user.is_none_or(|user| message.username == user))
            .cloned()
            .collect()
    }
}

impl Sent {
    /// The message in `/outbox.json`; `time` in seconds since the Unix epoch.
    pub(crate) fn json(&self) -> Value {
        json!({
            "number": self.number,
            "time": self.time.as_secs_f64(),
            "pool": self.pool,
            "username": self.username,
            "purpose": self.purpose.name(),
            "medium": self.contact.medium.name(),
            "to": self.contact.address,
            "subject": self.subject,
            "text": self.text,
            "code": self.code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Medium;

    fn message(to: &str, code: &str) -> Sent {
        Sent {
            number: 0,
            time: Duration::ZERO,
            pool: String::new(),
            username: "ada".to_owned(),
            purpose: Purpose::SignUp,
            contact: Contact {
                medium: Medium::Email,
                address: to.to_owned(),
            },
            subject: None,
            text: String::new(),
            code: code.to_owned(),
        }
    }

    #[test]
    fn the_newest_messages_are_kept_and_come_first() {
        let outbox = Outbox::default();
        (0..KEPT + 5).for_each(|code| outbox.put(message("a@example.com", &code.to_string())));
        let messages = outbox.messages(None, None);
        assert_eq!(messages.len(), KEPT);
        assert_eq!(messages[0].code, (KEPT + 4).to_string());
        assert_eq!(messages[0].number, KEPT as u64 + 5);
        assert_eq!(messages[KEPT - 1].code, "5");
    }

    #[test]
    fn a_reader_may_ask_for_one_address_or_one_user() {
        let outbox = Outbox::default();
        outbox.put(message("a@example.com", "1"));
        outbox.put(message("b@example.com", "2"));
        assert_eq!(outbox.messages(Some("b@example.com"), None).len(), 1);
        assert_eq!(outbox.messages(None, Some("ada")).len(), 2);
        assert!(
            outbox
                .messages(Some("b@example.com"), Some("bob"))
                .is_empty()
        );
    }
}
