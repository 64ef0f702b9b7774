//! A small HTTP/1.1 server on loopback, for the sample application and the sample triggers.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;

/// How long requests under way may take to be answered once the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Binds `address` and answers HTTP/1.1 there until `stop` is cancelled; returns the address that was bound.
///
/// Whoever owns `tasks` waits for the open connections; they end within a second of `stop`.
pub(super) async fn start<A, F>(
    address: SocketAddr,
    tasks: &TaskTracker,
    stop: CancellationToken,
    answer: A,
) -> io::Result<SocketAddr>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tasks.spawn(accept(listener, tasks.clone(), stop, answer));
    Ok(bound)
}

async fn accept<A, F>(listener: TcpListener, tasks: TaskTracker, stop: CancellationToken, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(serve(stream, stop.clone(), answer.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a development server cannot accept a connection");
                // Out of file descriptors: asking again at once would only spin.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve<A, F>(stream: TcpStream, stop: CancellationToken, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    let connection = http
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // Whoever has not sent the rest of a request by then is cut off.
            timeout(LAST_ANSWERS, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a development server broke");
    }
}
