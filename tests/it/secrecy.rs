//! What never leaves the gate's process, shown on the wire to the pool and in the log.

use crate::bed::{PASSWORD, TestBed, USER};

/// USER_SRP_AUTH's promise, read off every byte between the gate and the pool.
#[tokio::test]
async fn under_srp_the_password_never_leaves_the_gate() {
    let bed = TestBed::default().start().await;
    bed.browser().sign_in("/", USER, PASSWORD).await.expect(303);
    bed.browser()
        .sign_in("/", USER, "a-wrong-Pass-2!")
        .await
        .expect(401);
    assert!(bed.wire.carried("SRP_A") && bed.wire.carried("PASSWORD_CLAIM_SIGNATURE"));
    for password in [PASSWORD, "a-wrong-Pass-2!"] {
        assert!(
            !bed.wire.carried(password),
            "{} bytes on the wire",
            bed.wire.len()
        );
    }
    bed.stop().await;
}

/// The same look at USER_PASSWORD_AUTH finds it: the tap works.
#[tokio::test]
async fn under_password_auth_the_password_goes_to_the_pool() {
    let bed = TestBed::default().flow("USER_PASSWORD_AUTH").start().await;
    bed.browser().sign_in("/", USER, PASSWORD).await.expect(303);
    assert!(bed.wire.carried(PASSWORD));
    bed.stop().await;
}
