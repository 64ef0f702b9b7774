//! The operator's own templates and assets.

use std::fs;
use std::path::PathBuf;

use http::StatusCode;
use http_body_util::BodyExt as _;

use crate::clock::Clock;

use super::super::page::{Pages, SignedOutView};
use super::super::{Settings, TemplateError};
use super::settings_of_pages;

/// A folder that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("sidegate-pages-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    fn load(&self) -> Result<Pages, TemplateError> {
        load(&Settings {
            template_dir: Some(self.0.clone()),
            ..settings_of_pages()
        })
    }
}

fn load(settings: &Settings) -> Result<Pages, TemplateError> {
    let origin = "https://app.example.com".parse().unwrap();
    Pages::load(settings, &origin, Clock::at(1_900_000_000))
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn signed_out(pages: &Pages) -> String {
    let view = SignedOutView {
        sign_in: "/x?a=1&b=\"<",
    };
    let page = pages.draw(StatusCode::OK, &view, None).unwrap();
    let bytes = page.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_template_of_the_same_name_takes_the_place_of_the_built_in_one() {
    let own = r#"{% extends "layout.html" %}{% block content %}<a href="{{ sign_in }}">Bye</a>{% endblock %}"#;
    let folder = Folder::with(&[("signed_out.html", own), ("notes.txt", "not a template")]);
    let html = signed_out(&folder.load().unwrap()).await;
    assert!(html.contains("Bye"), "{html}");
    assert!(html.contains("Engine room"), "{html}");
    assert!(html.contains("&amp;b=&quot;&lt;"), "{html}");
}

#[tokio::test]
async fn an_asset_of_the_same_name_gets_a_new_address() {
    let built_in = load(&settings_of_pages()).unwrap();
    let folder = Folder::with(&[("sidegate.css", "body { color: rebeccapurple }")]);
    let own = folder.load().unwrap();
    assert_ne!(built_in.assets().stylesheet(), own.assets().stylesheet());
    let name = own.assets().stylesheet().rsplit('/').next().unwrap();
    let file = own
        .assets()
        .find(name)
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    assert_eq!(&*file.to_bytes(), b"body { color: rebeccapurple }");
}

#[tokio::test]
async fn a_development_pool_is_named_on_the_page() {
    for dev in [true, false] {
        let settings = Settings {
            dev,
            ..settings_of_pages()
        };
        let html = signed_out(&load(&settings).unwrap()).await;
        assert_eq!(html.contains("Development pool"), dev, "{html}");
    }
}

#[test]
fn a_template_that_cannot_be_used_is_named_at_start_with_its_line() {
    for (name, text, line) in [
        ("message.html", "a\nb\n{% if %}", ":3: "),
        ("message.html", "\n{{ no_such_thing }}", ":2: "),
        ("sign_in.html", "{{ frame.no_such_thing.at_all }}", ":1: "),
        // Only drawn when there is an error to show.
        (
            "sign_in.html",
            "{% if error %}\n{{ eror.message }}\n{% endif %}",
            ":2: ",
        ),
        (
            "new_password.html",
            "{% for a in attributes %}\n\n{{ a.x.y }}{% endfor %}",
            ":3: ",
        ),
        ("code.html", "\n{{ step.nothing.at_all }}", ":2: "),
        ("custom_sums.html", "{{ custom.nothing.at_all }}", ":1: "),
        ("layout.html", "{% include 'nothing.html' %}", ":1: "),
    ] {
        let folder = Folder::with(&[(name, text)]);
        let error = folder.load().unwrap_err().to_string();
        let want = format!("{}{line}", folder.0.join(name).display());
        assert!(error.starts_with(&want), "{error}\nwanted {want}");
    }
}

#[test]
fn a_template_of_a_name_that_no_page_has_is_refused() {
    let folder = Folder::with(&[("signin.html", "")]);
    let error = folder.load().unwrap_err().to_string();
    assert!(
        error.contains("signin.html") && error.contains("sign_in.html"),
        "{error}"
    );
    assert!(
        load(&Settings {
            template_dir: Some(PathBuf::from("/nonexistent")),
            ..settings_of_pages()
        })
        .is_err()
    );
}
