//! What does not fit together in a seed, found by the rules the operations themselves apply.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{PoolSeed, SecretSeed, Seed, UserSeed};
use crate::constraint::{
    CLIENT_ID, CLIENT_NAME, CLIENT_SECRET, GROUP_NAME, NAME, PASSWORD, POOL_ID,
};
use crate::state::{FirstFactor, MfaMethod, Pool, User};
use crate::totp;

/// A key and what is wrong with it.
type Found = Vec<(String, String)>;

/// Every problem of a seed.
pub(super) fn problems(seed: &Seed) -> Found {
    let mut found = Found::new();
    let (mut names, mut pool_ids, mut client_ids) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (number, pool) in (1..).zip(&seed.pools) {
        let at = format!("pool[{number}]");
        let mut fault = |key: &str, text: String| found.push((format!("{at}.{key}"), text));
        if !NAME.allows(&pool.name) {
            fault(
                "name",
                "a pool needs a name; for example name = \"dev\"".to_owned(),
            );
        } else if !names.insert(&pool.name) {
            fault("name", format!("two pools are named {:?}", pool.name));
        }
        if let Some(id) = &pool.id {
            // Clients take what follows the first underscore for SRP, some what stands between the first two.
            if !POOL_ID.allows(id) || id.matches('_').count() != 1 {
                fault(
                    "id",
                    format!("{id:?} is no user pool id; for example id = \"local_AbC123xyz\""),
                );
            } else if !pool_ids.insert(id) {
                fault("id", format!("two pools have the id {id:?}"));
            }
        }
        if pool.settings.first_factors.contains(&FirstFactor::WebAuthn)
            && pool.settings.web_authn.is_none()
        {
            let text =
                "WEB_AUTHN needs [pool.web_authn]; for example relying_party_id = \"localhost\"";
            fault("first_factors", text.to_owned());
        }
        for problem in pool.settings.problems() {
            found.push((at.clone(), problem));
        }
        for (number, client) in (1..).zip(&pool.clients) {
            if let Some(id) = client
                .id
                .as_ref()
                .filter(|id| !client_ids.insert((*id).clone()))
            {
                found.push((
                    format!("{at}.client[{number}].id"),
                    format!("two clients have the id {id:?}"),
                ));
            }
        }
        clients(&at, pool, &mut found);
        groups(&at, pool, &mut found);
        users(&at, pool, &mut found);
    }
    found
}

fn clients(at: &str, pool: &PoolSeed, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (number, client) in (1..).zip(&pool.clients) {
        let at = format!("{at}.client[{number}]");
        let mut fault = |key: &str, text: String| found.push((format!("{at}{key}"), text));
        if !CLIENT_NAME.allows(&client.name) {
            fault(
                ".name",
                "a client needs a name; for example name = \"web\"".to_owned(),
            );
        } else if !names.insert(&client.name) {
            fault(
                ".name",
                format!("two clients of the pool are named {:?}", client.name),
            );
        }
        if client.id.as_ref().is_some_and(|id| !CLIENT_ID.allows(id)) {
            fault(
                ".id",
                "a client id is 1 to 128 letters, digits, _ and +".to_owned(),
            );
        }
        if matches!(&client.secret, SecretSeed::Given(secret) if !CLIENT_SECRET.allows(secret)) {
            fault(".secret", "a client secret is 24 to 64 letters, digits, _ and +; or say generate_secret = true".to_owned());
        }
        for problem in client.settings.problems() {
            fault("", problem);
        }
    }
}

fn groups(at: &str, pool: &PoolSeed, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (number, group) in (1..).zip(&pool.groups) {
        let at = format!("{at}.group[{number}].name");
        if !GROUP_NAME.allows(&group.name) {
            found.push((
                at,
                "a group needs a name without spaces; for example name = \"admins\"".to_owned(),
            ));
        } else if !names.insert(&group.name) {
            found.push((
                at,
                format!("two groups of the pool are named {:?}", group.name),
            ));
        }
    }
}

/// Brings the users into a pool made for nothing else: what the pool itself refuses is a problem.
fn users(at: &str, seed: &PoolSeed, found: &mut Found) {
    let Ok(mut pool) = Pool::new(None, String::new(), seed.settings.clone(), Duration::ZERO) else {
        return;
    };
    for (number, user) in (1..).zip(&seed.users) {
        let at = format!("{at}.user[{number}]");
        let mut fault = |key: &str, text: String| found.push((format!("{at}.{key}"), text));
        if let Some(password) = &user.password {
            if !PASSWORD.allows(password) {
                fault(
                    "password",
                    "a password has 1 to 256 characters and no spaces".to_owned(),
                );
            } else if let Some(rule) = seed.settings.password_policy.broken_rule(password) {
                fault(
                    "password",
                    format!("the pool's password_policy refuses it: {rule}"),
                );
            }
        }
        for group in user
            .groups
            .iter()
            .filter(|name| !seed.groups.iter().any(|group| group.name == **name))
        {
            fault(
                "groups",
                format!("the pool has no [[pool.group]] named {group:?}"),
            );
        }
        for (name, value) in &user.attributes {
            if let Err(refused) = pool.check_attribute(name, value) {
                fault("attributes", format!("{name}: {}", refused.message()));
            }
        }
        match add(&mut pool, user) {
            Err(refused) => fault("username", refused),
            Ok(added) => factors(user, &added, &mut fault),
        }
    }
}

/// The rules of SetUserMFAPreference.
fn factors(seed: &UserSeed, user: &User, fault: &mut impl FnMut(&str, String)) {
    if seed
        .totp_secret
        .as_ref()
        .is_some_and(|secret| !totp::is_secret(secret))
    {
        let text = "must be base32 of 16 characters at least: A to Z and 2 to 7";
        fault("totp_secret", text.to_owned());
    }
    let needs: Vec<_> = seed
        .mfa
        .iter()
        .filter_map(|method| {
            let missing = match method {
                MfaMethod::SoftwareTokenMfa if seed.totp_secret.is_none() => "totp_secret",
                MfaMethod::SmsMfa if user.verified("phone_number").is_none() => {
                    "the attributes phone_number and phone_number_verified = \"true\""
                }
                MfaMethod::EmailOtp if user.verified("email").is_none() => {
                    "the attributes email and email_verified = \"true\""
                }
                _ => return None,
            };
            Some(format!("{} needs {missing}", method.name()))
        })
        .collect();
    if !needs.is_empty() {
        fault("mfa", needs.join("; "));
    }
    if seed
        .preferred_mfa
        .is_some_and(|preferred| !seed.mfa.contains(&preferred))
    {
        fault("preferred_mfa", "must be one of the user's mfa".to_owned());
    }
}

fn add(pool: &mut Pool, seed: &UserSeed) -> Result<User, String> {
    let mut attributes = seed.attributes.clone();
    pool.add_sign_in_attribute(&seed.username, &mut attributes);
    let name = pool
        .internal_name(&seed.username, None)
        .map_err(|refused| refused.message().to_owned())?;
    let user = User::new(name, attributes, Duration::ZERO).map_err(|failed| failed.to_string())?;
    pool.add_user(user, false)
        .cloned()
        .map_err(|refused| refused.message().to_owned())
}
