//! `HOLDFAST_MODEL_BATCH`: the reviews whose model calls are batch calls.

/// The reviews whose model calls are batch calls: they cost half and may take a day. A call that a person waits for never
/// is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelBatch {
    /// None.
    #[default]
    Off,
    /// Those of repositories whose `.holdfast.yml` has `batch: true`.
    Marked,
    /// All.
    All,
}

impl ModelBatch {
    /// Returns the mode that a setting names.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "marked" => Some(Self::Marked),
            "all" => Some(Self::All),
            _ => None,
        }
    }
}
