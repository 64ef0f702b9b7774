//! The outbox as a page for people and as JSON for programs.
//!
//! The page needs no script. Every text in it comes from strangers (names, addresses, a function's wording): all of it
//! is escaped, and the policy of the page lets nothing run.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Outbox, Sent};

/// What the page may do: show its own style.
pub(crate) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// `/outbox.json`: `{"messages":[…]}`, newest first.
pub(crate) fn json(outbox: &Outbox, filter: &Filter) -> Value {
    let messages: Vec<Value> = filter.messages(outbox).iter().map(Sent::json).collect();
    json!({ "messages": messages })
}

/// `/outbox`.
pub(crate) fn html(outbox: &Outbox, filter: &Filter) -> String {
    let messages = filter.messages(outbox);
    let mut page = String::from(HEAD);
    if messages.is_empty() {
        page.push_str("<p>No message yet. Codes that the pool sends by e-mail or SMS appear here, newest first.</p>\n");
    }
    for message in &messages {
        article(&mut page, message);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// `?to=` and `?user=`.
#[derive(Default)]
pub(crate) struct Filter {
    to: Option<String>,
    user: Option<String>,
}

impl Filter {
    /// The filter of a query string. Unknown members are ignored, the last of a name counts.
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let mut filter = Self::default();
        for (name, value) in query
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
        {
            match name {
                "to" => filter.to = Some(decoded(value)),
                "user" => filter.user = Some(decoded(value)),
                _ => {}
            }
        }
        filter
    }

    fn messages(&self, outbox: &Outbox) -> Vec<Sent> {
        outbox.messages(self.to.as_deref(), self.user.as_deref())
    }
}

/// Percent-decoding. A `+` stays one: phone numbers begin with it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after
            .first_chunk::<2>()
            .filter(|_| *byte == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outbox of the local pool</title>
<style>
:root { color-scheme: light dark; background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.4rem; }
article { border: 1px solid; border-radius: .5rem; padding: 1rem; margin: 1rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { font-weight: 600; }
dd { margin: 0; }
code { font-size: 1.4rem; font-weight: 700; letter-spacing: .08em; user-select: all; }
pre { white-space: pre-wrap; font: inherit; margin: .5rem 0 0; }
</style>
</head>
<body>
<main>
<h1>Outbox of the local pool</h1>
<p>A real pool would have sent these messages. Reload the page for newer ones; programs read <a href="/outbox.json">/outbox.json</a>.</p>
"#;

fn article(page: &mut String, message: &Sent) {
    let rows = [
        ("To", message.contact.address.as_str()),
        ("User", message.username.as_str()),
        ("Pool", message.pool.as_str()),
        ("Why", message.purpose.name()),
    ];
    let _written = write!(
        page,
        "<article>\n<h2>{}, {}</h2>\n<p><code>{}</code></p>\n<dl>\n",
        message.contact.medium.name(),
        clock(message.time),
        escaped(&message.code),
    );
    for (name, value) in rows.into_iter().chain(
        message
            .subject
            .as_deref()
            .map(|subject| ("Subject", subject)),
    ) {
        let _written = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    }
    let _written = writeln!(
        page,
        "</dl>\n<pre>{}</pre>\n</article>",
        escaped(&message.text)
    );
}

/// The time of day in UTC: `04:05:06 UTC`.
fn clock(time: Duration) -> String {
    let second = time.as_secs() % 86_400;
    format!(
        "{:02}:{:02}:{:02} UTC",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_a_plus_stays_a_plus() {
        let filter = Filter::of_query(Some("x=1&to=a%2Bb%40example.com&user=+1%zz%"));
        assert_eq!(filter.to.as_deref(), Some("a+b@example.com"));
        assert_eq!(filter.user.as_deref(), Some("+1%zz%"));
        assert!(Filter::of_query(None).to.is_none());
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(
            escaped(r#"<img src=x onerror="a('b')">&"#),
            "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;"
        );
    }
}
