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

fn settings_of_pages() -> Settings {
    Settings {
        app_name: "Engine room".to_owned(),
        template_dir: None,
        return_origins: Vec::new(),
        challenge: CustomSettings::default(),
        remember_device: RememberDevice::Off,
        dev: false,
    }
}
