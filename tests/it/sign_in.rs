//! Signing in and out through the pages.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use http::{Method, header};
use http_body_util::Full;
use sidegate::run::Running;

use crate::bed::{NEW_USER, PASSWORD, TEMPORARY, TestBed, USER};
use crate::browser::Browser;

#[tokio::test]
async fn a_user_signs_in_and_reaches_the_page_they_asked_for() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let answer = browser
        .sign_in("/reports?year=2026&q=a%20b", USER, PASSWORD)
        .await
        .expect(303);
    assert_eq!(answer.location(), "/reports?year=2026&q=a%20b");
    let page = browser.get(&answer.location()).await.expect(200);
    assert_eq!(
        page.body,
        "hello from the app at /reports?year=2026&q=a%20b"
    );
    let seen = bed.upstream.last();
    assert_eq!(seen.header("x-forwarded-email"), Some(USER));
    assert_eq!(seen.header("x-forwarded-groups"), Some("admins,developers"));
    assert!(
        seen.header("x-sidegate-sub")
            .is_some_and(|sub| !sub.is_empty())
    );
    assert_eq!(
        seen.header("cookie"),
        None,
        "sidegate's own cookies stay with sidegate"
    );
    assert_eq!(seen.header("x-forwarded-host"), Some("localhost:4280"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    bed.stop().await;
}

///
#[tokio::test]
async fn the_session_cookie_is_opaque_and_out_of_reach_of_scripts() {
    let bed = TestBed::default().start().await;
    let answer = bed.browser().sign_in("/", USER, PASSWORD).await.expect(303);
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap())
        .collect();
    let session = cookies
        .iter()
        .find(|line| !line.contains("browser"))
        .expect("no session cookie");
    let (pair, attributes) = session.split_once("; ").unwrap();
    let value = pair.split_once('=').unwrap().1;
    assert_eq!(value.len(), 43, "256 bits in base64url: {value}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(attribute), "{attributes}");
    }
    assert!(!attributes.contains("Domain"));
    assert_eq!(answer.header("cache-control"), "no-store");
    bed.stop().await;
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_says_what_to_do() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let page = browser
        .sign_in("/deep?a=1", USER, "not the password")
        .await
        .expect(401);
    let form = page.form();
    assert_eq!(form.fields["username"], USER);
    assert_eq!(form.fields["password"], "");
    assert!(page.body.contains("role=\"alert\""), "{}", page.body);
    assert!(!page.body.contains("not the password"));
    let answer = browser
        .submit(&form.with("password", PASSWORD))
        .await
        .expect(303);
    assert_eq!(answer.location(), "/deep?a=1");
    bed.stop().await;
}

/// same status, same words, same size.
#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_alike() {
    let bed = TestBed::default().start().await;
    let known = bed.browser().sign_in("/", USER, "wrong-Pass-1!").await;
    let unknown = bed
        .browser()
        .sign_in("/", "eve@example.com", "wrong-Pass-1!")
        .await;
    assert_eq!(known.status, unknown.status);
    let plain = |page: &crate::browser::Page, user: &str| {
        let form = page.form();
        let mut text = page.body.replace(user, "USER");
        for name in ["attempt", "csrf"] {
            text = text.replace(&form.fields[name], "SEALED");
        }
        text.replace(page.header("x-request-id"), "ID")
    };
    assert_eq!(plain(&known, USER), plain(&unknown, "eve@example.com"));
    bed.stop().await;
}

#[tokio::test]
async fn a_temporary_password_leads_through_the_new_password_page() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let page = browser
        .sign_in("/welcome", NEW_USER, TEMPORARY)
        .await
        .expect(200);
    assert!(
        page.body.contains("autocomplete=\"new-password\""),
        "{}",
        page.body
    );
    let attribute = page
        .form()
        .fields
        .keys()
        .find(|name| name.contains("given_name"))
        .cloned();
    let attribute = attribute.expect("the missing attribute is not asked for");
    let form = page.form().with("new_password", "Fresh-Horse-11!");

    let again = browser.submit(&form).await.expect(422);
    assert!(again.body.contains("role=\"alert\""), "{}", again.body);
    let form = again
        .form()
        .with("new_password", "short")
        .with(&attribute, "Nova");
    let again = browser.submit(&form).await;
    assert_eq!(again.status.as_u16(), 422, "{}", again.body);
    let form = again
        .form()
        .with("new_password", "Fresh-Horse-11!")
        .with(&attribute, "Nova");
    let answer = browser.submit(&form).await.expect(303);
    assert_eq!(answer.location(), "/welcome");
    browser.get("/welcome").await.expect(200);

    bed.browser()
        .sign_in("/", NEW_USER, "Fresh-Horse-11!")
        .await
        .expect(303);
    bed.stop().await;
}

