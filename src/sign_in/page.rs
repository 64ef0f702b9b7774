//! Pages: what the templates are given, and the HTML that comes out.
//!
//! Everything a view holds is text, escaped by the template engine: much of it comes from the pool or the person
//! . Which files the templates are made of is the business of `files`; which page to show, that of the handlers.

use cognito_flow::Challenge;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::body::Body;

use super::account;
use super::challenge::Challenges;
use super::error::{Fault, StepError};
use super::files::{Assets, Files};
use super::headers::Needs;
use super::{Settings, TemplateError};
use crate::clock::Clock;
use crate::origin::PublicOrigin;

/// What every page shows.
#[derive(Debug, Serialize)]
pub(super) struct Frame<'a> {
    app_name: &'a str,
    /// BCP 47.
    lang: &'a str,
    stylesheet: &'a str,
    script: Option<&'a str>,
    icon: &'a str,
    dev: bool,
    /// On pages that a person may have to show to somebody.
    request_id: Option<&'a str>,
}

/// What went wrong, and where.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ErrorView {
    pub(super) message: String,
    /// The id of the faulty input.
    pub(super) field: Option<String>,
}

/// What a template is given beside its frame.
pub(super) trait View: Serialize {
    /// Whether the page uses the script.
    const SCRIPT: bool = false;

    /// The template's file name.
    fn template(&self) -> &str;

    /// Whether the page may show pictures of other hosts, as far as `challenge.image_hosts` and its like allow.
    fn shows_pictures(&self) -> bool {
        false
    }
}

/// User name and password.
#[derive(Debug, Serialize)]
pub(super) struct SignInView<'a> {
    pub(super) action: &'a str,
    pub(super) attempt: &'a str,
    pub(super) csrf: &'a str,
    pub(super) username: &'a str,
    /// Whether the flow begins with a password.
    pub(super) asks_password: bool,
    /// Whether a passkey may be asked for.
    pub(super) passkeys: bool,
    /// Whether "Trust this browser" is ticked; `None`: it is not asked.
    pub(super) trust: Option<bool>,
    pub(super) error: Option<ErrorView>,
    pub(super) notice: Option<&'a str>,
    /// URL of the page for a forgotten password.
    pub(super) forgot_password: Option<String>,
    /// URL of the page for a new account.
    pub(super) sign_up: Option<String>,
}

impl View for SignInView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        "sign_in.html"
    }
}

/// Asks before signing out.
#[derive(Debug, Serialize)]
pub(super) struct SignOutView<'a> {
    pub(super) action: &'a str,
    pub(super) csrf: &'a str,
    pub(super) display_name: &'a str,
    /// There where this browser is remembered.
    pub(super) forget: Option<ForgetView>,
    /// URL.
    pub(super) cancel: &'a str,
    pub(super) error: Option<ErrorView>,
}

/// The form that makes a browser be forgotten.
#[derive(Debug, Serialize)]
pub(super) struct ForgetView {
    pub(super) action: &'static str,
    pub(super) csrf: String,
}

impl View for SignOutView<'_> {
    const SCRIPT: bool = true;

    fn template(&self) -> &str {
        "sign_out.html"
    }
}

/// After signing out.
#[derive(Debug, Serialize)]
pub(super) struct SignedOutView<'a> {
    /// URL.
    pub(super) sign_in: &'a str,
}

impl View for SignedOutView<'_> {
    fn template(&self) -> &str {
        "signed_out.html"
    }
}

/// What happened and what to do.
#[derive(Debug, Serialize)]
pub(super) struct MessageView<'a> {
    pub(super) status: u16,
    pub(super) heading: &'a str,
    pub(super) advice: &'a str,
    /// URL.
    pub(super) retry: Option<&'a str>,
    /// URL.
    pub(super) sign_in: Option<&'a str>,
}

impl View for MessageView<'_> {
    fn template(&self) -> &str {
        "message.html"
    }
}

/// The pages, ready to be drawn.
#[derive(Debug)]
pub(super) struct Pages {
    templates: Environment<'static>,
    assets: Assets,
    challenges: Challenges,
    app_name: String,
    dev: bool,
}

