//! Stopping: what is under way is finished, what does not finish is cut.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::sync::{Notify, Semaphore};

use super::bed::{self, Bed, SOON, settings};
use super::describe;
use crate::body::Body;
use crate::server::Drained;

/// An app that says when a request has come, and answers when it may.
#[derive(Clone)]
struct Held {
    arrived: Arc<Notify>,
    go_on: Arc<Semaphore>,
}

impl Held {
    fn new() -> Self {
        Self {
            arrived: Arc::default(),
            go_on: Arc::new(Semaphore::new(0)),
        }
    }

    fn app(&self) -> impl Fn(Request<Body>) -> AppFuture + Clone + Send + Sync + 'static {
        let held = self.clone();
        move |request| {
            let held = held.clone();
            Box::pin(async move {
                held.arrived.notify_one();
                let _may = held.go_on.acquire().await.unwrap();
                describe(request).await
            })
        }
    }
}

type AppFuture = futures_util::future::BoxFuture<'static, Response<Body>>;

#[tokio::test]
async fn an_open_request_is_finished_and_its_connection_closed() {
    let held = Held::new();
    let bed = Bed::start(settings(), held.app()).await;
    let mut one = bed.connect().await;
    bed::write(&mut one, b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    held.arrived.notified().await;
    let mut two = bed.h2().await;
    let two = tokio_util::task::TaskTracker::new().spawn(two.send_request(bed::get("/2")));
    held.arrived.notified().await;

    bed.stop.cancel();
    held.go_on.add_permits(2);
    let answer = bed::read_all(&mut one).await;
    assert!(answer.contains("GET /1"), "{answer}");
    let answer = two
        .await
        .unwrap()
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    assert!(answer.to_bytes().starts_with(b"GET /2"));
    assert_eq!(bed.stop().await, Drained::Clean);
}

#[tokio::test]
async fn idle_and_silent_connections_do_not_hold_up_the_end() {
    let bed = Bed::start(settings(), describe).await;
    let silent = bed.connect().await;
    let mut kept = bed.connect().await;
    bed::write(&mut kept, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    kept.readable().await.unwrap();
    let mut idle = bed.h2().await;
    assert_eq!(
        idle.send_request(bed::get("/")).await.unwrap().status(),
        200
    );
    assert_eq!(bed.stop().await, Drained::Clean);
    drop((silent, kept));
}

#[tokio::test]
async fn half_a_head_holds_up_the_end_no_longer_than_a_head_may_take() {
    let mut settings = settings();
    settings.deadlines.request_head = SOON;
    let bed = Bed::start(settings, describe).await;
    let mut half = bed.connect().await;
    bed::write(&mut half, b"GET / HT").await;
    assert_eq!(bed.stop().await, Drained::Clean);
}

#[tokio::test]
async fn nothing_is_accepted_once_it_stops() {
    let held = Held::new();
    let bed = Bed::start(settings(), held.app()).await;
    let mut open = bed.connect().await;
    bed::write(&mut open, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    held.arrived.notified().await;
    bed.stop.cancel();
    while let Ok(mut late) = tokio::net::TcpStream::connect(bed.address).await {
        assert_eq!(bed::read_all(&mut late).await, "");
    }
    held.go_on.add_permits(1);
    assert_eq!(bed.stop().await, Drained::Clean);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_and_counted() {
    let held = Held::new();
    let mut settings = settings();
    settings.drain_timeout = SOON;
    let bed = Bed::start(settings, held.app()).await;
    let mut one = bed.connect().await;
    bed::write(&mut one, b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    held.arrived.notified().await;
    let mut two = bed.h2().await;
    let two = tokio_util::task::TaskTracker::new().spawn(two.send_request(bed::get("/2")));
    held.arrived.notified().await;

    assert_eq!(bed.stop().await, Drained::Cut(2));
    assert_eq!(bed::read_all(&mut one).await, "");
    two.await.unwrap().unwrap_err();
}