#[tokio::test]
async fn a_page_that_was_open_too_long_starts_again_with_its_destination_and_name() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let form = browser
        .open("/deep?a=1")
        .await
        .form()
        .with("username", USER);
    bed.clock.advance(Duration::from_secs(16 * 60));
    let page = browser.submit(&form.with("password", PASSWORD)).await;
    assert!(page.status.is_client_error(), "{}", page.status);
    assert!(page.body.contains("role=\"status\""), "{}", page.body);
    assert_eq!(page.form().fields["username"], USER);
    let answer = browser
        .submit(&page.form().with("password", PASSWORD))
        .await
        .expect(303);
    assert_eq!(answer.location(), "/deep?a=1");
    bed.stop().await;
}

#[tokio::test]
async fn a_challenge_that_was_open_too_long_starts_again() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let page = browser
        .sign_in("/welcome", NEW_USER, TEMPORARY)
        .await
        .expect(200);
    // AuthSessionValidity of the client is 3 minutes.
    bed.clock.advance(Duration::from_secs(4 * 60));
    let form = page.form().with_new_password("Fresh-Horse-11!");
    let page = browser.submit(&form).await;
    assert!(page.status.is_client_error(), "{}", page.status);
    assert!(page.body.contains("role=\"status\""), "{}", page.body);
    assert_eq!(page.form().fields["username"], NEW_USER);
    bed.stop().await;
}

/// a new id at every sign-in, and the old one is dead.
#[tokio::test]
async fn signing_in_again_makes_a_new_session_and_ends_the_old_one() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let (one, other) = (
        browser.open("/").await.form(),
        browser.open("/").await.form(),
    );
    browser
        .submit(&one.with("username", USER).with("password", PASSWORD))
        .await
        .expect(303);
    let old = browser.clone();
    browser
        .submit(&other.with("username", USER).with("password", PASSWORD))
        .await
        .expect(303);
    assert_ne!(old.jar, browser.jar);
    browser.get("/x").await.expect(200);
    old.clone().get("/x").await.expect(302);
    bed.stop().await;
}

#[tokio::test]
async fn signing_out_takes_a_button_and_ends_the_session_here_and_at_the_pool() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let page = browser.get("/.sidegate/sign-out").await.expect(200);
    browser.get("/x").await.expect(200);
    let kept = browser.clone();
    let answer = browser.submit(&page.form()).await.expect(303);
    let page = browser.get(&answer.location()).await.expect(200);
    assert!(page.body.contains("sign-in"), "{}", page.body);
    browser.get("/x").await.expect(302);
    kept.clone().get("/x").await.expect(302);
    bed.until_revoked(1).await;
    bed.stop().await;
}

/// R-24 … R-27: each part of the proof of origin is needed.
#[tokio::test]
async fn a_forged_form_is_refused_and_nobody_is_signed_in() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let form = browser
        .open("/")
        .await
        .form()
        .with("username", USER)
        .with("password", PASSWORD);
    let other = bed.browser().open("/").await.form();

    let post = |browser: &Browser| {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        let request = http::Request::post(&form.action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "text/html");
        (browser.clone(), request, body)
    };
    let cases: &[&[(&str, &str)]] = &[
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://localhost:4280"),
        ],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ];
    for headers in cases {
        let (mut browser, mut request, body) = post(&browser);
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let answer = browser
            .send(request.body(Full::from(body)).unwrap())
            .await
            .expect(403);
        assert!(!answer.body.contains(PASSWORD), "{headers:?}");
    }
    for form in [
        form.clone().without("csrf"),
        form.clone().without("attempt"),
        form.clone().with("csrf", "x"),
        form.clone().with("attempt", "x"),
    ] {
        let answer = browser.submit(&form).await.expect(403);
        assert!(!answer.body.contains(PASSWORD));
    }
    // Another browser's form, without that browser's cookie.
    let mut empty = bed.browser();
    empty
        .submit(&other.with("username", USER).with("password", PASSWORD))
        .await
        .expect(403);
    // The form itself was good.
    browser.submit(&form).await.expect(303);
    bed.stop().await;
}

///
#[tokio::test]
async fn nobody_is_sent_to_another_site_after_sign_in() {
    let bed = TestBed::default().start().await;
    for target in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/.sidegate/sign-out",
        "javascript:alert(1)",
        "http://localhost:4280.evil.example/",
    ] {
        let mut browser = bed.browser();
        let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let page = browser
            .get(&format!("/.sidegate/sign-in?return_to={target}"))
            .await
            .expect(200);
        let form = page
            .form()
            .with("username", USER)
            .with("password", PASSWORD);
        let answer = browser.submit(&form).await.expect(303);
        let location = answer.header("location");
        let url = url::Url::parse(location).unwrap_or_else(|_| panic!("not absolute: {location}"));
        assert_eq!(
            url.origin().ascii_serialization(),
            crate::bed::ORIGIN,
            "{target}"
        );
        assert!(!url.path().starts_with("/.sidegate/sign-out"), "{target}");
    }
    bed.stop().await;
}

