//! Reads keys of a TOML document and remembers their lines, so that every problem can be told with its place.
//!
//! Knows no key of a seed: `document` does. A value is never repeated in a problem; it may be a secret.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::state::{Unit, Validity};

pub(super) struct Reader<'t> {
    text: &'t str,
    origin: &'t str,
    /// The line of every table and key seen, by its full key.
    lines: BTreeMap<String, usize>,
    problems: Vec<(usize, Problem)>,
}

/// A table of the document and its key.
pub(super) struct At<'t> {
    pub(super) key: String,
    pub(super) table: &'t DeTable<'t>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, origin: &'t str) -> Self {
        Self {
            text,
            origin,
            lines: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Whether something is wrong with a key already.
    pub(super) fn has_problem(&self, key: &str) -> bool {
        self.problems.iter().any(|(_, problem)| problem.key == key)
    }

    /// Everything that was wrong, in the order of the document.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(line, _)| *line);
        self.problems
            .into_iter()
            .map(|(_, problem)| problem)
            .collect()
    }

    pub(super) fn text(&mut self, at: &At<'t>, key: &str, example: &str) -> Option<String> {
        self.converted(at, key, example, |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn texts(
        &mut self,
        at: &At<'t>,
        key: &str,
        example: &str,
    ) -> Option<BTreeSet<String>> {
        self.converted(at, key, example, |value| {
            words(value).map(BTreeSet::from_iter)
        })
    }

    pub(super) fn flag(&mut self, at: &At<'t>, key: &str) -> Option<bool> {
        self.converted(at, key, "true or false", DeValue::as_bool)
    }

    pub(super) fn number<N: std::str::FromStr>(
        &mut self,
        at: &At<'t>,
        key: &str,
        example: &str,
    ) -> Option<N> {
        self.converted(at, key, example, |value| {
            value.as_integer()?.as_str().parse().ok()
        })
    }

    /// A span of time with its unit: `90s`, `15m`, `1h`, `30d`.
    pub(super) fn validity(&mut self, at: &At<'t>, key: &str, example: &str) -> Option<Validity> {
        self.converted(
            at,
            key,
            &format!("{example:?}, a number and s, m, h or d"),
            |value| validity(value.as_str()?),
        )
    }

    /// A span of time in whole units of `seconds`.
    pub(super) fn whole(
        &mut self,
        at: &At<'t>,
        key: &str,
        example: &str,
        seconds: u64,
    ) -> Option<u8> {
        self.converted(at, key, &format!("{example:?}"), |value| {
            let span = validity(value.as_str()?)?.duration().as_secs();
            if span.is_multiple_of(seconds) {
                u8::try_from(span / seconds).ok()
            } else {
                None
            }
        })
    }

    pub(super) fn table(&mut self, at: &At<'t>, key: &str) -> Option<At<'t>> {
        let (line, value) = self.value(at, key)?;
        let Some(table) = value.as_table() else {
            self.problem(
                line,
                key_of(at, key),
                format!("must be a table: write [pool.{key}]"),
            );
            return None;
        };
        Some(At {
            key: key_of(at, key),
            table,
        })
    }

    /// The tables of `[[key]]`, numbered from 1.
    pub(super) fn tables(&mut self, at: &At<'t>, key: &str) -> Vec<At<'t>> {
        let Some((line, value)) = self.value(at, key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (number, item) in (1..).zip(value.as_array().into_iter().flatten()) {
            let key = format!("{}[{number}]", key_of(at, key));
            self.lines.insert(key.clone(), self.line(item.span().start));
            tables.extend(item.get_ref().as_table().map(|table| At { key, table }));
        }
        if tables.is_empty() {
            let nested = if at.key.is_empty() {
                key.to_owned()
            } else {
                format!("pool.{key}")
            };
            self.problem(
                line,
                key_of(at, key),
                format!("must be a list of tables: write [[{nested}]]"),
            );
        }
        tables
    }

    pub(super) fn converted<T>(
        &mut self,
        at: &At<'t>,
        key: &str,
        example: &str,
        convert: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let (line, value) = self.value(at, key)?;
        let converted = convert(value);
        if converted.is_none() {
            self.wrong(line, at, key, example);
        }
        converted
    }

    pub(super) fn value(&mut self, at: &At<'t>, key: &str) -> Option<(usize, &'t DeValue<'t>)> {
        let (name, value) = at.table.iter().find(|(name, _)| name.get_ref() == key)?;
        let line = self.line(name.span().start);
        self.lines.insert(key_of(at, key), line);
        Some((line, value.get_ref()))
    }

    /// The value is not repeated: it may be a secret.
    pub(super) fn wrong(&mut self, line: usize, at: &At<'t>, key: &str, example: &str) {
        self.problem(
            line,
            key_of(at, key),
            format!("cannot be used; for example {key} = {example}"),
        );
    }

    pub(super) fn known(&mut self, at: &At<'t>, known: &[&str]) {
        for name in at
            .table
            .keys()
            .filter(|name| !known.contains(&name.get_ref().as_ref()))
        {
            let text = format!(
                "unknown key{}; known here: {}",
                suggestion(name.get_ref(), known),
                known.join(", ")
            );
            self.problem(
                self.line(name.span().start),
                key_of(at, name.get_ref()),
                text,
            );
        }
    }

    pub(super) fn problem(&mut self, line: usize, key: String, text: String) {
        let origin = Some(format!("{}:{line}", self.origin));
        self.problems.push((line, Problem { key, origin, text }));
    }

    pub(super) fn line(&self, offset: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// The line of a key, or of the nearest table around it: a key that is missing has none.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return *line;
            }
            match key.rsplit_once('.') {
                Some((around, _)) => key = around,
                None => return 1,
            }
        }
    }
}

pub(super) fn key_of(at: &At<'_>, key: &str) -> String {
    if at.key.is_empty() {
        key.to_owned()
    } else {
        format!("{}.{key}", at.key)
    }
}

pub(super) fn words(value: &DeValue<'_>) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|word| word.get_ref().as_str().map(str::to_owned))
        .collect()
}

fn validity(text: &str) -> Option<Validity> {
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => Unit::Seconds,
        "m" => Unit::Minutes,
        "h" => Unit::Hours,
        "d" => Unit::Days,
        _ => return None,
    };
    let amount = amount
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| amount.parse().ok())??;
    Some(Validity { amount, unit })
}

/// `, did you mean …?` when a known name is a slip of the finger away.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (distance(name, known), known))
        .min();
    match nearest {
        Some((slips, known)) if slips <= 1 + known.len() / 4 => format!(", did you mean {known}?"),
        _ => String::new(),
    }
}

/// Letters to insert, remove or change (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, against) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = diagonal + usize::from(letter != against);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_unit() {
        assert_eq!(
            validity("15m"),
            Some(Validity {
                amount: 15,
                unit: Unit::Minutes
            })
        );
        for refused in ["", "15", "m", "-1m", "1.5h", "15 m", "15ms", "1é"] {
            assert_eq!(validity(refused), None, "{refused}");
        }
    }
}
