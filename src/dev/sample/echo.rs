//! The WebSocket echo of the sample application.
//!
//! Knows nothing of sign-in: whatever arrives goes back, so that a person sees the gate pass
//! messages both ways, and close the socket when the session ends.

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;

/// Longest message the echo takes, in bytes: enough to try, too little to fill memory with.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// Answers a handshake and starts the echo on `tasks`; anything else is told to upgrade.
pub(super) fn echo(
    mut request: Request<Incoming>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    let fields = response.headers_mut();
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(accept) = accept_key(request.headers()) {
        fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let upgrade = hyper::upgrade::on(&mut request);
        tasks.spawn(send_back(upgrade, stop.clone()));
    } else {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        *response.body_mut() = Body::from("Connect here with a WebSocket.\n");
    }
    response
}

/// `Sec-WebSocket-Accept` for a WebSocket handshake (RFC 6455 §4.2.1), or `None` if it is none.
fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let is = |name: HeaderName, want: &[u8]| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(want))
    };
    if !is(header::UPGRADE, b"websocket") || !is(header::SEC_WEBSOCKET_VERSION, b"13") {
        return None;
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()
}

/// Sends every message back until the client closes, or says that it is going away at `stop`.
async fn send_back(upgrade: OnUpgrade, stop: CancellationToken) {
    let stream = match upgrade.await {
        Ok(stream) => TokioIo::new(stream),
        Err(error) => {
            tracing::debug!(%error, "the sample application's echo was not upgraded");
            return;
        }
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits)).await;
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            () = stop.cancelled() => {
                let goodbye = CloseFrame { code: CloseCode::Away, reason: "the sample application stops".into() };
                // The client may be gone already; then there is nobody to tell.
                let _ = socket.close(Some(goodbye)).await;
                return;
            }
        };
        let sent = match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                socket.send(message).await
            }
            // Pings and closes are answered by the library.
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error),
            None => return,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "the sample application's echo broke");
            return;
        }
    }
}
