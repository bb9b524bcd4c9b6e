//! The names of all settings that come from the environment, in one table. A name that is not in it is reported as a
//! typing error. A new setting adds a line; a test compares the table with the documentation.

use std::fmt;

/// The beginning of all of Holdfast's names.
pub const PREFIX: &str = "HOLDFAST_";

/// The settings of a deployment and of this program, by name.
pub const SETTINGS: &[&str] = &[
    "HOLDFAST_ACCOUNT_SHARES",
    "HOLDFAST_ALLOW_HTTP",
    "HOLDFAST_APPROVERS",
    "HOLDFAST_DATA",
    "HOLDFAST_GITHUB_APP_CLIENT_ID",
    "HOLDFAST_GITHUB_APP_CLIENT_SECRET",
    "HOLDFAST_GITHUB_APP_ID",
    "HOLDFAST_GITHUB_APP_KEY",
    "HOLDFAST_GITHUB_APP_KEY_FILE",
    "HOLDFAST_GITHUB_PATIENCE",
    "HOLDFAST_GITHUB_URL",
    "HOLDFAST_GITHUB_WRITES_PER_MINUTE",
    "HOLDFAST_LOG",
    "HOLDFAST_MAIL_FROM",
    "HOLDFAST_MARKER_KEY",
    "HOLDFAST_MAX_CONCURRENCY",
    "HOLDFAST_METRICS_LISTEN",
    "HOLDFAST_MODEL",
    "HOLDFAST_MODEL_BATCH",
    "HOLDFAST_MODEL_CONTEXT_TOKENS",
    "HOLDFAST_MODEL_FALLBACK",
    "HOLDFAST_MODEL_LIGHT",
    "HOLDFAST_MODEL_LIMIT_PATIENCE",
    "HOLDFAST_MODEL_OUTPUT_TOKENS",
    "HOLDFAST_MODEL_PATIENCE",
    "HOLDFAST_MODEL_PRICES",
    "HOLDFAST_MODEL_REQUESTS_PER_MINUTE",
    "HOLDFAST_MODEL_TIMEOUT_SECONDS",
    "HOLDFAST_MODEL_TOKENS_PER_MINUTE",
    "HOLDFAST_MODEL_URL",
    "HOLDFAST_PUBLIC_URL",
    "HOLDFAST_RETRY_WITHIN",
    "HOLDFAST_SMTP_URL",
    "HOLDFAST_SPEND_PER_AUTHOR_MONTH",
    "HOLDFAST_SPEND_PER_MONTH",
    "HOLDFAST_SPEND_PER_REPOSITORY_MONTH",
    "HOLDFAST_SPEND_PER_RUN",
    "HOLDFAST_STACK",
    "HOLDFAST_WEBHOOK_SECRET",
];

/// Settings of functions on AWS only.
pub const FUNCTION_SETTINGS: &[&str] = &[
    "HOLDFAST_BUCKET",
    "HOLDFAST_METRICS_NAMESPACE",
    "HOLDFAST_SEAL_KEY",
    "HOLDFAST_SECRETS",
    "HOLDFAST_SECRETS_MAX_AGE_S",
    "HOLDFAST_STATE_MACHINE_ALIAS",
    "HOLDFAST_STATE_MACHINE_ARN",
    "HOLDFAST_TABLE",
    "HOLDFAST_TOPIC_ARN",
];

/// Settings of the project's own tests and tools, which a program started by one of them may find.
const TOOL_SETTINGS: &[&str] = &[
    "HOLDFAST_CHILDREN",
    "HOLDFAST_CI_TARGET",
    "HOLDFAST_KILLS",
    "HOLDFAST_LOCALSTACK",
    "HOLDFAST_MODEL_DEPTH",
    "HOLDFAST_NODE_MODULES",
    "HOLDFAST_OTHER_BINARY",
    "HOLDFAST_PICTURES",
    "HOLDFAST_RECORD_DATA",
    "HOLDFAST_RECORD_PAYLOADS",
    "HOLDFAST_SEED",
    "HOLDFAST_TEST_TABLES_ORDER",
    "HOLDFAST_WAITING",
];

/// A problem with the settings: one line for people, and the setting that it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingProblem {
    line: String,
    setting: Option<String>,
}

impl SettingProblem {
    /// Returns the problem of a setting in the environment. The line begins with the name.
    pub fn new(setting: &str, what: impl fmt::Display) -> Self {
        Self::in_place(setting, "environment", what)
    }

    /// Returns the problem of a setting in another place, which the line mentions.
    fn in_place(setting: &str, place: &str, what: impl fmt::Display) -> Self {
        Self::of_line(Some(setting), format!("{setting} ({place}): {what}"))
    }

    /// Returns a problem with this line, and the setting if the problem is about a single one.
    pub fn of_line(setting: Option<&str>, line: impl fmt::Display) -> Self {
        Self {
            line: line.to_string(),
            setting: setting.map(str::to_owned),
        }
    }

