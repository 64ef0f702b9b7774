//! The pages, as a person meets them.

use std::time::Duration;

use futures_util::future::join_all;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, VARY,
};
use http::{Method, StatusCode};

use crate::body::Body;

use super::bed::{Bed, NEW_USER, ORIGIN_TEXT, PASSWORD, Page, TEMPORARY, USER, between};

const NEW_PASSWORD: &str = "Flow-Matic-1955!";

/// A page without what differs from one to the next by itself.
fn plain(page: &Page) -> String {
    let mut text = page.text.clone();
    for (_, value) in page.form().hidden {
        text = text.replace(&value, "…");
    }
    text
}

#[tokio::test]
async fn a_person_signs_in_goes_on_and_signs_out() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let page = browser
        .get("/.sidegate/sign-in?return_to=%2Freports%3Fyear%3D1843%23notes")
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(page.text.contains("Engine room"), "{}", page.text);
    assert!(!page.text.contains("Error:"), "{}", page.text);

    let fields = [("username", USER), ("password", PASSWORD)];
    let done = browser.submit(&page.form(), &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(
        done.location(),
        format!("{ORIGIN_TEXT}/reports?year=1843#notes")
    );
    assert_eq!(done.headers[CACHE_CONTROL], "no-store");
    assert_eq!(done.headers[VARY], "Cookie");
    assert_eq!(browser.cookies.len(), 2, "{:?}", browser.cookies.keys());

    // Who is signed in already goes on without a form.
    let again = browser.get("/.sidegate/sign-in?return_to=%2Fb").await;
    assert_eq!(
        (again.status, again.location()),
        (StatusCode::SEE_OTHER, "https://app.example.com/b")
    );

    let confirm = browser.get("/.sidegate/sign-out").await;
    assert!(
        confirm.text.contains("Ada &lt;Lovelace&gt;"),
        "{}",
        confirm.text
    );
    let out = browser.submit(&confirm.form(), &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert_eq!(
        out.location(),
        format!("{ORIGIN_TEXT}/.sidegate/signed-out")
    );
    assert_eq!(browser.cookies.len(), 1, "{:?}", browser.cookies.keys());
    let form = browser.get("/.sidegate/sign-in").await;
    assert_eq!(form.status, StatusCode::OK);
    let nobody = browser.get("/.sidegate/sign-out").await;
    assert_eq!(
        nobody.location(),
        format!("{ORIGIN_TEXT}/.sidegate/signed-out")
    );
    let signed_out = browser.get("/.sidegate/signed-out").await;
    assert!(signed_out.text.contains("href=\"/.sidegate/sign-in\""));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_cannot_be_told_apart() {
    let bed = Bed::start().await;
    let mut answers = Vec::new();
    for username in [USER, "nobody"] {
        let mut browser = bed.browser();
        let form = browser
            .get("/.sidegate/sign-in?return_to=%2Fdeep")
            .await
            .form();
        let fields = [("username", username), ("password", "wrong-Password-1")];
        let page = browser.submit(&form, &fields).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert!(
            page.input("username")
                .contains(&format!("value=\"{username}\""))
        );
        assert!(!page.text.contains("wrong-Password-1"), "{}", page.text);
        assert!(page.text.contains("<title>Error: "), "{}", page.text);
        answers.push(plain(&page).replace(&format!("value=\"{username}\""), ""));

        // The new form still knows the way.
        let fields = [("username", USER), ("password", PASSWORD)];
        let done = browser.submit(&page.form(), &fields).await;
        assert_eq!(done.location(), format!("{ORIGIN_TEXT}/deep"));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn an_empty_field_is_pointed_at_and_nothing_is_asked_of_the_pool() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    bed.pool.stop().await.unwrap();
    let form = browser.get("/.sidegate/sign-in").await.form();
    let page = browser
        .submit(&form, &[("username", USER), ("password", "")])
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.input("password").contains("aria-invalid=\"true\""));
    assert!(
        page.input("username")
            .contains(&format!("value=\"{USER}\""))
    );
    for (field, other, length) in [
        ("password", "username", 2_049),
        ("username", "password", 2_049),
        ("username", "password", 13_000),
    ] {
        let long = "x".repeat(length);
        let fields = [(field, long.as_str()), (other, USER)];
        let page = browser.submit(&page.form(), &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(page.input(field).contains("aria-invalid=\"true\""));
    }
}

#[tokio::test]
async fn a_new_user_chooses_a_password_and_fills_in_what_is_missing() {
    let bed = Bed::start().await;
    let (mut browser, page) = bed.asked_for_new_password().await;
    let username = page.input("username");
    assert!(
        username.contains(&format!("value=\"{NEW_USER}\"")) && username.contains("readonly"),
        "{username}"
    );
    assert!(!page.text.contains(TEMPORARY), "{}", page.text);
    assert!(
        page.input("attribute.family_name")
            .contains("autocomplete=\"family-name\"")
    );

    let (weak, name) = (
        ("new_password", "weak-password"),
        ("attribute.family_name", "Hopper"),
    );
    let page = browser.submit(&page.form(), &[weak, name]).await;
    assert_eq!(
        page.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        page.text
    );
    assert!(page.input("new_password").contains("aria-invalid=\"true\""));
    assert!(
        page.input("attribute.family_name")
            .contains("value=\"Hopper\"")
    );
    assert!(!page.text.contains("weak-password"), "{}", page.text);

    let fields = [
        ("new_password", NEW_PASSWORD),
        ("attribute.family_name", ""),
    ];
    let page = browser.submit(&page.form(), &fields).await;
    assert_eq!(
        page.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        page.text
    );
    assert!(
        page.input("attribute.family_name")
            .contains("aria-invalid=\"true\"")
    );

    let fields = [("new_password", NEW_PASSWORD), name];
    let done = browser.submit(&page.form(), &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(done.location(), format!("{ORIGIN_TEXT}/deep"));
}

#[tokio::test]
async fn a_sign_in_sent_twice_at_once_makes_one_session() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let form = browser.get("/.sidegate/sign-in").await.form();
    let mut twin = browser.clone();
    let fields = [("username", USER), ("password", PASSWORD)];
    let (first, second) = tokio::join!(browser.submit(&form, &fields), twin.submit(&form, &fields));
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.text);
    assert_eq!(first.headers[SET_COOKIE], second.headers[SET_COOKIE]);
}

#[tokio::test]
async fn a_challenge_sent_twice_at_once_makes_one_session() {
    let bed = Bed::start().await;
    let (mut browser, page) = bed.asked_for_new_password().await;
    let (form, mut twin) = (page.form(), browser.clone());
    let fields = [
        ("new_password", NEW_PASSWORD),
        ("attribute.family_name", "Hopper"),
    ];
    let (first, second) = tokio::join!(browser.submit(&form, &fields), twin.submit(&form, &fields));
    for page in [&first, &second] {
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    }
    assert_eq!(first.headers[SET_COOKIE], second.headers[SET_COOKIE]);
}

#[tokio::test]
async fn ten_tabs_opened_at_once_all_arrive_where_they_wanted() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    // Every tab asks before any has its answer: none brings a cookie, and of ten cookies the last one stays.
    let mut tabs = Vec::new();
    for tab in 0..10 {
        let mut alone = bed.browser();
        let page = alone
            .get(&format!("/.sidegate/sign-in?return_to=%2Ftab%2F{tab}"))
            .await;
        tabs.push(page.form());
        browser.cookies = alone.cookies;
    }
    let fields = [("username", USER), ("password", PASSWORD)];
    let submitted = tabs.iter().map(|form| {
        let mut browser = browser.clone();
        async move { browser.submit(form, &fields).await }
    });
    for (tab, page) in join_all(submitted).await.into_iter().enumerate() {
        assert_eq!(
            page.status,
            StatusCode::SEE_OTHER,
            "tab {tab}: {}",
            page.text
        );
        assert_eq!(page.location(), format!("{ORIGIN_TEXT}/tab/{tab}"));
    }
}

#[tokio::test]
async fn a_browser_without_cookies_is_told_so_and_gets_a_fresh_form() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let form = browser
        .get("/.sidegate/sign-in?return_to=%2Fdeep")
        .await
        .form();
    browser.cookies.clear();
    let fields = [("username", USER), ("password", PASSWORD)];
    let page = browser.submit(&form, &fields).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("cookie"), "{}", page.text);
    assert!(
        !page.text.contains(USER) && !page.text.contains(PASSWORD),
        "{}",
        page.text
    );
    let done = browser.submit(&page.form(), &fields).await;
    assert_eq!(done.location(), format!("{ORIGIN_TEXT}/deep"));
}

