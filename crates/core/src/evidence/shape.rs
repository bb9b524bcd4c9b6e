//! The parts of a SARIF 2.1.0 log that are read. Everything else in it is ignored.

use serde::Deserialize;

use super::bounded::{List, Map, Short, Words};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub version: Short,
    pub runs: List<Run>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Run {
    pub tool: Tool,
    pub results: Option<List<Report>>,
    pub artifacts: List<Artifact>,
    pub original_uri_base_ids: Map<Location>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Tool {
    pub driver: Component,
    pub extensions: List<Component>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Component {
    pub name: Short,
    pub version: Option<Short>,
    pub semantic_version: Option<Short>,
    pub rules: List<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    pub id: Short,
    pub short_description: Text,
    pub full_description: Text,
    pub help: Text,
    pub message_strings: Map<Text>,
    pub default_configuration: Configuration,
    pub properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    pub level: Option<Short>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Properties {
    pub tags: Words,
    pub cwe: Words,
    #[serde(rename = "security-severity")]
    pub security_severity: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Report {
    pub rule_id: Option<Short>,
    pub rule_index: Option<i64>,
    pub rule: RuleReference,
    pub level: Option<Short>,
    pub kind: Option<Short>,
    pub message: Text,
    pub locations: List<Place>,
    pub suppressions: List<Suppression>,
    pub baseline_state: Option<Short>,
    pub properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RuleReference {
    pub id: Option<Short>,
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
    pub status: Option<Short>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Text {
    pub text: Option<Short>,
    pub id: Option<Short>,
    pub arguments: List<Short>,
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location {
    pub uri: Option<Short>,
    pub uri_base_id: Option<Short>,
    pub index: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Region {
    /// Of any form: one odd number in a log isn't worth its other reports.
    pub start_line: Words,
    pub end_line: Words,
}
