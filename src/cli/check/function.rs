//! Calling a pool's trigger as the pool does: a Lambda Invoke URL, or a command.
//!
//! One whole event goes in and comes back with `response` filled in (Lambda Invoke API; a command reads
//! standard input and writes standard output). The events hold nothing of a person. Nothing is called twice.

use std::fmt;
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use url::Url;

use crate::cognito::Transport;

/// Cognito waits so long for one call of a function.
const LIMIT: Duration = Duration::from_secs(5);

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// The most that is shown of what a function threw, in characters.
const LONGEST_TEXT: usize = 200;

/// A trigger of custom authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Define,
    Create,
    Verify,
}

/// `define=http://127.0.0.1:3001/2015-03-31/functions/Define/invocations`: which trigger, and how it is called.
#[derive(Clone, Debug)]
pub(in crate::cli) struct GivenTrigger {
    pub(super) kind: Kind,
    pub(super) function: Function,
}

/// How a function is called.
#[derive(Clone, Debug)]
pub(super) enum Function {
    Url(Url),
    /// A program and its arguments, without a shell.
    Command(Vec<String>),
}

/// Why a text is no trigger.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}; write define=, create= or verify= and a Lambda Invoke URL or a command: define=http://127.0.0.1:3001/2015-03-31/functions/Define/invocations, define=\"node define.js\", or with arguments that hold spaces define='[\"node\", \"my define.js\"]'"
)]
pub(in crate::cli) struct NoTrigger(&'static str);

/// Why a function gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The function's own error text, fit for a terminal.
    #[error("it threw: {0}")]
    Thrown(String),
    #[error("it cannot be called: {0}")]
    Unavailable(String),
    #[error("it did not answer within {} s", LIMIT.as_secs())]
    TimedOut,
    #[error("its answer is not the whole event with a response")]
    NoResponse,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Define, Self::Create, Self::Verify];

    /// The name in LambdaConfig, and in `triggerSource` before `_Authentication`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Define => "DefineAuthChallenge",
            Self::Create => "CreateAuthChallenge",
            Self::Verify => "VerifyAuthChallengeResponse",
        }
    }

    /// The name in a finding.
    pub(super) const fn check(self) -> &'static str {
        match self {
            Self::Define => "define-auth-challenge",
            Self::Create => "create-auth-challenge",
            Self::Verify => "verify-auth-challenge-response",
        }
    }

    /// The name on the command line.
    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::Define => "define",
            Self::Create => "create",
            Self::Verify => "verify",
        }
    }
}

impl FromStr for GivenTrigger {
    type Err = NoTrigger;

    fn from_str(text: &str) -> Result<Self, NoTrigger> {
        let (name, function) = text.split_once('=').ok_or(NoTrigger("there is no ="))?;
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.short() == name)
            .ok_or(NoTrigger("there is no such trigger"))?;
        Ok(Self {
            kind,
            function: Function::read(function)?,
        })
    }
}

impl Function {
    pub(super) fn read(text: &str) -> Result<Self, NoTrigger> {
        let text = text.trim();
        if text.starts_with("http://") || text.starts_with("https://") {
            let url = text.parse().map_err(|_| NoTrigger("this is not a URL"))?;
            return Ok(Self::Url(url));
        }
        let words: Vec<String> = if text.starts_with('[') {
            serde_json::from_str(text).map_err(|_| NoTrigger("this is not a JSON list of texts"))?
        } else {
            text.split_whitespace().map(str::to_owned).collect()
        };
        if words.is_empty() {
            return Err(NoTrigger("the command is empty"));
        }
        Ok(Self::Command(words))
    }

    /// Calls it once; the `response` of its answer.
    ///
    /// # Errors
    /// [`CallError`]
    pub(super) async fn call(&self, event: &Value) -> Result<Map<String, Value>, CallError> {
        let event = event.to_string();
        let answer = async {
            match self {
                Self::Url(url) => invoke(url, event).await,
                Self::Command(words) => run(words, event.as_bytes()).await,
            }
        };
        let answer = tokio::time::timeout(LIMIT, answer).await;
        response_of(&answer.map_err(|_| CallError::TimedOut)??)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Command(words) => f.write_str(&words.join(" ")),
        }
    }
}

/// An emulator reports an error in the body alone; the service, and others, by a header too.
fn response_of(answer: &[u8]) -> Result<Map<String, Value>, CallError> {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Err(CallError::NoResponse);
    };
    match (answer.get("response"), answer.get("errorMessage")) {
        (Some(Value::Object(response)), _) => Ok(response.clone()),
        (None, Some(message)) => Err(thrown(message.as_str().unwrap_or_default())),
        _ => Err(CallError::NoResponse),
    }
}