#[tokio::test]
async fn a_form_without_its_token_or_attempt_is_refused_and_nothing_of_it_comes_back() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let form = browser.get("/.sidegate/sign-in").await.form();
    let other = bed.browser().get("/.sidegate/sign-in").await.form();
    let theirs = between(&format!("{:?}", other.hidden), "\"csrf\", \"", "\"").map(str::to_owned);
    let fields = [("username", USER), ("password", PASSWORD)];
    for bent in [
        form.with("csrf", ""),
        form.with("csrf", "AAAA"),
        form.with("csrf", &theirs.unwrap()),
        form.with("attempt", ""),
        form.with("attempt", "AAAA"),
    ] {
        let page = browser.submit(&bent, &fields).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{bent:?}");
        assert!(
            !page.text.contains(USER) && !page.text.contains(PASSWORD),
            "{}",
            page.text
        );
        assert!(
            !page.form().hidden.is_empty(),
            "no fresh form: {}",
            page.text
        );
    }
    let (mut browser, asked) = bed.asked_for_new_password().await;
    let crossed = browser.get("/.sidegate/sign-in").await.form();
    let mut wrong_form = asked.form();
    wrong_form.action = crossed.action;
    let page = browser.submit(&wrong_form, &fields).await;
    assert_eq!(
        page.status,
        StatusCode::FORBIDDEN,
        "a challenge's token let a sign-in in"
    );
}

