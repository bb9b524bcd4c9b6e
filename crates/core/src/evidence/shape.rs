//! The parts of a SARIF 2.1.0 log that are read. Everything else in it is ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub version: String,
    pub runs: Vec<Run>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Run {
    pub tool: Tool,
    pub results: Option<Vec<Report>>,
    pub artifacts: Vec<Artifact>,
    pub original_uri_base_ids: BTreeMap<String, Location>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Tool {
    pub driver: Component,
    pub extensions: Vec<Component>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Component {
    pub name: String,
    pub version: Option<String>,
    pub semantic_version: Option<String>,
    pub rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    pub id: String,
    pub short_description: Text,
    pub full_description: Text,
    pub help: Text,
    pub message_strings: BTreeMap<String, Text>,
    pub default_configuration: Configuration,
    pub properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    pub level: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Properties {
    pub tags: Vec<Value>,
    pub cwe: Value,
    #[serde(rename = "security-severity")]
    pub security_severity: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Report {
    pub rule_id: Option<String>,
    pub rule_index: Option<i64>,
    pub rule: RuleReference,
    pub level: Option<String>,
    pub kind: Option<String>,
    pub message: Text,
    pub locations: Vec<Place>,
    pub suppressions: Vec<Suppression>,
    pub baseline_state: Option<String>,
    pub properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RuleReference {
    pub id: Option<String>,
    pub index: Option<i64>,
    pub tool_component: ComponentReference,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ComponentReference {
    pub index: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Suppression {
    pub status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Text {
    pub text: Option<String>,
    pub id: Option<String>,
    pub arguments: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Place {
    pub physical_location: PhysicalLocation,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PhysicalLocation {
    pub artifact_location: Location,
    pub region: Region,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Artifact {
    pub location: Location,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location {
    pub uri: Option<String>,
    pub uri_base_id: Option<String>,
    pub index: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Region {
    pub start_line: Option<u32>,
    pub end_line: Option<u32>,
}
