//! The pages and the API as a browser meets them, against the local user pool.
//!
//! Requests go straight into [`SignIn::handle`](super::SignIn::handle); the pool is on a real socket, and one clock
//! moves everything.

#[cfg(feature = "dev")]
mod api;
#[cfg(feature = "dev")]
mod bed;
mod overrides;
#[cfg(feature = "dev")]
mod pages;

use super::{CustomSettings, RememberDevice, Settings};

/// Everything switched on.
fn account_settings() -> super::account::Settings {
    super::account::Settings {
        reset_password: true,
        sign_up: true,
        sign_up_attributes: vec!["email".to_owned()],
        verify_attributes: true,
        passkeys: true,
        offer_passkey: false,
    }
}

fn settings_of_pages() -> Settings {
    Settings {
        app_name: "Engine room".to_owned(),
        template_dir: None,
        return_origins: Vec::new(),
        account: account_settings(),
        challenge: CustomSettings::default(),
        remember_device: RememberDevice::Off,
        dev: false,
    }
}
