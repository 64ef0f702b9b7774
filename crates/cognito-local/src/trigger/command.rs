//! Runs a trigger that is a command: the event on stdin, the filled-in event on stdout.
//!
//! The command is not given to a shell. It is killed when its caller stops waiting. What it writes beyond 1 MiB is
//! not read.

use std::process::Stdio;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{LONGEST_ANSWER, TriggerError};

/// One run; gives back what the command wrote. The caller limits the time by dropping the future.
pub(super) async fn run(command: &[String], event: &[u8]) -> Result<Bytes, TriggerError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| TriggerError::Unavailable("the command is empty".to_owned()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| TriggerError::Unavailable(format!("{program}: {error}")))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A command may answer without reading the event: that it closed the pipe is no error.
            let _closed = stdin.write_all(event).await;
        }
    };
    // All three at once: a full pipe in one direction must not stop the others.
    let ((), stdout, stderr) = tokio::join!(write, read(stdout), read(stderr));
    let status = child
        .wait()
        .await
        .map_err(|error| TriggerError::Unavailable(error.to_string()))?;
    if status.success() {
        return Ok(Bytes::from(stdout));
    }
    if status.code().is_none() {
        return Err(TriggerError::Unavailable(format!(
            "the command ended by a signal ({status})"
        )));
    }
    let stderr = String::from_utf8_lossy(&stderr);
    let message = stderr
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("the command failed");
    Err(TriggerError::Thrown(message.to_owned()))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What could be read is what counts; a broken pipe shows in the exit status.
        let _cut = (&mut pipe)
            .take(LONGEST_ANSWER as u64)
            .read_to_end(&mut bytes)
            .await;
        let _rest = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    bytes
}
