//! What is kept of one session, and under which name.
//!
//! The id is the browser's alone: it is never stored, and a record is found under a keyed hash of it
//! so whoever reads the memory or a store's dump cannot make a cookie. The access and ID
//! tokens are not kept: what the upstream is told of them is in the `Identity`.

use std::fmt;
use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito_flow::{Secret, UnixSeconds};
use tokio_util::sync::CancellationToken;

use super::ending::Reason;
use super::grant::KeptGrant;
use super::{SessionError, Settings};
use crate::cognito::{RefreshGrant, SignedIn};
use crate::identity::{Caller, Identity, IdentityHeaders};
use crate::keys::Keys;

const ID_BYTES: usize = 32;

/// The cookie's value: 256 random bits of the operating system.
#[derive(Clone)]
pub(super) struct SessionId(Secret<[u8; ID_BYTES]>);

impl SessionId {
    /// # Errors
    /// [`SessionError::Random`] when the system's random source fails.
    pub(super) fn random() -> Result<Self, SessionError> {
        let mut bytes = [0; ID_BYTES];
        rand::fill(&mut bytes).map_err(|_| SessionError::Random)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// Reads a cookie's value: base64url (RFC 4648 §5) without padding, of exactly 32 bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // One byte more than needed, so that a longer value is told from a right one.
        let mut buffer = [0; ID_BYTES + 1];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer).ok()?;
        let bytes = buffer.get(..length)?.try_into().ok()?;
        Some(Self(Secret::new(bytes)))
    }

    /// The cookie's value.
    pub(super) fn to_text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }
}

/// What a session is kept under: HMAC-SHA-256 of its id. Opens nothing, but is not printed either.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SessionKey([u8; 32]);

impl SessionKey {
    /// 0 to 255, evenly spread over sessions and the same for one all its life.
    fn step(&self) -> u64 {
        let [first, ..] = self.0;
        u64::from(first)
    }
}

/// A session as a request names it: stores that seal a record need the id too.
#[derive(Clone)]
pub(super) struct Ticket {
    pub(super) id: SessionId,
    pub(super) key: SessionKey,
}

/// Turns ids into keys: under the newest master key for new sessions, under each for old ones.
pub(super) struct Lookup {
    newest: hmac::Key,
    older: Vec<hmac::Key>,
}

impl Lookup {
    pub(super) fn new(keys: &Keys) -> Self {
        const LABEL: &str = "session-lookup";
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        Self {
            newest: key(&*keys.sealing(LABEL)),
            older: keys
                .opening(LABEL)
                .iter()
                .skip(1)
                .map(|k| key(&**k))
                .collect(),
        }
    }

    /// The key that a new session is kept under.
    pub(super) fn seal(&self, id: SessionId) -> Ticket {
        let key = key_of(&self.newest, &id);
        Ticket { id, key }
    }

    /// Every way that a session of this id may be kept, likeliest first.
    pub(super) fn open(&self, id: &SessionId) -> impl Iterator<Item = Ticket> {
        std::iter::once(&self.newest)
            .chain(&self.older)
            .map(|key| Ticket {
                id: id.clone(),
                key: key_of(key, id),
            })
    }
}

fn key_of(key: &hmac::Key, id: &SessionId) -> SessionKey {
    let tag = hmac::sign(key, id.0.expose());
    let mut bytes = [0; 32];
    bytes
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    SessionKey(bytes)
}

/// A session.
pub(super) struct Record {
    /// Who it is: handed to every request as it stands.
    pub(super) caller: Caller,
    grant: KeptGrant,
    /// When the access token ends (`exp`).
    pub(super) expires_at: UnixSeconds,
    /// When a request starts a renewal without waiting for it.
    pub(super) renew_at: UnixSeconds,
    began: UnixSeconds,
    last_seen: AtomicU64,
}

impl Record {
    /// A session that begins `now`.
    pub(super) fn begin(
        signed_in: &SignedIn,
        headers: &IdentityHeaders,
        key: &SessionKey,
        now: UnixSeconds,
    ) -> Self {
        Self::of(signed_in, headers, key, CancellationToken::new(), now, now)
    }

