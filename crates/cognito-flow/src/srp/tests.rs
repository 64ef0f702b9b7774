//! The arithmetic against the vectors, every field of each, and against server values out of their range.

use ::srp::Server;
use proptest::prelude::*;

use super::*;
use crate::vectors::{self, Kind, Vector};
use crate::{Entropy, NewDevice, RememberedDevice};

/// An integer as the vectors write it: lower-case hex without leading zeros.
fn hex(number: &BoxedUint) -> String {
    format!("{number:x}").trim_start_matches('0').to_owned()
}

fn hex_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(text: &str) -> BoxedUint {
    BoxedUint::from_be_slice(&parse_hex(text, group::BYTES).unwrap(), group::BITS).unwrap()
}

impl Vector {
    fn identity(&self) -> Identity<'_> {
        match self.kind {
            Kind::User => Identity {
                namespace: self.pool_id.split_once('_').unwrap().1,
                id: &self.user_id,
                password: &self.password,
            },
            Kind::Device => Identity {
                namespace: self.device_group_key.as_ref().unwrap(),
                id: self.device_key.as_ref().unwrap(),
                password: &self.password,
            },
        }
    }

    fn key(&self) -> EphemeralKey {
        EphemeralKey::new(&parse_hex(&self.a, 128).unwrap())
    }

    fn server_values(&self) -> ServerValues {
        ServerValues::parse(&self.srp_b, &self.salt_wire, &self.secret_block).unwrap()
    }
}

#[test]
fn the_group_and_the_hashes_are_cognitos() {
    let constants = vectors::load().constants;
    assert_eq!(hex(&group::modulus()), constants.n_hex.to_lowercase());
    assert_eq!(constants.g, group::GENERATOR);
    assert_eq!(
        hex(&CognitoGroup::generator().retrieve()),
        constants.g.to_string()
    );
    assert_eq!(hex(&multiplier()), constants.k_hex);
    assert_eq!(constants.hash, "SHA-256");
    assert_eq!(constants.hkdf_info_ascii.as_bytes(), INFO);
    assert_eq!(
        constants.hkdf_info_counter_byte, "01",
        "HKDF's own counter of the first block"
    );
    assert_eq!(constants.hkdf_key_bytes, SESSION_KEY_BYTES);
}

#[test]
fn every_value_of_every_vector_comes_out() {
    let vectors = vectors::load().vectors;
    assert_eq!(vectors.len(), 45);
    for vector in vectors {
        let (name, key, server) = (vector.name(), vector.key(), vector.server_values());
        assert_eq!(key.srp_a(), vector.srp_a, "SRP_A of {name}");

        let inner_hash = inner_hash(&vector.identity());
        assert_eq!(
            hex_bytes(&*inner_hash),
            vector.inner_hash,
            "inner hash of {name}"
        );
        let x = private_key(&inner_hash, &server.salt);
        assert_eq!(hex(&x), vector.x, "x of {name}");
        let u = scrambler(&key.a_pub, &server.b_pub);
        assert_eq!(hex(&u), vector.u, "u of {name}");
        let premaster_secret = key.premaster_secret(&server.b_pub, &x, &u);
        assert_eq!(hex(&premaster_secret), vector.s, "S of {name}");
        let (prk, session_key) = session_key(&premaster_secret, &u);
        assert_eq!(hex_bytes(&*prk), vector.hkdf_prk, "PRK of {name}");
        assert_eq!(hex_bytes(&*session_key), vector.hkdf_key, "K of {name}");

        let signature = key.sign(&vector.identity(), &server, &vector.timestamp);
        assert_eq!(
            signature.as_ref(),
            Ok(&vector.signature),
            "signature of {name}"
        );
    }
}

/// The server's half by the `srp` crate: so the vectors' b, verifier and SRP_B belong to the rest.
#[test]
fn the_vectors_verifier_and_public_value_are_the_pools() {
    for vector in vectors::load().vectors {
        let name = vector.name();
        let verifier = client().compute_g_x(&number(&vector.x));
        assert_eq!(hex(&verifier), vector.verifier, "verifier of {name}");
        let b = BoxedUint::from_be_slice_vartime(&parse_hex(&vector.b, 32).unwrap());
        let b_pub =
            Server::<CognitoGroup, Sha256>::new().compute_b_pub(&b, &multiplier(), &verifier);
        assert_eq!(hex(&b_pub), vector.srp_b, "SRP_B of {name}");
    }
}

