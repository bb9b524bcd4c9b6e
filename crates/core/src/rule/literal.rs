//! Rates how much a literal looks like a secret: random, made of words, a template, a placeholder, or a well-known
//! example.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use sha2::{Digest, Sha256};

/// The evidence that a value needs, given its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Name and place make a secret likely: a password in a configuration file.
    Mild,
    /// The name makes it likely and the place doesn't contradict: a quoted literal in code.
    Usual,
    /// Name or place is vague: the value itself has to look random.
    High,
}

/// Pairs of letters that make up most of English and of the words in code.
const COMMON_PAIRS: &str = "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa si \
    ar ve ra ld ur ri ro ic ne me li ch ll be ma ss us om ut ec em il di ns ot un ac el ca ta la co io tr pe ho ce ge wa ay ad \
    ol mo no so pr po pl pa na mi lo ke ir im ie ia gh fo fi fe ew ee ev ex do da ct ck ci bu bo bl ai ag ab ap am op ow ul um \
    up ue sh su tu ub vi wi wo wh rs rt rd ry ts tt qu oo od os ov pp ep id ig iv iz gr gi fr ff ef cr cl br ty ly my sc sp sw";

/// Minimum share of common pairs in words.
const MIN_WORDS: f64 = 0.62;

/// Words that mark a value to be filled in. The rest of the literal without them has to look like a secret.
const FILLERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "sample",
    "your",
    "todo",
    "fixme",
    "redacted",
    "secret",
    "password",
    "passwd",
    "test",
    "fake",
    "none",
    "null",
    "undefined",
    "localhost",
    "insert",
    "replace",
    "default",
    "notreal",
    "token",
    "apikey",
    "xxxx",
    "1234567890",
    "123456789",
    "12345678",
    "1234567",
    "123456",
    "abcdefgh",
    "abcdef",
    "qwerty",
    "letmein",
    "hunter2",
    "admin",
    "optional",
    "required",
    "masked",
    "hidden",
    "removed",
];

/// Prefixes of values that only point to a secret stored elsewhere.
const POINTERS: &[&str] = &[
    "arn:",
    "op://",
    "vault:",
    "ssm:",
    "sm://",
    "env:",
    "env(",
    "file:",
    "projects/",
    "secretsmanager:",
    "kms:",
    "enc[",
    "enc(",
    "http://",
    "https://",
    "./",
    "../",
    "~/",
    "c:\\",
    "process.env",
    "os.environ",
    "os.getenv",
    "getenv",
    "system.getenv",
    "secrets.",
    "var.",
    "local.",
    "data.",
    "module.",
    "self.",
    "this.",
    "config.",
    "settings.",
    "ref+",
    "!vault",
    "@microsoft.keyvault",
    "sha256:",
    "sha512:",
    "sha1:",
    "sha256-",
    "sha384-",
    "sha512-",
    "urn:",
    "data:",
    "mailto:",
    "tel:",
    "oid:",
    "refs/",
    "gs://",
    "s3://",
    "keyvault",
    "azurekeyvault",
    "akv://",
    "aws-sm:",
    "gcp-sm:",
    "bws:",
    "keychain:",
];

/// Characters and marks that no secret contains: templates, patterns, expressions.
const MARKS: &[&str] = &[
    "${", "{{", "$(", "#{", "%(", "%s", "%v", "%d", "<%", "[[", "]]", "****", "....", "\u{2026}", "\\d", "\\w", "\\s",
    ".*", ".+", "]{", "]+", "]*", "::", "&&", "||", "=>", "\u{2022}", "__", "XXX", "---",
];

static PAIRS: LazyLock<HashSet<[u8; 2]>> = LazyLock::new(|| {
    let pairs = COMMON_PAIRS.split_whitespace();
    pairs
        .filter_map(|pair| <[u8; 2]>::try_from(pair.as_bytes()).ok())
        .collect()
});

