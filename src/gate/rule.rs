//! Public rules: what needs no session.
//!
//! Exact paths and prefixes at a segment, byte for byte; no patterns, so nothing to forget an anchor
//! in. A rule is asked about canonical paths only: `Gate` sees to that.

use http::Method;

use super::path::{PathForm, judge_path};
use crate::origin::PREFIX;

/// One public path. Made by [`PublicRule::parse`], so it cannot hold one that never matches or that
/// opens what must stay closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRule {
    path: String,
    methods: Vec<Method>,
}

impl PublicRule {
    /// A path that ends in `/` stands for everything below it; any other, and `/` itself, for itself
    /// alone. Case counts, and so does a slash at the end: `/public/` is not `/public`. No `methods`
    /// means GET and HEAD.
    ///
    /// # Errors
    /// What is wrong, for the person who wrote the rule.
    pub fn parse(path: &str, methods: &[&str]) -> Result<Self, &'static str> {
        if !path.starts_with('/') {
            return Err("expected a path that begins with a slash, e.g. /assets/");
        }
        if path.contains(['*', '^', '$']) {
            return Err(
                "a path is no pattern: write /assets/ for everything below it, or /robots.txt for one path",
            );
        }
        if path.contains(['?', '#']) {
            return Err("a query or a fragment takes no part in a rule; write the path alone");
        }
        if judge_path(path, true) != Ok(PathForm::Canonical) {
            return Err(
                "only a path that can be read in one way can be public: no //, no dot segments, no ;, and escapes only where they are needed",
            );
        }
        if overlaps_reserved(path) {
            return Err("paths under /.sidegate/ are sidegate's own");
        }
        Ok(Self {
            path: path.to_owned(),
            methods: parse_methods(methods)?,
        })
    }

    /// The path as it was written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The methods it holds for.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Whether a request for this path, which must be canonical, needs no session.
    pub(super) fn covers(&self, method: &Method, path: &str) -> bool {
        let path_matches = if self.path.ends_with('/') && self.path != "/" {
            path.starts_with(&self.path)
        } else {
            path == self.path
        };
        path_matches && self.methods.contains(method)
    }
}

/// In any case: an upstream or a proxy before it may not mind it.
fn overlaps_reserved(path: &str) -> bool {
    let reserved = PREFIX.trim_end_matches('/');
    let Some((start, rest)) = path.split_at_checked(reserved.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(reserved) && (rest.is_empty() || rest.starts_with('/'))
}

fn parse_methods(names: &[&str]) -> Result<Vec<Method>, &'static str> {
    if names.is_empty() {
        return Ok(vec![Method::GET, Method::HEAD]);
    }
    names.iter().map(|name| parse_method(name)).collect()
}

fn parse_method(name: &str) -> Result<Method, &'static str> {
    const EXPECTED: &str = "expected a method in capitals, e.g. GET";
    if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(EXPECTED);
    }
    match Method::from_bytes(name.as_bytes()) {
        Ok(Method::TRACE | Method::CONNECT) => Err("TRACE and CONNECT are never let through"),
        Ok(method) => Ok(method),
        Err(_) => Err(EXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(rule: &str, path: &str) -> bool {
        PublicRule::parse(rule, &[])
            .unwrap()
            .covers(&Method::GET, path)
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        assert!(covers("/public/", "/public/"));
        assert!(covers("/public/", "/public/a/b"));
        for path in ["/public", "/publicx", "/Public/a", "/x/public/a", "/"] {
            assert!(!covers("/public/", path), "{path} was let through");
        }
    }

    #[test]
    fn any_other_rule_is_for_one_path() {
        assert!(covers("/robots.txt", "/robots.txt"));
        assert!(!covers("/robots.txt", "/robots.txt/"));
        assert!(!covers("/robots.txt", "/robots.txt.bak"));
        assert!(covers("/caf%C3%A9", "/caf%C3%A9"));
    }

    #[test]
    fn the_root_stands_for_the_root_alone() {
        assert!(covers("/", "/"));
        assert!(!covers("/", "/a"));
    }

    #[test]
    fn a_rule_holds_for_get_and_head_unless_it_says_more() {
        let rule = PublicRule::parse("/hook", &[]).unwrap();
        assert!(rule.covers(&Method::HEAD, "/hook"));
        assert!(!rule.covers(&Method::POST, "/hook"));
        let rule = PublicRule::parse("/hook", &["POST"]).unwrap();
        assert!(rule.covers(&Method::POST, "/hook"));
        assert!(!rule.covers(&Method::GET, "/hook"));
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused() {
        for path in [
            "",
            "public/",
            "/public/*",
            "^/public",
            "/a?b",
            "/a#b",
            "//a",
            "/a//b",
            "/a/../b",
            "/a/./b",
            "/%61",
            "/a%2Fb",
            "/a;b",
            "/a b",
            "/é",
            "/.sidegate",
            "/.sidegate/",
            "/.SideGate/sign-in",
        ] {
            assert!(
                PublicRule::parse(path, &[]).is_err(),
                "{path:?} was let through"
            );
        }
        for method in ["", "get", "TRACE", "CONNECT", "A B"] {
            assert!(
                PublicRule::parse("/a", &[method]).is_err(),
                "{method:?} was let through"
            );
        }
        assert!(PublicRule::parse("/.sidegatex", &[]).is_ok());
    }
}
