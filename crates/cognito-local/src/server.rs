//! Accepts connections and serves HTTP/1.1 on them until the pool stops.
//!
//! The only file that names hyper's server. Every connection is a task of the service's tracker.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::route;
use crate::service::Service;

/// A connection without a request for this long is closed; longer than clients keep theirs for reuse.
const IDLE: Duration = Duration::from_secs(75);

/// Calls under way get this long when the pool stops: three tries of a trigger and some.
const DRAIN: Duration = Duration::from_secs(20);

/// Out of file descriptors, say: no reason to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection needs.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) service: Arc<Service>,
    pub(crate) exposed: bool,
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// Accepts until told to stop.
    pub(crate) async fn serve(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _peer)) => {
                    let connection = self.clone().connection(stream);
                    self.service.tasks.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        // Answers are small and waited for; a socket that refuses this still works.
        let _delayed = stream.set_nodelay(true);
        let (service, exposed) = (Arc::clone(&self.service), self.exposed);
        let handler = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(route::handle(&service, exposed, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .serve_connection(TokioIo::new(stream), handler);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(DRAIN, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
