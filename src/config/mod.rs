//! What the operator wrote → checked settings of every part.
//!
//! ```text
//! schema (defaults) ┐
//! file.rs           ├─► layer.rs (the `config` crate) ─► reader.rs + setting.rs ─► parts.rs, tables.rs, cognito.rs ─► Config
//! environment.rs    │      last one wins                   text → value             each part's Settings
//! flags             ┘
//! ```
//! Every problem is found in one go and says where it was written. Nothing here reads the process's
//! environment or arguments: they are handed in. No secret gets into a problem or a layer.

mod challenge;
mod cognito;
mod environment;
mod file;
mod layer;
mod nearest;
mod parts;
mod problem;
mod reader;
mod schema;
mod secret_file;
mod setting;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

pub use problem::{Problem, Problems};

use crate::identity::IdentityHeaders;
use crate::origin::PublicOrigin;
use crate::{cognito as pool, forward, gate, server, session, sign_in, telemetry};
use environment::Environment;
use layer::{Layer, Merged, text};
use reader::Reader;

/// Everything sidegate is told, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach sidegate.
    pub public_origin: PublicOrigin,
    /// `[server]`.
    pub server: server::Settings,
    /// `[gate]`.
    pub gate: gate::Settings,
    /// `[sign_in]`.
    pub sign_in: sign_in::Settings,
    /// `[session]`.
    pub session: session::Settings,
    /// `[cognito]`.
    pub cognito: pool::Settings,
    /// `[upstream]`.
    pub forward: forward::Settings,
    /// `[identity]`.
    pub identity: IdentityHeaders,
    /// `[log]`.
    pub log: telemetry::Settings,
    /// `session.key_files`: master keys, newest first; each is good. Empty: a random key for this process.
    pub key_files: Vec<PathBuf>,
    /// What is allowed but worth a thought; logged at the start.
    pub warnings: Vec<Problem>,
}

/// Where settings come from: the later ones win over the earlier.
#[derive(Clone, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// Variables; those that do not begin with `SIDEGATE_` are passed by.
    pub environment: BTreeMap<String, String>,
    /// Settings given on the command line.
    pub flags: Vec<Flag>,
}

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The setting, `server.listen`.
    pub key: &'static str,
    /// The flag, `--listen`.
    pub name: &'static str,
    /// What was given.
    pub value: String,
}

impl Config {
    /// Reads and checks everything, secret files and keys included.
    ///
    /// # Errors
    /// Every problem there is, in one go.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let Some(path) = &sources.file else {
            return load(None, &sources.environment, &sources.flags);
        };
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => load(Some((&name, &text)), &sources.environment, &sources.flags),
            Err(error) => Err(Problems {
                errors: vec![Problem {
                    key: None,
                    origin: Some(name),
                    text: format!("the file cannot be read: {error}"),
                }],
                warnings: Vec::new(),
            }),
        }
    }

    /// Reads and checks a TOML text alone, by the same loader. `name` stands for the file in problems.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Problems> {
        load(Some((name, text)), &BTreeMap::new(), &[])
    }
}

fn load(
    file: Option<(&str, &str)>,
    variables: &BTreeMap<String, String>,
    flags: &[Flag],
) -> Result<Config, Problems> {
    let mut errors = Vec::new();
    let in_file = file.map(|(name, text)| file::layer(name, text, &mut errors));
    let environment = Environment::read(variables, &mut errors);
    let in_file = match in_file.transpose() {
        Ok(layer) => layer.unwrap_or_default(),
        Err(syntax_error) => {
            // What else is missing or wrong cannot be told from half a file.
            errors.insert(0, syntax_error);
            return Err(Problems {
                errors,
                warnings: Vec::new(),
            });
        }
    };
    let layers = [
        Layer::defaults(),
        in_file,
        environment.layer,
        flag_layer(flags),
    ];
    let merged = Merged::of(layers).map_err(|error| Problems {
        errors: vec![Problem {
            key: None,
            origin: None,
            text: error.to_string(),
        }],
        warnings: Vec::new(),
    })?;
    let mut read = Reader::new(merged, file.map(|(name, _)| name.to_owned()), errors);
    let config = parts::config(&mut read, environment.client_secret);
    let Reader {
        errors, warnings, ..
    } = read;
    match config {
        Some(mut config) if errors.is_empty() => {
            config.warnings = warnings;
            Ok(config)
        }
        _ => Err(Problems { errors, warnings }),
    }
}

fn flag_layer(flags: &[Flag]) -> Layer {
    let mut layer = Layer::default();
    for flag in flags {
        layer.add(flag.key, text(&flag.value, Some(&flag.name.to_owned())));
    }
    layer
}

impl fmt::Debug for Sources {
    /// Names of variables only: their values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("environment", &self.environment.keys())
            .field("flags", &self.flags)
            .finish()
    }
}
