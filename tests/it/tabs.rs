//! Ten tabs opened at once after the weekend.

use http::Method;
use http_body_util::Full;

use crate::bed::{PASSWORD, TestBed, USER};
use crate::browser::{Browser, Page};

/// A browser restoring ten tabs sends ten requests before the first cookie comes back; the last
/// `Set-Cookie` wins the jar. Every tab still ends at its own address after one sign-in each.
#[tokio::test]
async fn ten_tabs_opened_signed_out_all_finish_at_their_own_address() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let mut pages: Vec<Page> = Vec::new();
    for tab in 0..10 {
        let mut fresh = bed.browser();
        pages.push(fresh.open(&format!("/tab/{tab}?n={tab}")).await.expect(200));
        browser.jar.extend(fresh.jar);
    }
    for (tab, page) in pages.iter().enumerate() {
        let form = page
            .form()
            .with("username", USER)
            .with("password", PASSWORD);
        let answer = browser.submit(&form).await.expect(303);
        assert_eq!(answer.location(), format!("/tab/{tab}?n={tab}"));
        browser.get(&answer.location()).await.expect(200);
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_tab_left_open_goes_on_at_its_next_click_once_another_tab_signed_in() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let left_open = browser.get("/left?a=1").await.expect(302).location();
    browser.sign_in("/first", USER, PASSWORD).await.expect(303);
    let answer = browser.get(&left_open).await.expect(303);
    assert_eq!(answer.location(), "/left?a=1");
    bed.stop().await;
}

/// Cookies that are refused are named as the cause, with no loop.
#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_so() {
    let bed = TestBed::default().start().await;
    let mut browser: Browser = bed.browser();
    let form = browser
        .open("/")
        .await
        .form()
        .with("username", USER)
        .with("password", PASSWORD);
    browser.jar.clear();
    let answer = browser.submit(&form).await.expect(403);
    assert!(
        answer.body.to_lowercase().contains("cookie"),
        "{}",
        answer.body
    );
    bed.stop().await;
}

/// A double click: the second of two equal posts gets what the first got.
#[tokio::test]
async fn a_double_click_on_a_challenge_does_no_harm() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let page = browser
        .sign_in("/welcome", crate::bed::NEW_USER, crate::bed::TEMPORARY)
        .await
        .expect(200);
    let form = page.form().with_new_password("Fresh-Horse-11!");
    let (mut first, mut second) = (browser.clone(), browser.clone());
    let (one, two) = tokio::join!(first.submit(&form), second.submit(&form));
    assert_eq!(
        (one.expect(303).location(), two.expect(303).location()),
        ("/welcome".into(), "/welcome".into())
    );
    first.get("/x").await.expect(200);
    second.get("/x").await.expect(200);
    let request = first
        .request(Method::GET, "/y")
        .body(Full::default())
        .unwrap();
    first.send(request).await.expect(200);
    bed.stop().await;
}
