//! The words of servers that refuse a part of a request, and the output limits that they name.

/// Minimum of a lowered output limit.
const MIN_OUTPUT_TOKENS: u32 = 64;

/// Words of a refusal of the output limit: of its name or its value.
pub(super) const LIMIT_WORDS: [&str; 9] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "maxoutputtokens",
    "output tokens",
    "completion tokens",
    "in the completion",
    "max tokens",
];
/// Words of a refusal of a name, not of a value.
pub(super) const UNKNOWN_WORDS: [&str; 14] = [
    "unsupported",
    "not supported",
    "unrecognized",
    "unrecognised",
    "unknown",
    "unexpected",
    "extra",
    "not permitted",
    "not allowed",
    "forbidden",
    "cannot find field",
    "deprecated",
    "instead",
    "additional properties",
];
/// Words of a refusal of the answer's schema.
pub(super) const FORMAT_WORDS: [&str; 21] = [
    "response_format",
    "response format",
    "responseformat",
    "output_config",
    "output_format",
    "response_schema",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    "json_mode",
    "structured",
    "schema",
    "grammar",
    "guided",
    "constrained",
    "additionalproperties",
    "maxlength",
    "requested parameters",
    "unimplemented keys",
    "logits processor",
];
/// Words of a refusal of closed objects or lists of types.
pub(super) const OPEN_WORDS: [&str; 4] = ["additionalproperties", "additional_properties", "nullable", "union"];
/// Words of a refusal of schemas by a server that may have JSON mode.
pub(super) const MODE_WORDS: [&str; 4] = [
    "json_object",
    "json_schema",
    "response_format type",
    "response_format.type",
];
/// Words of a refusal that isn't about a parameter.
pub(super) const OTHER_WORDS: [&str; 17] = [
    "not found",
    "does not exist",
    "not exist",
    "unknown model",
    "invalid model",
    "no such model",
    "model_not_found",
    "context length",
    "context window",
    "context_length",
    "context size",
    "too long",
    "too large",
    "content policy",
    "content_policy",
    "content management",
    "safety",
];

/// Returns whether a text has one of these words.
pub(super) fn has_any(words: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|word| words.contains(word))
}

/// Returns a lower output limit from a refusal's words: the room in the context, the largest smaller number, or half;
/// `None` if the limit can't be lowered.
pub(super) fn lower_limit(words: &str, now: u32) -> Option<u32> {
    let numbers: Vec<(usize, u32)> = numbers(words);
    let before = |phrase: &str| {
        let at = words.find(phrase)?;
        numbers
            .iter()
            .rev()
            .find(|(start, _)| *start < at)
            .map(|(_, number)| *number)
    };
    let in_context = words.find("context").and_then(|at| {
        let context = numbers.iter().find(|(start, _)| *start > at)?.1;
        let input = before("in the messages")
            .or_else(|| before("input tokens"))
            .or_else(|| before("in your prompt"))?;
        context.checked_sub(input)?.checked_sub(8)
    });
    let largest = || {
        let smaller = numbers.iter().map(|(_, number)| *number).filter(|number| *number < now);
        smaller.max().filter(|_| !words.contains("context"))
    };
    let most = in_context.or_else(largest).unwrap_or(now / 2);
    (most < now && most >= MIN_OUTPUT_TOKENS).then_some(most)
}

/// Returns the whole numbers in a text with their positions; `4,096` is one.
fn numbers(words: &str) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = words[at..].find(|char: char| char.is_ascii_digit()) {
        let start = at + offset;
        let length = words[start..]
            .find(|char: char| !char.is_ascii_digit() && char != ',')
            .unwrap_or(words.len() - start);
        let digits = words[start..start + length].trim_end_matches(',').replace(',', "");
        if let Ok(number) = digits.parse() {
            found.push((start, number));
        }
        at = start + length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_lowered_until_it_fits() {
        for (words, now, expected) in [
            (
                "max_tokens: 8000 > 4096, which is the maximum allowed number of output tokens",
                8_000,
                Some(4_096),
            ),
            (
                "max_tokens is too large: 8000. this model supports at most 4,096 completion tokens",
                8_000,
                Some(4_096),
            ),
            (
                "maximum context length is 8192 tokens. however, you requested 9000 tokens (1000 in the messages, 8000 in the completion)",
                8_000,
                Some(7_184),
            ),
            (
                "'max_tokens' is too large: 8000. maximum context length is 4096 tokens and your request has 500 input tokens",
                8_000,
                Some(3_588),
            ),
            ("max_tokens exceeds the context window", 8_000, Some(4_000)),
            ("max_tokens must be smaller", 8_000, Some(4_000)),
            ("max_tokens must be smaller", 100, None),
        ] {
            assert_eq!(lower_limit(words, now), expected, "{words}");
        }
    }
}
