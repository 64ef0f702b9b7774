//! The open calls about an account, and those in the signed-in person's own name.

use sdk::types::{AttributeType, CodeDeliveryDetailsType, DeliveryMediumType};

use super::{Api, SdkError, sdk, unlogged};
use crate::cognito::account::{Delivery, Medium, NewAccount, SignedUp};
use crate::cognito::error::{CognitoError, Stage};
use cognito_flow::{CognitoSession, Secret};

impl Api {
    pub(in crate::cognito) async fn sign_up(
        &self,
        account: NewAccount,
    ) -> Result<SignedUp, CognitoError> {
        let attributes = account.attributes.into_iter().map(|(name, value)| {
            let attribute = AttributeType::builder().name(name).value(value).build();
            attribute.map_err(|_| CognitoError::Internal("an attribute without a name"))
        });
        let request = self
            .sdk
            .sign_up()
            .client_id(self.client.client_id().as_str())
            .set_secret_hash(self.secret_hash(&account.username))
            .username(&account.username)
            .set_password(account.password.map(|password| password.expose().clone()))
            .set_user_attributes(Some(attributes.collect::<Result<_, _>>()?));
        let output = self.open("SignUp", request.send()).await?;
        Ok(SignedUp {
            confirmed: output.user_confirmed,
            delivery: delivery(output.code_delivery_details),
            session: output.session.map(CognitoSession::new),
        })
    }

    pub(in crate::cognito) async fn confirm_sign_up(
        &self,
        username: &str,
        code: &Secret<String>,
        session: Option<CognitoSession>,
    ) -> Result<Option<CognitoSession>, CognitoError> {
        let request = self
            .sdk
            .confirm_sign_up()
            .client_id(self.client.client_id().as_str())
            .set_secret_hash(self.secret_hash(username))
            .username(username)
            .confirmation_code(code.expose())
            .set_session(session.map(super::text));
        let output = self.open("ConfirmSignUp", request.send()).await?;
        Ok(output.session.map(CognitoSession::new))
    }

    pub(in crate::cognito) async fn resend_code(
        &self,
        username: &str,
    ) -> Result<Option<Delivery>, CognitoError> {
        let request = self
            .sdk
            .resend_confirmation_code()
            .client_id(self.client.client_id().as_str())
            .set_secret_hash(self.secret_hash(username))
            .username(username);
        let output = self.open("ResendConfirmationCode", request.send()).await?;
        Ok(delivery(output.code_delivery_details))
    }

    pub(in crate::cognito) async fn forgot_password(
        &self,
        username: &str,
    ) -> Result<Option<Delivery>, CognitoError> {
        let request = self
            .sdk
            .forgot_password()
            .client_id(self.client.client_id().as_str())
            .set_secret_hash(self.secret_hash(username))
            .username(username);
        let output = self.open("ForgotPassword", request.send()).await?;
        Ok(delivery(output.code_delivery_details))
    }

    pub(in crate::cognito) async fn reset_password(
        &self,
        username: &str,
        code: &Secret<String>,
        password: &Secret<String>,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .confirm_forgot_password()
            .client_id(self.client.client_id().as_str())
            .set_secret_hash(self.secret_hash(username))
            .username(username)
            .confirmation_code(code.expose())
            .password(password.expose());
        self.open("ConfirmForgotPassword", request.send()).await?;
        Ok(())
    }

    pub(in crate::cognito) async fn change_password(
        &self,
        access_token: &Secret<String>,
        previous: Option<&Secret<String>>,
        proposed: &Secret<String>,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .change_password()
            .access_token(access_token.expose())
            .set_previous_password(previous.map(|password| password.expose().clone()))
            .proposed_password(proposed.expose());
        self.own("ChangePassword", request.send()).await?;
        Ok(())
    }

    pub(in crate::cognito) async fn send_attribute_code(
        &self,
        access_token: &Secret<String>,
        attribute: &str,
    ) -> Result<Option<Delivery>, CognitoError> {
        let request = self
            .sdk
            .get_user_attribute_verification_code()
            .access_token(access_token.expose())
            .attribute_name(attribute);
        let sent = request.send();
        let output = self.own("GetUserAttributeVerificationCode", sent).await?;
        Ok(delivery(output.code_delivery_details))
    }

    pub(in crate::cognito) async fn verify_attribute(
        &self,
        access_token: &Secret<String>,
        attribute: &str,
        code: &Secret<String>,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .verify_user_attribute()
            .access_token(access_token.expose())
            .attribute_name(attribute)
            .code(code.expose());
        self.own("VerifyUserAttribute", request.send()).await?;
        Ok(())
    }

    /// Name and value of each attribute.
    pub(in crate::cognito) async fn user(
        &self,
        access_token: &Secret<String>,
    ) -> Result<Vec<(String, String)>, CognitoError> {
        let request = self.sdk.get_user().access_token(access_token.expose());
        let output = self.own("GetUser", request.send()).await?;
        let attributes = output.user_attributes.into_iter();
        Ok(attributes
            .map(|attribute| (attribute.name, attribute.value.unwrap_or_default()))
            .collect())
    }

    /// A call that anybody may make.
    async fn open<T, E>(
        &self,
        operation: &'static str,
        sent: impl Future<Output = Result<T, SdkError<E, super::HttpResponse>>>,
    ) -> Result<T, CognitoError>
    where
        E: super::ProvideErrorMetadata + super::StdError + Send + Sync + 'static,
    {
        self.once(operation, Stage::Account, sent).await
    }

    /// A call with the person's access token.
    pub(super) async fn own<T, E>(
        &self,
        operation: &'static str,
        sent: impl Future<Output = Result<T, SdkError<E, super::HttpResponse>>>,
    ) -> Result<T, CognitoError>
    where
        E: super::ProvideErrorMetadata + super::StdError + Send + Sync + 'static,
    {
        self.once(operation, Stage::SignedIn, sent).await
    }

    async fn once<T, E>(
        &self,
        operation: &'static str,
        stage: Stage,
        sent: impl Future<Output = Result<T, SdkError<E, super::HttpResponse>>>,
    ) -> Result<T, CognitoError>
    where
        E: super::ProvideErrorMetadata + super::StdError + Send + Sync + 'static,
    {
        let sent = async {
            let output = unlogged(sent).await;
            output.map_err(|error| self.error(operation, stage, None, error))
        };
        self.bounded(operation, sent, |_| "done".to_owned()).await
    }

    /// Over the very name that is sent.
    fn secret_hash(&self, username: &str) -> Option<String> {
        let hash = self.client.secret_hash(username)?;
        Some(hash.expose().clone())
    }
}

fn delivery(details: Option<CodeDeliveryDetailsType>) -> Option<Delivery> {
    let details = details?;
    Some(Delivery {
        medium: match details.delivery_medium? {
            DeliveryMediumType::Sms => Medium::Sms,
            _ => Medium::Email,
        },
        destination: details.destination.unwrap_or_default(),
    })
}