#[tokio::test]
async fn a_proven_step_is_of_no_use_in_another_browser() {
    let bed = Bed::start().await;
    let (_, page) = bed.asked_for_new_password().await;
    let mut thief = bed.browser();
    thief.get("/.sidegate/sign-in").await;
    let fields = [
        ("new_password", NEW_PASSWORD),
        ("attribute.family_name", "Hopper"),
    ];
    let refused = thief.submit(&page.form(), &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.text.contains(NEW_USER), "{}", refused.text);
}

#[tokio::test]
async fn a_form_that_another_site_sends_gets_neither_form_nor_cookie() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let form = browser.get("/.sidegate/sign-in").await.form();
    for path in ["sign-in", "challenge", "sign-out"] {
        let mut request = browser.post(
            &format!("/.sidegate/{path}"),
            "application/x-www-form-urlencoded",
        );
        let site = request.headers_mut().unwrap();
        site.insert("sec-fetch-site", "cross-site".parse().unwrap());
        let body = form.filled(&[("username", USER), ("password", PASSWORD)]);
        let page = browser.send(request, Body::from(body)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(!page.headers.contains_key(SET_COOKIE));
        assert!(!page.text.contains("<form"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_page_that_was_open_too_long_starts_again_with_the_user_name() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let form = browser
        .get("/.sidegate/sign-in?return_to=%2Fdeep")
        .await
        .form();
    bed.clock.advance(Duration::from_secs(15 * 60 + 1));
    let fields = [("username", USER), ("password", PASSWORD)];
    let page = browser.submit(&form, &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("open for too long"), "{}", page.text);
    assert!(
        page.input("username")
            .contains(&format!("value=\"{USER}\""))
    );
    let done = browser.submit(&page.form(), &fields).await;
    assert_eq!(done.location(), format!("{ORIGIN_TEXT}/deep"));

    // A tab left open goes on at its next click when another one has signed in meanwhile.
    let late = browser.submit(&form, &fields).await;
    assert_eq!(late.location(), format!("{ORIGIN_TEXT}/deep"));
}

#[tokio::test]
async fn a_challenge_whose_session_ended_at_the_pool_starts_again_with_the_user_name() {
    let bed = Bed::start().await;
    let (mut browser, page) = bed.asked_for_new_password().await;
    bed.clock.advance(Duration::from_secs(4 * 60));
    let fields = [
        ("new_password", NEW_PASSWORD),
        ("attribute.family_name", "Hopper"),
    ];
    let page = browser.submit(&page.form(), &fields).await;
    assert_eq!(
        page.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        page.text
    );
    assert!(
        page.input("username")
            .contains(&format!("value=\"{NEW_USER}\""))
    );
    assert!(!page.input("username").contains("readonly"));
}

#[tokio::test]
async fn a_dead_pool_shows_the_form_again_and_says_when_to_retry() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let form = browser.get("/.sidegate/sign-in").await.form();
    bed.pool.stop().await.unwrap();
    let fields = [("username", USER), ("password", PASSWORD)];
    let page = browser.submit(&form, &fields).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.headers.contains_key(RETRY_AFTER));
    assert!(
        page.input("username")
            .contains(&format!("value=\"{USER}\""))
    );
    assert!(!page.text.contains("127.0.0.1"), "{}", page.text);
}

#[tokio::test]
async fn signing_out_needs_its_own_token() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    browser.sign_in().await;
    let form = browser.get("/.sidegate/sign-out").await.form();
    let page = browser.submit(&form.with("csrf", "AAAA"), &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(
        browser.get("/.sidegate/api/session").await.json()["isSignedIn"],
        true
    );
    let out = browser.submit(&page.form(), &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn head_answers_like_get_without_a_body_and_changes_nothing() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    browser.sign_in().await;
    for path in ["healthz", "signed-out", "sign-out", "api/session"] {
        let path = format!("/.sidegate/{path}");
        let get = browser.get(&path).await;
        let head = browser
            .send(browser.request(Method::HEAD, &path), Body::Empty)
            .await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "");
        assert_eq!(
            head.headers[CONTENT_LENGTH],
            get.length.to_string(),
            "{path}"
        );
    }
    assert_eq!(
        browser.get("/.sidegate/api/session").await.json()["isSignedIn"],
        true
    );
}

#[tokio::test]
async fn what_is_not_there_is_404_and_a_wrong_method_405() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let page = browser.get("/.sidegate/nothing").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(page.headers[CONTENT_TYPE], "text/html; charset=utf-8");
    let page = browser
        .send(
            browser.request(Method::PUT, "/.sidegate/sign-out"),
            Body::Empty,
        )
        .await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(page.headers[ALLOW], "GET, HEAD, POST");
    let page = browser.get("/.sidegate/challenge").await;
    assert_eq!(page.location(), format!("{ORIGIN_TEXT}/.sidegate/sign-in"));
    let program = http::Request::builder().uri("/.sidegate/nothing");
    let page = browser.send(program, Body::Empty).await;
    assert_eq!(page.headers[CONTENT_TYPE], "application/problem+json");
    let health = browser.get("/.sidegate/healthz").await;
    assert_eq!(
        (health.status, health.text.as_str()),
        (StatusCode::OK, "ok")
    );
}

