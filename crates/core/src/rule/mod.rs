//! Secrets in text: known token shapes and literals that look like one. Pure; linear in the text's length.

mod entropy;
mod finding;
mod patterns;

use std::collections::HashMap;
use std::ops::Range;

pub use finding::secret_findings;
pub use patterns::{SecretKind, secret_kinds};

/// Longest line that is searched, in bytes; what lies behind is no hand-written code.
const LINE_MOST: usize = 65_536;

/// How often a line is searched again after a replacement.
const ROUNDS_MOST: usize = 8;

/// A secret in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMatch {
    /// The rule's id, kebab-case.
    pub rule: &'static str,
    /// What kind of secret, for people.
    pub title: &'static str,
    /// First byte in the line.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// Text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// The text; each secret is `[[SECRET_N:rule]]`, lines hold.
    pub text: String,
    /// How many different secrets were taken out.
    pub placeholders: usize,
}

/// Finds secrets in one line, in order, not overlapping.
pub fn find_secrets(line: &str) -> Vec<SecretMatch> {
    let mut end = line.len().min(LINE_MOST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let line = &line[..end];
    let mut found: Vec<SecretMatch> = Vec::new();
    for kind in secret_kinds() {
        for Range { start, end } in kind.find_in(line) {
            if !found.iter().any(|other| start < other.end && other.start < end) {
                found.push(SecretMatch {
                    rule: kind.rule,
                    title: kind.title,
                    start,
                    end,
                });
            }
        }
    }
    found.sort_by_key(|secret| secret.start);
    found
}

/// Replaces each secret by a placeholder: the same secret, the same number within one text. A private key's lines are
/// replaced one by one, so that line numbers hold.
pub fn redact(text: &str) -> Redacted {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut inside_key = false;
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
            let ends = line.contains("-----END ") && line.contains("PRIVATE KEY");
            if inside_key && !ends && is_key_body(line) {
                return placeholder(&mut numbers, line.trim(), "private-key");
            }
            inside_key = (inside_key || begins) && !ends && (begins || is_key_body(line));
            redact_line(line, &mut numbers)
        })
        .collect();
    Redacted {
        text: lines.join("\n"),
        placeholders: numbers.len(),
    }
}

/// A placeholder names its rule, which may make a neighbour read like a secret too: so until nothing is found.
fn redact_line(line: &str, numbers: &mut HashMap<String, usize>) -> String {
    let mut text = line.to_owned();
    for _ in 0..ROUNDS_MOST {
        let secrets = find_secrets(&text);
        if secrets.is_empty() {
            break;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for secret in secrets {
            out.push_str(&text[at..secret.start]);
            out.push_str(&placeholder(numbers, &text[secret.start..secret.end], secret.rule));
            at = secret.end;
        }
        out.push_str(&text[at..]);
        text = out;
    }
    text
}

fn placeholder(numbers: &mut HashMap<String, usize>, secret: &str, rule: &str) -> String {
    let next = numbers.len() + 1;
    let number = *numbers.entry(secret.to_owned()).or_insert(next);
    format!("[[SECRET_{number}:{rule}]]")
}

/// A line of base64, perhaps quoted or with a PEM header's field in it.
fn is_key_body(line: &str) -> bool {
    let trimmed = line.trim().trim_matches(['"', '\'', ',', '\\', '+', ' ']);
    trimmed.is_empty()
        || trimmed
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=\\".contains(&byte))
        || trimmed.contains(": ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_secret_has_the_same_placeholder_and_lines_hold() {
        let token = ["ghp_", &"a1B2".repeat(9)].concat();
        let text = format!("a = \"{token}\"\nplain\nb = '{token}'");
        assert_eq!(
            redact(&text).text,
            "a = \"[[SECRET_1:github-token]]\"\nplain\nb = '[[SECRET_1:github-token]]'"
        );
        assert_eq!(redact(&text).placeholders, 1);
    }

    #[test]
    fn a_private_key_is_taken_out_line_by_line() {
        let text = [
            "-----BEGIN RSA ",
            "PRIVATE KEY-----\nMIIEow\nabc+/=\n-----END RSA ",
            "PRIVATE KEY-----\nlet x = 1;",
        ]
        .concat();
        let redacted = redact(&text).text;
        assert_eq!(redacted.lines().count(), 5);
        assert!(
            !redacted.contains("MIIEow") && !redacted.contains("abc+/="),
            "{redacted}"
        );
        assert!(redacted.ends_with("\nlet x = 1;"));
    }

    #[test]
    fn a_key_that_never_ends_does_not_swallow_code() {
        let text = [
            "x = \"-----BEGIN ",
            "PRIVATE KEY-----\"\nfn main() { let a = [1]; }\nlet b = 2;",
        ]
        .concat();
        assert!(redact(&text).text.ends_with("fn main() { let a = [1]; }\nlet b = 2;"));
    }

    #[test]
    fn a_placeholder_does_not_uncover_its_neighbour() {
        let key = ["AKIA", "A2A222AAAAA22AAA"].concat();
        let text = format!("{key}[:AKIAAAA22AAA2A2AABBCAKIA3B3CL34456DE5C42");
        let once = redact(&text).text;
        assert_eq!(redact(&once).text, once);
    }

    #[test]
    fn a_huge_line_is_bounded() {
        assert_eq!(find_secrets(&"a".repeat(10_000_000)), []);
        assert_eq!(find_secrets(&"é".repeat(5_000_000)), []);
    }

    proptest! {
        #[test]
        fn redaction_keeps_lines_and_leaves_nothing(text in "([ -~]{0,60}|AKIA[A-Z2-7]{16}|password = \"[a-zA-Z0-9]{20}\"|\n){0,12}") {
            let redacted = redact(&text).text;
            prop_assert_eq!(redacted.split('\n').count(), text.split('\n').count());
            prop_assert_eq!(&redact(&redacted).text, &redacted, "once is enough");
        }
    }
}
