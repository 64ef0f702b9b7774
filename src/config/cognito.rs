//! The settings of the user pool. Plain http and loopback addresses are for a pool on this machine only
//! and such a pool never decides who gets into a public site.

use std::path::PathBuf;
use std::time::Duration;

use cognito_flow::{AppClient, ClientId, FirstFactor, FlowKind, Secret, UserPoolId};
use url::Url;

use super::reader::Reader;
use super::secret_file;
use super::setting::Issuer;
use crate::cognito::Settings;
use crate::origin::PublicOrigin;

const ENDPOINT: &str = "cognito.endpoint";
const ISSUER: &str = "cognito.issuer";
const JWKS_URL: &str = "cognito.jwks_url";

/// Whether the pool is one on this machine.
pub(super) fn is_development(settings: &Settings) -> bool {
    let issuer = Url::parse(&settings.issuer);
    is_loopback(&settings.endpoint) || issuer.is_ok_and(|issuer| is_loopback(&issuer))
}

/// Whether a URL's host is this machine, by name or address.
pub(super) fn is_loopback(url: &Url) -> bool {
    let origin: Result<PublicOrigin, _> = url.origin().ascii_serialization().parse();
    origin.is_ok_and(|origin| origin.is_loopback())
}

pub(super) fn cognito(
    read: &mut Reader,
    public_origin: Option<&PublicOrigin>,
    client_secret: Option<(String, Secret<String>)>,
) -> Option<Settings> {
    let pool_id: Option<UserPoolId> = read.setting("cognito.user_pool_id");
    let client_id: Option<ClientId> = read.setting("cognito.client_id");
    let client_secret = secret(read, client_secret);
    let flow: Option<FlowKind> = read.setting("cognito.flow");
    let preferred_challenge: Option<Option<FirstFactor>> =
        read.optional("cognito.preferred_challenge");
    if let (Some(kind), Some(Some(_))) = (flow, preferred_challenge)
        && kind != FlowKind::UserAuth
    {
        let text = format!(
            "{kind} asks for nothing else first; remove this, or write cognito.flow = \"USER_AUTH\""
        );
        read.refuse("cognito.preferred_challenge", text);
    }
    let max_rounds = read.count("challenge.max_rounds", 1..=100);
    let custom_may_skip_password = read.setting("challenge.allow_skipped_password");
    let addresses = addresses(read, public_origin, pool_id.as_ref());
    let ca_file = read.readable_file("cognito.ca_file");
    let call_timeout: Option<Duration> = read.setting("cognito.call_timeout");

    let client = AppClient::new(pool_id?, client_id?, client_secret?);
    let mut settings = match Settings::new(client, flow?) {
        Ok(settings) => settings,
        Err(error) => {
            read.refuse(
                "cognito.user_pool_id",
                format!("its region is no part of a host name: {error}"),
            );
            return None;
        }
    };
    let addresses = addresses?;
    if let Some(endpoint) = addresses.endpoint {
        settings.endpoint = endpoint;
    }
    if let Some(issuer) = addresses.issuer {
        settings.jwks_url = match Settings::jwks_url_of(&issuer.text) {
            Ok(jwks_url) => jwks_url,
            Err(error) => {
                read.refuse(
                    ISSUER,
                    format!("no address of keys can be made of it: {error}"),
                );
                return None;
            }
        };
        settings.issuer = issuer.text;
    }
    if let Some(jwks_url) = addresses.jwks_url {
        settings.jwks_url = jwks_url;
    }
    settings.flow.preferred_challenge = preferred_challenge?;
    settings.flow.max_rounds = max_rounds?;
    settings.flow.custom_may_skip_password = custom_may_skip_password?;
    settings.ca_file = ca_file?;
    settings.call_timeout = call_timeout?;
    Some(settings)
}

