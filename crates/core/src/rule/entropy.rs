//! How random a literal looks, and words that mean that it is no secret.

/// Literals under this many bits a character are words, not keys.
const BITS_LEAST: f64 = 3.2;

const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "sample",
    "your",
    "xxxx",
    "****",
    "....",
    "1234567",
    "todo",
    "redacted",
    "secret_",
    "test",
    "fake",
    "none",
    "null",
    "undefined",
    "localhost",
    "password",
    "abcdef",
];

/// Whether a literal could be a secret: random enough, with a digit and a letter, and no placeholder.
pub(super) fn looks_secret(literal: &str) -> bool {
    let lower = literal.to_ascii_lowercase();
    let is_template = literal.contains("${")
        || literal.contains("{{")
        || literal.starts_with('<')
        || literal.starts_with('$')
        || literal.contains("[[");
    let mixed =
        literal.bytes().any(|byte| byte.is_ascii_digit()) && literal.bytes().any(|byte| byte.is_ascii_alphabetic());
    mixed
        && !is_template
        && !PLACEHOLDERS.iter().any(|word| lower.contains(word))
        && bits_per_character(literal) >= BITS_LEAST
}

/// Shannon's entropy of the literal's bytes.
fn bits_per_character(literal: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in literal.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}
