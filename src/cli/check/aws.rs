//! The AWS command lines that put a finding right, for the pool and the app client of the configuration.
//!
//! UpdateUserPoolClient sets what it is not sent back to its default, so a change is made to the whole
//! description of the client (Cognito API, UpdateUserPoolClient).

use serde_json::json;

use crate::cognito::Settings;

/// What every command line names.
#[derive(Clone, Debug)]
pub(super) struct Aws {
    pub(super) region: String,
    pub(super) pool_id: String,
    pub(super) client_id: String,
    /// ` --region … [--endpoint-url …]`.
    place: String,
}

impl Aws {
    pub(super) fn of(settings: &Settings) -> Self {
        let client = &settings.client;
        let region = client.pool_id().region().to_owned();
        let at_aws = Settings::new(client.clone(), settings.flow.kind)
            .is_ok_and(|usual| usual.endpoint == settings.endpoint);
        let place = if at_aws {
            format!(" --region {region}")
        } else {
            format!(" --region {region} --endpoint-url {}", settings.endpoint)
        };
        Self {
            region,
            pool_id: client.pool_id().to_string(),
            client_id: client.client_id().to_string(),
            place,
        }
    }

    /// Changes the app client as `edit`, a jq filter of its description, says; the rest stays as it is.
    pub(super) fn update_client(&self, edit: &str) -> String {
        let Self {
            pool_id,
            client_id,
            place,
            ..
        } = self;
        format!(
            "aws cognito-idp update-user-pool-client{place} --cli-input-json \"$(aws cognito-idp \
             describe-user-pool-client{place} --user-pool-id {pool_id} --client-id {client_id} --query UserPoolClient \
             --output json | jq 'del(.ClientSecret, .CreationDate, .LastModifiedDate, .ClientType) | {edit}')\""
        )
    }

    /// Adds a flow to `ExplicitAuthFlows`.
    pub(super) fn allow_flow(&self, flow: &str) -> String {
        self.update_client(&format!(".ExplicitAuthFlows += [\"{flow}\"]"))
    }

    /// A command about the pool: `command --user-pool-id …`.
    pub(super) fn pool(&self, command: &str) -> String {
        let Self { pool_id, place, .. } = self;
        format!("aws cognito-idp {command}{place} --user-pool-id {pool_id}")
    }

    /// The smallest policy that lets the pool's settings be read. The account is left open: nobody told it.
    pub(super) fn policy(&self) -> String {
        let Self {
            region, pool_id, ..
        } = self;
        let partition = if region.starts_with("cn-") {
            "aws-cn"
        } else {
            "aws"
        };
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": [
                    "cognito-idp:DescribeUserPool",
                    "cognito-idp:DescribeUserPoolClient",
                    "cognito-idp:GetUserPoolMfaConfig",
                ],
                "Resource": format!("arn:{partition}:cognito-idp:{region}:*:userpool/{pool_id}"),
            }],
        })
        .to_string()
    }
}
