//! The token limits of one model call, and each prompt part's share of them.

use serde::{Deserialize, Serialize};

/// Output limit of a unit's answer if no setting names one, in tokens.
const DEFAULT_OUTPUT_TOKENS: u32 = 8_000;
/// The walkthrough's output limit.
const SUMMARY_OUTPUT_TOKENS: u32 = 1_500;
/// Approximate maximum of a unit's diff; a larger file becomes several units.
const UNIT_TOKENS: u64 = 12_000;
/// A larger hunk is not sent: no model reviews it well, and few accept it.
const HUNK_TOKENS: u64 = 48_000;
/// Maximum of the scopes around a unit's hunks and the imports together.
const PACK_TOKENS: u64 = 2_000;
/// Maximum of the change's description in a prompt; the rest is cut off.
const DESCRIPTION_TOKENS: u64 = 500;
/// Maximum of a previous answer in a correction; the rest is cut off.
const PREVIOUS_ANSWER_TOKENS: u64 = 5_000;
/// Maximum of the walkthrough's list of files and findings.
const SUMMARY_TOKENS: u64 = 24_000;
/// Estimate for the instructions, the answer's schema and a correction's problems together.
const FIXED_TOKENS: u64 = 1_800;

/// Token limits of one call to the deployment's models. Without a setting the parts have sizes for models with a large
/// context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenLimits {
    /// Prompt and answer together. `HOLDFAST_MODEL_CONTEXT_TOKENS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// The answer. `HOLDFAST_MODEL_OUTPUT_TOKENS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u32>,
}

impl TokenLimits {
    /// Smallest context, in tokens: instructions, a few lines of diff and a short answer.
    pub const MIN_CONTEXT: u64 = 4_000;
    /// Largest context, in tokens.
    pub const MAX_CONTEXT: u64 = 100_000_000;
    /// Smallest output limit, in tokens: an answer with one finding.
    pub const MIN_OUTPUT: u64 = 256;
    /// Largest output limit, in tokens.
    pub const MAX_OUTPUT: u64 = 1_000_000;

    /// Returns whether no setting names a limit.
    pub const fn is_default(&self) -> bool {
        self.context.is_none() && self.output.is_none()
    }

    /// Returns the output limit of a unit's answer, in tokens: at most a quarter of the context.
    pub fn output(&self) -> u32 {
        let wanted = self.output.unwrap_or(DEFAULT_OUTPUT_TOKENS);
        match self.context {
            Some(context) => wanted.min(context / 4).max(1),
            None => wanted,
        }
    }

    /// Returns the output limit of the walkthrough, in tokens.
    pub fn summary_output(&self) -> u32 {
        SUMMARY_OUTPUT_TOKENS.min(self.output())
    }

    /// Returns the approximate maximum of a unit's diff, in tokens.
    pub fn unit(&self) -> u64 {
        self.share(40, UNIT_TOKENS)
    }

    /// Returns the maximum size of a hunk that is sent, in tokens.
    pub fn hunk(&self) -> u64 {
        self.share(50, HUNK_TOKENS)
    }

    /// Returns the maximum of the context around a unit's hunks, in tokens.
    pub fn pack(&self) -> u64 {
        self.share(10, PACK_TOKENS)
    }

    /// Returns the maximum of the description in a prompt, in tokens.
    pub fn description(&self) -> u64 {
        self.share(5, DESCRIPTION_TOKENS)
    }

    /// Returns the maximum of the previous answer in a correction, in tokens.
    pub fn previous_answer(&self) -> u64 {
        self.share(20, PREVIOUS_ANSWER_TOKENS)
    }

    /// Returns the maximum of the walkthrough's list, in tokens.
    pub fn summary(&self) -> u64 {
        self.share(80, SUMMARY_TOKENS)
    }

    /// Returns a percentage of the room that the context leaves for the prompt's data, from 100 to `most` tokens;
    /// `most` if no context is set. Hunk, pack, description and previous answer take 85 percent together: the rest is a
    /// margin, because the estimate of tokens is rough.
    fn share(&self, hundredths: u64, most: u64) -> u64 {
        let Some(context) = self.context else { return most };
        let fixed = FIXED_TOKENS.min(u64::from(context) / 2);
        let room = u64::from(context).saturating_sub(u64::from(self.output()) + fixed);
        (room * hundredths / 100).clamp(100, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_the_limits_are_those_of_earlier_versions() {
        let limits = TokenLimits::default();
        assert_eq!(
            (
                limits.output(),
                limits.unit(),
                limits.hunk(),
                limits.pack(),
                limits.previous_answer(),
                limits.summary_output()
            ),
            (8_000, 12_000, 48_000, 2_000, 5_000, 1_500)
        );
        assert_eq!((limits.description(), limits.summary()), (500, 24_000));
        // Of the room beside the answer and 1,800 tokens of instructions: two fifths, half, a tenth.
        let small = TokenLimits {
            context: Some(10_800),
            output: Some(2_000),
        };
        assert_eq!((small.unit(), small.hunk(), small.pack()), (2_800, 3_500, 700));
        assert_eq!(serde_json::to_string(&limits).unwrap_or_default(), "{}");
    }

    #[test]
    fn everything_fits_every_context() {
        for context in [4_000, 4_096, 8_192, 16_384, 32_768, 131_072, 1_000_000] {
            for output in [None, Some(256), Some(2_000), Some(200_000)] {
                let limits = TokenLimits {
                    context: Some(context),
                    output,
                };
                let largest = limits.hunk().max(limits.unit())
                    + limits.pack()
                    + limits.description()
                    + limits.previous_answer()
                    + FIXED_TOKENS
                    + u64::from(limits.output());
                assert!(largest <= u64::from(context), "{limits:?}: {largest}");
                assert!(
                    limits.summary() + limits.description() + 500 + u64::from(limits.summary_output())
                        <= u64::from(context)
                );
                assert!(limits.unit() >= 400 && limits.output() >= 256, "{limits:?}");
                assert!(output.is_none_or(|output| limits.output() <= output));
            }
        }
    }
}
