//! Remembered devices: what a browser keeps so that the pool knows it again, sealed in a cookie of its own.
//!
//! One browser may be trusted by a few people, each with a device of their own at the pool. A record is used for the user
//! name that it was made with and for no other; the cookie alone signs nobody in. Signing out leaves it.

use std::fmt;

use cognito_flow::{RememberedDevice, Secret};
use http::header::{COOKIE, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Response};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::body::Body;
use crate::keys::Keys;
use crate::origin::PublicOrigin;
use crate::session::{CookieValue, find_cookie};

use super::SignIn;
use super::attempt::Restart;
use super::error::Fault;
use super::seal::Seal;
use super::steps::{Next, Outcome, Visitor};
use super::visit::Visit;

/// People who can trust one browser. The one who did so first is forgotten first.
const MAX_PEOPLE: usize = 3;
/// Longest sealed value, in bytes: browsers keep 4,096 of name, value and attributes (RFC 6265bis §5.6).
const MAX_VALUE: usize = 3_700;
/// How long a browser is remembered, in seconds: a year.
const MAX_AGE: u32 = 31_536_000;

/// Who decides whether a browser is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RememberDevice {
    #[default]
    Off,
    /// The person, at each sign-in.
    Ask,
    Always,
}

impl RememberDevice {
    /// Whether any browser can be remembered.
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// Reads and writes the cookie.
pub(super) struct DeviceCookie {
    name: String,
    secure: bool,
    seal: Seal,
}

/// The people who trust a browser, the latest first.
pub(super) struct Devices(Vec<Record>);

/// One person's device.
#[derive(Serialize, Deserialize)]
struct Record {
    /// The user name as it was typed.
    #[serde(rename = "u")]
    username: String,
    /// `username` of the access token: the pool's own name.
    #[serde(rename = "i")]
    internal: String,
    #[serde(rename = "s")]
    subject: String,
    #[serde(rename = "k")]
    device_key: String,
    #[serde(rename = "g")]
    device_group_key: String,
    #[serde(rename = "p")]
    password: Zeroizing<String>,
}

/// Who a device is kept for.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// `username` of the access token.
    pub(super) internal: String,
    /// `sub`.
    pub(super) subject: String,
}

impl DeviceCookie {
    pub(super) fn new(name: String, keys: &Keys, origin: &PublicOrigin) -> Self {
        Self {
            name,
            secure: origin.is_secure(),
            seal: Seal::of("device", keys, origin),
        }
    }

    /// What the request's cookie holds; nothing when it is not ours, or there are two.
    pub(super) fn read(&self, headers: &HeaderMap) -> Devices {
        let CookieValue::One(value) = find_cookie(headers, &self.name) else {
            return Devices(Vec::new());
        };
        let plain = self.seal.open(value);
        let records = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        Devices(records.unwrap_or_default())
    }

    /// `Set-Cookie` for these; it clears the cookie when there are none.
    pub(super) fn write(&self, devices: &Devices) -> Result<HeaderValue, Fault> {
        let mut records = devices.0.as_slice();
        let (value, age) = loop {
            let Some((_, rest)) = records.split_last() else {
                break (String::new(), 0);
            };
            let sealed = self.seal.close_bytes(encode(records)?)?;
            if sealed.len() <= MAX_VALUE {
                break (sealed, MAX_AGE);
            }
            records = rest;
        };
        let (name, secure) = (&self.name, if self.secure { "; Secure" } else { "" });
        let cookie =
            format!("{name}={value}; Path=/{secure}; HttpOnly; SameSite=Strict; Max-Age={age}");
        let mut cookie = HeaderValue::try_from(cookie).map_err(|_| Fault::Header)?;
        cookie.set_sensitive(true);
        Ok(cookie)
    }
}

impl SignIn {
    /// Whether the pool is to remember this browser. `asked`: what the person said, where they are asked.
    pub(super) fn trusts(&self, asked: bool) -> bool {
        match self.remember_device {
            RememberDevice::Off => false,
            RememberDevice::Ask => asked,
            RememberDevice::Always => true,
        }
    }

    /// The browser of a request, for a step of this sign-in.
    pub(super) fn visitor(&self, visit: &Visit<'_>, restart: &Restart) -> Visitor {
        let headers = visit.headers();
        let cookies = headers.get_all(COOKIE).iter().cloned();
        Visitor {
            cookies: cookies.map(|cookie| (COOKIE, cookie)).collect(),
            browser: visit.bearer().browser,
            device: self.device_cookie.read(headers).of(&restart.username),
            trusted: restart.trusted,
            device_name: device_name(headers),
        }
    }

