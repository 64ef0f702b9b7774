//! The binary as a person starts it.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const SIDEGATE: &str = env!("CARGO_BIN_EXE_sidegate");

/// A running `sidegate dev` on free ports.
pub(crate) struct Dev {
    pub(crate) url: String,
    users: Vec<(String, String)>,
    child: Child,
}

impl Dev {
    pub(crate) async fn start(more: &[&str]) -> Self {
        let mut child = Command::new(SIDEGATE)
            .args(["dev", "--listen", "127.0.0.1:0", "--pool-listen", "127.0.0.1:0"])
            .args(["--sample-listen", "127.0.0.1:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut url, mut users) = (String::new(), Vec::new());
        loop {
            let line = lines.next_line().await.unwrap().expect("sidegate dev ended early");
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [.., "ready:", address] = words.as_slice() {
                address.trim_end_matches('/').clone_into(&mut url);
            } else if let [user, password, ..] = words.as_slice()
                && user.contains('@')
            {
                users.push(((*user).to_owned(), (*password).to_owned()));
            } else if line.contains("Ctrl-C") {
                break;
            }
        }
        // The pipe is kept open and emptied: a full one would block the log (F-39).
        child.stdout = Some(lines.into_inner().into_inner());
        Self { url, users, child }
    }
}
