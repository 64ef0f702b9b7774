//! UserMigration of `sidegate dev`: takes users over from a small old directory.
//!
//! Passwords stand here in the clear because they are printed at the start anyway; a real directory keeps hashes
//! (`deploy/aws/triggers/migrate-user`).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Value, json};

use super::challenge::text;

/// Who is still in the old directory: name, password, given name.
pub(crate) const LEGACY_USERS: [(&str, &str, &str); 2] = [
    ("grace@example.com", "Old-Directory-1", "Grace"),
    ("linus@example.com", "Old-Directory-2", "Linus"),
];

pub(super) fn migrate(event: &Value) -> Result<Value, &'static str> {
    let typed = text(event, "/userName");
    let known = LEGACY_USERS
        .iter()
        .find(|(name, ..)| name.eq_ignore_ascii_case(typed));
    let Some((name, password, given_name)) = known else {
        return Err("no such user");
    };
    let by_password = text(event, "/triggerSource") == "UserMigration_Authentication";
    let given = text(event, "/request/password");
    if by_password && verify_slices_are_equal(given.as_bytes(), password.as_bytes()).is_err() {
        return Err("wrong password");
    }
    Ok(json!({
        "userAttributes": {
            "email": name,
            "email_verified": "true",
            "given_name": given_name,
        },
        "finalUserStatus": if by_password { Value::from("CONFIRMED") } else { Value::Null },
        "messageAction": "SUPPRESS",
        "desiredDeliveryMediums": ["EMAIL"],
        "forceAliasCreation": false,
        "enableSMSMFA": false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_handed_over_for_the_right_password_or_for_a_new_one_and_not_otherwise() {
        let [(name, password, given_name), _] = LEGACY_USERS;
        let ask = |source: &str, name: &str, password: Option<&str>| {
            migrate(&json!({
                "triggerSource": source,
                "userName": name,
                "request": { "password": password },
            }))
        };
        const SIGN_IN: &str = "UserMigration_Authentication";
        let taken_over = ask(SIGN_IN, name, Some(password)).unwrap();
        assert_eq!(taken_over["userAttributes"]["given_name"], given_name);
        assert_eq!(taken_over["finalUserStatus"], "CONFIRMED");
        let forgot = ask("UserMigration_ForgotPassword", name, None).unwrap();
        assert_eq!(forgot["userAttributes"]["email_verified"], "true");
        for (name, password) in [
            (name, Some("wrong")),
            (name, None),
            ("nobody@example.com", Some(password)),
        ] {
            assert!(ask(SIGN_IN, name, password).is_err(), "{name} {password:?}");
        }
    }
}
