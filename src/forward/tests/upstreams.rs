//! Upstreams that are down, slow, broken or gone, and connections that are used again.

use super::bed::{self, Bed, LONG_ENOUGH, OK, SOON, Upstream, by_hand, get, post, settings};
use crate::body::Body;
use crate::forward::BuildError;
use crate::refusal::Refusal;

#[tokio::test]
async fn a_connection_is_used_again_after_a_complete_exchange() {
    let bed = Bed::start().await;
    let upstream = async {
        let (mut connection, _) = bed.upstream.answer(OK).await;
        for _ in 0..3 {
            connection.head().await;
            connection.write(OK).await;
        }
        connection
    };
    let client = async {
        for _ in 0..4 {
            let response = bed.forwarder.send(get("/", &[]), None).await.unwrap();
            assert_eq!(bed::text(response).await, "ok");
        }
    };
    let (connection, ()) = tokio::join!(upstream, client);
    let ended = tokio::join!(bed.end(), connection.rest()).1;
    assert_eq!(ended, "", "the connection ends with the forwarder");
}

#[tokio::test]
async fn requests_at_once_have_a_connection_each() {
    let bed = Bed::start().await;
    let both = async {
        let (mut one, mut two) = (bed.upstream.accept().await, bed.upstream.accept().await);
        assert!(one.head().await.starts_with("GET /"));
        assert!(two.head().await.starts_with("GET /"));
        one.write(OK).await;
        two.write(OK).await;
        (one, two)
    };
    let (first, second, _) = tokio::join!(
        bed.forwarder.send(get("/1", &[]), None),
        bed.forwarder.send(get("/2", &[]), None),
        both
    );
    assert_eq!(bed::text(first.unwrap()).await, "ok");
    assert_eq!(bed::text(second.unwrap()).await, "ok");
    bed.end().await;
}

/// One complete exchange, after which the upstream reads the next request and closes without a byte.
async fn die_on_the_second(bed: &Bed, second: http::Request<Body>) -> Result<String, Refusal> {
    let upstream = async {
        let (mut connection, _) = bed.upstream.answer(OK).await;
        connection.head().await;
        drop(connection);
        // For a request that is sent again; pends for one that is not.
        bed.upstream.answer(OK).await
    };
    let client = async {
        let first = bed.forwarder.send(get("/", &[]), None).await.unwrap();
        assert_eq!(bed::text(first).await, "ok");
        match bed.forwarder.send(second, None).await {
            Ok(response) => Ok(bed::text(response).await),
            Err(refusal) => Err(refusal),
        }
    };
    let mut upstream = std::pin::pin!(upstream);
    let mut client = std::pin::pin!(client);
    let mut again = None;
    loop {
        tokio::select! {
            outcome = &mut client => return outcome,
            connection = &mut upstream, if again.is_none() => again = Some(connection),
        }
    }
}

#[tokio::test]
async fn a_get_on_a_dead_connection_is_asked_again_and_a_post_is_not() {
    //
    let bed = Bed::start().await;
    assert_eq!(
        die_on_the_second(&bed, get("/again", &[])).await.as_deref(),
        Ok("ok")
    );
    bed.end().await;
    for request in [
        post(Body::Empty),
        post(Body::from("abc")),
        get("/", &[]).map(|_| by_hand().1),
    ] {
        let bed = Bed::start().await;
        assert_eq!(
            die_on_the_second(&bed, request).await,
            Err(Refusal::UpstreamBroken)
        );
        bed.end().await;
    }
}

