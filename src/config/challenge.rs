//! How custom challenges are shown, and where their pictures may come from.

use url::Url;

use super::cognito::is_loopback;
use super::reader::Reader;
use super::setting::{Autocomplete, Host, InputMode, ParameterName, is_plain};
use crate::origin::PublicOrigin;
use crate::sign_in::{CustomSettings, PictureSettings};

const IMAGE_BASE: &str = "challenge.image_base";
const IMAGE_HOSTS: &str = "challenge.image_hosts";

pub(super) fn challenge(
    read: &mut Reader,
    public_origin: Option<&PublicOrigin>,
) -> Option<CustomSettings> {
    let image_param: Option<ParameterName> = read.setting("challenge.image_param");
    let hosts: Option<Vec<Host>> = read.list(IMAGE_HOSTS);
    let base: Option<Option<Url>> = read.optional(IMAGE_BASE);
    let allow_data = read.setting("challenge.allow_data_images");
    let show: Option<Vec<ParameterName>> = read.list("challenge.show");
    let answer_label = read.setting("challenge.answer_label");
    let inputmode: Option<Option<InputMode>> = read.optional("challenge.answer_inputmode");
    let autocomplete: Option<Option<Autocomplete>> = read.optional("challenge.answer_autocomplete");
    let template_param: Option<Option<ParameterName>> = read.optional("challenge.template_param");
    let alternative_param: Option<ParameterName> = read.setting("challenge.alternative_param");

    let base = base?.map(in_a_folder);
    let refused = base
        .as_ref()
        .and_then(|base| misplaced(base, public_origin));
    if let Some(text) = refused {
        read.refuse(IMAGE_BASE, text);
        return None;
    }
    let name = |ParameterName(name): ParameterName| name;
    Some(CustomSettings {
        image_param: name(image_param?),
        pictures: PictureSettings {
            hosts: hosts?.into_iter().map(|Host(host)| host).collect(),
            base,
            allow_data: allow_data?,
        },
        show: show?.into_iter().map(name).collect(),
        answer_label: answer_label?,
        answer_inputmode: inputmode?.map(|InputMode(mode)| mode),
        answer_autocomplete: autocomplete?.map(|Autocomplete(token)| token),
        template_param: template_param?.map(name),
        alternative_param: name(alternative_param?),
    })
}

/// Relative addresses are resolved against a folder.
fn in_a_folder(mut base: Url) -> Url {
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base
}

/// Why pictures cannot come from there.
fn misplaced(base: &Url, public_origin: Option<&PublicOrigin>) -> Option<String> {
    if public_origin.is_some_and(|own| own.url().origin() == base.origin()) {
        return Some(
            "this is sidegate's own origin, where the address of a picture could do things in the person's name; \
             put the pictures on another host"
                .to_owned(),
        );
    }
    if !base.host().is_some_and(|host| is_plain(&host)) {
        return Some("this is no host that pictures can come from; write https://…".to_owned());
    }
    (base.scheme() == "http" && !is_loopback(base))
        .then(|| "pictures come by https, but for loopback; write https://…".to_owned())
}
