//! A client that keeps cookies, reads forms and says what a browser says, without following redirects by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers
            .get(name.as_ref())
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Where a redirect leads, as a path on the public origin.
    pub(crate) fn location(&self) -> String {
        let location = self.header("location");
        location
            .strip_prefix(crate::bed::ORIGIN)
            .unwrap_or(location)
            .to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{:?}\n{}",
            self.headers,
            self.body
        );
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// The page's only form: its action and its inputs' values.
    #[track_caller]
    pub(crate) fn form(&self) -> Form {
        let forms = self.forms();
        forms.into_iter().next().expect("the page has no form")
    }

    /// All its forms.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let forms = self.body.split("<form").skip(1);
        forms
            .map(|rest| Form::read(rest.split("</form>").next().unwrap()))
            .collect()
    }
}

impl Form {
    fn read(form: &str) -> Self {
        let action = attribute(form, "action").expect("the form has no action");
        let mut fields = BTreeMap::new();
        for input in form.split("<input").skip(1) {
            let tag = input.split('>').next().unwrap();
            if let Some(name) = attribute(tag, "name") {
                fields.insert(name, attribute(tag, "value").unwrap_or_default());
            }
        }
        Self { action, fields }
    }
}

/// A form to fill in.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Fills in the new-password page, the one missing attribute too.
    #[track_caller]
    pub(crate) fn with_new_password(self, password: &str) -> Self {
        const GIVEN_NAME: &str = "attribute.given_name";
        assert!(
            self.fields.contains_key(GIVEN_NAME),
            "it is not asked for: {:?}",
            self.fields.keys()
        );
        self.with("new_password", password).with(GIVEN_NAME, "Nova")
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.remove(name);
        self
    }

    fn encode(&self) -> String {
        let mut encoder = url::form_urlencoded::Serializer::new(String::new());
        encoder.extend_pairs(&self.fields).finish()
    }
}

/// One browser: a cookie jar and an address.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    gate: SocketAddr,
    origin: String,
    pub(crate) jar: BTreeMap<String, String>,
}

impl Browser {
    /// In front of a test bed's gate.
    pub(crate) fn new(gate: SocketAddr) -> Self {
        Self::at(gate, crate::bed::ORIGIN)
    }

    /// In front of a gate whose public origin is another.
    pub(crate) fn at(gate: SocketAddr, origin: &str) -> Self {
        Self {
            gate,
            origin: origin.to_owned(),
            jar: BTreeMap::new(),
        }
    }

    /// A page load typed into the address bar.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = self
            .request(Method::GET, path)
            .body(Full::default())
            .unwrap();
        self.send(request).await
    }

    /// A page load, and the pages it is redirected to.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let mut page = self.get(path).await;
        for _ in 0..5 {
            if !page.status.is_redirection() {
                return page;
            }
            let location = page.header("location");
            let path = location
                .strip_prefix(&self.origin)
                .unwrap_or(location)
                .to_owned();
            page = self.get(&path).await;
        }
        panic!("redirected in a circle: {:?}", page.headers)
    }

    /// Sends a form as its page's button does.
    pub(crate) async fn submit(&mut self, form: &Form) -> Page {
        let request = self
            .request(Method::POST, &form.action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, &self.origin)
            .body(Full::from(form.encode()))
            .unwrap();
        self.send(request).await
    }

    /// Signs in from a protected path; the answer to the credentials.
    pub(crate) async fn sign_in(&mut self, path: &str, user: &str, password: &str) -> Page {
        let page = self.open(path).await;
        let form = page
            .form()
            .with("username", user)
            .with("password", password);
        self.submit(&form).await
    }

    /// What a page's script sends with `fetch`.
    pub(crate) async fn fetch(
        &mut self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Page {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
            .header("sec-fetch-site", "same-origin")
            .header(header::ORIGIN, &self.origin)
            .header(header::ACCEPT, "*/*");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    /// A request with the headers of a page load; more can be added.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-site", "same-origin")
    }

    /// Sends a request with the jar's cookies and keeps the ones that come back.
    pub(crate) async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Page {
        let headers = request.headers_mut();
        if !headers.contains_key(header::HOST) {
            let host = self.origin.split("://").nth(1).unwrap();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        if !self.jar.is_empty() {
            headers.append(header::COOKIE, self.cookies().parse().unwrap());
        }
        let page = exchange(self.gate, request).await;
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        page
    }

    /// The jar as a `Cookie` field.
    pub(crate) fn cookies(&self) -> String {
        let pairs: Vec<String> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        if value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0") {
            self.jar.remove(name);
        } else {
            self.jar.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// One request on a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> Page {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let answer = async {
        let response = sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Page {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    };
    tokio::pin!(connection);
    tokio::pin!(answer);
    loop {
        tokio::select! {
            page = &mut answer => return page,
            ended = &mut connection => ended.unwrap(),
        }
    }
}

/// An attribute's value, with the five entities that a template writes turned back.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = tag[start..].split('"').next()?;
    Some(
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#x27;", "'")
            .replace("&#x2f;", "/")
            .replace("&amp;", "&"),
    )
}
