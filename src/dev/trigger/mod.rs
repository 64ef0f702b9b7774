//! The sample triggers of `sidegate dev`: what a pool's Lambda functions would be, behind the same Invoke API.
//!
//! One route a function: `/2015-03-31/functions/{name}/invocations`. They show a CAPTCHA with a drawn image, a code by
//! e-mail and the migration of users; the same in Lambda's own form is in `deploy/aws/triggers`. An error text is what a
//! function would throw. They keep no secret of their own and listen on loopback only.

mod challenge;
mod migrate;
mod picture;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};

use cognito_local::Mailbox;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;

pub(super) use migrate::LEGACY_USERS;

/// The longest event that is read, in bytes.
const LONGEST_EVENT: usize = 1 << 20;

const PATH: &str = "/2015-03-31/functions/";

/// The functions and what they remember.
#[derive(Debug, Default)]
struct Functions {
    /// Users who asked for a code by e-mail in place of the image.
    wants_email: Mutex<BTreeSet<String>>,
    /// Where e-mails go; there once the pool runs.
    mailbox: OnceLock<Mailbox>,
}

/// The functions, running.
#[derive(Debug)]
pub(super) struct SampleTriggers {
    address: SocketAddr,
    functions: Arc<Functions>,
}

impl SampleTriggers {
    /// Starts the functions on a free port of loopback.
    pub(super) async fn start(tasks: &TaskTracker, stop: CancellationToken) -> io::Result<Self> {
        let functions = Arc::new(Functions::default());
        let serving = Arc::clone(&functions);
        let answer = move |request| {
            let functions = Arc::clone(&serving);
            async move { functions.answer(request).await }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = super::http::start(address, tasks, stop, answer).await?;
        Ok(Self { address, functions })
    }

    /// What stands before the path of the Invoke URLs.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// E-mails of the functions go to the pool's outbox from now on.
    pub(super) fn send_to(&self, mailbox: Mailbox) {
        let _already_set = self.functions.mailbox.set(mailbox);
    }
}

impl Functions {
    /// Lambda's Invoke API: a function that throws is a 200 with its error (as the runtime interface emulator tells it).
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let name = head.uri.path().strip_prefix(PATH);
        let name = name.and_then(|rest| rest.strip_suffix("/invocations"));
        let event = Limited::new(body, LONGEST_EVENT).collect().await;
        let event = event
            .ok()
            .and_then(|body| serde_json::from_slice::<Value>(&body.to_bytes()).ok());
        let (Some(name), Some(mut event)) = (name, event) else {
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = http::StatusCode::NOT_FOUND;
            return response;
        };
        let answered = match self.invoke(name, &event) {
            Ok(response) => {
                if let Some(members) = event.as_object_mut() {
                    members.insert("response".to_owned(), response);
                }
                event
            }
            Err(error) => json!({ "errorMessage": error, "errorType": "Error" }),
        };
        Response::new(Body::from(answered.to_string()))
    }

    fn invoke(&self, name: &str, event: &Value) -> Result<Value, &'static str> {
        match name {
            "define" => Ok(challenge::define(event)),
            "create" => challenge::create(event, &self.wants_email, self.mailbox.get()),
            "verify" => Ok(challenge::verify(event, &self.wants_email)),
            "migrate" => migrate::migrate(event),
            _ => Err("there is no such function"),
        }
    }
}
