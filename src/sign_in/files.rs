//! The files of the pages: templates and assets, built in or from the operator's folder.
//!
//! A file in `template_dir` takes the place of the built-in one of the same name, and `custom_NAME.html` there is a
//! page for custom challenges. A template of any other name is a mistake that would go unseen, so it is refused at start. Read once; nothing is read while requests are served.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

use crate::body::Body;

use super::TemplateError;
use crate::origin::PREFIX;

/// Declares the built-in templates by their file names.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

/// All templates there are. The page of a challenge is the one that cognito-flow names (`Challenge::page`).
const TEMPLATES: &[(&str, &str)] = &templates![
    "layout.html",
    "sign_in.html",
    "sign_out.html",
    "signed_out.html",
    "message.html",
    "account.html",
    "forgot_password.html",
    "reset_password.html",
    "sign_up.html",
    "confirm.html",
    "code_field.html",
    "new_password_field.html",
    "verify.html",
    "passkeys.html",
    "new_passkey.html",
    "challenge.html",
    "authenticator.html",
    "choose.html",
    "code.html",
    "custom.html",
    "email_setup.html",
    "new_password.html",
    "passkey.html",
    "password.html",
];

/// What the operator's own templates for custom challenges are called: `custom_NAME.html`.
const OWN_PREFIX: &str = "custom_";

const STYLESHEET: Built = Built("sidegate.css", include_bytes!("../../assets/sidegate.css"));
const SCRIPT: Built = Built("sidegate.js", include_bytes!("../../assets/sidegate.js"));
const ICON: Built = Built("sidegate.svg", include_bytes!("../../assets/sidegate.svg"));

/// Name and content of a built-in asset.
struct Built(&'static str, &'static [u8]);

/// The templates as they are used, and where each is from.
pub(super) struct Files {
    templates: Vec<Template>,
    assets: Assets,
}

pub(super) struct Template {
    pub(super) name: Cow<'static, str>,
    pub(super) text: String,
    /// `None` for a built-in one.
    from: Option<PathBuf>,
}

impl Files {
    pub(super) fn read(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let own = folder.map_or_else(|| Ok(Vec::new()), own_templates)?;
        let built_in = TEMPLATES
            .iter()
            .map(|(name, text)| (Cow::Borrowed(*name), text.as_bytes()));
        let own = own.into_iter().map(|name| (Cow::Owned(name), &b""[..]));
        let templates = built_in.chain(own).map(|(name, built_in)| {
            let (bytes, from) = read_or(folder, &name, built_in)?;
            let text = String::from_utf8(bytes.into_owned()).map_err(|_| {
                let path = from.clone().unwrap_or_default();
                TemplateError(format!("{}: not UTF-8", path.display()))
            })?;
            Ok(Template { name, text, from })
        });
        Ok(Self {
            templates: templates.collect::<Result<_, TemplateError>>()?,
            assets: Assets {
                stylesheet: Asset::read(folder, &STYLESHEET, "text/css; charset=utf-8")?,
                script: Asset::read(folder, &SCRIPT, "text/javascript; charset=utf-8")?,
                icon: Asset::read(folder, &ICON, "image/svg+xml")?,
            },
        })
    }

    pub(super) fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The operator's own templates for custom challenges, by file name.
    pub(super) fn own_templates(&self) -> Vec<String> {
        let own = |template: &&Template| template.name.starts_with(OWN_PREFIX);
        let templates = self.templates.iter().filter(own);
        templates
            .map(|template| template.name.to_string())
            .collect()
    }

    pub(super) fn assets(&self) -> Assets {
        self.assets.clone()
    }

    /// File, line and reason, for whoever wrote the template.
    pub(super) fn explain(&self, error: &minijinja::Error) -> TemplateError {
        let name = error.name().unwrap_or("template");
        let from = self.templates.iter().find(|template| template.name == name);
        let file = from
            .and_then(|template| template.from.as_ref())
            .map_or_else(|| name.to_owned(), |path| path.display().to_string());
        let line = error.line().unwrap_or(0);
        let detail = error.detail().unwrap_or("cannot be used");
        TemplateError(format!("{file}:{line}: {}: {detail}", error.kind()))
    }
}

/// The files that pages load beside themselves.
#[derive(Clone, Debug)]
pub(super) struct Assets {
    stylesheet: Asset,
    script: Asset,
    icon: Asset,
}

/// A file under a name that changes with its content, so that browsers may keep it for ever.
#[derive(Clone, Debug)]
struct Asset {
    path: String,
    kind: HeaderValue,
    content: Bytes,
}

impl Assets {
    pub(super) fn stylesheet(&self) -> &str {
        &self.stylesheet.path
    }

    pub(super) fn script(&self) -> &str {
        &self.script.path
    }

    pub(super) fn icon(&self) -> &str {
        &self.icon.path
    }

    /// The file at `PREFIX assets/{file}`.
    pub(super) fn find(&self, file: &str) -> Option<Response<Body>> {
        let asset = [&self.stylesheet, &self.script, &self.icon]
            .into_iter()
            .find(|asset| asset.path.rsplit('/').next() == Some(file))?;
        let mut response = Response::new(Body::from(asset.content.clone()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, asset.kind.clone());
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        );
        Some(response)
    }
}

impl Asset {
    fn read(
        folder: Option<&Path>,
        built: &Built,
        kind: &'static str,
    ) -> Result<Self, TemplateError> {
        let Built(name, content) = built;
        let (content, _) = read_or(folder, name, content)?;
        let hash = digest(&SHA256, &content);
        let hash: String = hash
            .as_ref()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        Ok(Self {
            path: format!("{PREFIX}assets/{stem}-{hash}.{extension}"),
            kind: HeaderValue::from_static(kind),
            content: match content {
                Cow::Borrowed(content) => Bytes::from_static(content),
                Cow::Owned(content) => content.into(),
            },
        })
    }
}

/// The operator's file of this name, if there is one.
fn read_or(
    folder: Option<&Path>,
    name: &str,
    built_in: &'static [u8],
) -> Result<(Cow<'static, [u8]>, Option<PathBuf>), TemplateError> {
    let Some(path) = folder
        .map(|folder| folder.join(name))
        .filter(|path| path.exists())
    else {
        return Ok((Cow::Borrowed(built_in), None));
    };
    let content =
        fs::read(&path).map_err(|error| TemplateError(format!("{}: {error}", path.display())))?;
    Ok((Cow::Owned(content), Some(path)))
}

/// The names of the operator's own templates for custom challenges. Any other template that no page uses is refused.
fn own_templates(folder: &Path) -> Result<Vec<String>, TemplateError> {
    let failed = |error| TemplateError(format!("{}: {error}", folder.display()));
    let mut own = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        let is_known = TEMPLATES.iter().any(|(known, _)| *known == name);
        if !name.ends_with(".html") || is_known {
            continue;
        }
        if !is_own(&name) {
            let known: Vec<&str> = TEMPLATES.iter().map(|(known, _)| *known).collect();
            return Err(TemplateError(format!(
                "{}: no page uses a template of this name; there are {}, and custom_NAME.html for challenge.template_param",
                folder.join(&*name).display(),
                known.join(", ")
            )));
        }
        own.push(name.into_owned());
    }
    own.sort();
    Ok(own)
}

/// `custom_NAME.html`, where NAME has 1 to 64 letters, digits, `-` or `_`.
fn is_own(name: &str) -> bool {
    let stem = name
        .strip_prefix(OWN_PREFIX)
        .and_then(|rest| rest.strip_suffix(".html"));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    stem.is_some_and(|stem| (1..=64).contains(&stem.len()) && stem.chars().all(fits))
}
