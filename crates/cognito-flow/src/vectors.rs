//! `tests/data/srp-vectors.json` as types, for tests only. Every member is named, so a new one in the file fails to parse
//! until a test takes it up.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{AppClient, Secret, UnixSeconds};

#[derive(Deserialize)]
pub(crate) struct Vectors {
    pub(crate) constants: Constants,
    pub(crate) vectors: Vec<Vector>,
    pub(crate) cautions: Vec<Caution>,
    pub(crate) padding: Vec<Padding>,
    pub(crate) secret_hash: Vec<SecretHash>,
    pub(crate) pkce_s256: Vec<Pkce>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constants {
    #[serde(rename = "N_hex")]
    pub(crate) n_hex: String,
    pub(crate) g: u8,
    pub(crate) k_hex: String,
    pub(crate) hash: String,
    pub(crate) hkdf_info_ascii: String,
    pub(crate) hkdf_info_counter_byte: String,
    pub(crate) hkdf_key_bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) title: String,
    pub(crate) notes: String,
    pub(crate) pool_id: String,
    pub(crate) user_id: String,
    pub(crate) device_group_key: Option<String>,
    pub(crate) device_key: Option<String>,
    pub(crate) password: String,
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) salt: String,
    pub(crate) salt_wire: String,
    pub(crate) secret_block: String,
    pub(crate) timestamp: String,
    #[serde(rename = "SRP_A")]
    pub(crate) srp_a: String,
    #[serde(rename = "SRP_B")]
    pub(crate) srp_b: String,
    pub(crate) inner_hash: String,
    pub(crate) x: String,
    pub(crate) verifier: String,
    pub(crate) u: String,
    #[serde(rename = "S")]
    pub(crate) s: String,
    pub(crate) hkdf_prk: String,
    pub(crate) hkdf_key: String,
    pub(crate) signature: String,
    pub(crate) padded: Padded,
    pub(crate) device_secret_verifier_config: Option<DeviceSecretVerifierConfig>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    User,
    Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Padded {
    #[serde(rename = "A_bytes")]
    pub(crate) a_bytes: usize,
    #[serde(rename = "B_bytes")]
    pub(crate) b_bytes: usize,
    #[serde(rename = "S_bytes")]
    pub(crate) s_bytes: usize,
    pub(crate) u_bytes: usize,
    pub(crate) salt: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeviceSecretVerifierConfig {
    pub(crate) salt: String,
    pub(crate) password_verifier: String,
}

#[derive(Deserialize)]
pub(crate) struct Caution {
    pub(crate) id: String,
    pub(crate) cases: Vec<SaltCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaltCase {
    pub(crate) salt_wire: String,
    pub(crate) as_integer: String,
    pub(crate) as_text: String,
    pub(crate) agree: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Padding {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) hex_in: String,
    pub(crate) padded_hex: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretHash {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) secret_hash: String,
    pub(crate) note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pkce {
    pub(crate) id: String,
    pub(crate) code_verifier: String,
    pub(crate) code_challenge: String,
}

pub(crate) fn load() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/data/srp-vectors.json")).unwrap()
}

impl Vector {
    /// For a failing assertion.
    pub(crate) fn name(&self) -> String {
        format!("{} {} {}", self.id, self.title, self.notes)
    }

    /// An app client with a secret, so that SECRET_HASH takes part.
    pub(crate) fn client(&self) -> AppClient {
        let client_secret = Secret::new("9gjlk3aexampleexampleexample0secret".to_owned());
        AppClient::new(
            self.pool_id.parse().unwrap(),
            "1example23456789".parse().unwrap(),
            Some(client_secret),
        )
    }

    /// PASSWORD_VERIFIER's parameters as the pool sends them.
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        [
            ("SALT", &self.salt_wire),
            ("SRP_B", &self.srp_b),
            ("SECRET_BLOCK", &self.secret_block),
            ("USERNAME", &self.user_id),
            ("USER_ID_FOR_SRP", &self.user_id),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }

    /// The moment of `timestamp`, read by counting days: nothing in common with the code that writes it.
    pub(crate) fn now(&self) -> UnixSeconds {
        let parts: Vec<&str> = self.timestamp.split(' ').collect();
        let [_, month, day, time, "UTC", year] = parts[..] else {
            panic!("{}: {}", self.name(), self.timestamp);
        };
        let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(' ');
        let is_leap = |year: u64| {
            (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
        };
        let year: u64 = year.parse().unwrap();
        let lengths = [
            31,
            28 + u64::from(is_leap(year)),
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ];
        let days_in_years: u64 = (1970..year)
            .map(|year| 365 + u64::from(is_leap(year)))
            .sum();
        let days_in_months: u64 = months
            .zip(lengths)
            .take_while(|(name, _)| *name != month)
            .map(|(_, days)| days)
            .sum();
        let days = days_in_years + days_in_months + day.parse::<u64>().unwrap() - 1;
        let seconds = time
            .split(':')
            .fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap());
        UnixSeconds(days * 86_400 + seconds)
    }
}