static DOCUMENTED: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("documented.txt").lines();
    let known = lines.filter(|line| !line.starts_with('#'));
    known.filter_map(|line| line.split_whitespace().next()).collect()
});

static FILLING: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(FILLERS).ok());
static MARKING: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(MARKS).ok());

/// Returns whether a literal is a well-known secret from public documentation.
pub(super) fn is_documented(literal: &str) -> bool {
    let digest = hex::encode(Sha256::digest(literal.as_bytes()));
    digest.get(..16).is_some_and(|start| DOCUMENTED.contains(start))
}

/// Returns whether the variable part of a token is filler: one repeated character, a sequence, words.
pub(super) fn is_filler(body: &str) -> bool {
    let kept: Vec<u8> = body
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    if distinct_of(&kept) < 4.min(kept.len()) || is_sequence(&kept) {
        return true;
    }
    let lower = body.to_ascii_lowercase();
    let left = without_fillers(&lower);
    let is_marked = left.len() < lower.len();
    let remains = left
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .collect::<HashSet<u8>>()
        .len();
    // A random token is too long to look this much like words by chance.
    let is_text = share_of_words(body).is_some_and(|share| share >= 0.75);
    is_text || (is_marked && (remains < 5 || is_wordy(&left)))
}

/// Returns whether a value assigned to a secret's name could be that secret.
pub(super) fn could_be_secret(value: &str, demand: Demand, is_password: bool) -> bool {
    if value.len() < 6 || value.len() > 4_096 || is_template(value) {
        return false;
    }
    let decoded = printable_escapes(value);
    let value = decoded.as_deref().unwrap_or(value);
    let lower = value.to_ascii_lowercase();
    if POINTERS.iter().any(|pointer| lower.starts_with(pointer)) || is_identifier_like(value) || is_plain_data(value) {
        return false;
    }
    let left = without_fillers(&lower);
    // Fillers are matched in lower case; if none was removed, the rest is rated in its own case.
    let judged = if left.len() == lower.len() {
        value
    } else {
        left.as_str()
    };
    let kept: Vec<u8> = judged.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let distinct = distinct_of(&kept);
    let digits = kept.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = kept.len() - digits;
    let symbols = judged.bytes().filter(|byte| byte.is_ascii_punctuation()).count();
    if letters == 0 || is_sequence(&kept) || is_wordy(judged) || symbols * 2 > judged.len() {
        return false;
    }
    // Letters without a digit are names, unless they are far from words.
    if digits == 0 && share_of_words(judged).is_some_and(|share| share >= 0.4) {
        return false;
    }
    let bits = bits_per_character(judged);
    let upper = kept.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let is_mixed_case = upper > 0 && upper < letters && has_inner_capital(judged);
    let is_mixed = digits > 0 || symbols > 0 || is_mixed_case;
    let is_random = match demand {
        Demand::Mild if is_password => distinct >= 5 && judged.len() >= 6 && (is_mixed || judged.len() >= 12),
        Demand::Mild => distinct >= 6 && judged.len() >= 8 && (is_mixed || judged.len() >= 16) && bits >= 2.5,
        Demand::Usual if is_password => {
            distinct >= 6 && judged.len() >= 8 && (digits > 0 || is_mixed_case || judged.len() >= 16)
        }
        Demand::Usual => distinct >= 8 && judged.len() >= 10 && (digits > 0 || judged.len() >= 20) && bits >= 2.9,
        Demand::High => distinct >= 9 && judged.len() >= 12 && digits >= 2 && letters >= 3 && bits >= 3.1,
    };
    is_random && !is_documented(value)
}

/// Returns the text of a value that consists of escapes of printable characters: `\x6d\x61` is `ma`.
fn printable_escapes(value: &str) -> Option<String> {
    let is_printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let char_of = |escape: &str| {
        let byte = u8::from_str_radix(escape, 16).ok().filter(|_| escape.len() == 2);
        byte.filter(is_printable).map(char::from)
    };
    value.strip_prefix("\\x")?.split("\\x").map(char_of).collect()
}

