//! What a person does about their account beside signing in: a forgotten password, signing up, addresses, passkeys.
//!
//! ```text
//!  forgot-password ─► reset-password ─► sign-in          verify    (signed in)
//!  sign-up ─► confirm (resend-code) ─► sign-in           passkeys  (signed in)
//! ```
//!
//! Each part can be switched off; then its addresses are not there. What travels from one page to the next is in the sealed
//! attempt and in the form (R-28). Whoever is not signed in learns of no account: the answers to a stranger are the same
//! whether there is one or not (R-81), but for signing up itself, where Cognito tells.

mod form;
mod page;
mod passkeys;
mod reset;
mod sign_up;
pub(super) mod steps;
mod verify;

pub(super) use form::plain_code;
pub(super) use page::{AccountPage, Told, draw_samples};
pub(super) use reset::MUST_RESET;
pub(super) use sign_up::NOT_CONFIRMED;
pub(super) use verify::contact;

pub(super) const FORGOT_PASSWORD: &str = "/.sidegate/forgot-password";
pub(super) const RESET_PASSWORD: &str = "/.sidegate/reset-password";
pub(super) const SIGN_UP: &str = "/.sidegate/sign-up";
pub(super) const CONFIRM: &str = "/.sidegate/confirm";
pub(super) const RESEND_CODE: &str = "/.sidegate/resend-code";
pub(super) const VERIFY: &str = "/.sidegate/verify";
pub(super) const SEND_ATTRIBUTE_CODE: &str = "/.sidegate/verify/send";
pub(super) const PASSKEYS: &str = "/.sidegate/passkeys";
pub(super) const ADD_PASSKEY: &str = "/.sidegate/passkeys/add";
pub(super) const SAVE_PASSKEY: &str = "/.sidegate/passkeys/save";
pub(super) const DELETE_PASSKEY: &str = "/.sidegate/passkeys/delete";
pub(super) const DECLINE_PASSKEY: &str = "/.sidegate/passkeys/not-now";

/// Which of these parts there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Setting a new password with a code that the pool sends.
    pub reset_password: bool,
    /// Making an account. The pool must allow it too (AllowAdminCreateUserOnly = false).
    pub sign_up: bool,
    /// The attributes that are asked for when signing up, by Cognito's names. Empty where the user name is the address.
    pub sign_up_attributes: Vec<String>,
    /// Confirming one's e-mail address or telephone number, signed in.
    pub verify_attributes: bool,
    /// Listing, adding and deleting one's passkeys, signed in.
    pub passkeys: bool,
    /// Offering a passkey to who signs in and has none. Takes `passkeys`.
    pub offer_passkey: bool,
}

/// A part that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    ResetPassword,
    SignUp,
    VerifyAttributes,
    Passkeys,
}

impl Settings {
    pub(super) const fn has(&self, part: Part) -> bool {
        match part {
            Part::ResetPassword => self.reset_password,
            Part::SignUp => self.sign_up,
            Part::VerifyAttributes => self.verify_attributes,
            Part::Passkeys => self.passkeys,
        }
    }
}