#[tokio::test]
async fn a_page_names_its_files_by_their_content_and_they_may_be_kept_for_ever() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    let page = browser.get("/.sidegate/sign-in").await;
    for (start, end, kind) in [
        (
            "/.sidegate/assets/sidegate-",
            "css",
            "text/css; charset=utf-8",
        ),
        (
            "/.sidegate/assets/sidegate-",
            "js",
            "text/javascript; charset=utf-8",
        ),
    ] {
        let mut hashes = page
            .text
            .split(start)
            .skip(1)
            .filter_map(|rest| rest.split_once('.'));
        let (hash, _) = hashes.find(|(_, rest)| rest.starts_with(end)).unwrap();
        assert_eq!(hash.len(), 12, "{hash}");
        let file = browser.get(&format!("{start}{hash}.{end}")).await;
        assert_eq!(file.headers[CONTENT_TYPE], kind);
        assert_eq!(
            file.headers[CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        let other = browser.get(&format!("{start}000000000000.{end}")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_way_to_the_sign_in_page_keeps_the_deep_link_and_nothing_hostile() {
    let bed = Bed::start().await;
    for (return_to, want) in [
        ("/a?b=1&c=%2F", "?return_to=%2Fa%3Fb%3D1%26c%3D%252F"),
        ("/", ""),
        ("//evil.example", ""),
        ("/a\r\nb", ""),
    ] {
        let response = bed.sign_in.redirect(return_to);
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(
            response.headers()["location"],
            format!("{}{want}", bed.sign_in.url())
        );
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[VARY], "Cookie");
    }
    let mut browser = bed.browser();
    for hostile in [
        "%2F%2Fevil.example",
        "https%3A%2F%2Fevil.example",
        "%2F.sidegate%2Fsign-out",
        "%2Fa&return_to=%2Fb",
    ] {
        let form = browser
            .get(&format!("/.sidegate/sign-in?return_to={hostile}"))
            .await
            .form();
        let fields = [("username", USER), ("password", PASSWORD)];
        let done = browser.clone().submit(&form, &fields).await;
        assert_eq!(done.location(), format!("{ORIGIN_TEXT}/"), "{hostile}");
    }
}
