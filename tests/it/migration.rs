//! A user who exists only in the legacy directory moves over at their first sign-in.

use std::path::PathBuf;

use crate::bed::TestBed;

const LEGACY_USER: &str = "lena@example.com";
const LEGACY_PASSWORD: &str = "old";

/// A trigger as an operator would write it: reads the event, answers for one user, and counts its calls.
fn trigger(folder: &std::path::Path) -> PathBuf {
    let calls = folder.join("calls");
    let script = folder.join("migrate.py");
    std::fs::write(
        &script,
        format!(
            r#"
import json, sys
event = json.load(sys.stdin)
open({calls:?}, "a").write(event["triggerSource"] + "\n")
if event["userName"] != "{LEGACY_USER}" or event["request"]["password"] != "{LEGACY_PASSWORD}":
    sys.exit("no such legacy user")
event["response"] = {{
    "userAttributes": {{"email": event["userName"], "email_verified": "true", "given_name": "Lena"}},
    "finalUserStatus": "CONFIRMED",
    "messageAction": "SUPPRESS",
}}
json.dump(event, sys.stdout)
"#
        ),
    )
    .unwrap();
    script
}

#[tokio::test]
async fn a_legacy_user_signs_in_once_through_the_trigger_and_then_without_it() {
    let bed = TestBed::default()
        .flow("USER_PASSWORD_AUTH")
        .trigger("user_migration", trigger)
        .start()
        .await;
    let calls = || std::fs::read_to_string(bed.folder().join("calls")).unwrap_or_default();
    let wrong = bed
        .browser()
        .sign_in("/", LEGACY_USER, "not-the-one")
        .await
        .expect(401);
    assert!(
        !wrong.body.contains("legacy"),
        "the trigger's words stay inside: {}",
        wrong.body
    );
    assert_eq!(calls().lines().count(), 1);

    let mut browser = bed.browser();
    browser
        .sign_in("/", LEGACY_USER, LEGACY_PASSWORD)
        .await
        .expect(303);
    browser.get("/x").await.expect(200);
    assert_eq!(
        bed.upstream.last().header("x-forwarded-email"),
        Some(LEGACY_USER)
    );
    assert_eq!(calls(), "UserMigration_Authentication\n".repeat(2));

    bed.browser()
        .sign_in("/", LEGACY_USER, LEGACY_PASSWORD)
        .await
        .expect(303);
    assert_eq!(
        calls().lines().count(),
        2,
        "the second sign-in asks the legacy directory no more"
    );
    bed.stop().await;
}

/// Pitfall of every migration: SRP never runs the trigger.
#[tokio::test]
async fn under_srp_the_trigger_is_never_asked() {
    let bed = TestBed::default()
        .trigger("user_migration", trigger)
        .start()
        .await;
    bed.browser()
        .sign_in("/", LEGACY_USER, LEGACY_PASSWORD)
        .await
        .expect(401);
    assert!(!bed.folder().join("calls").exists());
    bed.stop().await;
}
