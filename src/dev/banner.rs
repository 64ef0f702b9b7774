//! What `sidegate dev` and `sidegate pool` print when they are ready: where to go and as whom.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use cognito_flow::FlowKind;
use cognito_local::{LocalPool, PoolSummary};
use url::Url;

use crate::run::Running;

/// Cognito's status of a user who has a temporary password.
const TEMPORARY: &str = "FORCE_CHANGE_PASSWORD";

/// The gate's address, the users with their passwords, and the pieces behind it.
pub(super) fn dev(
    gate: &Running,
    pool: &LocalPool,
    summary: &PoolSummary,
    flow: FlowKind,
    legacy: &[(&str, &str, &str)],
    upstream: &Url,
) -> io::Result<()> {
    let mut text = String::new();
    let _ = writeln!(text, "\n  sidegate dev is ready:  {}/\n", gate.origin());
    users(&mut text, summary);
    if flow == FlowKind::CustomWithoutSrp {
        text.push_str("  This flow asks for no password.\n\n");
    }
    if !legacy.is_empty() {
        text.push_str("  Still in the old directory, and taken over when they sign in:\n");
        for (name, password, _) in legacy {
            let _ = writeln!(text, "  {name}  {password}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "  application  {upstream}");
    let _ = writeln!(
        text,
        "  user pool    {}  (made up, for this machine only)",
        pool.url()
    );
    let _ = writeln!(
        text,
        "  outbox       {}/outbox  (codes by e-mail and SMS)",
        pool.url()
    );
    let _ = writeln!(text, "  Ctrl-C stops it.\n");
    print(&text)
}

/// What an SDK needs to use the pool as a Cognito.
pub(super) fn pool(pool: &LocalPool) -> io::Result<()> {
    let mut text = String::new();
    let _ = writeln!(text, "\n  The local user pool is ready:  {}\n", pool.url());
    let mut example = "POOL".to_owned();
    for summary in pool.pools() {
        let _ = writeln!(text, "  pool    {}  ({})", summary.id, summary.name);
        let _ = writeln!(text, "  issuer  {}", summary.issuer);
        for client in &summary.clients {
            let _ = write!(text, "  client  {}  ({})", client.id, client.name);
            match &client.secret {
                Some(secret) => writeln!(text, "  secret {secret}"),
                None => writeln!(text, "  no secret"),
            }
            .ok();
        }
        let _ = writeln!(text);
        users(&mut text, &summary);
        example = summary.id;
    }
    let _ = writeln!(
        text,
        "  Codes by e-mail and SMS are read at {}/outbox\n",
        pool.url()
    );
    let _ = writeln!(
        text,
        "  Point an SDK at it with endpoint {} and any region and credentials, e.g.\n  \
         aws cognito-idp list-users --user-pool-id {example} --endpoint-url {} --region local --no-sign-request\n  \
         Ctrl-C stops it.\n",
        pool.url(),
        pool.url()
    );
    print(&text)
}

fn users(text: &mut String, summary: &PoolSummary) {
    let width = summary
        .users
        .iter()
        .map(|user| user.username.len())
        .max()
        .unwrap_or(0);
    for user in &summary.users {
        let password = user.password.as_deref().unwrap_or("(set earlier)");
        let _ = write!(text, "  {:width$}  {password}", user.username);
        if user.status == TEMPORARY && user.password.is_some() {
            text.push_str("  temporary: the first sign-in asks for a new one");
        }
        if !user.groups.is_empty() {
            let _ = write!(text, "  groups {}", user.groups.join(", "));
        }
        let _ = writeln!(text);
    }
    let _ = writeln!(text);
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
