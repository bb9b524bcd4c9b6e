//! What the base tells about changed files that may not be worth a review: its `.gitattributes`, and whether its
//! versions are generated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The facts of a change. PlanReview reads them once and stores them, so that a repeated call and a replay plan the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseFacts {
    /// The files with a fact, by path in the head.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileNoise>,
    /// Notes for the reader: limits that were reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The facts of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNoise {
    /// Its attributes in the base.
    #[serde(flatten)]
    pub marks: Marks,
    /// The rule by which both its versions are generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_by: Option<String>,
}

/// A file's attributes. `None`: not specified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// `linguist-generated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<bool>,
    /// `linguist-vendored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendored: Option<bool>,
    /// `linguist-documentation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<bool>,
    /// Whether git stores the file's content elsewhere (`filter=lfs`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lfs: bool,
}