/// Returns whether a value is a template, an expression or a sentence: `${NAME}`, `{{ name }}`, `<name>`, `$NAME`,
/// `%s`.
pub(super) fn is_template(value: &str) -> bool {
    let pair = |open, close| value.contains(open) && value.contains(close);
    let bare_name = |rest: &str| {
        rest.starts_with(|next: char| next.is_ascii_alphabetic() || next == '_')
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    MARKING.as_ref().is_some_and(|marks| marks.is_match(value))
        || value.chars().any(char::is_whitespace)
        || value.starts_with('<')
        || value
            .strip_prefix('$')
            .is_some_and(|rest| bare_name(rest) || is_wordy(rest) || rest.len() < 8)
        || (value.starts_with('%') && value.ends_with('%'))
        || pair('(', ')')
        || pair('{', '}')
        || pair('[', ']')
        || pair('<', '>')
}

/// Returns whether a value is words, short numbers and versions joined by marks, such as `my-app-v2`,
/// `auth.token.error1` or `us-east-1`. A UUID is not.
fn is_identifier_like(value: &str) -> bool {
    let mut segments = 0;
    let mut long_words = 0;
    for segment in value
        .split(['-', '_', '.', '/', ':', ',', '@', '|'])
        .filter(|segment| !segment.is_empty())
    {
        segments += 1;
        let letters = segment.bytes().take_while(u8::is_ascii_alphabetic).count();
        let rest = &segment.as_bytes()[letters..];
        let tail = rest.len();
        let is_number = letters == 0 && tail <= 4;
        let is_word = letters > 0 && letters <= 16 && tail <= 2 && has_one_case(&segment.as_bytes()[..letters]);
        let is_abbreviation = segment.len() <= 3 && letters > 0;
        if !(rest.iter().all(u8::is_ascii_digit) && (is_number || is_word)) && !is_abbreviation {
            return false;
        }
        long_words += usize::from(letters >= 3);
    }
    segments >= 2 && long_words >= 1
}

/// Returns whether letters have the case of a word or of joined words: `word`, `WORD`, `Word`, `camelCase`.
fn has_one_case(letters: &[u8]) -> bool {
    let tail = letters.get(1..).unwrap_or_default();
    tail.iter().all(u8::is_ascii_lowercase)
        || letters.iter().all(u8::is_ascii_uppercase)
        || is_wordy(&String::from_utf8_lossy(letters))
}

/// Returns whether a value is a date, a version, a number, an address, a file name or a colour.
fn is_plain_data(value: &str) -> bool {
    const ENDS: &[&str] = &[
        ".json",
        ".yml",
        ".yaml",
        ".pem",
        ".key",
        ".crt",
        ".txt",
        ".env",
        ".js",
        ".ts",
        ".py",
        ".go",
        ".rs",
        ".java",
        ".com",
        ".org",
        ".net",
        ".io",
        ".local",
        ".html",
        ".php",
        ".xml",
        ".properties",
        ".enc",
        ".gpg",
        ".p12",
        ".jks",
        ".md",
        ".sh",
        ".svc",
        ".internal",
        ".dev",
    ];
    // `0xC029201A_u32`; longer ones are keys.
    let digits = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
    let is_hex = digits.is_some_and(|digits| {
        let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        length <= 16 && digits.len() <= length + 6
    });
    let is_number = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".,:-+/ TZ_".contains(&byte));
    let is_address = value
        .split_once('@')
        .is_some_and(|(_, host)| host.contains('.') && host.len() > 3)
        && !value.contains(['!', '#', '$', '%', '^', '*']);
    let lower = value.to_ascii_lowercase();
    is_hex
        || is_number
        || is_address
        || ENDS.iter().any(|end| lower.ends_with(end))
        || (value.starts_with('#') && value.len() <= 9)
}