/// The pool's half, from ConfirmDevice's values alone: S = (A·v^u)^b.
#[test]
fn a_registered_device_convinces_a_pool_that_keeps_its_verifier_alone() {
    let new = NewDevice {
        device_key: "eu-west-1_device".to_owned(),
        device_group_key: "-group".to_owned(),
    };
    for salt in [0x11, 0x91] {
        let entropy = [[3; 48], [salt; 48]].map(Entropy::new);
        let (device, kept) = RememberedDevice::register(new.clone(), entropy);
        assert_eq!(STANDARD.decode(device.password.expose()).unwrap(), [3; 40]);
        let integer = |text: &str| hex_bytes(&STANDARD.decode(text).unwrap());
        assert_eq!(
            integer(&kept.salt).trim_start_matches('0'),
            hex_bytes(&[salt; 16])
        );
        let verifier = number(integer(&kept.password_verifier).trim_start_matches('0'));

        let b = BoxedUint::from_be_slice_vartime(&[5; 32]);
        let b_pub =
            Server::<CognitoGroup, Sha256>::new().compute_b_pub(&b, &multiplier(), &verifier);
        let server = ServerValues::parse(&hex(&b_pub), &integer(&kept.salt), "AAEC").unwrap();
        let key = EphemeralKey::new(&[7; 48]);
        let signature = key.sign(&device.identity(), &server, "now").unwrap();

        let u = scrambler(&key.a_pub, &b_pub);
        let params = CognitoGroup::generator().params().clone();
        let element = |number: &BoxedUint| BoxedMontyForm::new(number.clone(), &params);
        let product = element(&key.a_pub) * element(&verifier).pow(&u);
        let (_, session_key) = session_key(&product.pow(&b).retrieve(), &u);
        let claimed = [&b"-group"[..], b"eu-west-1_device", &[0, 1, 2], b"now"];
        assert_eq!(
            signature,
            STANDARD.encode(*hmac_sha256(&*session_key, &claimed))
        );
    }
}

#[test]
fn the_vectors_meet_each_case_of_padding() {
    for vector in vectors::load().vectors {
        let (name, padded) = (vector.name(), &vector.padded);
        let length = |text: &str| pad(&parse_hex(text, group::BYTES).unwrap()).len();
        assert_eq!(length(&vector.srp_a), padded.a_bytes, "A of {name}");
        assert_eq!(length(&vector.srp_b), padded.b_bytes, "B of {name}");
        assert_eq!(length(&vector.s), padded.s_bytes, "S of {name}");
        assert_eq!(length(&vector.u), padded.u_bytes, "u of {name}");
        assert_eq!(
            hex_bytes(&pad(&vector.server_values().salt)),
            padded.salt,
            "salt of {name}"
        );
        assert_eq!(
            vector.salt,
            vector.salt_wire.trim_start_matches('0'),
            "salt of {name}"
        );
    }
}

#[test]
fn a_devices_verifier_config_is_padded_base64() {
    let devices = vectors::load()
        .vectors
        .into_iter()
        .filter(|vector| vector.kind == Kind::Device);
    for vector in devices {
        let config = vector.device_secret_verifier_config.as_ref().unwrap();
        let x = private_key(
            &inner_hash(&vector.identity()),
            &vector.server_values().salt,
        );
        let verifier = client().compute_g_x(&x);
        let name = vector.name();
        assert_eq!(
            STANDARD.encode(&*pad(&vector.server_values().salt)),
            config.salt,
            "{name}"
        );
        assert_eq!(
            STANDARD.encode(&*pad(&verifier.to_be_bytes())),
            config.password_verifier,
            "{name}"
        );
    }
}

#[test]
fn an_integer_is_padded_to_its_shortest_twos_complement_form() {
    for vector in vectors::load().padding {
        let bytes = parse_hex(&vector.hex_in, group::BYTES).unwrap();
        assert_eq!(
            hex_bytes(&pad(&bytes)),
            vector.padded_hex,
            "{} {}",
            vector.id,
            vector.title
        );
    }
}

