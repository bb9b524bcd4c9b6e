//! The table of secrets: one row a kind. A row's first group, where it has one, is the secret itself.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::entropy::looks_secret;

/// One kind of secret.
#[derive(Debug)]
pub struct SecretKind {
    /// The rule's id, kebab-case.
    pub rule: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    pattern: Regex,
    guess: bool,
}

impl SecretKind {
    /// Where it stands in a line.
    pub(super) fn find_in<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        self.pattern
            .captures_iter(line)
            .filter_map(|found| found.get(1).or_else(|| found.get(0)))
            .filter(|found| !self.guess || looks_secret(found.as_str()))
            .map(|found| found.range())
    }
}

/// Id, title, pattern, and whether it is a guess that has to look random too.
const TABLE: &[(&str, &str, &str, bool)] = &[
    (
        "private-key",
        "a private key",
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        false,
    ),
    (
        "aws-access-key-id",
        "an AWS access key id",
        r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b",
        false,
    ),
    (
        "aws-secret-access-key",
        "an AWS secret access key",
        r#"(?i)aws.{0,20}(?:secret|key).{0,20}?[:=]\s*["']?([A-Za-z0-9/+]{40})(?:["'\s;,]|$)"#,
        true,
    ),
    (
        "github-token",
        "a GitHub token",
        r"\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})\b",
        false,
    ),
    (
        "gitlab-token",
        "a GitLab token",
        r"\b(glpat-[A-Za-z0-9_-]{20,64})",
        false,
    ),
    (
        "slack-token",
        "a Slack token",
        r"\b(xox[abeprs]-[A-Za-z0-9-]{10,250})",
        false,
    ),
    (
        "stripe-key",
        "a Stripe live key",
        r"\b([sr]k_live_[A-Za-z0-9]{16,250})\b",
        false,
    ),
    (
        "google-api-key",
        "a Google API key",
        r"\b(AIza[A-Za-z0-9_-]{35})",
        false,
    ),
    (
        "anthropic-key",
        "an Anthropic key",
        r"\b(sk-ant-[A-Za-z0-9_-]{24,250})",
        false,
    ),
    (
        "openai-key",
        "an OpenAI key",
        r"\b(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{24,250}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})",
        false,
    ),
    ("npm-token", "an npm token", r"\b(npm_[A-Za-z0-9]{36})\b", false),
    (
        "pypi-token",
        "a PyPI token",
        r"\b(pypi-AgEI[A-Za-z0-9_-]{50,250})",
        false,
    ),
    (
        "json-web-token",
        "a JSON Web Token",
        r"\b(eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,1000})",
        false,
    ),
    (
        "url-password",
        "a password in an address",
        r#"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"'<>{}$\[\]]{1,64}:([^\s:/@"'<>{}$\[\]]{6,128})@[A-Za-z0-9.-]+"#,
        true,
    ),
    (
        "assigned-secret",
        "a literal that looks like a secret",
        r#"(?i)\b[\w.-]{0,40}(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|credential)[\w-]{0,30}["']?\s*(?::=|=>|[:=])\s*["'`]([^\s"'`]{12,200})["'`]"#,
        true,
    ),
];

static KINDS: LazyLock<Vec<SecretKind>> = LazyLock::new(|| {
    TABLE
        .iter()
        .filter_map(|(rule, title, pattern, guess)| {
            Regex::new(pattern).ok().map(|pattern| SecretKind {
                rule,
                title,
                pattern,
                guess: *guess,
            })
        })
        .collect()
});

/// Every kind that is looked for, the surest first.
pub fn secret_kinds() -> &'static [SecretKind] {
    &KINDS
}

#[cfg(test)]
mod tests {
    use super::super::find_secrets;
    use super::*;

    /// Built from pieces, so that no scanner takes this file for a leak.
    fn join(pieces: &[&str]) -> String {
        pieces.concat()
    }

    #[test]
    fn every_pattern_compiles_and_finds_its_kind() {
        assert_eq!(secret_kinds().len(), TABLE.len());
        let random = "q7Zk2mX9vB4nT1wR8sLp";
        for (rule, line) in [
            ("private-key", join(&["-----BEGIN RSA ", "PRIVATE KEY-----"])),
            ("aws-access-key-id", join(&["id = AK", "IAQWERTYUIOPASDFGH"])),
            (
                "aws-secret-access-key",
                join(&["aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzzq7Zk2mX9"]),
            ),
            ("github-token", join(&["gh", "p_", &"aB3d".repeat(9)])),
            ("gitlab-token", join(&["gl", "pat-", random])),
            ("slack-token", join(&["xo", "xb-123456789012-abcdefGHIJ"])),
            ("stripe-key", join(&["sk", "_live_", random])),
            ("google-api-key", join(&["AI", "za", &"Sy0-_".repeat(7)])),
            ("anthropic-key", join(&["sk-", "ant-api03-", random, random])),
            ("openai-key", join(&["sk-", "proj-", random, random])),
            ("npm-token", join(&["np", "m_", &"aB3d".repeat(9)])),
            ("pypi-token", join(&["py", "pi-AgEI", &random.repeat(3)])),
            (
                "json-web-token",
                join(&[
                    "ey",
                    "JhbGciOiJIUzI1NiJ9.ey",
                    "JzdWIiOiIxMjM0NTY3ODkwIn0.",
                    random,
                    random,
                ]),
            ),
            (
                "url-password",
                join(&["postgres://admin:", "k3Zx9QmW2p", "@db.internal/x"]),
            ),
            ("assigned-secret", join(&["db_password = \"", random, "\""])),
        ] {
            let found: Vec<&str> = find_secrets(&line).into_iter().map(|secret| secret.rule).collect();
            assert_eq!(found, [rule], "{rule}");
        }
    }

    #[test]
    fn ordinary_code_is_left_alone() {
        for line in [
            "let password = std::env::var(\"PASSWORD\");",
            "password: \"changeme-please-1\"",
            "token = \"${GITHUB_TOKEN_VALUE_1}\"",
            "api_key: \"<your-api-key-goes-here-1>\"",
            "secret = get_secret(\"name-of-the-secret-9\")",
            "sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
            "https://user:$PASSWORD@host/x",
            "https://example.com:8080/path@v1.2.3",
            "const AKIAlike = 'AKIA';",
            "tokenizer = \"the quick brown fox\"",
            "[[SECRET_1:github-token]]",
        ] {
            assert_eq!(find_secrets(line), [], "{line}");
        }
    }
}
