//! The names of all settings that come from the environment, in one table. A name that is not in it is reported as a
//! typing error. A new setting adds a line; a test compares the table with the documentation.

/// The beginning of all of Holdfast's names.
pub const PREFIX: &str = "HOLDFAST_";

/// The settings of a deployment and of this program, by name.
pub const SETTINGS: &[&str] = &[
    "HOLDFAST_ALLOW_HTTP",
    "HOLDFAST_APPROVERS",
    "HOLDFAST_DATA",
    "HOLDFAST_GITHUB_APP_CLIENT_ID",
    "HOLDFAST_GITHUB_APP_CLIENT_SECRET",
    "HOLDFAST_GITHUB_APP_ID",
    "HOLDFAST_GITHUB_APP_KEY",
    "HOLDFAST_GITHUB_APP_KEY_FILE",
    "HOLDFAST_GITHUB_URL",
    "HOLDFAST_GITHUB_WRITES_PER_MINUTE",
    "HOLDFAST_LOG",
    "HOLDFAST_MAIL_FROM",
    "HOLDFAST_MARKER_KEY",
    "HOLDFAST_MAX_CONCURRENCY",
    "HOLDFAST_MODEL",
    "HOLDFAST_MODEL_CONTEXT_TOKENS",
    "HOLDFAST_MODEL_LIGHT",
    "HOLDFAST_MODEL_OUTPUT_TOKENS",
    "HOLDFAST_MODEL_PRICES",
    "HOLDFAST_MODEL_TIMEOUT_SECONDS",
    "HOLDFAST_MODEL_URL",
    "HOLDFAST_PUBLIC_URL",
    "HOLDFAST_SMTP_URL",
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

/// Returns one line for each wrong name in an environment: a name that is nearly a setting, or that begins with
/// `HOLDFAST_` and is none.
pub fn unknown_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    unknown_names_in("environment", names)
}

/// Returns the same for the names in another place, which the lines mention.
pub fn unknown_names_in<'a>(place: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut problems: Vec<String> = names.into_iter().filter_map(|name| unknown(place, name)).collect();
    problems.sort();
    problems
}

fn unknown(place: &str, name: &str) -> Option<String> {
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
    match is_near.then_some(near) {
        Some(near) => Some(format!(
            "{name} ({place}): there is no such setting; did you mean {near}?"
        )),
        None if is_ours => Some(format!(
            "{name} ({place}): there is no such setting: remove it; docs/configuration.md lists all"
        )),
        None => None,
    }
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
            assert!(
                problems.len() == 1 && problems[0].contains(meant),
                "{name}: {problems:?}"
            );
            assert!(problems[0].starts_with(name));
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
        assert_eq!(unknown_names(others.into_iter().chain(known)), Vec::<String>::new());
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
