//! Remembered devices: confirming one, and forgetting it.

use cognito_flow::{DeviceVerifier, Secret};
use sdk::types::{DeviceRememberedStatusType, DeviceSecretVerifierConfigType};

use super::{Api, sdk};
use crate::cognito::error::CognitoError;

impl Api {
    /// ConfirmDevice; whether the person must agree before the device is remembered.
    pub(in crate::cognito) async fn confirm_device(
        &self,
        access_token: &Secret<String>,
        device_key: &str,
        name: &str,
        verifier: DeviceVerifier,
    ) -> Result<bool, CognitoError> {
        let verifier = DeviceSecretVerifierConfigType::builder()
            .password_verifier(verifier.password_verifier)
            .salt(verifier.salt)
            .build();
        let request = self
            .sdk
            .confirm_device()
            .access_token(access_token.expose())
            .device_key(device_key)
            .device_name(name)
            .device_secret_verifier_config(verifier);
        let output = self.own("ConfirmDevice", request.send()).await?;
        Ok(output.user_confirmation_necessary)
    }

    /// UpdateDeviceStatus: the person wants it remembered.
    pub(in crate::cognito) async fn remember_device(
        &self,
        access_token: &Secret<String>,
        device_key: &str,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .update_device_status()
            .access_token(access_token.expose())
            .device_key(device_key)
            .device_remembered_status(DeviceRememberedStatusType::Remembered);
        self.own("UpdateDeviceStatus", request.send()).await?;
        Ok(())
    }

    pub(in crate::cognito) async fn forget_device(
        &self,
        access_token: &Secret<String>,
        device_key: &str,
    ) -> Result<(), CognitoError> {
        let request = self
            .sdk
            .forget_device()
            .access_token(access_token.expose())
            .device_key(device_key);
        self.own("ForgetDevice", request.send()).await?;
        Ok(())
    }
}
