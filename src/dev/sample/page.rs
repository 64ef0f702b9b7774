//! The page of the sample application: what of a request it shows, drawn by its template.
//!
//! Every value comes from the request, so the template's escaping must stay on (`.html`).

use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use minijinja::value::Serde;
use minijinja::{Environment, Error};
use percent_encoding::percent_decode_str;
use serde::Serialize;

const NAME: &str = "sample.html";

/// The template, compiled.
#[derive(Debug)]
pub(super) struct Page(Environment<'static>);

impl Page {
    pub(super) fn new() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.add_template(NAME, include_str!("sample.html"))?;
        Ok(Self(environment))
    }

    /// The page about one request, whose body had `received` bytes.
    pub(super) fn draw(&self, head: &Parts, received: u64) -> Result<String, Error> {
        self.0
            .get_template(NAME)?
            .render(Serde(PageView::new(head, received)))
    }
}

#[derive(Serialize)]
struct PageView<'a> {
    user: Option<String>,
    facts: Vec<Fact>,
    headers: Vec<HeaderView<'a>>,
}

#[derive(Serialize)]
struct Fact {
    label: &'static str,
    value: String,
}

#[derive(Serialize)]
struct HeaderView<'a> {
    name: &'a str,
    value: String,
    ours: bool,
}

impl<'a> PageView<'a> {
    fn new(head: &'a Parts, received: u64) -> Self {
        // Values outside ASCII arrive percent-encoded.
        let told = |name: &str| {
            let value = head.headers.get(name)?.to_str().ok()?;
            Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let identity = [
            ("User name", "x-forwarded-user"),
            ("E-mail", "x-forwarded-email"),
            ("Groups", "x-forwarded-groups"),
            ("Subject", "x-sidegate-sub"),
        ];
        let mut facts: Vec<_> = identity
            .into_iter()
            .filter_map(|(label, name)| told(name).map(|value| Fact { label, value }))
            .collect();
        facts.push(Fact {
            label: "Request",
            value: format!("{} {}", head.method, head.uri),
        });
        if received > 0 {
            facts.push(Fact {
                label: "Body",
                value: format!("{received} bytes"),
            });
        }
        let mut headers: Vec<_> = head.headers.iter().map(HeaderView::new).collect();
        headers.sort_by_key(|header| !header.ours);
        Self {
            user: told("x-forwarded-preferred-username")
                .or_else(|| told("x-forwarded-email"))
                .or_else(|| told("x-forwarded-user")),
            facts,
            headers,
        }
    }
}

impl<'a> HeaderView<'a> {
    fn new((name, value): (&'a HeaderName, &HeaderValue)) -> Self {
        let name = name.as_str();
        Self {
            name,
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ours: name.starts_with("x-forwarded-")
                || name.starts_with("x-sidegate-")
                || matches!(name, "forwarded" | "x-request-id"),
        }
    }
}
