//! The TOML file → one layer, with the line of every value.
//!
//! Knows names and shapes, not meanings: what a value means is `reader.rs`'s. A syntax error is told by
//! line and column and never shows the text of the file, which may hold what should not be in it.

use std::ops::Range;

use config::{Map, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::layer::{self, Layer};
use super::nearest::nearest;
use super::problem::Problem;
use super::schema::{self, KEYS, Key, Place};

/// The settings of a TOML text; what cannot be one goes to `problems`.
///
/// # Errors
/// The one syntax error at which reading stopped.
pub(super) fn layer(name: &str, text: &str, problems: &mut Vec<Problem>) -> Result<Layer, Problem> {
    let document = DeTable::parse(text).map_err(|error| syntax_error(name, text, &error))?;
    let mut reading = Reading {
        name,
        text,
        layer: Layer::default(),
        problems,
    };
    reading.table("", document.get_ref());
    Ok(reading.layer)
}

fn syntax_error(name: &str, text: &str, error: &toml::de::Error) -> Problem {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.get(..offset).unwrap_or(text);
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Problem {
        key: None,
        origin: Some(format!("{name}:{}:{column}", line_of(text, offset))),
        text: format!("this is not TOML: {}", error.message()),
    }
}

/// Lines count from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    layer: Layer,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let written = key.get_ref();
            let name = if path.is_empty() {
                written.to_string()
            } else {
                format!("{path}.{written}")
            };
            if written.contains('.') {
                // In TOML `"upstream.url"` is one key with a dot in it, not a key of a table.
                let text = "a name in quotes is taken as it is; write tables as [table]".to_owned();
                self.refuse(&name, key.span(), text);
                continue;
            }
            match (schema::find(&name), value.get_ref()) {
                (Some(known), _) => self.setting(known, key.span(), value),
                (None, DeValue::Table(inner)) if schema::is_table(&name) => {
                    self.table(&name, inner);
                }
                (None, _) if schema::is_table(&name) => self.refuse(
                    &name,
                    key.span(),
                    format!("this is a table, not a value; write [{name}] on a line of its own"),
                ),
                (None, DeValue::Table(_)) => {
                    let meant = nearest(&name, schema::tables());
                    let hint =
                        meant.map_or(String::new(), |meant| format!("; did you mean [{meant}]?"));
                    self.refuse(&name, key.span(), format!("there is no such table{hint}"));
                }
                (None, _) => {
                    let text = unknown_setting(&name);
                    self.refuse(&name, key.span(), text);
                }
            }
        }
    }

    fn setting(&mut self, key: &'static Key, span: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let value = match (&key.place, value.get_ref()) {
            (Place::EnvironmentOnly, _) => {
                return self.refuse(
                    key.name,
                    span,
                    format!(
                        "a secret does not belong in this file; write {}_file = \"/path/to/it\"",
                        key.table_and_key().1
                    ),
                );
            }
            (Place::FileOnly, DeValue::Table(pairs)) => self.pairs(span, pairs),
            (_, DeValue::Table(_)) => {
                let text = format!("this is a value, not a table; write {}", key.example);
                return self.refuse(key.name, span, text);
            }
            (_, other) => self.value(value.span(), other),
        };
        self.layer.add(key.name, value);
    }

    /// A table whose keys are the operator's own: a list of pairs, so that it keeps its order and a later layer
    /// replaces it as a whole.
    fn pairs(&self, span: Range<usize>, table: &DeTable<'_>) -> Value {
        let pairs = in_order(table).map(|(key, value)| {
            let origin = self.origin(key.span());
            let name = layer::text(key.get_ref(), Some(&origin));
            let pair = vec![name, self.value(value.span(), value.get_ref())];
            Value::new(Some(&origin), ValueKind::Array(pair))
        });
        let pairs = pairs.collect();
        Value::new(Some(&self.origin(span)), ValueKind::Array(pairs))
    }

    fn value(&self, span: Range<usize>, value: &DeValue<'_>) -> Value {
        let origin = self.origin(span);
        let kind = match value {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Integer(number) => ValueKind::String(number.to_string()),
            DeValue::Float(number) => ValueKind::String(number.to_string()),
            DeValue::Boolean(flag) => ValueKind::String(flag.to_string()),
            DeValue::Datetime(time) => ValueKind::String(time.to_string()),
            DeValue::Array(values) => ValueKind::Array(self.values(values)),
            DeValue::Table(table) => {
                let entries = table.iter().map(|(key, value)| {
                    let value = self.value(key.span(), value.get_ref());
                    (key.get_ref().to_string(), value)
                });
                ValueKind::Table(entries.collect::<Map<_, _>>())
            }
        };
        Value::new(Some(&origin), kind)
    }

    fn values(&self, values: &DeArray<'_>) -> Vec<Value> {
        values
            .iter()
            .map(|value| self.value(value.span(), value.get_ref()))
            .collect()
    }

    fn origin(&self, span: Range<usize>) -> String {
        format!("{}:{}", self.name, line_of(self.text, span.start))
    }

    fn refuse(&mut self, key: &str, span: Range<usize>, text: String) {
        self.problems.push(Problem {
            key: Some(key.escape_debug().to_string()),
            origin: Some(self.origin(span)),
            text,
        });
    }
}

/// What to say of a name that is none.
pub(super) fn unknown_setting(name: &str) -> String {
    let meant = nearest(name, KEYS.iter().map(|key| key.name));
    let hint = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    format!("there is no such setting{hint}")
}

/// The entries as they stand in the file.
fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> impl Iterator<
    Item = (
        &'a Spanned<toml::de::DeString<'i>>,
        &'a Spanned<DeValue<'i>>,
    ),
> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries.into_iter()
}