/// Returns whether most characters follow their predecessor in the alphabet or repeat it.
fn is_sequence(kept: &[u8]) -> bool {
    let steps = kept
        .windows(2)
        .filter(|pair| pair[1] == pair[0] || pair[1] == pair[0].wrapping_add(1))
        .count();
    kept.len() >= 6 && steps * 5 >= kept.len() * 3
}

/// Returns whether most letters form pairs that are common in words. A pair doesn't cross a digit, a mark, or a step
/// from lower to upper case.
pub(super) fn is_wordy(text: &str) -> bool {
    share_of_words(text).is_some_and(|share| share >= MIN_WORDS)
}

/// Returns the share of common pairs, or `None` if there are too few pairs or too many digits between the letters.
fn share_of_words(text: &str) -> Option<f64> {
    let (mut pairs, mut common) = (0_u32, 0_u32);
    for pair in text.as_bytes().windows(2) {
        let &[first, second] = pair else { continue };
        let joined = first.is_ascii_alphabetic()
            && second.is_ascii_alphabetic()
            && (second.is_ascii_lowercase() || first.is_ascii_uppercase());
        if joined {
            pairs += 1;
            common += u32::from(PAIRS.contains(&[first.to_ascii_lowercase(), second.to_ascii_lowercase()]));
        }
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let is_text = pairs >= 4 && digits * 3 <= letters && usize::try_from(pairs).unwrap_or(0) * 5 >= letters * 3;
    is_text.then(|| f64::from(common) / f64::from(pairs))
}

fn has_inner_capital(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// Returns the text without filler words, in lower case.
fn without_fillers(lower: &str) -> String {
    let mut left = lower.to_owned();
    if FILLING.as_ref().is_some_and(|fillers| !fillers.is_match(lower)) {
        return left;
    }
    for filler in FILLERS {
        if left.contains(filler) {
            left = left.replace(filler, "");
        }
    }
    left
}

/// Returns the number of distinct bytes.
fn distinct_of(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count()
}

/// Returns the Shannon entropy of the literal's bytes.
pub(super) fn bits_per_character(literal: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in literal.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total);
    shares.map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_literals_are_distinguished_from_words() {
        let random = [
            "k3Zx9QmW2p",
            "q7Zk2mX9vB4nT1wR8sLp",
            "9f3bd21c77aa4e01b5d0",
            "Xk!29vQz#1",
            "test9Xk2mQ7vB4nT1wR8",
        ];
        for value in random {
            assert!(could_be_secret(value, Demand::Usual, true), "{value}");
        }
        let plain = [
            "changeme-please-1",
            "your-api-key-goes-here-1",
            "name-of-the-secret-9",
            "us-east-1-prod",
            "auth.token.error1",
            "${TOKEN_1}",
            "password123",
            "2024-01-01T10:00:00Z",
            "https://example.com/token1",
            "userTokenProvider2",
            "X-Auth-Token-V2",
            "arn:aws:iam::123456789012:role/x9",
            "abcdefghijklmnop1",
            "<your-token-1>",
            "xxxxxxxxxxxx1",
            "me@example.com",
            "com.acme.Token1Provider",
            "^[A-Za-z0-9]{20,40}$",
        ];
        for value in plain {
            assert!(!could_be_secret(value, Demand::Usual, true), "{value}");
        }
    }

    #[test]
    fn filler_is_not_a_token() {
        for body in [
            "xxxxxxxxxxxxxxxxxxxx",
            "0123456789abcdefghij",
            "your-token-goes-here",
            "EXAMPLEEXAMPLEEXAMPLE",
            "00000000000000000000",
        ] {
            assert!(is_filler(body), "{body}");
        }
        for body in ["a1B2a1B2a1B2a1B2", "QWERTYUIOPASDFGH", "k3Zx9QmW2pLs7vB4nT1w"] {
            assert!(!is_filler(body), "{body}");
        }
    }
}
