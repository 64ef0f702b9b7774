//! Which protocol a connection speaks, told by its first bytes (RFC 9113 §3.3, §3.4).
//!
//! Everything here has a deadline of ours: hyper-util's own sniffing has none, so that a silent
//! client or half a preface stays open. The bytes read are kept and handed on.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The preface and the head of the first frame.
const LONGEST: usize = PREFACE.len() + FRAME_HEAD;
/// Length (3 bytes), type, flags, stream (4 bytes) (RFC 9113 §4.1).
const FRAME_HEAD: usize = 9;
const SETTINGS: u8 = 4;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Bytes that were read to find out; the connection begins with them.
#[derive(Debug)]
pub(super) struct Prefix {
    bytes: [u8; LONGEST],
    from: usize,
    to: usize,
}

impl Prefix {
    /// Nothing read yet.
    pub(super) fn empty() -> Self {
        Self {
            bytes: [0; LONGEST],
            from: 0,
            to: 0,
        }
    }

    /// What is still to be handed on.
    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.from..self.to).unwrap_or_default()
    }

    /// Hands `count` bytes on.
    pub(super) fn consume(&mut self, count: usize) {
        self.from = (self.from + count).min(self.to);
    }

    /// Reads once, so that there are `most` bytes at most; false at the end of the stream.
    async fn fill<IO: AsyncRead + Unpin>(&mut self, io: &mut IO, most: usize) -> io::Result<bool> {
        let Some(room) = self.bytes.get_mut(self.to..most) else {
            return Ok(false);
        };
        let count = io.read(room).await?;
        self.to += count;
        Ok(count > 0)
    }
}

/// Tells the protocol of a connection in clear text. `None`: it was closed before its first byte.
///
/// # Errors
/// `TimedOut` when it cannot be told within `deadline`.
pub(super) async fn sniff<IO: AsyncRead + Unpin>(
    io: &mut IO,
    prefix: &mut Prefix,
    deadline: Duration,
) -> io::Result<Option<Protocol>> {
    let told = async {
        loop {
            let more = prefix.fill(io, PREFACE.len()).await?;
            let read = prefix.unread();
            if read.is_empty() {
                return Ok(None);
            }
            if !PREFACE.starts_with(read) || !more {
                return Ok(Some(Protocol::Http1));
            }
            if read.len() == PREFACE.len() {
                return Ok(Some(Protocol::Http2));
            }
        }
    };
    tokio::time::timeout(deadline, told).await?
}

/// Waits for the preface and the head of the SETTINGS frame that follows it.
///
/// # Errors
/// `TimedOut` after `deadline`; `InvalidData` when something else came.
pub(super) async fn expect_settings<IO: AsyncRead + Unpin>(
    io: &mut IO,
    prefix: &mut Prefix,
    deadline: Duration,
) -> io::Result<()> {
    let read = async {
        while prefix.unread().len() < LONGEST {
            if !prefix.fill(io, LONGEST).await? {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
        Ok(())
    };
    tokio::time::timeout(deadline, read).await??;
    let kind = prefix.unread().get(PREFACE.len() + 3);
    if prefix.unread().starts_with(PREFACE) && kind == Some(&SETTINGS) {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    const SOON: Duration = Duration::from_millis(5);
    const LATE: Duration = Duration::from_secs(60);

    async fn told(pieces: &[&[u8]]) -> (Option<Protocol>, Vec<u8>) {
        let (mut client, mut server) = duplex(1);
        let mut prefix = Prefix::empty();
        let write = async {
            for piece in pieces {
                if client.write_all(piece).await.is_err() {
                    break;
                }
            }
            drop(client);
        };
        let read = async { sniff(&mut server, &mut prefix, LATE).await.unwrap() };
        let protocol = tokio::select! { biased; protocol = read => protocol, () = async { write.await; std::future::pending().await } => None };
        (protocol, prefix.unread().to_vec())
    }

    #[tokio::test]
    async fn only_the_whole_preface_is_http_2() {
        assert_eq!(told(&[PREFACE]).await.0, Some(Protocol::Http2));
        for start in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"POST",
            b"PRIX",
            b"PRI * HTTP/1",
            b"\r\n",
            b"\x16",
        ] {
            assert_eq!(told(&[start]).await.0, Some(Protocol::Http1), "{start:?}");
        }
    }

    #[tokio::test]
    async fn what_was_read_is_kept() {
        let (_, kept) = told(&[b"PRO", b"PFIND / HTTP/1.1"]).await;
        assert!(
            !kept.is_empty() && b"PROPFIND".starts_with(kept.as_slice()),
            "{kept:?}"
        );
    }

    #[tokio::test]
    async fn a_connection_closed_without_a_byte_speaks_nothing() {
        assert_eq!(told(&[]).await.0, None);
    }

    #[tokio::test]
    async fn silence_and_half_a_preface_time_out() {
        for start in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n"] {
            let (mut client, mut server) = duplex(64);
            client.write_all(start).await.unwrap();
            let error = sniff(&mut server, &mut Prefix::empty(), SOON)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{start:?}");
        }
    }

    #[tokio::test]
    async fn a_preface_without_settings_times_out_and_another_frame_is_refused() {
        let after = |frame: &'static [u8]| async move {
            let (mut client, mut server) = duplex(64);
            client.write_all(PREFACE).await.unwrap();
            client.write_all(frame).await.unwrap();
            expect_settings(&mut server, &mut Prefix::empty(), SOON).await
        };
        let settings = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
        assert!(after(Box::leak(Box::new(settings))).await.is_ok());
        let silence = after(b"").await.unwrap_err();
        assert_eq!(silence.kind(), io::ErrorKind::TimedOut);
        let ping = after(&[0, 0, 8, 6, 0, 0, 0, 0, 0]).await.unwrap_err();
        assert_eq!(ping.kind(), io::ErrorKind::InvalidData);
    }
}
