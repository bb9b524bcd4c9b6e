//! A deployment as CloudFormation knows it: what the template's names stand for in an account.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;

use crate::aws;

/// Resources and outputs of one stack.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    name: String,
    resources: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Reads the stack with this name. Errors, in words: it is not there, or may not be read.
    pub async fn read(config: &aws_config::SdkConfig, name: &str) -> Result<Self, String> {
        let client = Client::new(config);
        let cannot = |said: String| {
            format!(
                "stack {name} cannot be read: {said}. Check the name, AWS_REGION, and that your credentials may call \
                 cloudformation:DescribeStacks and DescribeStackResources"
            )
        };
        let described = client.describe_stacks().stack_name(name).send().await;
        let described = described.map_err(|error| cannot(aws::said(&error)))?;
        let outputs = described.stacks().iter().flat_map(|stack| stack.outputs());
        let listed = client.describe_stack_resources().stack_name(name).send().await;
        let listed = listed.map_err(|error| cannot(aws::said(&error)))?;
        let text = |name: Option<&str>, value: Option<&str>| Some((name?.to_owned(), value?.to_owned()));
        Ok(Self {
            name: name.to_owned(),
            outputs: outputs
                .filter_map(|output| text(output.output_key(), output.output_value()))
                .collect(),
            resources: listed
                .stack_resources()
                .iter()
                .filter_map(|resource| text(resource.logical_resource_id(), resource.physical_resource_id()))
                .collect(),
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

    fn find<'a>(&self, among: &'a BTreeMap<String, String>, kind: &str, name: &str) -> Result<&'a str, String> {
        among.get(name).map(String::as_str).ok_or_else(|| {
            format!(
                "stack {} has no {kind} {name}: it is not of this version's infra/template.yaml. Deploy it again",
                self.name
            )
        })
    }
}
