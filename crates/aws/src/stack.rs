//! A deployment in CloudFormation: the resources, outputs and parameters behind the template's names in an account.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;

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
    /// The stack is missing, or the credentials may not read it.
    pub async fn read(config: &aws_config::SdkConfig, name: &str) -> Result<Self, StackError> {
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
