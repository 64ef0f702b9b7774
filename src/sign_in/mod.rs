//! Pages and endpoints under `/.sidegate/`: one attempt, step by step.
use std::path::PathBuf;
use std::sync::Arc;

use http::{Request, Response};

use crate::body::Body;
use crate::clock::Clock;
use crate::cognito::UserPool;
use crate::keys::Keys;
use crate::origin::PublicOrigin;
use crate::refusal::Refusal;
use crate::session::Sessions;

/// The path prefix that is ours.
pub const PREFIX: &str = "/.sidegate/";

/// The pages.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the person signs in to, shown on every page.
    pub app_name: String,
    /// A folder whose files replace the built-in templates of the same name.
    pub template_dir: Option<PathBuf>,
    /// Further origins that `return_to` may name.
    pub return_origins: Vec<String>,
    /// Say on every page that this is a development pool.
    pub dev: bool,
}

/// The sign-in part.
#[derive(Debug)]
pub struct SignIn(());

impl SignIn {
    /// Loads the templates.
    pub fn new(
        _settings: Settings,
        _origin: PublicOrigin,
        _keys: &Keys,
        _pool: Arc<UserPool>,
        _sessions: Arc<Sessions>,
        _clock: Clock,
    ) -> Result<Self, TemplateError> {
        todo!()
    }
    /// Whether a path is ours.
    pub fn owns(&self, _path: &str) -> bool {
        todo!()
    }
    /// Answers a request under the prefix.
    pub async fn handle(&self, _request: Request<Body>) -> Response<Body> {
        todo!()
    }
    /// 302 to the sign-in page, for a page load without a session.
    pub fn redirect(&self, _return_to: &str) -> Response<Body> {
        todo!()
    }
    /// The page of a refusal, for a person.
    pub fn refusal_page(&self, _refusal: Refusal, _request_id: &str) -> Response<Body> {
        todo!()
    }
    /// Absolute URL of the sign-in page.
    pub fn url(&self) -> &str {
        todo!()
    }
}

/// A template cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);
