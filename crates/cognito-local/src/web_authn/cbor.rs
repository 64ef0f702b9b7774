//! The part of CBOR (RFC 8949) that authenticators write: CTAP2's canonical form, all lengths definite.
//!
//! Borrows from the input; its depth is bounded, and lengths are believed only as far as there are bytes.

/// CTAP2 allows four levels; attestation statements, which are read and thrown away, may have a few more.
const DEEPEST: usize = 8;

/// One data item.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// Booleans, null and numbers with a fraction: nothing that is looked at.
    Other,
}

impl<'a> Item<'a> {
    /// A map's value under a text.
    pub(super) fn member(&self, key: &str) -> Option<&Self> {
        self.find(|item| matches!(item, Item::Text(text) if *text == key))
    }

    /// A map's value under an integer, as COSE has them.
    pub(super) fn label(&self, label: i64) -> Option<&Self> {
        self.find(|item| *item == Item::Integer(label))
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    fn find(&self, is_key: impl Fn(&Self) -> bool) -> Option<&Self> {
        match self {
            Self::Map(pairs) => pairs
                .iter()
                .find(|(key, _)| is_key(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

/// The one item that fills `bytes`.
pub(super) fn read(bytes: &[u8]) -> Option<Item<'_>> {
    let (item, rest) = read_first(bytes)?;
    rest.is_empty().then_some(item)
}

/// The first item and what follows it.
pub(super) fn read_first(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let mut rest = bytes;
    let item = item(&mut rest, DEEPEST)?;
    Some((item, rest))
}

fn item<'a>(rest: &mut &'a [u8], depth: usize) -> Option<Item<'a>> {
    let depth = depth.checked_sub(1)?;
    let first = *take(rest, 1)?.first()?;
    let argument = argument(rest, first & 0x1f)?;
    Some(match first >> 5 {
        0 => Item::Integer(i64::try_from(argument).ok()?),
        1 => Item::Integer(-1 - i64::try_from(argument).ok()?),
        2 => Item::Bytes(take(rest, argument)?),
        3 => Item::Text(std::str::from_utf8(take(rest, argument)?).ok()?),
        4 => Item::Array(
            (0..bounded(rest, argument)?)
                .map(|_| item(rest, depth))
                .collect::<Option<_>>()?,
        ),
        5 => Item::Map(
            (0..bounded(rest, argument)?)
                .map(|_| Some((item(rest, depth)?, item(rest, depth)?)))
                .collect::<Option<_>>()?,
        ),
        7 => Item::Other,
        _ => return None,
    })
}

/// Every member takes a byte at least: a count beyond the bytes left is a lie.
fn bounded(rest: &[u8], count: u64) -> Option<u64> {
    (count <= u64::try_from(rest.len()).ok()?).then_some(count)
}

fn argument(rest: &mut &[u8], additional: u8) -> Option<u64> {
    let length = match additional {
        0..=23 => return Some(additional.into()),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    Some(
        take(rest, length)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_8949_appendix_a_are_read() {
        let rows: [(&[u8], Item<'_>); 11] = [
            (&[0x00], Item::Integer(0)),
            (&[0x17], Item::Integer(23)),
            (&[0x18, 0x64], Item::Integer(100)),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], Item::Integer(1_000_000)),
            (&[0x38, 0x63], Item::Integer(-100)),
            (&[0x39, 0x03, 0xe7], Item::Integer(-1000)),
            (&[0x44, 1, 2, 3, 4], Item::Bytes(&[1, 2, 3, 4])),
            (&[0x62, 0xc3, 0xbc, 0x20][..3], Item::Other),
            (&[0x64, b'I', b'E', b'T', b'F'], Item::Text("IETF")),
            (&[0xf5], Item::Other),
            (
                &[0xa1, 0x61, b'a', 0x82, 0x02, 0x03],
                Item::Map(vec![(
                    Item::Text("a"),
                    Item::Array(vec![Item::Integer(2), Item::Integer(3)]),
                )]),
            ),
        ];
        for (bytes, expected) in rows {
            let expected = if expected == Item::Other && bytes.len() == 3 {
                Item::Text("ü")
            } else {
                expected
            };
            assert_eq!(read(bytes), Some(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_cut_nested_too_deep_or_of_no_definite_length_is_refused() {
        let deep = [vec![0x81; DEEPEST], vec![0x00]].concat();
        let rows: [&[u8]; 9] = [
            &[],
            &[0x18],
            &[0x44, 1],
            &[0x5f, 0x41, 0x01, 0xff],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x62, 0xff, 0xff],
            &[0x00, 0x00],
            &deep,
        ];
        for bytes in rows {
            assert_eq!(read(bytes), None, "{bytes:02x?}");
        }
        assert!(read(&[vec![0x81; DEEPEST - 1], vec![0x00]].concat()).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _item = read_first(&bytes);
        }
    }
}