    /// Puts on the response what the browser keeps of a step.
    pub(super) fn keep(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        outcome: &Outcome,
        response: &mut Response<Body>,
    ) {
        let mut device = None;
        if let Next::SignedIn(begun) = &outcome.next {
            for cookie in &begun.cookies {
                response.headers_mut().append(SET_COOKIE, cookie.clone());
            }
            device = begun.device.as_ref();
        }
        match device {
            Some((owner, device)) => {
                let mut devices = self.device_cookie.read(visit.headers());
                devices.put(&restart.username, owner, device);
                self.put_devices(&devices, response);
            }
            None if outcome.device_dropped => self.drop_device(visit, restart, response),
            None => {}
        }
    }

    /// Takes a device that the pool no longer knows out of the cookie.
    pub(super) fn drop_device(
        &self,
        visit: &Visit<'_>,
        restart: &Restart,
        response: &mut Response<Body>,
    ) {
        let mut devices = self.device_cookie.read(visit.headers());
        devices.remove(&restart.username);
        self.put_devices(&devices, response);
    }

    pub(super) fn put_devices(&self, devices: &Devices, response: &mut Response<Body>) {
        match self.device_cookie.write(devices) {
            Ok(cookie) => {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            // The browser is not remembered, and everything else goes on.
            Err(fault) => tracing::error!(error = %fault, "a device cookie could not be made"),
        }
    }
}

/// What a person reads in their list of devices: the browser's own name for itself, which is text from outside.
fn device_name(headers: &HeaderMap) -> String {
    let name = headers.get(USER_AGENT).and_then(|name| name.to_str().ok());
    let printable = |c: &char| !c.is_control();
    let name: String = name
        .unwrap_or_default()
        .chars()
        .filter(printable)
        .take(128)
        .collect();
    if name.trim().is_empty() {
        "browser".to_owned()
    } else {
        name
    }
}

fn encode(records: &[Record]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // All the room at once, and for the tag: growing would leave copies of the passwords behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(super::seal::MAX_BYTES));
    serde_json::to_writer(&mut *bytes, records).map_err(|_| Fault::Seal)?;
    Ok(bytes)
}

impl Devices {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one is this person's.
    pub(super) fn has(&self, subject: &str) -> bool {
        self.0.iter().any(|record| record.subject == subject)
    }

    /// The device of whoever signs in with this user name, typed as before or in the pool's own form.
    pub(super) fn of(&self, username: &str) -> Option<RememberedDevice> {
        let is_theirs =
            |record: &&Record| record.username == username || record.internal == username;
        self.0
            .iter()
            .find(is_theirs)
            .map(|record| RememberedDevice {
                device_key: record.device_key.clone(),
                device_group_key: record.device_group_key.clone(),
                password: Secret::new(record.password.to_string()),
            })
    }

    /// Adds a person's device in place of an older one of theirs.
    pub(super) fn put(&mut self, username: &str, owner: &Owner, device: &RememberedDevice) {
        self.0
            .retain(|record| record.subject != owner.subject && record.username != username);
        let record = Record {
            username: username.to_owned(),
            internal: owner.internal.clone(),
            subject: owner.subject.clone(),
            device_key: device.device_key.clone(),
            device_group_key: device.device_group_key.clone(),
            password: Zeroizing::new(device.password.expose().clone()),
        };
        self.0.insert(0, record);
        self.0.truncate(MAX_PEOPLE);
    }

    /// Takes out the device of whoever signs in with this user name.
    fn remove(&mut self, username: &str) {
        self.0
            .retain(|record| record.username != username && record.internal != username);
    }

    /// Takes out a person's device; gives its key.
    pub(super) fn remove_subject(&mut self, subject: &str) -> Option<String> {
        let at = self.0.iter().position(|record| record.subject == subject)?;
        Some(self.0.remove(at).device_key)
    }