#[derive(Serialize)]
struct Page<'a, V> {
    frame: Frame<'a>,
    #[serde(flatten)]
    view: &'a V,
}

impl Pages {
    /// Reads and compiles all templates, and draws each page once: a template that fails does so now, and not before
    /// the first person who sees that page.
    pub(super) fn load(
        settings: &Settings,
        origin: &PublicOrigin,
        clock: Clock,
    ) -> Result<Self, TemplateError> {
        let files = Files::read(settings.template_dir.as_deref())?;
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for template in files.templates() {
            templates
                .add_template_owned(template.name.clone(), template.text.clone())
                .map_err(|error| files.explain(&error))?;
        }
        let pages = Self {
            templates,
            assets: files.assets(),
            challenges: Challenges::new(
                settings.app_name.clone(),
                settings.challenge.clone(),
                files.own_templates(),
                origin,
                clock,
            ),
            app_name: settings.app_name.clone(),
            dev: settings.dev,
        };
        pages.draw_samples().map_err(|error| match error {
            Fault::Template(error) => files.explain(&error),
            other => TemplateError(other.to_string()),
        })?;
        Ok(pages)
    }

    pub(super) const fn assets(&self) -> &Assets {
        &self.assets
    }

    pub(super) const fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// The page as a response. `request_id` is shown on it.
    pub(super) fn draw<V: View>(
        &self,
        status: StatusCode,
        view: &V,
        request_id: Option<&str>,
    ) -> Result<Response<Body>, Fault> {
        let frame = Frame {
            app_name: &self.app_name,
            lang: "en",
            stylesheet: self.assets.stylesheet(),
            script: V::SCRIPT.then_some(self.assets.script()),
            icon: self.assets.icon(),
            dev: self.dev,
            request_id: request_id.filter(|id| !id.is_empty()),
        };
        let html = self
            .templates
            .get_template(view.template())
            .and_then(|template| template.render(Serde(Page { frame, view })))
            .map_err(Fault::Template)?;
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = status;
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        let extensions = response.extensions_mut();
        extensions.insert(Needs {
            script: V::SCRIPT,
            pictures: view.shows_pictures(),
        });
        Ok(response)
    }

    /// Draws every page with everything in it, and with nothing in it that can be left out.
    fn draw_samples(&self) -> Result<(), Fault> {
        let status = StatusCode::OK;
        for full in [true, false] {
            let error = |field: &str| {
                full.then(|| ErrorView {
                    message: "Sample".to_owned(),
                    field: Some(field.to_owned()),
                })
            };
            let id = full.then_some("sample");
            let sign_in = SignInView {
                action: "/",
                attempt: "sample",
                csrf: "sample",
                username: if full { "sample" } else { "" },
                asks_password: full,
                passkeys: full,
                trust: full.then_some(true),
                error: error("password"),
                notice: full.then_some("Sample"),
                forgot_password: full.then(|| "/".to_owned()),
                sign_up: full.then(|| "/".to_owned()),
            };
            account::draw_samples(self, full)?;
            self.draw(status, &sign_in, id)?;
            for challenge in Challenge::samples() {
                for view in self.challenges.samples(&challenge, full) {
                    self.draw(status, &view, id)?;
                }
            }
            let sign_out = SignOutView {
                action: "/",
                csrf: "sample",
                display_name: "sample",
                forget: full.then(|| ForgetView {
                    action: "/",
                    csrf: "sample".to_owned(),
                }),
                cancel: "/",
                error: error("sample"),
            };
            self.draw(status, &sign_out, id)?;
            self.draw(status, &SignedOutView { sign_in: "/" }, id)?;
            let message = MessageView {
                status: 500,
                heading: "Sample",
                advice: "Sample",
                retry: full.then_some("/"),
                sign_in: full.then_some("/"),
            };
            self.draw(status, &message, id)?;
        }
        Ok(())
    }
}

/// Adds `Retry-After` where waiting is what helps.
pub(super) fn put_retry_after(response: &mut Response<Body>, error: &StepError) {
    if let StepError::Pool(error) = error
        && let Some(after) = error.retry_after()
    {
        let seconds = HeaderValue::from(after.as_secs().max(1));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
}
