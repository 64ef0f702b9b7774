//! The key of an authenticator app: as a URI, as a picture of it, and in groups to type.
//!
//! The URI is Google Authenticator's Key URI Format, which every app reads; the picture is drawn here, so that the key is
//! told to nobody.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{Color, QrCode};
use serde::Serialize;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Light modules around the picture (ISO/IEC 18004 §6.3.8).
const MARGIN: usize = 4;

/// An authenticator app's key, as its page shows it. Holds the secret: no Debug.
#[derive(Serialize)]
pub(super) struct AuthenticatorApp {
    issuer: String,
    account: String,
    /// `otpauth://…`.
    uri: String,
    /// The key in groups of four.
    groups: Vec<String>,
    qr: Option<Picture>,
    /// What the person called the app.
    device_name: String,
}

/// A QR code as an SVG path: each dark module is 1 by 1.
#[derive(Serialize)]
struct Picture {
    /// Width and height.
    size: usize,
    path: String,
}

impl AuthenticatorApp {
    pub(super) fn new(issuer: &str, account: &str, secret: &str, device_name: &str) -> Self {
        let uri = setup_uri(issuer, account, secret);
        let letters: Vec<char> = secret.chars().collect();
        Self {
            groups: letters
                .chunks(4)
                .map(|four| four.iter().collect())
                .collect(),
            qr: Picture::of(&uri),
            issuer: issuer.to_owned(),
            account: account.to_owned(),
            uri,
            device_name: device_name.to_owned(),
        }
    }
}

/// The URI that an authenticator app takes over (`getSetupUri` of AWS Amplify, with the defaults spelt out).
pub(in crate::sign_in) fn setup_uri(issuer: &str, account: &str, secret: &str) -> String {
    let encode = |text| utf8_percent_encode(text, RESERVED);
    let (issuer, account, secret) = (encode(issuer), encode(account), encode(secret));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

impl Picture {
    /// None for a text that no QR code can hold (about 2,300 bytes).
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let width = code.width();
        let mut path = String::new();
        let colors = code.to_colors();
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run.first() == Some(&Color::Dark) {
                    let (x, y, length) = (x + MARGIN, y + MARGIN, run.len());
                    path.push_str(&format!("M{x} {y}h{length}v1h-{length}z"));
                }
                x += run.len();
            }
        }
        Some(Self {
            size: width + 2 * MARGIN,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_is_one_that_apps_take_over_whatever_the_names() {
        assert_eq!(
            setup_uri("Engine room & co.", "ada+1@example.com", "JBSWY3DPEHPK3PXP"),
            "otpauth://totp/Engine%20room%20%26%20co.:ada%2B1%40example.com?secret=JBSWY3DPEHPK3PXP\
             &issuer=Engine%20room%20%26%20co.&algorithm=SHA1&digits=6&period=30"
        );
        let odd = setup_uri("a/b?c#d:ü", "%41 &secret=X", "ABCD");
        let url = url::Url::parse(&odd).unwrap();
        let value = |name: &str| {
            let found = url.query_pairs().filter(|(key, _)| key == name);
            found
                .map(|(_, value)| value.into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(value("issuer"), ["a/b?c#d:ü"]);
        assert_eq!(value("secret"), ["ABCD"]);
        assert_eq!(url.fragment(), None);
    }

    #[test]
    fn the_key_is_shown_in_groups_of_four_and_drawn_with_its_margin() {
        let app = AuthenticatorApp::new("Engine room", "ada", "JBSWY3DPEHPK3PXPAB", "");
        assert_eq!(app.groups, ["JBSW", "Y3DP", "EHPK", "3PXP", "AB"]);
        let picture = app.qr.unwrap();
        // A finder pattern stands in the upper left corner: seven dark modules after the margin.
        assert!(picture.path.starts_with("M4 4h7v1h-7z"), "{}", picture.path);
        assert_eq!((picture.size - 2 * MARGIN) % 4, 1, "17 + 4 × version");
    }

    #[test]
    fn a_key_too_long_to_draw_is_shown_as_text() {
        let app = AuthenticatorApp::new("x", &"y".repeat(4_000), "ABCD", "");
        assert!(app.qr.is_none());
        assert_eq!(app.groups, ["ABCD"]);
    }
}
