//! Master keys, and the keys made of them.
//!
//! Everything that sidegate seals or authenticates (attempts, form tokens, look-up keys) uses a key
//! derived from a master key under its own label, so that no key serves two purposes. Several master
//! keys may be given: the first seals, all open. Nothing here can be printed.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// Bytes of a master key, at least.
pub const MIN_KEY_BYTES: usize = 32;

/// The master keys, newest first.
#[derive(Clone)]
pub struct Keys {
    newest: Zeroizing<Vec<u8>>,
    older: Vec<Zeroizing<Vec<u8>>>,
}

/// A key for one purpose.
pub type DerivedKey = Zeroizing<[u8; 32]>;

/// A master key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too short, or plainly not random.
    #[error("{}: {problem}; make one with `head -c 32 /dev/urandom > FILE`", path.display())]
    Weak {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the system's random source failed")]
    Random,
}

impl Keys {
    /// One random key, for a process that keeps its sessions to itself: they end with it anyway.
    ///
    /// # Errors
    /// When the system's random source fails.
    pub fn generate() -> Result<Self, KeyError> {
        let mut key = Zeroizing::new(vec![0_u8; MIN_KEY_BYTES]);
        rand::fill(&mut key).map_err(|_| KeyError::Random)?;
        Ok(Self {
            newest: key,
            older: Vec::new(),
        })
    }

    /// Reads master keys; the first seals, all open.
    ///
    /// # Errors
    /// A file that cannot be read, or whose key is short or not random.
    pub fn from_files(newest: &Path, older: &[PathBuf]) -> Result<Self, KeyError> {
        let older = older
            .iter()
            .map(|path| read(path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            newest: read(newest)?,
            older,
        })
    }

    /// The key for `label` of the newest master key: seals.
    pub fn sealing(&self, label: &'static str) -> DerivedKey {
        derive(&self.newest, label)
    }

    /// The keys for `label` of all master keys, newest first: open.
    pub fn opening(&self, label: &'static str) -> Vec<DerivedKey> {
        std::iter::once(&self.newest)
            .chain(&self.older)
            .map(|key| derive(key, label))
            .collect()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", 1 + self.older.len())
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let weak = |problem| KeyError::Weak {
        path: path.to_owned(),
        problem,
    };
    let key = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|source| KeyError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    if key.len() < MIN_KEY_BYTES {
        return Err(weak("a key needs at least 32 bytes"));
    }
    if key.len() < 43
        && key
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return Err(weak(
            "printable text this short holds less than 256 random bits",
        ));
    }
    let mut seen = [false; 256];
    for byte in key.iter() {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    if seen.iter().filter(|seen| **seen).count() < 16 {
        return Err(weak("a key whose bytes repeat like this is not random"));
    }
    Ok(key)
}

/// HMAC-SHA-256 as a pseudo-random function of the label (NIST SP 800-108 names it as one).
fn derive(master: &[u8], label: &'static str) -> DerivedKey {
    let key = hmac::Key::new(hmac::HMAC_SHA256, master);
    let mut context = hmac::Context::with_key(&key);
    context.update(b"sidegate/v1/");
    context.update(label.as_bytes());
    let mut derived = DerivedKey::default();
    derived
        .iter_mut()
        .zip(context.sign().as_ref())
        .for_each(|(to, from)| *to = *from);
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_has_its_own_key() {
        let keys = Keys::generate().unwrap();
        assert_ne!(*keys.sealing("a"), *keys.sealing("b"));
        assert_eq!(*keys.sealing("a"), *keys.sealing("a"));
        assert_ne!(*keys.sealing("a"), [0; 32]);
    }

    #[test]
    fn short_repeated_and_typed_keys_are_refused() {
        let folder = std::env::temp_dir().join(format!("sidegate-keys-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        for (name, bytes) in [
            ("short", vec![7_u8; 31]),
            ("repeated", vec![7_u8; 64]),
            ("typed", b"correct horse battery staple 123456".to_vec()),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            assert!(
                Keys::from_files(&path, &[]).is_err(),
                "{name} was let through"
            );
        }
        let path = folder.join("good");
        std::fs::write(
            &path,
            (0..64).map(|n: u8| n.wrapping_mul(37)).collect::<Vec<_>>(),
        )
        .unwrap();
        assert!(Keys::from_files(&path, &[]).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
