//! How a user attribute is asked for: its label, its kind of input and its autocomplete token.
//!
//! The standard attributes are OpenID Connect's (Core §5.1, as Cognito lists them), with the tokens that Amplify UI
//! gives them. The names come from the pool: what is not in the table gets a plain field.

use serde::Serialize;

/// What an input's name begins with: an attribute never takes the place of another field of the form.
pub(super) const INPUT_PREFIX: &str = "attribute.";

/// One input of the new-password page.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct AttributeField {
    /// Of the input.
    name: String,
    pub(super) id: String,
    label: String,
    /// The input's `type`.
    kind: &'static str,
    autocomplete: Option<&'static str>,
    value: String,
}

impl AttributeField {
    /// The input for one attribute, by its plain Cognito name.
    pub(super) fn new(attribute: &str, value: &str) -> Self {
        let (label, kind, autocomplete) = STANDARD
            .iter()
            .find(|(name, ..)| *name == attribute)
            .map_or_else(
                || (label_of(attribute), "text", None),
                |(_, label, kind, token)| ((*label).to_owned(), *kind, Some(*token)),
            );
        Self {
            name: input_name(attribute),
            id: input_id(attribute),
            label,
            kind,
            autocomplete,
            value: value.to_owned(),
        }
    }
}

/// The `name` of the input for an attribute.
pub(super) fn input_name(attribute: &str) -> String {
    format!("{INPUT_PREFIX}{attribute}")
}

/// The `id` of the input for an attribute.
pub(super) fn input_id(attribute: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    format!(
        "attribute-{}",
        attribute.chars().map(plain).collect::<String>()
    )
}

/// Name, label, input type, autocomplete token (HTML §4.10.18.7).
const STANDARD: [(&str, &str, &str, &str); 15] = [
    ("given_name", "Given name", "text", "given-name"),
    ("family_name", "Family name", "text", "family-name"),
    ("middle_name", "Middle name", "text", "additional-name"),
    ("name", "Name", "text", "name"),
    ("nickname", "Nickname", "text", "nickname"),
    (
        "preferred_username",
        "Preferred user name",
        "text",
        "nickname",
    ),
    ("email", "E-mail address", "email", "email"),
    ("phone_number", "Telephone number", "tel", "tel"),
    ("birthdate", "Date of birth", "date", "bday"),
    ("address", "Address", "text", "street-address"),
    ("website", "Website", "url", "url"),
    ("profile", "Profile page", "url", "url"),
    ("picture", "Picture (URL)", "url", "photo"),
    ("gender", "Gender", "text", "sex"),
    ("locale", "Language", "text", "language"),
];

/// `custom:cost_center` → `Cost center`.
fn label_of(attribute: &str) -> String {
    let name = attribute.rsplit(':').next().unwrap_or(attribute);
    let words = name.replace(['_', '-', '.'], " ");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(
        || attribute.to_owned(),
        |first| first.to_uppercase().chain(letters).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_attribute_is_asked_for_as_browsers_can_fill_it_in() {
        let field = AttributeField::new("family_name", "Doe");
        assert_eq!(
            field,
            AttributeField {
                name: "attribute.family_name".to_owned(),
                id: "attribute-family_name".to_owned(),
                label: "Family name".to_owned(),
                kind: "text",
                autocomplete: Some("family-name"),
                value: "Doe".to_owned(),
            }
        );
        assert_eq!(AttributeField::new("birthdate", "").kind, "date");
        assert_eq!(AttributeField::new("phone_number", "").kind, "tel");
    }

    #[test]
    fn a_custom_attribute_gets_a_readable_label_and_a_safe_id() {
        let field = AttributeField::new("custom:cost_center", "");
        assert_eq!(field.label, "Cost center");
        assert_eq!(field.id, "attribute-custom-cost_center");
        assert_eq!(field.name, "attribute.custom:cost_center");
        assert_eq!(field.autocomplete, None);
        for odd in ["", ":", "custom:", "custom:\"><b>", "x y", "é"] {
            let field = AttributeField::new(odd, "");
            let safe = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            assert!(field.id.chars().all(safe), "{}", field.id);
        }
    }
}