    /// The same session with new tokens: it began when it began, and ends for the same streams.
    pub(super) fn renewed(
        &self,
        signed_in: &SignedIn,
        headers: &IdentityHeaders,
        key: &SessionKey,
    ) -> Self {
        let ended = self.caller.ended.clone();
        let last_seen = UnixSeconds(self.last_seen.load(Ordering::Relaxed));
        Self::of(signed_in, headers, key, ended, self.began, last_seen)
    }

    fn of(
        signed_in: &SignedIn,
        headers: &IdentityHeaders,
        key: &SessionKey,
        ended: CancellationToken,
        began: UnixSeconds,
        last_seen: UnixSeconds,
    ) -> Self {
        let identity = Arc::new(Identity::new(&signed_in.claims, headers));
        Self {
            grant: KeptGrant::keep(&signed_in.grant, &identity),
            caller: Caller { identity, ended },
            expires_at: signed_in.expires_at,
            renew_at: renew_at(signed_in.issued_at, signed_in.expires_at, key),
            began,
            last_seen: AtomicU64::new(last_seen.0),
        }
    }

    /// `sub`.
    pub(super) fn subject(&self) -> &str {
        &self.caller.identity.subject
    }

    /// For renewing the tokens.
    pub(super) fn grant(&self) -> RefreshGrant {
        self.grant.restore(&self.caller.identity)
    }

    /// For revoking them.
    pub(super) fn refresh_token(&self) -> Secret<String> {
        self.grant.refresh_token()
    }

    /// Tells the session's streams and the log that it is over. The store no longer has it.
    pub(super) fn close(&self, reason: Reason) {
        self.caller.ended.cancel();
        tracing::info!(
            sub = self.subject(),
            reason = reason.name(),
            "session ended"
        );
    }

    /// Notes that a request came.
    pub(super) fn touch(&self, now: UnixSeconds) {
        // Written once a second at most: all requests of a session share this cache line.
        if self.last_seen.load(Ordering::Relaxed) != now.0 {
            self.last_seen.store(now.0, Ordering::Relaxed);
        }
    }

    /// Why the session is over by now, if it is.
    pub(super) fn lapsed(&self, limits: &Settings, now: UnixSeconds) -> Option<Reason> {
        if now >= self.absolute_end(limits) {
            Some(Reason::Absolute)
        } else if now >= self.idle_end(limits) {
            Some(Reason::Idle)
        } else {
            None
        }
    }

    /// When the session is over if no further request comes.
    pub(super) fn deadline(&self, limits: &Settings) -> UnixSeconds {
        self.idle_end(limits).min(self.absolute_end(limits))
    }

    fn absolute_end(&self, limits: &Settings) -> UnixSeconds {
        UnixSeconds(
            self.began
                .0
                .saturating_add(limits.absolute_timeout.as_secs()),
        )
    }

    fn idle_end(&self, limits: &Settings) -> UnixSeconds {
        let last_seen = self.last_seen.load(Ordering::Relaxed);
        UnixSeconds(last_seen.saturating_add(limits.idle_timeout.as_secs()))
    }

    /// Bytes of memory that this session holds, the store's own share included; an estimate.
    pub(super) fn weight(&self) -> usize {
        let identity = &self.caller.identity;
        let texts = [
            self.grant.weight(),
            identity.subject.len(),
            identity.username.len(),
            identity.display_name.len(),
        ];
        let groups = identity.groups.iter().map(|g| size_of_val(g) + g.len());
        let headers = identity.headers.iter();
        let headers = headers.map(|field| size_of_val(field) + field.1.len());
        let pieces = texts.len() + groups.len() + PIECES;
        size_of::<Self>()
            + size_of::<Identity>()
            + FIXED
            + texts.iter().sum::<usize>()
            + groups.sum::<usize>()
            + headers.sum::<usize>()
            + pieces * ALLOCATION
    }
}

/// What a session costs beside the texts in it, measured on x86-64 Linux: moka's entry, its nodes and its
/// slot in the table (340), the cancellation token (135), its places in the index of users (76) and among
/// the deadlines (40 to 80).
const FIXED: usize = 620;
/// Allocations that every session has beside its texts and groups.
const PIECES: usize = 6;
/// What an allocator adds to a piece of memory for itself and for alignment.
const ALLOCATION: usize = 16;

