//! Who is at the other end of the connection a request came in on.

use std::net::SocketAddr;

/// Put into every request's extensions by `server/`; read by the log line and the forwarder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address that connected (IPv4 mapped into IPv6 is unmapped).
    pub address: SocketAddr,
}
