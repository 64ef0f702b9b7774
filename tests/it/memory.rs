//! What 10,000 sessions cost in memory, measured in a process of its own.

use std::sync::Arc;

use cognito_flow::{Credentials, Secret};
use http::HeaderMap;
use sidegate::cognito::{Progress, RefreshGrant, SignedIn, UserPool};
use sidegate::identity::{Claims, IdentityHeaders};
use sidegate::keys::Keys;
use sidegate::session::Sessions;
use tokio_util::task::TaskTracker;

use crate::bed::{PASSWORD, TestBed, USER};

const CHILD: &str = "SIDEGATE_MEMORY_CHILD";
const SESSIONS: usize = 10_000;
const LIMIT: usize = 3 * 1024;

/// The other tests of this binary would blur the figure, so the test runs itself again, alone.
#[test]
fn ten_thousand_sessions_stay_under_three_kibibytes_each() {
    if std::env::var_os(CHILD).is_some() {
        let bytes = tokio::runtime::Runtime::new().unwrap().block_on(measure());
        println!("{bytes} bytes a session");
        assert!(bytes < LIMIT, "{bytes} bytes a session");
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory::ten_thousand_sessions_stay_under_three_kibibytes_each",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("bytes a session"),
        "{text}"
    );
}

/// Signs one user in for real, then begins sessions with tokens of that very size.
async fn measure() -> usize {
    let bed = TestBed::default().start().await;
    let pool = Arc::new(UserPool::new(bed.config.cognito.clone(), bed.clock.clone()).unwrap());
    let credentials = Credentials {
        username: USER.to_owned(),
        password: Some(Secret::new(PASSWORD.to_owned())),
        preferred: None,
        session: None,
    };
    let Progress::SignedIn(real) = pool.begin(credentials, &mut None).await.unwrap() else {
        panic!("asked more")
    };
    let sessions = Sessions::new(
        bed.config.session.clone(),
        &crate::bed::ORIGIN.parse().unwrap(),
        IdentityHeaders::default(),
        &Keys::generate().unwrap(),
        pool,
        bed.clock.clone(),
        TaskTracker::new(),
    );
    let no_cookie = HeaderMap::new();
    for user in 0..100 {
        sessions
            .begin(another(&real, user), &no_cookie)
            .await
            .unwrap();
    }
    let before = resident_bytes();
    for user in 100..100 + SESSIONS {
        sessions
            .begin(another(&real, user), &no_cookie)
            .await
            .unwrap();
    }
    let bytes = (resident_bytes() - before) / SESSIONS;
    bed.stop().await;
    bytes
}

/// The same sign-in of another user: nothing may be shared between sessions.
fn another(real: &SignedIn, user: usize) -> SignedIn {
    let subject = format!("{user:036}");
    let kept = [
        "given_name",
        "email",
        "email_verified",
        "cognito:groups",
        "auth_time",
    ];
    let mut claims: serde_json::Map<String, serde_json::Value> = kept
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), real.claims.find(name)?.clone())))
        .collect();
    for name in ["sub", "cognito:username"] {
        claims.insert(name.to_owned(), subject.as_str().into());
    }
    let claims = Claims::verified(claims);
    let mut token = real.grant.refresh_token.expose().clone();
    token.replace_range(..subject.len(), &subject);
    let grant = RefreshGrant {
        refresh_token: Secret::new(token),
        username: subject.clone(),
        subject,
        device_key: None,
    };
    SignedIn {
        claims,
        grant,
        access_token: real.access_token.clone(),
        new_device: None,
        issued_at: real.issued_at,
        expires_at: real.expires_at,
        auth_time: real.auth_time,
    }
}

/// Resident set of this process, from the kernel (proc(5), statm), in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