async fn invoke(url: &Url, event: String) -> Result<Bytes, CallError> {
    let unavailable = |error: &dyn fmt::Display| CallError::Unavailable(error.to_string());
    let transport = Transport::new(&[url], None).map_err(|error| unavailable(&error))?;
    let (head, body) = transport
        .post(url, event.into(), LONGEST_ANSWER)
        .await
        .map_err(|error| unavailable(&error))?;
    if !head.status.is_success() {
        let what = format!("{url} answered {}", head.status);
        return Err(CallError::Unavailable(what));
    }
    if head.headers.contains_key("x-amz-function-error") {
        let error: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = error.get("errorMessage").and_then(Value::as_str);
        return Err(thrown(message.unwrap_or("the function failed")));
    }
    Ok(body)
}

/// The command is not given to a shell, and is killed when it takes too long.
async fn run(words: &[String], event: &[u8]) -> Result<Bytes, CallError> {
    let unavailable = |error: std::io::Error| CallError::Unavailable(error.to_string());
    let (program, arguments) = words.split_first().ok_or(CallError::NoResponse)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| CallError::Unavailable(format!("{program}: {error}")))?;
    let (stdin, stdout, stderr) = pipes(&mut child);
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A command may answer without reading the event: that it closed the pipe is no error.
            let _closed = stdin.write_all(event).await;
        }
    };
    // All at once: a full pipe in one direction must not stop the others.
    let ((), stdout, stderr) = tokio::join!(write, read(stdout), read(stderr));
    let status = child.wait().await.map_err(unavailable)?;
    match status.code() {
        Some(0) => Ok(Bytes::from(stdout)),
        Some(_) => {
            let stderr = String::from_utf8_lossy(&stderr);
            let last = stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
            Err(thrown(last.unwrap_or("the command failed")))
        }
        None => Err(CallError::Unavailable(format!("{program}: {status}"))),
    }
}

fn pipes(
    child: &mut Child,
) -> (
    Option<tokio::process::ChildStdin>,
    Option<tokio::process::ChildStdout>,
    Option<tokio::process::ChildStderr>,
) {
    (child.stdin.take(), child.stdout.take(), child.stderr.take())
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What could be read is what counts; a broken pipe shows in the exit status.
        let limit = LONGEST_ANSWER as u64;
        let _cut = (&mut pipe).take(limit).read_to_end(&mut bytes).await;
        let _rest = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    bytes
}

/// What a function threw goes to a terminal: no control characters, not too long.
fn thrown(message: &str) -> CallError {
    let printable = message.chars().filter(|c| !c.is_control());
    CallError::Thrown(printable.take(LONGEST_TEXT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_a_url_or_a_command_and_else_is_told_with_an_example() {
        let read = |text: &str| text.parse::<GivenTrigger>();
        let shown = |text: &str| {
            let given = read(text).unwrap();
            (given.kind, given.function.to_string())
        };
        assert_eq!(
            shown("define=http://127.0.0.1:3001/x?a=b"),
            (Kind::Define, "http://127.0.0.1:3001/x?a=b".to_owned())
        );
        let Function::Command(words) = read("verify= node  verify.js ").unwrap().function else {
            panic!("a command");
        };
        assert_eq!(words, ["node", "verify.js"]);
        let Function::Command(words) = read(r#"create=["node", "a b.js"]"#).unwrap().function
        else {
            panic!("a command");
        };
        assert_eq!(words, ["node", "a b.js"]);
        for wrong in [
            "define",
            "pre_sign_up=x",
            "define=",
            "define=[1]",
            "define=http://[",
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(
                error.contains("define=\"node define.js\""),
                "{wrong}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn a_command_answers_throws_or_cannot_be_called() {
        let call = async |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            let event = serde_json::json!({"response": {"a": 1}});
            Function::Command(words).call(&event).await
        };
        assert_eq!(call(&["cat"]).await.unwrap().len(), 1);
        let told = async |words: &[&str]| call(words).await.unwrap_err().to_string();
        assert_eq!(
            told(&["sh", "-c", "echo 'not\u{1b}[31m today' >&2; exit 3"]).await,
            "it threw: not[31m today"
        );
        assert_eq!(
            told(&["echo", r#"{"errorMessage": "no"}"#]).await,
            "it threw: no"
        );
        for words in [&["echo", "{}"][..], &["true"]] {
            assert_eq!(
                told(words).await,
                "its answer is not the whole event with a response"
            );
        }
        assert!(
            told(&["/nowhere"])
                .await
                .starts_with("it cannot be called: /nowhere")
        );
    }
}