/// The app client's secret, from its file or, with a warning, from the environment.
fn secret(
    read: &mut Reader,
    from_environment: Option<(String, Secret<String>)>,
) -> Option<Option<Secret<String>>> {
    const KEY: &str = "cognito.client_secret";
    const FILE: &str = "cognito.client_secret_file";
    let file: Option<PathBuf> = read.optional(FILE)?;
    match (file, from_environment) {
        (None, None) => Some(None),
        (Some(file), None) => match secret_file::read(&file) {
            Ok(secret) => Some(Some(secret)),
            Err(text) => {
                read.refuse(FILE, text);
                None
            }
        },
        (None, Some((variable, secret))) => {
            let text = "a secret in the environment can be read by every process of this user; \
                        put it in a file and name that in cognito.client_secret_file";
            read.warn_at(KEY, Some(variable), text.to_owned());
            Some(Some(secret))
        }
        (Some(_), Some((variable, _))) => {
            let text = format!("the secret is in {FILE} as well; write one of the two");
            read.refuse_at(KEY, Some(variable), text);
            None
        }
    }
}

/// Where the pool is, as far as that was written.
struct Addresses {
    endpoint: Option<Url>,
    issuer: Option<Issuer>,
    jwks_url: Option<Url>,
}

fn addresses(
    read: &mut Reader,
    public_origin: Option<&PublicOrigin>,
    pool_id: Option<&UserPoolId>,
) -> Option<Addresses> {
    let endpoint: Option<Option<Url>> = read.optional(ENDPOINT);
    let issuer: Option<Option<Issuer>> = read.optional(ISSUER);
    let jwks_url: Option<Option<Url>> = read.optional(JWKS_URL);

    let endpoint_url = endpoint.as_ref().and_then(Option::as_ref);
    let issuer_url = issuer.as_ref().and_then(Option::as_ref).map(|it| &it.url);
    let jwks_url_url = jwks_url.as_ref().and_then(Option::as_ref);
    let mut all_good = true;
    for (key, url) in [
        (ENDPOINT, endpoint_url),
        (ISSUER, issuer_url),
        (JWKS_URL, jwks_url_url),
    ] {
        if let Some(text) = url.and_then(|url| misplaced(url, key == ISSUER, public_origin)) {
            read.refuse(key, text);
            all_good = false;
        }
    }
    if let Some(pool_id) = pool_id {
        all_good &= one_pool(read, pool_id, endpoint_url, issuer_url);
    }
    let addresses = Addresses {
        endpoint: endpoint?,
        issuer: issuer?,
        jwks_url: jwks_url?,
    };
    all_good.then_some(addresses)
}

/// Why a pool's address cannot be where it points to.
fn misplaced(url: &Url, is_issuer: bool, public_origin: Option<&PublicOrigin>) -> Option<String> {
    let on_loopback = is_loopback(url);
    if url.scheme() == "http" && !on_loopback {
        return Some("passwords and tokens travel this way, so plain http is for loopback only; write https://…".to_owned());
    }
    // An https endpoint on loopback may be the way out through a proxy; an issuer names the pool itself.
    let local_pool = on_loopback && (is_issuer || url.scheme() == "http");
    match public_origin {
        Some(origin) if local_pool && !origin.is_loopback() => Some(format!(
            "a pool on this machine is for development and never guards {origin}; remove this, or set \
             public_origin = \"http://localhost:4280\""
        )),
        _ => None,
    }
}

/// the endpoint and the issuer are either both AWS's or both told.
fn one_pool(
    read: &mut Reader,
    pool_id: &UserPoolId,
    endpoint: Option<&Url>,
    issuer: Option<&Url>,
) -> bool {
    let is_local_id = pool_id.region() == "local";
    if is_local_id && !read.is_written(ENDPOINT) {
        let text = format!(
            "{pool_id} is a local pool's id, and AWS has none such; write {ENDPOINT} = \"http://127.0.0.1:4282\" as well"
        );
        read.refuse("cognito.user_pool_id", text);
        return false;
    }
    if let Some(endpoint) = endpoint
        && is_loopback(endpoint)
        && endpoint.scheme() == "http"
        && issuer.is_none()
        && !read.is_written(ISSUER)
    {
        let base = endpoint.as_str().trim_end_matches('/');
        let text = format!(
            "this is a local pool, but tokens of AWS's pool would be believed; write {ISSUER} = \"{base}/{pool_id}\" as well"
        );
        read.refuse(ENDPOINT, text);
        return false;
    }
    true
}
