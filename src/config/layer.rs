//! One layer of settings, with the origin of each value; the `config` crate lays them over each other.
//!
//! Only names of the schema get into a layer. Every scalar is the text that was written, so that a value
//! means the same wherever it comes from. No layer holds a secret.

use std::fmt;

use config::{Map, Source, Value, ValueKind};

use super::schema::{Absent, KEYS};

/// Settings of one origin.
#[derive(Clone, Default)]
pub(super) struct Layer(Vec<(&'static str, Value)>);

impl Layer {
    /// The defaults of the schema.
    pub(super) fn defaults() -> Self {
        let mut layer = Self::default();
        for key in KEYS {
            if let Absent::Default(value) = key.absent {
                layer.add(key.name, text(value, None));
            }
        }
        layer
    }

    pub(super) fn add(&mut self, name: &'static str, value: Value) {
        self.0.push((name, value));
    }
}

/// A scalar.
pub(super) fn text(value: &str, origin: Option<&String>) -> Value {
    Value::new(origin, ValueKind::String(value.to_owned()))
}

/// What holds when each layer has had its say, the last one last.
pub(super) struct Merged(Map<String, Value>);

impl Merged {
    /// # Errors
    /// The `config` crate's, of which our layers give none.
    pub(super) fn of(layers: [Layer; 4]) -> Result<Self, config::ConfigError> {
        let mut builder = config::Config::builder();
        for layer in layers {
            builder = builder.add_source(layer);
        }
        Ok(Self(builder.build()?.collect()?))
    }

    /// The value of a setting.
    pub(super) fn find(&self, name: &str) -> Option<&Value> {
        let (tables, key) = name.rsplit_once('.').unwrap_or(("", name));
        let mut table = &self.0;
        for part in tables.split('.').filter(|part| !part.is_empty()) {
            match &table.get(part)?.kind {
                ValueKind::Table(inner) => table = inner,
                _ => return None,
            }
        }
        table.get(key)
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self
            .0
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect())
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}