    /// Takes out everybody's.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The keys name the browser to the pool: not for logs.
impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Devices({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    const NAME: &str = "__Host-Http-sidegate-device-0a1b2c3d";

    fn origin() -> PublicOrigin {
        "https://app.example.com".parse().unwrap()
    }

    fn device(key: &str) -> RememberedDevice {
        RememberedDevice {
            device_key: format!("eu-west-1_{key}"),
            device_group_key: "-group".to_owned(),
            password: Secret::new(format!("device-password-of-{key}")),
        }
    }

    fn owner(name: &str) -> Owner {
        Owner {
            internal: format!("internal-{name}"),
            subject: format!("sub-{name}"),
        }
    }

    /// What a browser sends back after this `Set-Cookie`.
    fn brought_back(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split("; ").next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, pair.parse().unwrap());
        headers
    }

    fn key_of(devices: &Devices, username: &str) -> Option<String> {
        devices.of(username).map(|device| device.device_key)
    }

    #[test]
    fn a_device_comes_back_for_the_name_it_was_made_with_and_no_other() {
        let cookie = DeviceCookie::new(NAME.to_owned(), &Keys::generate().unwrap(), &origin());
        let mut devices = cookie.read(&HeaderMap::new());
        devices.put("ada@example.com", &owner("ada"), &device("1"));
        let written = cookie.write(&devices).unwrap();
        let again = cookie.read(&brought_back(&written));
        let found = again.of("ada@example.com").unwrap();
        assert_eq!(found.device_key, "eu-west-1_1");
        assert_eq!(found.device_group_key, "-group");
        assert_eq!(found.password.expose(), "device-password-of-1");
        assert_eq!(
            key_of(&again, "internal-ada").as_deref(),
            Some("eu-west-1_1")
        );
        for other in ["ada", "ADA@example.com", "sub-ada", "eve", ""] {
            assert_eq!(key_of(&again, other), None, "{other}");
        }
    }

    #[test]
    fn three_people_can_trust_a_browser_and_the_first_is_forgotten_first() {
        let cookie = DeviceCookie::new(NAME.to_owned(), &Keys::generate().unwrap(), &origin());
        let mut devices = Devices(Vec::new());
        for name in ["ada", "bob", "cyd", "dan", "bob"] {
            devices.put(name, &owner(name), &device(name));
        }
        let again = cookie.read(&brought_back(&cookie.write(&devices).unwrap()));
        let kept = ["ada", "bob", "cyd", "dan"].map(|name| key_of(&again, name).is_some());
        assert_eq!(kept, [false, true, true, true]);
    }

    #[test]
    fn the_cookie_is_never_longer_than_browsers_keep() {
        let cookie = DeviceCookie::new(NAME.to_owned(), &Keys::generate().unwrap(), &origin());
        let mut devices = Devices(Vec::new());
        for name in ["a", "b", "c"] {
            let long = name.repeat(1_000);
            devices.put(&long, &owner(name), &device(name));
            let written = cookie.write(&devices).unwrap();
            assert!(written.len() <= 4_096, "{}", written.len());
            let again = cookie.read(&brought_back(&written));
            assert!(again.of(&long).is_some(), "the latest is kept");
        }
        devices.put(&"x".repeat(2_048), &owner("x"), &device("x"));
        assert!(cookie.write(&devices).unwrap().len() <= 4_096);
    }

    #[test]
    fn what_others_sealed_or_bent_is_nothing() {
        let cookie = DeviceCookie::new(NAME.to_owned(), &Keys::generate().unwrap(), &origin());
        let stranger = DeviceCookie::new(NAME.to_owned(), &Keys::generate().unwrap(), &origin());
        let mut devices = Devices(Vec::new());
        devices.put("ada", &owner("ada"), &device("1"));
        let theirs = stranger.write(&devices).unwrap();
        assert!(cookie.read(&brought_back(&theirs)).is_empty());
        let mut two = brought_back(&theirs);
        two.append(COOKIE, format!("{NAME}=x").parse().unwrap());
        assert!(stranger.read(&two).is_empty());
    }

    #[test]
    fn the_cookie_is_for_this_host_and_out_of_reach_of_scripts() {
        let cookie = DeviceCookie::new(NAME.to_owned(), &Keys::generate().unwrap(), &origin());
        let mut devices = Devices(Vec::new());
        devices.put("ada", &owner("ada"), &device("1"));
        let written = cookie.write(&devices).unwrap();
        assert!(written.is_sensitive());
        let text = written.to_str().unwrap();
        let want = "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=31536000";
        assert!(text.ends_with(want), "{text}");
        assert_eq!(devices.remove_subject("sub-bob"), None);
        assert!(!devices.is_empty());
        let key = devices.remove_subject("sub-ada");
        assert_eq!(key.as_deref(), Some("eu-west-1_1"));
        assert!(devices.is_empty());
        let cleared = cookie.write(&devices).unwrap();
        assert!(cleared.to_str().unwrap().ends_with("; Max-Age=0"));
        assert!(!format!("{devices:?}").contains("eu-west-1"));
    }
}
