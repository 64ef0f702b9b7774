//! Whether a POST comes from a page of ours.
//!
//! Asked before anything of the body is read. A pure function of two header fields that a script cannot set.

use http::header::{self, HeaderMap};

use crate::origin::PublicOrigin;

/// `Sec-Fetch-Site` must be `same-origin`; where a browser sends none, `Origin` must be the public origin; with neither
/// the answer is no. A field that comes twice is nobody's word.
pub(super) fn is_same_origin(headers: &HeaderMap, origin: &PublicOrigin) -> bool {
    match one(headers, "sec-fetch-site") {
        Field::One(site) => site == b"same-origin",
        Field::None => {
            one(headers, header::ORIGIN.as_str()) == Field::One(origin.as_str().as_bytes())
        }
        Field::Many => false,
    }
}

/// Whether the browser itself says so: the stricter half of [`is_same_origin`].
pub(super) fn says_same_origin(headers: &HeaderMap) -> bool {
    one(headers, "sec-fetch-site") == Field::One(b"same-origin")
}

#[derive(PartialEq, Eq)]
enum Field<'a> {
    None,
    One(&'a [u8]),
    Many,
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Field<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Field::None,
        (Some(value), None) => Field::One(value.as_bytes()),
        (Some(_), Some(_)) => Field::Many,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_very_origin_may_post() {
        const OURS: &str = "https://app.example.com";
        let origin: PublicOrigin = OURS.parse().unwrap();
        for (sites, origins, want) in [
            (vec!["same-origin"], vec![], true),
            (vec!["same-origin"], vec![OURS], true),
            // The browser compares the addresses themselves; Origin is `null` under our own Referrer-Policy.
            (vec!["same-origin"], vec!["null"], true),
            (vec!["same-site"], vec![OURS], false),
            (vec!["cross-site"], vec![OURS], false),
            (vec!["none"], vec![OURS], false),
            (vec!["Same-Origin"], vec![OURS], false),
            (vec![""], vec![OURS], false),
            (vec!["same-origin, cross-site"], vec![OURS], false),
            (vec!["same-origin", "same-origin"], vec![OURS], false),
            (vec!["same-origin", "cross-site"], vec![OURS], false),
            (vec![], vec![OURS], true),
            (vec![], vec!["https://app.example.com/"], false),
            (vec![], vec!["https://app.example.com:443"], false),
            (vec![], vec!["https://app.example.com.evil.example"], false),
            (vec![], vec!["https://evil.example"], false),
            (vec![], vec!["http://app.example.com"], false),
            (vec![], vec!["HTTPS://APP.EXAMPLE.COM"], false),
            (vec![], vec!["null"], false),
            (vec![], vec![""], false),
            (vec![], vec![OURS, OURS], false),
            (vec![], vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for site in &sites {
                headers.append("sec-fetch-site", site.parse().unwrap());
            }
            for origin in &origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(
                is_same_origin(&headers, &origin),
                want,
                "{sites:?} {origins:?}"
            );
        }
    }
}
