//! Sign-in over a local user pool, and a browser that keeps cookies and fills in forms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cognito_flow::{AppClient, FlowKind};
use cognito_local::{LocalPool, Seed};
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio_util::task::TaskTracker;

use crate::body::Body;
use crate::clock::Clock;
use crate::cognito::{self, UserPool};
use crate::identity::IdentityHeaders;
use crate::keys::Keys;
use crate::session::{self, Sessions};

use super::super::SignIn;
use super::settings_of_pages;

pub(super) const ORIGIN_TEXT: &str = "https://app.example.com";
pub(super) const USER: &str = "ada";
pub(super) const PASSWORD: &str = "Analytical-Engine-1843";
pub(super) const NEW_USER: &str = "grace";
pub(super) const TEMPORARY: &str = "Temporary-Cobol-1959";

const SEED: &str = r#"
[[pool]]
name = "test"
id = "local_Test12345"
required_attributes = ["family_name"]
[[pool.client]]
name = "web"
id = "1h57kf5cpq17m0eml12example"
[[pool.group]]
name = "engineers"
[[pool.user]]
username = "ada"
password = "Analytical-Engine-1843"
groups = ["engineers"]
[pool.user.attributes]
family_name = "Lovelace"
name = "Ada <Lovelace>"
[[pool.user]]
username = "grace"
password = "Temporary-Cobol-1959"
status = "FORCE_CHANGE_PASSWORD"
"#;

pub(super) struct Bed {
    pub(super) sign_in: Arc<SignIn>,
    pub(super) pool: LocalPool,
    pub(super) clock: Clock,
}

impl Bed {
    pub(super) async fn start() -> Self {
        let clock = Clock::at(1_900_000_000);
        let now = clock.clone();
        let pool = LocalPool::start(cognito_local::Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            seed: Seed::from_toml(SEED, "test").unwrap(),
            now: Arc::new(move || now.since_epoch()),
            ..cognito_local::Settings::default()
        })
        .await
        .unwrap();
        let summary = pool.pools().remove(0);
        let client = AppClient::new(
            summary.id.parse().unwrap(),
            summary.clients[0].id.parse().unwrap(),
            None,
        );
        let settings = cognito::Settings {
            endpoint: pool.url().parse().unwrap(),
            jwks_url: cognito::Settings::jwks_url_of(&summary.issuer).unwrap(),
            issuer: summary.issuer,
            ..cognito::Settings::new(client, FlowKind::UserSrpAuth).unwrap()
        };
        let user_pool = Arc::new(UserPool::new(settings, clock.clone()).unwrap());
        let (origin, keys, tasks) = (
            ORIGIN_TEXT.parse().unwrap(),
            Keys::generate().unwrap(),
            TaskTracker::new(),
        );
        let sessions = Arc::new(Sessions::new(
            session::Settings {
                idle_timeout: Duration::from_secs(30 * 60),
                absolute_timeout: Duration::from_secs(12 * 60 * 60),
                max_sessions: 1_000,
                max_bytes: 10_000_000,
                max_sessions_per_user: 20,
                cookie_suffix: None,
            },
            &origin,
            IdentityHeaders::default(),
            &keys,
            Arc::clone(&user_pool),
            clock.clone(),
            tasks.clone(),
        ));
        let sign_in = SignIn::new(
            settings_of_pages(),
            origin,
            &keys,
            user_pool,
            sessions,
            clock.clone(),
            tasks,
        );
        Self {
            sign_in: Arc::new(sign_in.unwrap()),
            pool,
            clock,
        }
    }

    pub(super) fn browser(&self) -> Browser {
        Browser {
            sign_in: Arc::clone(&self.sign_in),
            cookies: BTreeMap::new(),
        }
    }

    /// A browser that is on the new-password page, and that page.
    pub(super) async fn asked_for_new_password(&self) -> (Browser, Page) {
        let mut browser = self.browser();
        let form = browser
            .get("/.sidegate/sign-in?return_to=%2Fdeep")
            .await
            .form();
        let fields = [("username", NEW_USER), ("password", TEMPORARY)];
        let page = browser.submit(&form, &fields).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        (browser, page)
    }
}

#[derive(Clone)]
pub(super) struct Browser {
    sign_in: Arc<SignIn>,
    pub(super) cookies: BTreeMap<String, String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// Bytes of the body.
    pub(super) length: usize,
}

/// The form of a page: its address and its hidden fields.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) hidden: Vec<(String, String)>,
}

impl Browser {
    pub(super) async fn get(&mut self, path: &str) -> Page {
        self.send(self.request(Method::GET, path), Body::Empty)
            .await
    }

    /// Sends a form with its hidden fields and these.
    pub(super) async fn submit(&mut self, form: &Form, fields: &[(&str, &str)]) -> Page {
        let request = self.post(&form.action, "application/x-www-form-urlencoded");
        self.send(request, Body::from(form.filled(fields))).await
    }

    pub(super) async fn post_json(&mut self, path: &str, json: &str) -> Page {
        let request = self.post(path, "application/json");
        self.send(request, Body::from(json.to_owned())).await
    }

    /// A POST of a page of ours; a test may bend it.
    pub(super) fn post(&self, path: &str, kind: &str) -> http::request::Builder {
        self.request(Method::POST, path)
            .header(CONTENT_TYPE, kind)
            .header(ORIGIN, "null")
    }

    pub(super) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, "text/html,*/*;q=0.8")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate");
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        request
    }

    pub(super) async fn send(&mut self, request: http::request::Builder, body: Body) -> Page {
        let response = self.sign_in.handle(request.body(body).unwrap()).await;
        let page = read(response).await;
        for cookie in page.headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }

    pub(super) async fn sign_in(&mut self) {
        let form = self.get("/.sidegate/sign-in").await.form();
        let fields = [("username", USER), ("password", PASSWORD)];
        let page = self.submit(&form, &fields).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    }
}

impl Form {
    pub(super) fn filled(&self, fields: &[(&str, &str)]) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.hidden)
            .extend_pairs(fields)
            .finish()
    }

    /// The same form with another value in a hidden field.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut form = self.clone();
        for (hidden, text) in &mut form.hidden {
            if hidden == name {
                value.clone_into(text);
            }
        }
        form
    }
}

impl Page {
    pub(super) fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    pub(super) fn form(&self) -> Form {
        let action =
            between(&self.text, "action=\"", "\"").unwrap_or_else(|| panic!("{}", self.text));
        let hidden = self
            .text
            .split("<input type=\"hidden\" ")
            .skip(1)
            .map(|input| {
                let name = between(input, "name=\"", "\"").unwrap();
                let value = between(input, "value=\"", "\"").unwrap();
                (name.to_owned(), value.to_owned())
            });
        Form {
            action: action.to_owned(),
            hidden: hidden.collect(),
        }
    }

    /// The `<input>` of this name.
    pub(super) fn input(&self, name: &str) -> &str {
        let inputs = self.text.split("<input ").skip(1);
        let mut inputs = inputs.filter_map(|input| input.split_once('>').map(|(input, _)| input));
        let wanted = format!("name=\"{name}\"");
        inputs
            .find(|input| input.contains(&wanted))
            .unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}

pub(super) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

async fn read(response: Response<Body>) -> Page {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Page {
        length: bytes.len(),
        status: head.status,
        headers: head.headers,
        // The template engine escapes slashes too; nothing here turns on that.
        text: String::from_utf8(bytes.to_vec())
            .unwrap()
            .replace("&#x2f;", "/"),
    }
}
