//! A function's settings: the deployment's, with secrets from Secrets Manager, and where AWS keeps its things.

use std::collections::BTreeMap;

use holdfast_core::model::settings::{Settings, SettingsProblems};
use secrecy::SecretString;

/// Name of the setting for the artifacts' bucket.
pub const BUCKET: &str = "HOLDFAST_BUCKET";
/// Name of the setting for the table of questions for approval.
pub const TABLE: &str = "HOLDFAST_TABLE";
/// Name of the setting for the ARN of the topic that people subscribe to.
pub const TOPIC: &str = "HOLDFAST_TOPIC_ARN";
/// Name of the setting for the ARN of the state machine, without version or alias.
pub const STATE_MACHINE: &str = "HOLDFAST_STATE_MACHINE_ARN";
/// Name of the setting for the alias of the state machine that runs are started by.
pub const ALIAS: &str = "HOLDFAST_STATE_MACHINE_ALIAS";
/// Name of the setting for what seals the pages' forms, 32 characters at least; a secret.
pub const SEAL_KEY: &str = "HOLDFAST_SEAL_KEY";
/// Name of the setting for the secrets' ARNs, comma-separated. Each is a JSON object of setting names and texts.
pub const SECRETS: &str = "HOLDFAST_SECRETS";
/// Name of the setting for how long a secret is taken to be what it was, in seconds; 300 unless it is set.
pub const SECRETS_MAX_AGE: &str = "HOLDFAST_SECRETS_MAX_AGE_S";

/// What one function was given.
pub struct FunctionSettings {
    /// What stages and adapters are set by.
    pub deployment: Settings,
    /// What seals the pages' forms, where it is given.
    pub seal_key: Option<SecretString>,
    places: BTreeMap<&'static str, String>,
}

impl FunctionSettings {
    /// Reads everything. A secret's text counts before the environment's. Errors: all that is wrong or missing.
    pub fn read(
        environment: &dyn Fn(&str) -> Option<String>,
        secrets: &BTreeMap<String, String>,
        places: &[&'static str],
    ) -> Result<Self, SettingsProblems> {
        let mut problems = Vec::new();
        let mut found = BTreeMap::new();
        for name in places {
            match environment(name).filter(|text| !text.trim().is_empty()) {
                Some(text) => drop(found.insert(*name, text)),
                None => problems.push(format!("{name} (environment): not set; this function needs it")),
            }
        }
        let lookup = |name: &str| secrets.get(name).cloned().or_else(|| environment(name));
        match Settings::read_without_keys(&lookup) {
            Ok(deployment) if problems.is_empty() => Ok(Self {
                deployment,
                seal_key: lookup(SEAL_KEY).map(SecretString::from),
                places: found,
            }),
            Ok(_) => Err(SettingsProblems(problems)),
            Err(more) => Err(SettingsProblems([problems, more.0].concat())),
        }
    }

    /// A place that was asked for in [`FunctionSettings::read`].
    pub fn place(&self, name: &str) -> String {
        self.places.get(name).cloned().unwrap_or_default()
    }
}

/// The ids in [`SECRETS`].
pub fn secret_ids(environment: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let list = environment(SECRETS).unwrap_or_default();
    let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed read fails the test")]
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn secrets_count_before_the_environment() {
        let secrets = BTreeMap::from([("GITHUB_TOKEN".to_owned(), "from-secret".to_owned())]);
        let environment = |name: &str| match name {
            "GITHUB_TOKEN" => Some("from-environment".to_owned()),
            BUCKET => Some("artifacts-1".to_owned()),
            _ => None,
        };
        let settings = FunctionSettings::read(&environment, &secrets, &[BUCKET]).unwrap();
        let token = settings.deployment.github_token.as_ref().unwrap();
        assert_eq!(token.expose_secret(), "from-secret");
        assert_eq!(settings.place(BUCKET), "artifacts-1");
    }

    #[test]
    fn everything_wrong_is_told_together() {
        let environment = |name: &str| (name == "HOLDFAST_MODEL").then(|| "gpt".to_owned());
        let told = FunctionSettings::read(&environment, &BTreeMap::new(), &[BUCKET, TABLE])
            .err()
            .unwrap();
        for name in [BUCKET, TABLE, "HOLDFAST_MODEL"] {
            assert!(told.to_string().contains(name), "{name}: {told}");
        }
    }

    #[test]
    fn ids_are_separated_by_commas() {
        assert_eq!(secret_ids(&|_| Some(" a, ,b ".to_owned())), ["a", "b"]);
        assert!(secret_ids(&|_| None).is_empty());
    }
}