///
#[tokio::test]
async fn every_own_answer_carries_the_page_headers() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    for path in [
        "/.sidegate/sign-in",
        "/.sidegate/signed-out",
        "/.sidegate/nothing",
        "/.sidegate/sign-out",
    ] {
        let page = browser.get(path).await;
        let policy = page.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(page.header(name), value, "{path}");
        }
    }
    let request = browser
        .request(Method::HEAD, "/.sidegate/sign-in")
        .body(Full::default())
        .unwrap();
    let head = browser.send(request).await.expect(200);
    assert!(head.body.is_empty());
    bed.stop().await;
}

/// R-81, F-01: the pool is gone; the page says so, and a session that is there goes on.
#[tokio::test]
async fn a_dead_pool_shows_a_page_and_ends_no_session() {
    let mut bed = TestBed::default().start().await;
    let mut signed_in = bed.browser();
    signed_in.sign_in("/", USER, PASSWORD).await.expect(303);
    bed.kill_pool().await;
    let page = bed.browser().sign_in("/", USER, PASSWORD).await.expect(503);
    assert!(page.body.contains("role=\"alert\""), "{}", page.body);
    assert!(!page.header("retry-after").is_empty());
    signed_in.get("/x").await.expect(200);
    bed.stop().await;
}

/// F-32: with a session 502 and a page; without one, still the sign-in page.
#[tokio::test]
async fn a_dead_upstream_shows_a_page_to_those_who_are_signed_in_only() {
    let bed = TestBed::default().dead_upstream().start().await;
    let mut browser = bed.browser();
    browser.get("/x").await.expect(302);
    browser.sign_in("/x", USER, PASSWORD).await.expect(303);
    let page = browser.get("/x").await.expect(502);
    assert!(
        page.body.contains("<h1") && page.body.contains(page.header("x-request-id")),
        "{}",
        page.body
    );
    let problem = browser.fetch(Method::GET, "/x", None).await.expect(502);
    assert_eq!(problem.json()["code"], "upstream_unreachable");
    bed.stop().await;
}

/// Not signed in, on a public path: nobody may tell this person that they are.
#[tokio::test]
async fn a_stranger_on_a_public_path_of_a_dead_upstream_is_not_called_signed_in() {
    let bed = TestBed::default()
        .config("[[gate.public]]\npath = \"/open\"\n")
        .dead_upstream()
        .start()
        .await;
    let page = bed.browser().get("/open").await.expect(502);
    assert!(page.body.contains("<h1"), "{}", page.body);
    assert!(!page.body.contains("You are signed in"), "{}", page.body);
    bed.stop().await;
}

/// The other process may as well be this one after a restart.
#[tokio::test]
async fn a_form_of_one_process_is_good_at_another_with_the_same_key_file() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("master.key");
    let key: Vec<u8> = (100..=255).collect();
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let bed = TestBed::default()
        .config(&format!("[session]\nkey_files = [{file:?}]\n"))
        .start()
        .await;
    let other = Running::start(bed.config.clone(), bed.clock.clone())
        .await
        .unwrap();
    let mut browser = bed.browser();
    let form = browser.open("/welcome").await.form();
    let mut moved = Browser::new(other.address());
    moved.jar = browser.jar;
    let answer = moved
        .submit(&form.with("username", USER).with("password", PASSWORD))
        .await
        .expect(303);
    assert!(answer.location().ends_with("/welcome"));
    other.stop().await.unwrap();
    bed.stop().await;
}

/// Every call carries the right SECRET_HASH, and a renewal the secret itself.
#[tokio::test]
async fn an_app_client_with_a_secret_works_from_sign_in_to_sign_out() {
    let bed = TestBed::default().with_client_secret().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let mut new = bed.browser();
    new.sign_in("/", NEW_USER, TEMPORARY).await.expect(200);
    bed.clock.advance(Duration::from_secs(29 * 60));
    browser.get("/x").await.expect(200);
    bed.clock.advance(Duration::from_secs(29 * 60));
    browser.get("/x").await.expect(200);
    bed.until(|| bed.wire.carried("GetTokensFromRefreshToken"))
        .await;
    bed.clock.advance(Duration::from_secs(5 * 60));
    browser.get("/x").await.expect(200);
    let form = browser.get("/.sidegate/sign-out").await.form();
    browser.submit(&form).await.expect(303);
    bed.until_revoked(1).await;
    bed.stop().await;
}
