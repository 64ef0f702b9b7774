//! Reads settings out of the merged layers and gathers every problem on the way.
//!
//! A method that gives `None` has noted why. So a part reads all its settings first and is put together
//! afterwards with `?`: nobody mends one mistake only to be shown the next.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use config::{Value, ValueKind};

use super::layer::Merged;
use super::problem::Problem;
use super::schema::{self, Absent, Key};
use super::secret_file;
use super::setting::{Bytes, Count, Setting};

/// The merged settings, and what is wrong with them.
pub(super) struct Reader {
    merged: Merged,
    /// The file's name, to say where a missing setting could stand.
    file: Option<String>,
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Reader {
    pub(super) const fn new(merged: Merged, file: Option<String>, errors: Vec<Problem>) -> Self {
        Self {
            merged,
            file,
            errors,
            warnings: Vec::new(),
        }
    }

    /// A setting that must be there or has a default.
    pub(super) fn setting<T: Setting>(&mut self, name: &str) -> Option<T> {
        let found = self.optional(name)?;
        if found.is_none() {
            let key = schema::find(name)?;
            self.missing(key);
        }
        found
    }

    /// A setting that need not be there: `Some(None)` when it is not, `None` when it is wrong.
    pub(super) fn optional<T: Setting>(&mut self, name: &str) -> Option<Option<T>> {
        let key = schema::find(name)?;
        let Some(value) = self.merged.find(name) else {
            return Some(None);
        };
        match scalar(value, key.example).and_then(|text| T::parse(text, key.example)) {
            Ok(parsed) => Some(Some(parsed)),
            Err(text) => {
                self.refuse(name, text);
                None
            }
        }
    }

    /// A list: from the file a list, from a variable or a flag values with commas between them.
    pub(super) fn list<T: Setting>(&mut self, name: &str) -> Option<Vec<T>> {
        let key = schema::find(name)?;
        let (mut parsed, mut problems) = (Vec::new(), Vec::new());
        let mut take = |text: Result<&str, String>, origin: Option<&str>| match text
            .and_then(|text| T::parse(text, key.example))
        {
            Ok(value) => parsed.push(value),
            Err(text) => problems.push((origin.map(str::to_owned), text)),
        };
        match self.merged.find(name) {
            None => {}
            Some(value) => match &value.kind {
                ValueKind::Array(values) => {
                    for value in values {
                        take(scalar(value, key.example), value.origin());
                    }
                }
                ValueKind::String(text) => {
                    let parts = text.split(',').map(str::trim);
                    for part in parts.filter(|part| !part.is_empty()) {
                        take(Ok(part), value.origin());
                    }
                }
                _ => take(scalar(value, key.example), value.origin()),
            },
        }
        if problems.is_empty() {
            return Some(parsed);
        }
        for (origin, text) in problems {
            self.refuse_at(name, origin, text);
        }
        None
    }

    /// A whole number within limits.
    pub(super) fn count<N: TryFrom<u64>>(
        &mut self,
        name: &str,
        limits: RangeInclusive<u64>,
    ) -> Option<N> {
        let Count(count) = self.setting(name)?;
        self.within(name, count, limits, "")
    }

    /// A number of bytes within limits.
    pub(super) fn bytes<N: TryFrom<u64>>(
        &mut self,
        name: &str,
        limits: RangeInclusive<u64>,
    ) -> Option<N> {
        let Bytes(bytes) = self.setting(name)?;
        self.within(name, bytes, limits, " bytes")
    }

    fn within<N: TryFrom<u64>>(
        &mut self,
        name: &str,
        number: u64,
        limits: RangeInclusive<u64>,
        unit: &str,
    ) -> Option<N> {
        if limits.contains(&number)
            && let Ok(number) = N::try_from(number)
        {
            return Some(number);
        }
        let example = schema::find(name)?.example;
        let (least, most) = (limits.start(), limits.end());
        let text = format!("{number}{unit} is outside {least} to {most}; write {example}");
        self.refuse(name, text);
        None
    }

    /// A file that can be read now.
    pub(super) fn readable_file(&mut self, name: &str) -> Option<Option<PathBuf>> {
        let path: Option<PathBuf> = self.optional(name)?;
        if let Some(path) = &path
            && let Err(error) = File::open(path)
        {
            self.refuse(name, secret_file::unreadable(path, &error));
            return None;
        }
        Some(path)
    }

    /// A value as it was written, for what is neither scalar nor list.
    pub(super) fn raw(&self, name: &str) -> Option<Value> {
        self.merged.find(name).cloned()
    }

    /// Whether somebody wrote this setting.
    pub(super) fn is_written(&self, name: &str) -> bool {
        self.merged
            .find(name)
            .is_some_and(|value| value.origin().is_some())
    }

    /// Notes an error about a setting, at the place it was written.
    pub(super) fn refuse(&mut self, name: &str, text: String) {
        let origin = self.origin(name);
        self.refuse_at(name, origin, text);
    }

    /// Notes an error about a part of a setting.
    pub(super) fn refuse_at(&mut self, name: &str, origin: Option<String>, text: String) {
        self.errors.push(Problem {
            key: Some(name.to_owned()),
            origin,
            text,
        });
    }

    /// Notes something to think about.
    pub(super) fn warn(&mut self, name: &str, text: String) {
        let origin = self.origin(name);
        self.warn_at(name, origin, text);
    }

    /// Notes something to think about, written elsewhere.
    pub(super) fn warn_at(&mut self, name: &str, origin: Option<String>, text: String) {
        self.warnings.push(Problem {
            key: Some(name.to_owned()),
            origin,
            text,
        });
    }

    fn origin(&self, name: &str) -> Option<String> {
        let value = self.merged.find(name)?;
        value.origin().map(str::to_owned)
    }

    fn missing(&mut self, key: &Key) {
        let (table, name) = key.table_and_key();
        let under = if table.is_empty() {
            " above all tables".to_owned()
        } else {
            format!(" under [{table}]")
        };
        let text = format!(
            "this is missing; write {name} = {:?}{under}, or set {}",
            key.example,
            key.variable()
        );
        let origin = self.file.clone();
        debug_assert!(
            key.absent == Absent::Required,
            "{} has no default",
            key.name
        );
        self.refuse_at(key.name, origin, text);
    }
}

fn scalar<'a>(value: &'a Value, example: &str) -> Result<&'a str, String> {
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        ValueKind::Array(_) => Err(format!("this takes one value, not a list; write {example}")),
        _ => Err(format!(
            "this takes one value, not a table; write {example}"
        )),
    }
}
