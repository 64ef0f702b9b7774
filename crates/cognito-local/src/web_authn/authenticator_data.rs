//! Authenticator data (Web Authentication Level 3 §6.1): RP id hash, flags, counter and, at registration, the new key.

use super::WebAuthnError;
use super::cbor::{self, Item};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED_CREDENTIAL: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;

pub(super) struct AuthenticatorData<'a> {
    pub(super) rp_id_hash: &'a [u8],
    pub(super) user_present: bool,
    pub(super) user_verified: bool,
    pub(super) counter: u32,
    /// Id and COSE key of a credential that was made just now.
    pub(super) credential: Option<(&'a [u8], Item<'a>)>,
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, WebAuthnError> {
        Self::parts(bytes).ok_or(WebAuthnError::Malformed("authenticator data"))
    }

    fn parts(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let has = |flag| flags & flag != 0;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        if has(BACKED_UP) && !has(BACKUP_ELIGIBLE) {
            return None;
        }
        let credential = if has(ATTESTED_CREDENTIAL) {
            let (_aaguid, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            let (key, after) = cbor::read_first(after)?;
            rest = after;
            Some((id, key))
        } else {
            None
        };
        if has(EXTENSIONS) {
            rest = cbor::read_first(rest)?.1;
        }
        rest.is_empty().then_some(Self {
            rp_id_hash,
            user_present: has(USER_PRESENT),
            user_verified: has(USER_VERIFIED),
            counter: u32::from_be_bytes(*counter),
            credential,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        [&[7; 32], [flags].as_slice(), &[0, 0, 1, 2], rest].concat()
    }

    #[test]
    fn flags_counter_and_credential_are_read() {
        let bytes = data(USER_PRESENT | USER_VERIFIED, &[]);
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!(
            (read.user_present, read.user_verified, read.counter),
            (true, true, 258)
        );
        assert!(read.credential.is_none());

        let attested = [&[0; 16], [0, 3, 9, 8, 7, 0xa0].as_slice(), &[0xa0]].concat();
        let bytes = data(USER_PRESENT | ATTESTED_CREDENTIAL | EXTENSIONS, &attested);
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!(
            read.credential,
            Some(([9, 8, 7].as_slice(), Item::Map(vec![])))
        );
    }

    #[test]
    fn data_that_is_cut_has_more_than_its_flags_say_or_contradicts_itself_is_refused() {
        for bytes in [
            vec![],
            vec![7; 36],
            data(USER_PRESENT, &[0]),
            data(ATTESTED_CREDENTIAL, &[0; 17]),
            data(
                ATTESTED_CREDENTIAL,
                &[[0; 16].as_slice(), &[0, 9, 1]].concat(),
            ),
            data(EXTENSIONS, &[]),
            data(BACKED_UP, &[]),
        ] {
            assert!(AuthenticatorData::read(&bytes).is_err(), "{bytes:?}");
        }
    }
}
