//! Which functions a pool calls, and how: `LambdaConfig` of the service, `[pool.triggers]` of the seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Kind, Trigger};

/// Custom challenges a sign-in may meet. Cognito documents no limit; without one a function that asks for ever
/// would never let go.
const CUSTOM_CHALLENGES: u32 = 10;

/// The functions of a pool and their settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Triggers {
    /// At most one function for each trigger.
    pub functions: BTreeMap<Kind, Trigger>,
    /// Form of PreTokenGeneration's event: `PreTokenGenerationConfig.LambdaVersion`.
    pub pre_token_generation_version: LambdaVersion,
    /// Custom challenges of one sign-in after which it fails: 1 to 100.
    pub custom_challenge_limit: u32,
}

/// The forms of PreTokenGeneration's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LambdaVersion {
    /// Changes the ID token and groups; claims are texts.
    #[default]
    #[serde(rename = "V1_0")]
    V1,
    /// Changes both tokens and the scopes; claims are any JSON.
    #[serde(rename = "V2_0")]
    V2,
    /// As V2; in the service also for machine tokens.
    #[serde(rename = "V3_0")]
    V3,
}

impl LambdaVersion {
    /// Every form the pool knows.
    pub const ALL: [Self; 3] = [Self::V1, Self::V2, Self::V3];

    /// The name in `PreTokenGenerationConfig` and in the seed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "V1_0",
            Self::V2 => "V2_0",
            Self::V3 => "V3_0",
        }
    }

    /// `version` of the event.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }

    /// The form of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            functions: BTreeMap::new(),
            pre_token_generation_version: LambdaVersion::default(),
            custom_challenge_limit: CUSTOM_CHALLENGES,
        }
    }
}

impl Triggers {
    /// The function of a trigger.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&Trigger> {
        self.functions.get(&kind)
    }

    /// Whether the pool has everything CUSTOM_AUTH needs.
    pub(crate) fn can_challenge(&self) -> bool {
        [
            Kind::DefineAuthChallenge,
            Kind::CreateAuthChallenge,
            Kind::VerifyAuthChallengeResponse,
        ]
        .into_iter()
        .all(|kind| self.functions.contains_key(&kind))
    }

    /// Reads what a data directory holds: since there are several triggers their settings, before that the function
    /// for UserMigration or nothing.
    pub(crate) fn kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Migration(Option<Trigger>),
            Triggers(Triggers),
        }
        Ok(match Kept::deserialize(deserializer)? {
            Kept::Triggers(triggers) => triggers,
            Kept::Migration(function) => Self {
                functions: function
                    .map(|function| (Kind::UserMigration, function))
                    .into_iter()
                    .collect(),
                ..Self::default()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::state::PoolSettings;

    fn kept(mut member: Value, name: &str) -> Triggers {
        let mut settings = json!(PoolSettings::default());
        let members = settings.as_object_mut().unwrap();
        members.remove("triggers");
        members.insert(name.to_owned(), member.take());
        serde_json::from_value::<PoolSettings>(settings)
            .unwrap()
            .triggers
    }

    #[test]
    fn a_data_directory_of_before_keeps_its_migration_function() {
        let function = Trigger::Command(vec!["migrate".to_owned()]);
        let triggers = kept(json!({ "command": ["migrate"] }), "user_migration");
        assert_eq!(triggers.get(Kind::UserMigration), Some(&function));
        assert_eq!(triggers.functions.len(), 1);
        assert_eq!(kept(Value::Null, "user_migration"), Triggers::default());
    }

    #[test]
    fn triggers_are_kept_as_they_are() {
        let function = Trigger::Command(vec!["define".to_owned()]);
        let triggers = Triggers {
            functions: BTreeMap::from([(Kind::DefineAuthChallenge, function)]),
            pre_token_generation_version: LambdaVersion::V3,
            custom_challenge_limit: 3,
        };
        assert_eq!(kept(json!(triggers), "triggers"), triggers);
    }
}
