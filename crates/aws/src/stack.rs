//! A deployment in CloudFormation: the resources, outputs and parameters behind the template's names in an account.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::ProvideCredentials;

use crate::account;

/// Why a deployment cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// It is missing, or the credentials may not read it.
    #[error(
        "stack {name} cannot be read: {reason}. Check the name, AWS_REGION, and that your credentials may call \
         cloudformation:DescribeStacks and ListStackResources"
    )]
    Unreadable {
        /// Its name.
        name: String,
        /// AWS's reason, in one line.
        reason: String,
    },
    /// The environment names no account: no usable credentials, or no region.
    #[error("stack {name} cannot be read: there is no {what}. {remedy}")]
    NoAccount {
        /// The stack's name.
        name: String,
        /// The missing part.
        what: &'static str,
        /// The settings that add it.
        remedy: &'static str,
    },
    /// It has no resource, output or parameter of a name in this version's template.
    #[error("stack {stack} has no {kind} {name}: it is not from this version's infra/template.yaml. Deploy it again")]
    Lacks {
        /// Its name.
        stack: String,
        /// `resource`, `output` or `parameter`.
        kind: &'static str,
        /// The missing name in the template.
        name: String,
    },
    /// AWS rejects the credentials.
    #[error("AWS doesn't recognise the credentials: {0}. Check your credentials and AWS_REGION")]
    Caller(String),
}

/// Resources, parameters and outputs of one stack.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    name: String,
    resources: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Reads the stack with this name.
    ///
    /// # Errors
    ///
    /// The environment has no credentials or no region; the stack is missing, or the credentials may not read it.
    pub async fn read(config: &aws_config::SdkConfig, name: &str) -> Result<Self, StackError> {
        check_account(config, name).await?;
        let client = Client::new(config);
        let cannot = |reason: String| StackError::Unreadable {
            name: name.to_owned(),
            reason,
        };
        let described = client.describe_stacks().stack_name(name).send().await;
        let described = described.map_err(|error| cannot(account::failure_line(&error)))?;
        let described = described.stacks().first().cloned();
        let described = described.ok_or_else(|| cannot("no stack has this name".to_owned()))?;
        let text = |name: Option<&str>, value: Option<&str>| Some((name?.to_owned(), value?.to_owned()));
        // Not DescribeStackResources: it lists at most 100, and the template has more.
        let listed = client.list_stack_resources().stack_name(name);
        let mut listed = listed.into_paginator().items().send();
        let mut resources = BTreeMap::new();
        while let Some(resource) = listed.next().await {
            let resource = resource.map_err(|error| cannot(account::failure_line(&error)))?;
            resources.extend(text(resource.logical_resource_id(), resource.physical_resource_id()));
        }
        let (parameters, outputs) = (described.parameters(), described.outputs());
        Ok(Self {
            name: name.to_owned(),
            parameters: parameters
                .iter()
                .filter_map(|given| text(given.parameter_key(), given.parameter_value()))
                .collect(),
            outputs: outputs
                .iter()
                .filter_map(|output| text(output.output_key(), output.output_value()))
                .collect(),
            resources,
        })
    }

    /// Returns the name in the account of a resource in the template: a bucket's name, a secret's ARN.
    ///
    /// # Errors
    ///
    /// The stack has none with this name.
    pub fn resource(&self, logical: &str) -> Result<&str, StackError> {
        self.find(&self.resources, "resource", logical)
    }

    /// Returns the value of an output.
    ///
    /// # Errors
    ///
    /// The stack has none with this name.
    pub fn output(&self, name: &str) -> Result<&str, StackError> {
        self.find(&self.outputs, "output", name)
    }

    /// Returns the value of a parameter.
    ///
    /// # Errors
    ///
    /// The stack has none with this name.
    pub fn parameter(&self, name: &str) -> Result<&str, StackError> {
        self.find(&self.parameters, "parameter", name)
    }

    fn find<'a>(
        &self,
        among: &'a BTreeMap<String, String>,
        kind: &'static str,
        name: &str,
    ) -> Result<&'a str, StackError> {
        among.get(name).map(String::as_str).ok_or_else(|| StackError::Lacks {
            stack: self.name.clone(),
            kind,
            name: name.to_owned(),
        })
    }
}

/// Checks that the environment names an account. The SDK's own error would not name the settings.
async fn check_account(config: &aws_config::SdkConfig, name: &str) -> Result<(), StackError> {
    let lacks = |what, remedy| StackError::NoAccount {
        name: name.to_owned(),
        what,
        remedy,
    };
    if config.region().is_none() {
        return Err(lacks(
            "region",
            "Set AWS_REGION, or a region in the profile that AWS_PROFILE names",
        ));
    }
    let found = match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.is_ok(),
        None => false,
    };
    match found {
        true => Ok(()),
        false => Err(lacks(
            "usable AWS credential in the environment",
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or sign in with aws sso login",
        )),
    }
}

/// Returns the caller's ARN.
///
/// # Errors
///
/// AWS rejects the credentials.
pub async fn caller(config: &aws_config::SdkConfig) -> Result<String, StackError> {
    let answer = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let answer = answer.map_err(|error| account::failure_line(&error));
    let arn = answer.and_then(|caller| caller.arn.ok_or_else(|| "an answer without an ARN".to_owned()));
    arn.map_err(StackError::Caller)
}
