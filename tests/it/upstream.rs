//! An upstream that remembers what reached it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Path and query, as sent.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    /// A header's only value; panics when there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} arrived twice");
        value
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Upstream {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub(crate) async fn start(tasks: &TaskTracker, stop: &CancellationToken) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = Self::default();
        let this = upstream.clone();
        let connections = tasks.clone();
        let stop = stop.clone();
        tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                let Ok((stream, _)) = accepted else { return };
                let this = this.clone();
                let stop = stop.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| this.clone().answer(request));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    tokio::select! {
                        _ = connection => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        });
        (upstream, address)
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let _ = body.collect().await;
        let target = head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string);
        let text = format!("hello from the app at {target}");
        self.seen.lock().unwrap().push(Seen {
            target,
            headers: head.headers,
        });
        Ok(Response::new(Full::from(text)))
    }

    /// Everything that arrived so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.requests().pop().expect("nothing reached the upstream")
    }

    /// Forgets what arrived.
    pub(crate) fn clear(&self) {
        self.seen.lock().unwrap().clear();
    }
}