/// Caution X-01: implementations differ when SALT has surplus zeros; ours is the integer reading.
#[test]
fn a_salt_with_surplus_zeros_is_read_as_an_integer() {
    let vectors = vectors::load();
    let (vector, caution) = (&vectors.vectors[0], &vectors.cautions[0]);
    assert_eq!((vector.id.as_str(), caution.id.as_str()), ("U-01", "X-01"));
    for case in &caution.cases {
        let server =
            ServerValues::parse(&vector.srp_b, &case.salt_wire, &vector.secret_block).unwrap();
        let key = vector.key();
        let x = private_key(&inner_hash(&vector.identity()), &server.salt);
        let u = scrambler(&key.a_pub, &server.b_pub);
        let (_, session_key) = session_key(&key.premaster_secret(&server.b_pub, &x, &u), &u);
        assert_eq!(
            hex_bytes(&*session_key),
            case.as_integer,
            "{}",
            case.salt_wire
        );
        assert_eq!(
            case.agree,
            case.as_integer == case.as_text,
            "{}",
            case.salt_wire
        );
    }
}

fn refusal(srp_b: &str, salt: &str, secret_block: &str) -> Option<FlowError> {
    ServerValues::parse(srp_b, salt, secret_block).err()
}

#[test]
fn a_public_value_outside_1_to_n_minus_1_is_refused() {
    let n = group::modulus();
    let one_more = n.concatenating_add(BoxedUint::one());
    let one_less = n.wrapping_sub(BoxedUint::one());
    for srp_b in [
        "0",
        &"0".repeat(768),
        &hex(&n),
        &hex(&one_more),
        &"f".repeat(768),
    ] {
        assert_eq!(
            refusal(srp_b, "1", "AA=="),
            Some(FlowError::BadServerValue { what: "SRP_B" }),
            "{srp_b}"
        );
    }
    for srp_b in ["1", "F", &hex(&one_less), &format!("{:0>768}", "1")] {
        assert_eq!(refusal(srp_b, "1", "AA=="), None, "{srp_b}");
    }
}

/// The big-integer code panics on more than 384 bytes, so the length is judged first.
#[test]
fn a_value_longer_than_n_or_not_in_hex_is_refused() {
    let too_long = format!("{:0>769}", "1");
    for text in [
        "",
        "g",
        "0x1",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1_0",
        "é",
        "１",
        "1\0",
        &too_long,
        &"f".repeat(100_000),
    ] {
        assert_eq!(
            refusal(text, "1", "AA=="),
            Some(FlowError::BadServerValue { what: "SRP_B" }),
            "{text:?}"
        );
        assert_eq!(
            refusal("1", text, "AA=="),
            Some(FlowError::BadServerValue { what: "SALT" }),
            "{text:?}"
        );
    }
}

#[test]
fn a_secret_block_that_is_not_standard_base64_is_refused() {
    for text in ["A", "AA", "A-_=", "AA==\n", "é"] {
        let error = Some(FlowError::BadServerValue {
            what: "SECRET_BLOCK",
        });
        assert_eq!(refusal("1", "1", text), error, "{text:?}");
    }
}

proptest! {
    #[test]
    fn hex_and_padding_keep_the_integer(n in any::<u64>(), zeros in 0_usize..4) {
        let text = format!("{}{n:x}", "0".repeat(zeros));
        let padded = pad(&parse_hex(&text, 16).unwrap());
        let value = padded.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
        prop_assert_eq!(value, u128::from(n));
        prop_assert!(padded[0] < 0x80, "read as negative: {:?}", padded);
        prop_assert!(padded.len() == 1 || padded[0] != 0 || padded[1] >= 0x80, "not the shortest: {:?}", padded);
    }

    #[test]
    fn server_values_never_panic(srp_b in "[0-9a-fA-F]{0,800}|.*", salt in "[0-9a-f]{0,800}|.*", block in ".*") {
        if let Ok(values) = ServerValues::parse(&srp_b, &salt, &block) {
            prop_assert!(group::is_public_value(&values.b_pub));
        }
    }
}
