//! The two settings that are tables of the operator's own: `[[gate.public]]` and `[identity.headers]`.
//!
//! Each wrong row is told at its own line. What a public path may look like is the gate's to say.

use config::ValueKind;
use http::HeaderName;

use super::nearest::nearest;
use super::reader::Reader;
use crate::gate::PublicRule;
use crate::identity::IdentityHeaders;

/// What needs no session (R-53 … R-57).
pub(super) fn public_rules(read: &mut Reader) -> Option<Vec<PublicRule>> {
    const KEY: &str = "gate.public";
    const FORM: &str = r#"write [[gate.public]], and under it path = "/assets/""#;
    let Some(value) = read.raw(KEY) else {
        return Some(Vec::new());
    };
    let ValueKind::Array(tables) = &value.kind else {
        read.refuse(KEY, format!("this is not a list of tables; {FORM}"));
        return None;
    };
    let mut rules = Vec::new();
    let mut problems = Vec::new();
    for table in tables {
        let origin = table.origin().map(str::to_owned);
        match public_rule(table) {
            Ok(rule) => rules.push(rule),
            Err(texts) => problems.extend(texts.into_iter().map(|text| (origin.clone(), text))),
        }
    }
    if problems.is_empty() {
        return Some(rules);
    }
    for (origin, text) in problems {
        read.refuse_at(KEY, origin, text);
    }
    None
}

/// # Errors
/// All that is wrong with one table of `gate.public`.
fn public_rule(table: &config::Value) -> Result<PublicRule, Vec<String>> {
    const FORM: &str = r#"write path = "/assets/" and, if need be, methods = ["GET", "POST"]"#;
    let ValueKind::Table(entries) = &table.kind else {
        return Err(vec![format!("this is not a table; {FORM}")]);
    };
    let mut problems = Vec::new();
    let known = ["path", "methods"];
    let mut unknown: Vec<&String> = entries
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    unknown.sort();
    for name in unknown {
        let meant = nearest(name, known.into_iter());
        let hint = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
        problems.push(format!("a rule has no {name:?}{hint}"));
    }
    let path = match entries.get("path").map(|value| &value.kind) {
        Some(ValueKind::String(path)) => Some(path.as_str()),
        _ => {
            problems.push(format!("this rule has no path; {FORM}"));
            None
        }
    };
    let mut methods = Vec::new();
    match entries.get("methods").map(|value| &value.kind) {
        None => {}
        Some(ValueKind::Array(values)) => {
            for value in values {
                match &value.kind {
                    ValueKind::String(method) => methods.push(method.as_str()),
                    _ => problems.push(format!("a method is a text; {FORM}")),
                }
            }
        }
        Some(_) => problems.push(format!("methods is not a list; {FORM}")),
    }
    match path {
        Some(path) if problems.is_empty() => {
            PublicRule::parse(path, &methods).map_err(|text| vec![format!("{path:?}: {text}")])
        }
        _ => Err(problems),
    }
}

/// Which claim goes into which header (R-42). A table that is written replaces the default one as a whole.
pub(super) fn identity_headers(read: &mut Reader) -> Option<IdentityHeaders> {
    const KEY: &str = "identity.headers";
    const FORM: &str = r#"write "X-Forwarded-User" = "cognito:username""#;
    let Some(value) = read.raw(KEY) else {
        return Some(IdentityHeaders::default());
    };
    let mut headers = IdentityHeaders { claims: Vec::new() };
    let mut all_good = true;
    let ValueKind::Array(pairs) = &value.kind else {
        read.refuse(KEY, format!("this is not a table; {FORM}"));
        return None;
    };
    for pair in pairs {
        let checked = match &pair.kind {
            ValueKind::Array(pair) => header_of_claim(pair, &headers),
            _ => Err(format!("this is not a table; {FORM}")),
        };
        match checked {
            Ok(header) => headers.claims.push(header),
            Err(text) => {
                read.refuse_at(KEY, pair.origin().map(str::to_owned), text);
                all_good = false;
            }
        }
    }
    all_good.then_some(headers)
}

/// Fields that mean something to the connection or to sidegate itself.
const RESERVED_HEADERS: [&str; 23] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
    "x-sidegate-groups-truncated",
];

fn header_of_claim(
    pair: &[config::Value],
    others: &IdentityHeaders,
) -> Result<(HeaderName, String), String> {
    const FORM: &str = r#"write "X-Forwarded-User" = "cognito:username""#;
    let [name, claim] = pair else {
        return Err(format!("this is not a header and a claim; {FORM}"));
    };
    let (ValueKind::String(name), ValueKind::String(claim)) = (&name.kind, &claim.kind) else {
        return Err(format!(
            "this is not a header and the name of one claim; {FORM}"
        ));
    };
    let header = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{name:?} is not a header name; {FORM}"))?;
    if RESERVED_HEADERS.contains(&header.as_str()) {
        return Err(format!(
            "{name} has a meaning of its own on the way to the upstream; {FORM}"
        ));
    }
    if others.claims.iter().any(|(other, _)| *other == header) {
        return Err(format!(
            "{name} is there twice (capitals make no difference)"
        ));
    }
    if claim.trim().is_empty() {
        return Err(format!("{name} has no claim; {FORM}"));
    }
    Ok((header, claim.clone()))
}
