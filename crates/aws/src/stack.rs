//! A deployment as CloudFormation knows it: what the template's names stand for in an account.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;

use crate::account;

/// Resources, parameters and outputs of one stack.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    name: String,
    resources: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Reads the stack with this name. Errors, in words: it is not there, or may not be read.
    pub async fn read(config: &aws_config::SdkConfig, name: &str) -> Result<Self, String> {
        let client = Client::new(config);
        let cannot = |said: String| {
            format!(
                "stack {name} cannot be read: {said}. Check the name, AWS_REGION, and that your credentials may call \
                 cloudformation:DescribeStacks and ListStackResources"
            )
        };
        let described = client.describe_stacks().stack_name(name).send().await;
        let described = described.map_err(|error| cannot(account::said(&error)))?;
        let described = described.stacks().first().cloned();
        let described = described.ok_or_else(|| cannot("there is none of that name".to_owned()))?;
        let text = |name: Option<&str>, value: Option<&str>| Some((name?.to_owned(), value?.to_owned()));
        // The other call, DescribeStackResources, gives a hundred at most; the template has more.
        let listed = client.list_stack_resources().stack_name(name);
        let mut listed = listed.into_paginator().items().send();
        let mut resources = BTreeMap::new();
        while let Some(resource) = listed.next().await {
            let resource = resource.map_err(|error| cannot(account::said(&error)))?;
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

    /// What a resource of the template is in the account: a bucket's name, a secret's ARN. Errors, in words: the stack has
    /// none of that name.
    pub fn resource(&self, logical: &str) -> Result<&str, String> {
        self.find(&self.resources, "resource", logical)
    }

    /// What an output says. Errors, in words: the stack has none of that name.
    pub fn output(&self, name: &str) -> Result<&str, String> {
        self.find(&self.outputs, "output", name)
    }

    /// What a parameter was given as. Errors, in words: the stack has none of that name.
    pub fn parameter(&self, name: &str) -> Result<&str, String> {
        self.find(&self.parameters, "parameter", name)
    }

    fn find<'a>(&self, among: &'a BTreeMap<String, String>, kind: &str, name: &str) -> Result<&'a str, String> {
        among.get(name).map(String::as_str).ok_or_else(|| {
            format!(
                "stack {} has no {kind} {name}: it is not of this version's infra/template.yaml. Deploy it again",
                self.name
            )
        })
    }
}

/// Who calls, as AWS knows them: an ARN. Errors, in words: the credentials are not good.
pub async fn caller(config: &aws_config::SdkConfig) -> Result<String, String> {
    let asked = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let asked = asked.map_err(|error| account::said(&error));
    let arn = asked.and_then(|caller| caller.arn.ok_or_else(|| "an answer without an ARN".to_owned()));
    arn.map_err(|said| format!("AWS does not say who you are: {said}. Check your credentials and AWS_REGION"))
}