    /// Returns whether both problems are about the same setting.
    pub fn is_of_same_setting(&self, other: &Self) -> bool {
        self.setting.is_some() && self.setting == other.setting
    }
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Returns the lines of problems, one below the other.
pub fn lines_of(problems: &[SettingProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Returns a problem for each wrong name in an environment: a name that is nearly a setting, or that begins with
/// `HOLDFAST_` and is none.
pub fn unknown_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<SettingProblem> {
    unknown_names_in("environment", names)
}

/// Returns the same for the names in another place, which the lines mention.
pub fn unknown_names_in<'a>(place: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<SettingProblem> {
    let mut problems: Vec<SettingProblem> = names.into_iter().filter_map(|name| unknown(place, name)).collect();
    problems.sort();
    problems
}

fn unknown(place: &str, name: &str) -> Option<SettingProblem> {
    let known = || {
        [SETTINGS, FUNCTION_SETTINGS, TOOL_SETTINGS]
            .into_iter()
            .flatten()
            .copied()
    };
    if known().any(|known| known == name) {
        return None;
    }
    let offered = || SETTINGS.iter().chain(FUNCTION_SETTINGS).copied();
    let upper = name.to_uppercase().replace('-', "_");
    let is_ours = upper.starts_with(PREFIX.trim_end_matches('_'));
    let slips = |known: &str| strsim::damerau_levenshtein(&upper, known);
    let (at, near) = offered().map(|known| (slips(known), known)).min()?;
    let is_near = match is_ours {
        true => at <= (upper.len().saturating_sub(PREFIX.len()) / 2).max(2),
        // Another program's name is reported only where a typing error is almost certain.
        false => at <= 2 && near.len() > PREFIX.len() + 4,
    };
    let what = match is_near.then_some(near) {
        Some(near) => format!("there is no such setting; did you mean {near}?"),
        None if is_ours => "there is no such setting: remove it; docs/configuration.md lists all".to_owned(),
        None => return None,
    };
    Some(SettingProblem::in_place(name, place, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = include_str!("../../../../docs/configuration.md");

    #[test]
    fn a_slip_is_reported_with_the_name_that_was_meant() {
        for (name, meant) in [
            ("HOLDFAST_MODLE", "HOLDFAST_MODEL?"),
            ("HOLDFAST_MODEL_LITE", "HOLDFAST_MODEL_LIGHT?"),
            ("HOLDFAST_APROVERS", "HOLDFAST_APPROVERS?"),
            ("HOLDFAST_MAXCONCURRENCY", "HOLDFAST_MAX_CONCURRENCY?"),
            ("HOLDFAST_GITHUB_APP_KEYFILE", "HOLDFAST_GITHUB_APP_KEY_FILE?"),
            ("HOLDFAST_WEBHOOK_SECRETS", "HOLDFAST_WEBHOOK_SECRET?"),
            ("HOLDFAST_DATA_DIR", "HOLDFAST_DATA?"),
            ("holdfast_model", "HOLDFAST_MODEL?"),
            ("Holdfast_Model_Url", "HOLDFAST_MODEL_URL?"),
            ("HOLDFAST-MODEL", "HOLDFAST_MODEL?"),
            ("HOLDFASTMODEL", "HOLDFAST_MODEL?"),
            ("HOLDFATS_MODEL", "HOLDFAST_MODEL?"),
            ("HOLFAST_MODEL_URL", "HOLDFAST_MODEL_URL?"),
            ("HOLDFAST_UNHEARD_OF_THING", "remove it"),
            ("HOLDFAST_", "remove it"),
        ] {
            let problems = unknown_names([name]);
            let lines = lines_of(&problems);
            assert!(problems.len() == 1 && lines.contains(meant), "{name}: {problems:?}");
            assert!(lines.starts_with(name));
        }
    }

    #[test]
    fn known_names_and_names_of_other_programs_are_not_reported() {
        let others = [
            "PATH",
            "HOME",
            "MODEL",
            "OPENAI_API_KEY",
            "GOLDFAST_X",
            "FAST_MODEL",
            "DATA",
            "GITHUB_URL",
            "",
        ];
        let known = [SETTINGS, FUNCTION_SETTINGS, TOOL_SETTINGS].concat();
        assert_eq!(unknown_names(others.into_iter().chain(known)), Vec::new());
    }

    #[test]
    fn the_guide_has_each_setting_and_no_other() {
        for name in SETTINGS.iter().chain(FUNCTION_SETTINGS) {
            assert!(
                GUIDE.contains(&format!("`{name}`")),
                "docs/configuration.md lacks {name}"
            );
        }
        let known = [SETTINGS, FUNCTION_SETTINGS].concat();
        let is_name = |sign: char| sign.is_ascii_uppercase() || sign.is_ascii_digit() || sign == '_';
        for (at, _) in GUIDE.match_indices(PREFIX) {
            let name: String = GUIDE[at..].chars().take_while(|sign| is_name(*sign)).collect();
            assert!(known.contains(&name.as_str()), "docs/configuration.md has {name}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        for table in [SETTINGS, FUNCTION_SETTINGS, TOOL_SETTINGS] {
            assert!(table.is_sorted_by(|one, other| one < other), "{table:?}");
        }
    }
}
