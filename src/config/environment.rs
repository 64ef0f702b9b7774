//! Environment variables → one layer, and the one secret that may come this way.
//!
//! `SIDEGATE__SESSION__IDLE_TIMEOUT=30m` is `session.idle_timeout`. Empty variables are taken as not set;
//! a name that means nothing is a problem, since a setting that silently does not hold is worse than none.

use std::collections::BTreeMap;

use cognito_flow::Secret;

use super::file::unknown_setting;
use super::layer::{Layer, text};
use super::problem::Problem;
use super::schema::{self, KEYS, Place, VARIABLE_PREFIX};

/// What the environment says.
#[derive(Default)]
pub(super) struct Environment {
    pub(super) layer: Layer,
    /// The app client's secret, with the variable it came from.
    pub(super) client_secret: Option<(String, Secret<String>)>,
}

impl Environment {
    /// Reads our variables and passes the others by.
    pub(super) fn read(variables: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Self {
        let mut environment = Self::default();
        for (variable, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
            let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else {
                problems.extend(slip_of_separator(variable));
                continue;
            };
            let name = name.to_ascii_lowercase().replace("__", ".");
            let mut refuse = |text| {
                problems.push(Problem {
                    key: Some(name.escape_debug().to_string()),
                    origin: Some(variable.escape_debug().to_string()),
                    text,
                });
            };
            if let Some(table) = KEYS.iter().find(|key| {
                key.place == Place::FileOnly
                    && name
                        .strip_prefix(key.name)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }) {
                refuse(format!(
                    "a variable cannot hold a table; write {} in the file",
                    table.example
                ));
                continue;
            }
            match schema::find(&name) {
                Some(key) if key.place == Place::EnvironmentOnly => {
                    environment.client_secret =
                        Some((variable.clone(), Secret::new(value.clone())));
                }
                Some(key) => environment.layer.add(key.name, text(value, Some(variable))),
                None => refuse(unknown_setting(&name)),
            }
        }
        environment
    }
}

/// `SIDEGATE_SESSION_IDLE_TIMEOUT`: somebody meant a setting and would wonder why it does not hold.
///
/// Other `SIDEGATE_…` variables are left alone: Kubernetes makes some for a service of that name.
fn slip_of_separator(variable: &str) -> Option<Problem> {
    let folded = |name: &str| name.replace("__", "_").replace('.', "_");
    let rest = variable.strip_prefix("SIDEGATE_")?.to_ascii_lowercase();
    let meant = KEYS
        .iter()
        .find(|key| key.place != Place::FileOnly && folded(key.name) == folded(&rest))?;
    Some(Problem {
        key: Some(meant.name.to_owned()),
        origin: Some(variable.to_owned()),
        text: format!(
            "two underscores stand between the parts; write {}",
            meant.variable()
        ),
    })
}