#[tokio::test]
async fn a_get_is_not_asked_again_once_a_byte_came() {
    let bed = Bed::start().await;
    let upstream = async {
        let (mut connection, _) = bed.upstream.answer(OK).await;
        connection.head().await;
        connection.write("HTTP/1.1 2").await;
    };
    let client = async {
        let first = bed.forwarder.send(get("/", &[]), None).await.unwrap();
        assert_eq!(bed::text(first).await, "ok");
        bed.forwarder.send(get("/", &[]), None).await.unwrap_err()
    };
    assert_eq!(tokio::join!(client, upstream).0, Refusal::UpstreamBroken);
    bed.end().await;
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_is_not_used_for_anything() {
    let bed = Bed::start().await;
    let (response, head) = bed.exchange(get("/", &[]), None, OK).await;
    assert!(head.starts_with("GET"));
    assert_eq!(bed::text(response).await, "ok");
    // `exchange` has dropped the upstream's end; a POST must not be lost on it.
    while !bed.tasks.is_empty() {
        tokio::task::yield_now().await;
    }
    let (response, head) = bed.exchange(post(Body::Empty), None, OK).await;
    assert!(head.starts_with("POST"));
    assert_eq!(bed::text(response).await, "ok");
    bed.end().await;
}

#[tokio::test]
async fn an_upstream_that_is_down_or_slow_is_named_as_such() {
    // F-32, F-33
    let bed = Bed::start().await;
    let gone = Upstream::start().await.address;
    let (tasks, stop) = (bed.tasks.clone(), bed.stop.clone());
    let to_gone = bed::build(settings(&format!("http://{gone}")), &tasks, &stop).unwrap();
    let refusal = to_gone.send(get("/", &[]), None).await.unwrap_err();
    assert_eq!(refusal, Refusal::UpstreamUnreachable);
    bed.end().await;

    let bed = Bed::with(|settings| settings.head_timeout = SOON).await;
    let (refusal, upstream) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer("")
    );
    assert_eq!(refusal.unwrap_err(), Refusal::UpstreamTimeout);
    assert_eq!(upstream.0.rest().await, "");

    let (response, _) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer("HTTP/1.1 200 OK\r\nContent-Le")
    );
    assert_eq!(response.unwrap_err(), Refusal::UpstreamTimeout);
    bed.end().await;
}

#[tokio::test]
async fn a_long_upload_is_no_slow_answer() {
    let bed = Bed::with(|settings| settings.head_timeout = LONG_ENOUGH).await;
    let (pieces, body) = by_hand();
    let upstream = async {
        let mut upstream = bed.upstream.accept().await;
        let mut every = tokio::time::interval(LONG_ENOUGH / 12);
        for _ in 0..24 {
            every.tick().await;
            pieces
                .send(Ok(http_body::Frame::data("x".into())))
                .await
                .unwrap();
            upstream.until("x\r\n").await;
        }
        drop(pieces);
        upstream.until("0\r\n\r\n").await;
        upstream.write(OK).await;
    };
    let (response, ()) = tokio::join!(bed.forwarder.send(post(body), None), upstream);
    assert_eq!(bed::text(response.unwrap()).await, "ok");
    bed.end().await;
}

#[tokio::test]
async fn an_answer_that_is_not_http_or_ambiguous_is_refused() {
    //
    let bed = Bed::start().await;
    for answer in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let refusal = bed.refusal(get("/", &[]), answer).await;
        assert_eq!(refusal, Refusal::UpstreamBroken, "{answer:?}");
    }
    bed.end().await;
}

#[tokio::test]
async fn bytes_after_an_answer_spoil_its_connection() {
    let bed = Bed::start().await;
    let extra = format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    let (response, (connection, _)) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer(&extra)
    );
    assert_eq!(bed::text(response.unwrap()).await, "ok");
    assert_eq!(connection.rest().await, "");
    let (response, _) = bed.exchange(get("/", &[]), None, OK).await;
    assert_eq!(bed::text(response).await, "ok");
    bed.end().await;
}

#[tokio::test]
async fn only_an_origin_is_an_upstream() {
    let bed = Bed::start().await;
    for url in [
        "ftp://a",
        "http://a/b",
        "http://a/?b",
        "https://u@a",
        "unix:/a",
    ] {
        let refused = bed::build(settings(url), &bed.tasks, &bed.stop);
        assert!(
            matches!(refused, Err(BuildError::Upstream)),
            "{url} was let through"
        );
    }
    bed.end().await;
}
