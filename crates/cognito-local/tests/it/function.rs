//! A function behind a Lambda Invoke URL that writes down every event and answers as the test says.

use std::sync::{Arc, Mutex};

use cognito_local::Trigger;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The `response` of an answer, or the text of what the function throws.
pub(crate) type Response = Result<Value, &'static str>;

pub(crate) struct Function {
    events: Arc<Mutex<Vec<Value>>>,
    url: String,
    _task: JoinSet<()>,
}

impl Function {
    /// A function that answers each event by `respond`.
    pub(crate) async fn new(respond: impl Fn(&Value) -> Response + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let event = read(&mut stream).await;
                let answer = match respond(&event) {
                    Ok(response) => {
                        let mut whole = event.clone();
                        whole["response"] = response;
                        whole
                    }
                    Err(text) => json!({ "errorMessage": text, "errorType": "Error" }),
                };
                seen.lock().unwrap().push(event);
                let body = answer.to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream
                    .write_all(format!("{head}{body}").as_bytes())
                    .await
                    .unwrap();
            }
        });
        Self {
            events,
            url: format!("http://{address}/2015-03-31/functions/F/invocations"),
            _task: task,
        }
    }

    pub(crate) fn trigger(&self) -> Trigger {
        Trigger::Url(self.url.parse().unwrap())
    }

    /// The events so far, oldest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// `triggerSource` of the events so far.
    pub(crate) fn sources(&self) -> Vec<String> {
        let source = |event: &Value| event["triggerSource"].as_str().unwrap().to_owned();
        self.events().iter().map(source).collect()
    }
}

async fn read(stream: &mut TcpStream) -> Value {
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&request);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(event) = body.and_then(|body| serde_json::from_str(body).ok()) {
            return event;
        }
    }
}
