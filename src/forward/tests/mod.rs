//! The forwarder against upstreams on real sockets that record raw bytes or answer what they are told.

mod bed;
mod heads;
mod streams;
mod tls;
mod upstreams;
mod websocket;
