//! What is said of settings that fit, and of settings that are wrong in one way each.

use std::time::Duration;

use super::*;
use crate::cognito::{ClientSettings, DeviceSettings, MfaSettings, PoolSettings};

const MINIMAL: &str = include_str!("../../../../config/minimal.toml");

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Settings that fit the minimal configuration and leave nothing to say.
struct Pool {
    pool: PoolSettings,
    client: ClientSettings,
    mfa: MfaSettings,
}

impl Pool {
    fn new() -> Self {
        let pool = PoolSettings {
            admin_create_user_only: true,
            first_factors: names(&["PASSWORD"]),
            tier: Some("ESSENTIALS".to_owned()),
            recovery: names(&["verified_email"]),
            ..PoolSettings::default()
        };
        let client = ClientSettings {
            explicit_auth_flows: names(&["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]),
            access_token: HOUR,
            id_token: HOUR,
            refresh_token: HOUR * 24 * 30,
            auth_session: Duration::from_secs(15 * 60),
            revocation: true,
            ..ClientSettings::default()
        };
        let mfa = MfaSettings {
            mode: "OFF".to_owned(),
            ..MfaSettings::default()
        };
        Self { pool, client, mfa }
    }

    /// With the first factors of choice-based sign-in, and a client that allows it.
    fn of_choice(factors: &[&str]) -> Self {
        let mut pool = Self::new();
        pool.pool.first_factors = names(factors);
        let flows = ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
        pool.client.explicit_auth_flows = names(&flows);
        pool
    }

    /// What is said of it under the minimal configuration and these lines of `[cognito]` and of tables after it.
    fn judged(self, lines: &str) -> Vec<Finding> {
        let text = format!("{MINIMAL}\n{lines}");
        let config = Config::from_toml("minimal.toml", &text).unwrap();
        let described = Described {
            pool: Ok(self.pool),
            client: Ok(self.client),
            mfa: Ok(self.mfa),
        };
        let findings = judge(&described, &config, &Aws::of(&config.cognito), &[]);
        for finding in &findings {
            let advises = finding.why.is_some() && finding.remedy.is_some();
            assert!(advises || finding.check == CHECK, "{finding:?}");
        }
        findings
    }

    /// `warning: devices`, one a line.
    fn told(self, lines: &str) -> String {
        let findings = self.judged(lines);
        let told: Vec<_> = findings
            .iter()
            .map(|finding| format!("{}: {}", finding.severity.name(), finding.check))
            .collect();
        told.join("\n")
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const FITS: &str = "ok: pool-settings";

#[test]
fn settings_that_fit_leave_nothing_to_say() {
    assert_eq!(Pool::new().told(""), FITS);
    let choice = Pool::of_choice(&["PASSWORD", "EMAIL_OTP"]);
    assert_eq!(choice.told("flow = \"USER_AUTH\""), FITS);
}

#[test]
fn the_flow_must_be_among_those_of_the_client_by_its_new_or_its_old_name() {
    for (flow, needed, old) in [
        ("USER_SRP_AUTH", "ALLOW_USER_SRP_AUTH", None),
        (
            "USER_PASSWORD_AUTH",
            "ALLOW_USER_PASSWORD_AUTH",
            Some("USER_PASSWORD_AUTH"),
        ),
        (
            "CUSTOM_WITH_SRP",
            "ALLOW_CUSTOM_AUTH",
            Some("CUSTOM_AUTH_FLOW_ONLY"),
        ),
        (
            "CUSTOM_WITHOUT_SRP",
            "ALLOW_CUSTOM_AUTH",
            Some("CUSTOM_AUTH_FLOW_ONLY"),
        ),
        ("USER_AUTH", "ALLOW_USER_AUTH", None),
    ] {
        let told = |flows: &[&str]| {
            let mut pool = Pool::new();
            for trigger in [
                "DefineAuthChallenge",
                "CreateAuthChallenge",
                "VerifyAuthChallengeResponse",
            ] {
                pool.pool.triggers.insert(trigger, "arn:…".to_owned());
            }
            pool.client.explicit_auth_flows = names(flows);
            pool.told(&format!("flow = \"{flow}\""))
        };
        let refresh = "ALLOW_REFRESH_TOKEN_AUTH";
        assert_eq!(told(&[needed, refresh]), FITS, "{flow}");
        assert_eq!(told(&[refresh]), "error: app-client-flow", "{flow}");
        if let Some(old) = old {
            assert_eq!(told(&[old, refresh]), FITS, "{flow}");
        }
        let by_default = !matches!(flow, "USER_PASSWORD_AUTH" | "USER_AUTH");
        assert_eq!(told(&[]) == FITS, by_default, "{flow}");
    }
}

#[test]
fn a_client_that_cannot_renew_is_told() {
    let mut pool = Pool::new();
    pool.client.explicit_auth_flows = names(&["ALLOW_USER_SRP_AUTH"]);
    assert_eq!(pool.told(""), "warning: renewal");
    // GetTokensFromRefreshToken needs no flow where tokens rotate.
    let mut pool = Pool::new();
    pool.client.explicit_auth_flows = names(&["ALLOW_USER_SRP_AUTH"]);
    pool.client.rotation_grace = Some(Duration::from_secs(30));
    assert_eq!(pool.told(""), FITS);
}

#[test]
fn a_secret_that_nobody_configured_is_an_error() {
    let mut pool = Pool::new();
    pool.client.secret = Some(Secret::new("planted-secret".to_owned()));
    let findings = pool.judged("");
    assert_eq!(findings[0].check, "app-client-secret");
    assert!(!format!("{findings:?}").contains("planted"));
}

#[test]
fn short_lives_are_told_with_the_setting_that_fits_them() {
    let mut pool = Pool::new();
    pool.client.access_token = Duration::from_secs(5 * 60);
    assert_eq!(
        pool.told("call_timeout = \"30s\""),
        "warning: token-lifetimes"
    );
    let mut pool = Pool::new();
    pool.client.refresh_token = HOUR;
    let findings = pool.judged("");
    assert_eq!(findings.len(), 1, "{findings:?}");
    let remedy = findings[0].remedy.as_deref().unwrap();
    assert!(
        remedy.contains("session.absolute_timeout = \"3600s\""),
        "{remedy}"
    );
    let mut pool = Pool::new();
    pool.client.auth_session = Duration::from_secs(3 * 60);
    assert_eq!(pool.told(""), "note: auth-session");
}

#[test]
fn urls_of_managed_login_that_lead_elsewhere_are_told() {
    let told = |managed_login, callbacks: &[&str], logouts: &[&str]| {
        let mut pool = Pool::new();
        pool.client.managed_login = managed_login;
        pool.client.callback_urls = names(callbacks);
        pool.client.logout_urls = names(logouts);
        pool.judged("").remove(0).what
    };
    let (here, elsewhere) = (
        "https://app.example.com/callback",
        "https://www.example.com/",
    );
    let fits = "what was read fits the configuration";
    assert_eq!(told(true, &[elsewhere, here], &[]), fits);
    assert_eq!(told(false, &[elsewhere], &[elsewhere]), fits);
    assert_eq!(
        told(true, &[elsewhere], &[here]),
        "no callback URL of the app client leads to https://app.example.com"
    );
    assert_eq!(
        told(
            true,
            &["http://app.example.com/"],
            &["https://app.example.com:8443/"]
        ),
        "no callback URL and no logout URL of the app client leads to https://app.example.com"
    );
}

#[test]
fn a_header_that_no_user_can_have_is_told_with_its_claim() {
    let mut pool = Pool::new();
    pool.client.read_attributes = Some(names(&["name"]));
    let findings = pool.judged("[identity.headers]\nx-team = \"custom:team\"\nx-sub = \"sub\"\n");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].check, "read-attributes");
    let what = findings[0].what.to_ascii_lowercase();
    assert!(what.contains("x-team (custom:team)"), "{what}");
    assert!(!what.contains("x-sub"), "{what}");
}

#[test]
fn signing_up_needs_the_pools_consent_and_writable_attributes() {
    let on = "[account]\nsign_up = true\nsign_up_attributes = [\"email\", \"nickname\"]\n";
    assert_eq!(Pool::new().told(on), "warning: sign-up");
    let mut open = Pool::new();
    open.pool.admin_create_user_only = false;
    assert_eq!(open.told(on), FITS);
    let mut open = Pool::new();
    open.pool.admin_create_user_only = false;
    open.client.write_attributes = Some(names(&["email"]));
    let findings = open.judged(on);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(
        finding.what,
        "signing up asks for what the app client may not write: nickname"
    );
    let command = finding.command.as_deref().unwrap();
    assert!(
        command.contains(".WriteAttributes += [\"nickname\"]"),
        "{command}"
    );
}

#[test]
fn a_pool_that_takes_in_anybody_behind_a_closed_page_is_told() {
    let mut open = Pool::new();
    open.pool.admin_create_user_only = false;
    assert_eq!(open.told(""), "note: sign-up");
}

#[test]
fn forgotten_passwords_need_a_way_to_recover_them() {
    let told = |lines: &str| {
        let mut pool = Pool::new();
        pool.pool.recovery = names(&["admin_only"]);
        pool.told(lines)
    };
    assert_eq!(told(""), "warning: account-recovery");
    assert_eq!(told("[account]\nreset_password = false\n"), FITS);
}

#[test]
fn device_tracking_and_its_setting_are_held_together() {
    let told = |remember: &str, devices: Option<bool>| {
        let mut pool = Pool::new();
        pool.pool.devices = devices.map(|replace_second_factor| DeviceSettings {
            replace_second_factor,
        });
        pool.told(&format!("[device]\nremember = \"{remember}\"\n"))
    };
    assert_eq!(told("off", None), FITS);
    assert_eq!(told("off", Some(true)), "note: devices");
    for remember in ["ask", "always"] {
        assert_eq!(told(remember, Some(true)), FITS);
        assert_eq!(told(remember, Some(false)), "note: devices");
        assert_eq!(told(remember, None), "warning: devices");
    }
}

#[test]
fn what_is_asked_first_must_be_a_first_factor_of_the_pool() {
    let told = |preferred: &str, factors: &[&str]| {
        Pool::of_choice(factors).told(&format!(
            "flow = \"USER_AUTH\"\npreferred_challenge = \"{preferred}\""
        ))
    };
    assert_eq!(told("EMAIL_OTP", &["PASSWORD", "EMAIL_OTP"]), FITS);
    assert_eq!(
        told("SMS_OTP", &["PASSWORD", "EMAIL_OTP"]),
        "warning: preferred-challenge"
    );
    // One name at the pool for both ways; and what is not told is a password.
    assert_eq!(told("PASSWORD_SRP", &["PASSWORD"]), FITS);
    assert_eq!(told("PASSWORD_SRP", &[]), FITS);
    assert_eq!(
        told("PASSWORD", &["EMAIL_OTP"]),
        "warning: preferred-challenge"
    );
}

#[test]
fn the_plan_must_have_the_flow() {
    let told = |flow: &str| {
        let mut pool = Pool::of_choice(&["PASSWORD"]);
        pool.client.explicit_auth_flows = Vec::from(["ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH"])
            .into_iter()
            .chain(["ALLOW_REFRESH_TOKEN_AUTH"])
            .map(str::to_owned)
            .collect();
        pool.pool.tier = Some("LITE".to_owned());
        pool.told(&format!("flow = \"{flow}\""))
    };
    assert_eq!(told("USER_AUTH"), "error: plan");
    assert_eq!(told("USER_SRP_AUTH"), FITS);
}

#[test]
fn mfa_that_some_people_cannot_meet_is_told() {
    let told = |mode: &str, factors: &[&'static str]| {
        let mut pool = Pool::new();
        pool.mfa.mode = mode.to_owned();
        pool.mfa.factors = factors.to_vec();
        pool.told("")
    };
    assert_eq!(told("ON", &["SMS_MFA"]), "warning: mfa");
    assert_eq!(told("OPTIONAL", &["SMS_MFA"]), FITS);
    assert_eq!(told("ON", &["SOFTWARE_TOKEN_MFA", "SMS_MFA"]), FITS);
    let told = |more: &str| {
        let mut pool = Pool::of_choice(&["PASSWORD", "EMAIL_OTP"]);
        pool.mfa.mode = "ON".to_owned();
        pool.mfa.factors = vec!["SOFTWARE_TOKEN_MFA"];
        pool.told(&format!("flow = \"USER_AUTH\"\n{more}"))
    };
    assert_eq!(told(""), "note: mfa");
    assert_eq!(told("preferred_challenge = \"EMAIL_OTP\""), "warning: mfa");
}

#[test]
fn passkeys_need_a_relying_party_that_people_are_at() {
    const ASKED: &str = "flow = \"USER_AUTH\"";
    const PAGES: &str = "[passkey]\nmanage = true\n";
    let told = |lines: &str, factors: &[&str], id: Option<&str>| {
        let mut pool = Pool::of_choice(factors);
        let srp = "ALLOW_USER_SRP_AUTH".to_owned();
        pool.client.explicit_auth_flows.push(srp);
        pool.mfa.relying_party_id = id.map(str::to_owned);
        pool.told(lines)
    };
    let both = format!("{ASKED}\n{PAGES}");
    let passkeys = ["PASSWORD", "WEB_AUTHN"];
    for (lines, id, expected) in [
        (ASKED, Some("app.example.com"), FITS),
        (ASKED, Some("example.com"), FITS),
        (ASKED, Some("ample.com"), "error: passkeys"),
        (ASKED, Some("www.example.com"), "error: passkeys"),
        (ASKED, None, "error: passkeys"),
        (&both, Some("example.com"), FITS),
        (PAGES, Some("example.com"), "note: passkeys"),
        (PAGES, None, "note: passkeys\nwarning: passkeys"),
        ("", None, FITS),
    ] {
        assert_eq!(told(lines, &passkeys, id), expected, "{lines} {id:?}");
    }
    assert_eq!(told(&both, &["PASSWORD"], None), "warning: passkeys");
    assert_eq!(told(ASKED, &["PASSWORD"], None), FITS);
}

#[test]
fn the_relying_party_that_is_advised_can_be_one() {
    for (origin, advised) in [
        (
            "https://app.example.com",
            "id to app.example.com or a domain above it",
        ),
        ("http://localhost:4280", "id to localhost (AWS"),
        ("https://192.0.2.7", "put a host name into public_origin"),
    ] {
        let remedy = pool::relying_party_for(&origin.parse().unwrap());
        assert!(remedy.contains(advised), "{remedy}");
    }
}

/// The relying-party id that is in effect where none is set.
#[test]
fn a_pools_own_domain_stands_in_for_its_relying_party_id() {
    let mut pool = Pool::of_choice(&["PASSWORD", "WEB_AUTHN"]);
    pool.pool.custom_domain = Some("example.com".to_owned());
    assert_eq!(pool.told("flow = \"USER_AUTH\""), FITS);
}

#[test]
fn what_the_probes_told_is_not_told_again() {
    let mut pool = Pool::new();
    pool.client.tells_existence = true;
    let config = Config::from_toml("minimal.toml", MINIMAL).unwrap();
    let aws = Aws::of(&config.cognito);
    let described = Described {
        pool: Ok(pool.pool),
        client: Ok(pool.client),
        mfa: Ok(pool.mfa),
    };
    let told = judge(&described, &config, &aws, &[]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(judge(&described, &config, &aws, &told), []);
}
