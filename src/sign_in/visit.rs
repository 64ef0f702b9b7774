//! One request to a page or endpoint of ours: what every handler wants to know of it.

use http::HeaderMap;
use http::request::Parts;
use tower_http::request_id::RequestId;
use url::form_urlencoded;

use crate::refusal::Audience;

use super::attempt::Bearer;
use super::browser::{BrowserCookie, Presented};
use super::same_origin::says_same_origin;

/// The head of a request, and the browser it comes from.
pub(super) struct Visit<'a> {
    head: &'a Parts,
    pub(super) presented: Presented,
}

impl<'a> Visit<'a> {
    pub(super) fn new(head: &'a Parts, browser: &BrowserCookie) -> Self {
        Self {
            head,
            presented: browser.read(&head.headers),
        }
    }

    pub(super) fn headers(&self) -> &'a HeaderMap {
        &self.head.headers
    }

    /// Page, program or gRPC client.
    pub(super) fn audience(&self) -> Audience {
        Audience::of(&self.head.headers)
    }

    /// Who posts an attempt.
    pub(super) fn bearer(&self) -> Bearer {
        Bearer {
            browser: match self.presented {
                Presented::Known(browser) => Some(browser),
                Presented::Foreign | Presented::Missing => None,
            },
            same_origin: says_same_origin(&self.head.headers),
        }
    }

    /// The one value of a query parameter; `None` also when it comes twice.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query().unwrap_or_default();
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.into_owned()),
            _ => None,
        }
    }

    /// As the outermost layer gave it; empty without one.
    pub(super) fn request_id(&self) -> &str {
        let given = self.head.extensions.get::<RequestId>();
        let value = given
            .map(RequestId::header_value)
            .or_else(|| self.head.headers.get("x-request-id"));
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
