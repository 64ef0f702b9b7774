//! A session's life: idle, absolute, renewed, refused.

use std::time::Duration;

use crate::bed::{PASSWORD, TestBed, USER};

///
#[tokio::test]
async fn a_session_ends_when_unused_and_at_its_absolute_age() {
    let bed = TestBed::default()
        .config("[session]\nidle_timeout = \"30m\"\nabsolute_timeout = \"2h\"")
        .start()
        .await;
    let mut idle = bed.browser();
    idle.sign_in("/", USER, PASSWORD).await.expect(303);
    let mut busy = bed.browser();
    busy.sign_in("/", USER, PASSWORD).await.expect(303);
    for _ in 0..5 {
        bed.clock.advance(Duration::from_secs(20 * 60));
        busy.get("/x").await.expect(200);
    }
    idle.get("/x").await.expect(302);
    bed.clock.advance(Duration::from_secs(21 * 60));
    busy.get("/x").await.expect(302);
    bed.stop().await;
}

/// before the token ends, in the background, once; and the new claims arrive with it.
#[tokio::test]
async fn tokens_are_renewed_before_they_end_and_bring_new_groups() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    bed.admin("CreateGroup", serde_json::json!({"GroupName": "late"}))
        .await;
    bed.admin(
        "AdminAddUserToGroup",
        serde_json::json!({"Username": USER, "GroupName": "late"}),
    )
    .await;
    // The access token lives an hour; the session is kept busy meanwhile.
    for _ in 0..2 {
        bed.clock.advance(Duration::from_secs(29 * 60));
        browser.get("/x").await.expect(200);
    }
    bed.until(|| bed.wire.carried("GetTokensFromRefreshToken"))
        .await;
    bed.clock.advance(Duration::from_secs(3 * 60));
    browser.get("/x").await.expect(200);
    let groups = bed
        .upstream
        .last()
        .header("x-forwarded-groups")
        .map(str::to_owned);
    assert!(groups.is_some_and(|groups| groups.contains("late")));
    bed.stop().await;
}

/// A pool that is down never ends a session whose token is good; when it is not, 503 and not sign-in.
#[tokio::test]
async fn a_dead_pool_never_signs_anybody_out() {
    let mut bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    bed.kill_pool().await;
    bed.clock.advance(Duration::from_secs(29 * 60));
    browser.get("/x").await.expect(200);
    bed.clock.advance(Duration::from_secs(29 * 60));
    browser.get("/x").await.expect(200);
    bed.clock.advance(Duration::from_secs(5 * 60));
    let page = browser.get("/x").await.expect(503);
    assert!(!page.header("retry-after").is_empty());
    assert!(page.headers.get("set-cookie").is_none(), "the cookie stays");
    bed.stop().await;
}

#[tokio::test]
async fn a_refused_renewal_ends_the_session() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    bed.admin(
        "AdminUserGlobalSignOut",
        serde_json::json!({"Username": USER}),
    )
    .await;
    for _ in 0..2 {
        bed.clock.advance(Duration::from_secs(29 * 60));
        browser.get("/x").await;
    }
    bed.clock.advance(Duration::from_secs(3 * 60));
    browser.get("/x").await.expect(302);
    bed.stop().await;
}

/// F-20: a thousand requests, one expired session, one call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_requests_share_one_renewal() {
    let bed = TestBed::default()
        .config("[session]\nidle_timeout = \"2h\"")
        .start()
        .await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    bed.clock.advance(Duration::from_secs(61 * 60));
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let mut browser = browser.clone();
        requests.spawn(async move { browser.get("/x").await.status.as_u16() });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(
        bed.wire
            .count("AWSCognitoIdentityProviderService.GetTokensFromRefreshToken"),
        1
    );
    bed.stop().await;
}

/// two cookies of our name are no session, and the sign-in page clears ours so that it ends there.
#[tokio::test]
async fn two_session_cookies_with_different_values_are_none_and_are_cleared() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let (name, value) = browser
        .jar
        .iter()
        .find(|(name, _)| !name.contains("browser"))
        .unwrap();
    let (name, value) = (name.clone(), value.clone());
    let cookies = [
        format!("{name}={value}; {name}={}", "A".repeat(43)),
        format!("{name}={}; {name}={value}", "A".repeat(43)),
    ];
    for cookie in cookies {
        let mut other = bed.browser();
        let request = other
            .request(http::Method::GET, "/x")
            .header("cookie", &cookie);
        let answer = other
            .send(request.body(http_body_util::Full::default()).unwrap())
            .await;
        answer.expect(302);
        let request = other
            .request(http::Method::GET, "/.sidegate/sign-in")
            .header("cookie", &cookie);
        let page = other
            .send(request.body(http_body_util::Full::default()).unwrap())
            .await
            .expect(200);
        let cleared = page.headers.get_all("set-cookie").iter().any(|line| {
            let line = line.to_str().unwrap();
            line.starts_with(&format!("{name}=;")) && line.contains("Max-Age=0")
        });
        assert!(cleared, "{:?}", page.headers);
    }
    bed.stop().await;
}
