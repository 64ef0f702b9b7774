//! Passkeys of the signed-in person. Cognito takes and gives their JSON as documents, which the SDK has a type of its own for.

use std::collections::HashMap;

use aws_smithy_types::{Document, Number};
use cognito_flow::{Secret, UnixSeconds};
use serde_json::{Map, Value};

use super::Api;
use crate::cognito::error::CognitoError;
use crate::cognito::passkey::Passkey;

/// As many passkeys as Cognito keeps for one person.
const MAX_PASSKEYS: i32 = 20;

impl Api {
    pub(in crate::cognito) async fn start_passkey(
        &self,
        access_token: &Secret<String>,
    ) -> Result<Map<String, Value>, CognitoError> {
        const OPERATION: &str = "StartWebAuthnRegistration";
        let request = self.sdk.start_web_authn_registration();
        let request = request.access_token(access_token.expose());
        let output = self.own(OPERATION, request.send()).await?;
        match value(output.credential_creation_options) {
            Value::Object(options) => Ok(options),
            _ => Err(self.bad_reply(OPERATION, "options that are no object")),
        }
    }

    pub(in crate::cognito) async fn complete_passkey(
        &self,
        access_token: &Secret<String>,
        credential: Map<String, Value>,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .complete_web_authn_registration()
            .access_token(access_token.expose())
            .credential(document(Value::Object(credential)));
        let sent = request.send();
        self.own("CompleteWebAuthnRegistration", sent).await?;
        Ok(())
    }

    pub(in crate::cognito) async fn passkeys(
        &self,
        access_token: &Secret<String>,
    ) -> Result<Vec<Passkey>, CognitoError> {
        let request = self
            .sdk
            .list_web_authn_credentials()
            .access_token(access_token.expose())
            .max_results(MAX_PASSKEYS);
        let output = self.own("ListWebAuthnCredentials", request.send()).await?;
        let passkeys = output.credentials.into_iter().map(|credential| Passkey {
            id: credential.credential_id,
            name: credential.friendly_credential_name,
            created: UnixSeconds(u64::try_from(credential.created_at.secs()).unwrap_or_default()),
        });
        Ok(passkeys.collect())
    }

    pub(in crate::cognito) async fn delete_passkey(
        &self,
        access_token: &Secret<String>,
        id: &str,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .delete_web_authn_credential()
            .access_token(access_token.expose())
            .credential_id(id);
        self.own("DeleteWebAuthnCredential", request.send()).await?;
        Ok(())
    }
}

fn value(document: Document) -> Value {
    match document {
        Document::Object(members) => {
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(name, member)| (name, value(member)))
                    .collect(),
            )
        }
        Document::Array(items) => items.into_iter().map(value).collect(),
        Document::Number(Number::PosInt(number)) => number.into(),
        Document::Number(Number::NegInt(number)) => number.into(),
        Document::Number(Number::Float(number)) => number.into(),
        Document::String(text) => text.into(),
        Document::Bool(truth) => truth.into(),
        Document::Null => Value::Null,
    }
}

fn document(value: Value) -> Document {
    match value {
        Value::Object(members) => {
            let members = members.into_iter();
            let members = members.map(|(name, member)| (name, document(member)));
            Document::Object(members.collect::<HashMap<_, _>>())
        }
        Value::Array(items) => Document::Array(items.into_iter().map(document).collect()),
        Value::Number(number) => Document::Number(
            number
                .as_u64()
                .map(Number::PosInt)
                .or_else(|| number.as_i64().map(Number::NegInt))
                .unwrap_or_else(|| Number::Float(number.as_f64().unwrap_or_default())),
        ),
        Value::String(text) => Document::String(text),
        Value::Bool(truth) => Document::Bool(truth),
        Value::Null => Document::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_through_a_document() {
        let json = serde_json::json!({
            "challenge": "c", "timeout": 60000, "rp": {"id": "example.com"}, "none": null,
            "pubKeyCredParams": [{"alg": -7, "type": "public-key"}], "half": 0.5, "yes": true,
        });
        assert_eq!(value(document(json.clone())), json);
    }
}