/// When less than a fifth of the token's life remains, or up to a twentieth of it later: sessions that
/// began together are not renewed together.
fn renew_at(issued_at: UnixSeconds, expires_at: UnixSeconds, key: &SessionKey) -> UnixSeconds {
    let life = expires_at.0.saturating_sub(issued_at.0);
    // From 15 to 20 hundredths, in steps of 5/256 of a hundredth.
    let share = LEAST_AHEAD * 256 + 5 * key.step();
    let ahead = life.saturating_mul(share) / (100 * 256);
    UnixSeconds(expires_at.0.saturating_sub(ahead))
}

/// Least part of a token's life that is left when its renewal begins, in hundredths.
const LEAST_AHEAD: u64 = 15;

/// Least time that is left when the renewal of a token of this life begins.
pub fn least_renewal_margin(life: Duration) -> Duration {
    Duration::from_secs(life.as_secs().saturating_mul(LEAST_AHEAD) / 100)
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("subject", &self.subject())
            .field("began", &self.began)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::super::store::contract;
    use super::*;

    #[test]
    fn a_session_with_tokens_as_long_as_cognitos_stays_under_three_kib() {
        // F-44: 100,000 sessions in 300 MiB.
        let (_, record) = contract::session("8d1c9e0a-6f0b-4c5e-9d52-0b7a8a1f3c11");
        assert!(record.weight() <= 3 * 1024, "{}", record.weight());
    }

    #[test]
    fn sessions_of_the_same_second_are_renewed_at_different_times() {
        //
        let at = |step| {
            renew_at(
                UnixSeconds(10_000),
                UnixSeconds(13_600),
                &SessionKey([step; 32]),
            )
        };
        assert_eq!(at(0), UnixSeconds(13_060), "15 % before the end");
        assert_eq!(at(255), UnixSeconds(12_881), "20 % before the end");
        assert!(at(100) < at(50));
        let broken = renew_at(
            UnixSeconds(13_600),
            UnixSeconds(10_000),
            &SessionKey([9; 32]),
        );
        assert_eq!(broken, UnixSeconds(10_000));
    }

    #[test]
    fn an_id_reads_back_and_no_other_text_is_the_same_id() {
        let id = SessionId::random().unwrap();
        let text = id.to_text();
        let again = SessionId::parse(text.expose()).unwrap();
        assert_eq!(again.0.expose(), id.0.expose());
        // 43 letters hold 258 bits: the last two must be zero.
        assert!(SessionId::parse(&format!("{}B", "A".repeat(42))).is_none());
        assert!(SessionId::parse(&format!("{}A", "A".repeat(42))).is_some());
        assert!(SessionId::parse(&format!("{}A", "+".repeat(42))).is_none());
    }

    #[test]
    fn a_session_is_found_under_the_old_master_key_until_that_is_gone() {
        //
        let folder =
            std::env::temp_dir().join(format!("sidegate-rotation-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str, start: u8| {
            let bytes: Vec<u8> = (0..64_u8)
                .map(|n| n.wrapping_mul(37).wrapping_add(start))
                .collect();
            std::fs::write(folder.join(name), bytes).unwrap();
            folder.join(name)
        };
        let (old, new) = (file("old", 0), file("new", 1));
        let lookup = |newest: &Path, older: &[PathBuf]| {
            Lookup::new(&Keys::from_files(newest, older).unwrap())
        };
        let id = SessionId::random().unwrap();
        let kept = lookup(&old, &[]).seal(id.clone()).key;
        let opens = |lookup: Lookup| lookup.open(&id).any(|ticket| ticket.key == kept);
        assert!(opens(lookup(&new, std::slice::from_ref(&old))));
        assert!(!opens(lookup(&new, &[])));
        assert!(lookup(&new, &[old]).seal(id.clone()).key != kept);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_as_an_id_or_not_at_all(text in ".{0,60}") {
            if let Some(id) = SessionId::parse(&text) {
                let again = id.to_text();
                prop_assert_eq!(again.expose(), &text);
            }
        }
    }
}
