//! A TCP relay that remembers every byte, put between the gate and the user pool.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// Relays to `target`; returns the address to connect to instead.
    pub(crate) async fn tap(
        target: SocketAddr,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Self::default();
        let (this, connections, stop) = (wire.clone(), tasks.clone(), stop.clone());
        tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                let Ok((near, _)) = accepted else { return };
                let Ok(far) = TcpStream::connect(target).await else {
                    continue;
                };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                for (from, to) in [(near_read, far_write), (far_read, near_write)] {
                    let (this, stop) = (this.clone(), stop.clone());
                    connections.spawn(async move {
                        tokio::select! {
                            () = this.pump(from, to) => {}
                            () = stop.cancelled() => {}
                        }
                    });
                }
            }
        });
        (wire, address)
    }

    async fn pump(
        self,
        mut from: tokio::net::tcp::OwnedReadHalf,
        mut to: tokio::net::tcp::OwnedWriteHalf,
    ) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.bytes
                .lock()
                .unwrap()
                .extend_from_slice(&buffer[..count]);
            if to.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    }

    /// Whether `needle` passed by, in either direction.
    pub(crate) fn carried(&self, needle: &str) -> bool {
        let bytes = self.bytes.lock().unwrap();
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    }

    /// How often `needle` passed by.
    pub(crate) fn count(&self, needle: &str) -> usize {
        let bytes = self.bytes.lock().unwrap();
        bytes
            .windows(needle.len())
            .filter(|window| *window == needle.as_bytes())
            .count()
    }

    /// How many bytes passed by: a test that finds nothing in nothing has shown nothing.
    pub(crate) fn len(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }
}
