//! Whom a sign-in is about: a user, or a stand-in for one who does not exist.
//!
//! A stand-in has a salt, a name and a verifier made from the pool's secret and the name typed: the same every time,
//! and answered with the same arithmetic, so that neither the answer nor its time tells that nobody is there.

use aws_lc_rs::hmac;
use uuid::Builder;

use super::{Caller, attempts_exceeded};
use crate::error::ApiError;
use crate::service::Service;
use crate::srp::Password;
use crate::state::{Pool, is_email, is_phone_number};

/// The subject of a password proof.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) known: bool,
    /// Key of the user; for a stand-in the folded name typed. The lock-out counts by it.
    pub(super) key: String,
    /// USER_ID_FOR_SRP.
    pub(super) name: String,
    /// As the caller wrote it.
    pub(super) typed: String,
    pub(super) password: Password,
    /// The pool's name in SRP.
    pub(super) pool_name: String,
}

impl Target {
    /// Looks a name up, after the lock-out. Under LEGACY a disabled user is told so; a missing one is the caller's matter.
    pub(super) fn look_up(
        service: &Service,
        caller: &Caller,
        typed: &str,
    ) -> Result<Self, ApiError> {
        let now = service.now();
        service.read(|state| {
            let pool = state.pool(&caller.pool)?;
            let target = Self::of(pool, typed);
            if pool.lockout.is_locked(&target.key, now) {
                return Err(attempts_exceeded());
            }
            let disabled = target.known
                && pool
                    .users
                    .get(&target.key)
                    .is_some_and(|user| !user.enabled);
            if disabled && !caller.hides_users() {
                return Err(ApiError::not_authorized("User is disabled."));
            }
            Ok(target)
        })
    }

    /// The user or stand-in a name means.
    pub(super) fn of(pool: &Pool, typed: &str) -> Self {
        let pool_name = pool.srp_name().to_owned();
        match pool.find(typed) {
            Some((key, user)) => Self {
                known: true,
                key: key.to_owned(),
                name: user.name.clone(),
                typed: typed.to_owned(),
                password: user
                    .password
                    .clone()
                    .unwrap_or_else(|| stand_in_password(pool, key)),
                pool_name,
            },
            None => {
                let key = pool.key(typed);
                Self {
                    known: false,
                    name: stand_in_name(pool, typed, &key),
                    typed: typed.to_owned(),
                    password: stand_in_password(pool, &key),
                    key,
                    pool_name,
                }
            }
        }
    }
}

/// A UUID where the user of such a name would have one or could have one; else the name itself, as for a real user.
fn stand_in_name(pool: &Pool, typed: &str, key: &str) -> String {
    let aliases = &pool.settings.alias_attributes;
    let may_be_alias = aliases.contains("preferred_username")
        || aliases.contains("email") && is_email(typed)
        || aliases.contains("phone_number") && is_phone_number(typed);
    if pool.settings.username_attributes.is_empty() && !may_be_alias {
        return key.to_owned();
    }
    let bytes = derived(pool, "name", key);
    let uuid = bytes
        .as_ref()
        .first_chunk::<16>()
        .copied()
        .unwrap_or_default();
    Builder::from_random_bytes(uuid).into_uuid().to_string()
}

fn stand_in_password(pool: &Pool, key: &str) -> Password {
    let (salt, verifier) = (derived(pool, "salt", key), derived(pool, "verifier", key));
    Password::stand_in(
        salt.as_ref().get(..16).unwrap_or_default(),
        verifier.as_ref(),
    )
}

pub(super) fn derived(pool: &Pool, purpose: &str, key: &str) -> hmac::Tag {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &pool.secret);
    hmac::sign(&secret, format!("stand-in {purpose}\0{key}").as_bytes())
}
