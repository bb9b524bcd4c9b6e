//! Which findings a silencing word is about.

use crate::model::finding::{Category, Finding};
use crate::model::finding_source::FindingSource;
use crate::rule::secret_kinds;

use super::directive::{Directive, Word};

/// Tools that search for secrets.
const SECRET_SCANNERS: [&str; 9] = [
    "betterleaks",
    "detect-secrets",
    "ggshield",
    "gitguardian",
    "gitleaks",
    "kingfisher",
    "noseyparker",
    "secretlint",
    "trufflehog",
];
/// Weaknesses that are a secret in the code: hard-coded credentials, passwords and keys.
const SECRET_WEAKNESSES: [u32; 3] = [259, 321, 798];
/// Rules of bandit and ruff that search for passwords.
const PASSWORD_RULES: [&str; 6] = ["B105", "B106", "B107", "S105", "S106", "S107"];
/// Rules, of Holdfast and of other tools, about characters that make code look like other code.
const HIDDEN_TEXT_RULES: [&str; 10] = [
    "B613",
    "PLE2502",
    "bidi-text",
    "bidirectional-text",
    "hidden-text",
    "hidden-unicode",
    "invisible-characters",
    "misc-misleading-bidirectional",
    "misc-misleading-identifier",
    "trojan-source",
];
/// The names of Holdfast's rules in other tools.
const CODES: &str = include_str!("codes.txt");

/// Returns whether a finding is a secret: of Holdfast's own search, or of another tool's.
pub(super) fn is_secret(finding: &Finding) -> bool {
    match &finding.source {
        FindingSource::Rule(id) => secret_kinds().iter().any(|kind| kind.rule == id),
        FindingSource::Tool { name, rule } => {
            let name = name.to_ascii_lowercase();
            SECRET_SCANNERS.iter().any(|scanner| name.starts_with(scanner))
                || PASSWORD_RULES.contains(&rule.as_str())
                || finding.cwe.iter().any(|number| SECRET_WEAKNESSES.contains(number))
        }
        FindingSource::Model | FindingSource::Unknown(_) => false,
    }
}

/// Returns whether a finding is about hidden characters.
pub(super) fn is_about_hidden_text(finding: &Finding) -> bool {
    let (FindingSource::Rule(id) | FindingSource::Tool { rule: id, .. }) = &finding.source else {
        return false;
    };
    HIDDEN_TEXT_RULES.iter().any(|rule| rule.eq_ignore_ascii_case(id))
}

/// Returns whether a word is about a finding. A model's findings have no rule, and no word is about them.
pub(super) fn covers(directive: &Directive, finding: &Finding) -> bool {
    let names = |rule: &str| directive.rules.iter().any(|named| named.eq_ignore_ascii_case(rule));
    match (&finding.source, directive.word) {
        (FindingSource::Model | FindingSource::Unknown(_), _) => false,
        (source, Word::Holdfast) => source.rule_name().is_some_and(|name| names(&name)),
        (FindingSource::Tool { name, rule }, word) => {
            is_word_of(word, &name.to_ascii_lowercase())
                && (directive.rules.is_empty() || directive.rules.iter().any(|named| is_rule(word, named, rule)))
        }
        (FindingSource::Rule(_), Word::Gitleaks) => is_secret(finding),
        (FindingSource::Rule(id), word) => {
            !is_secret(finding)
                && is_in_file_of(word, &finding.path)
                && match directive.rules.is_empty() {
                    true => !matches!(word, Word::Nosec | Word::Nosemgrep) || finding.category == Category::Security,
                    false => directive.rules.iter().any(|named| is_code_of(named, id)),
                }
        }
    }
}

/// Returns whether the tool of a word reads a file.
fn is_in_file_of(word: Word, path: &str) -> bool {
    let ends: &[&str] = match word {
        Word::Holdfast | Word::Gitleaks | Word::Nosemgrep | Word::Shellcheck => return true,
        Word::Noqa => &["py", "pyi", "ipynb"],
        Word::Nosec => &["py", "pyi", "ipynb", "go"],
        Word::EslintLine | Word::EslintNextLine => {
            &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"]
        }
        Word::Nolint | Word::NolintNextLine => &["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx"],
        Word::Zizmor => &["yml", "yaml"],
    };
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    ends.iter().any(|known| known.eq_ignore_ascii_case(end))
}

/// Returns whether another tool's name of a rule, such as `S602` or `security/detect-child-process`, means a rule of
/// Holdfast.
fn is_code_of(named: &str, id: &str) -> bool {
    let named = named.rsplit('/').next().unwrap_or(named);
    let mut lines = CODES.lines().map(str::split_ascii_whitespace);
    lines.any(|mut words| words.next() == Some(id) && words.any(|code| code.eq_ignore_ascii_case(named)))
}

/// Returns whether a tool, by its name in lower case, reads a word.
fn is_word_of(word: Word, tool: &str) -> bool {
    match word {
        Word::Holdfast => false,
        Word::Noqa => ["ruff", "flake8", "pycodestyle", "pyflakes"].contains(&tool),
        Word::Nosec => ["bandit", "gosec"].contains(&tool),
        Word::Nosemgrep => ["semgrep", "opengrep"].iter().any(|name| tool.starts_with(name)),
        Word::Gitleaks => ["gitleaks", "betterleaks"].contains(&tool),
        Word::EslintLine | Word::EslintNextLine => tool == "eslint",
        Word::Nolint | Word::NolintNextLine => ["clang-tidy", "clang-diagnostic"].contains(&tool),
        Word::Shellcheck => tool == "shellcheck",
        Word::Zizmor => tool == "zizmor",
    }
}

/// Returns whether a word's name of a rule is this rule's.
fn is_rule(word: Word, named: &str, rule: &str) -> bool {
    if named.eq_ignore_ascii_case(rule) {
        return true;
    }
    match word {
        // semgrep's ids begin with the path of their file.
        Word::Nosemgrep => rule.strip_suffix(named).is_some_and(|before| before.ends_with('.')),
        Word::Nolint | Word::NolintNextLine => named
            .strip_suffix('*')
            .is_some_and(|beginning| !beginning.is_empty() && rule.starts_with(beginning)),
        _ => false,
    }
}
