//! A function's settings: the deployment's, with secrets from Secrets Manager, and the names of its AWS resources.

use std::collections::BTreeMap;

use holdfast_core::model::setting_name::{SettingProblem, unknown_names, unknown_names_in};
use holdfast_core::model::settings::{Settings, SettingsProblems};
use secrecy::SecretString;

/// The name of the setting for the artifacts' bucket.
pub const BUCKET: &str = "HOLDFAST_BUCKET";
/// The name of the setting for the table of claims and questions for approval.
pub const TABLE: &str = "HOLDFAST_TABLE";
/// The name of the setting for the ARN of the topic that people subscribe to.
pub const TOPIC: &str = "HOLDFAST_TOPIC_ARN";
/// The name of the setting for the ARN of the state machine, without version or alias.
pub const STATE_MACHINE: &str = "HOLDFAST_STATE_MACHINE_ARN";
/// The name of the setting for the state machine's alias that starts runs.
pub const ALIAS: &str = "HOLDFAST_STATE_MACHINE_ALIAS";
/// The name of the setting for the key that seals the pages' forms: a secret of at least 32 bytes.
pub const SEAL_KEY: &str = "HOLDFAST_SEAL_KEY";
/// The name of the setting for the secrets' ARNs, comma-separated. Each secret is a JSON object of setting names and
/// texts.
pub const SECRETS: &str = "HOLDFAST_SECRETS";
/// The name of the setting for the time between two reads of the secrets, in seconds; the default is 300.
pub const SECRETS_MAX_AGE: &str = "HOLDFAST_SECRETS_MAX_AGE_S";

/// The settings of one function.
pub struct FunctionSettings {
    /// The settings of stages and adapters.
    pub deployment: Settings,
    /// The key that seals the pages' forms, if it is set.
    pub seal_key: Option<SecretString>,
    places: BTreeMap<&'static str, String>,
}

impl FunctionSettings {
    /// Reads everything. A secret's text takes precedence over the environment's. `names` are the names of the
    /// environment's variables.
    ///
    /// # Errors
    ///
    /// Every invalid, missing or misspelt setting, together.
    pub fn read(
        environment: &dyn Fn(&str) -> Option<String>,
        names: &[String],
        secrets: &BTreeMap<String, String>,
        places: &[&'static str],
    ) -> Result<Self, SettingsProblems> {
        let mut problems = unknown_names(names.iter().map(String::as_str));
        let mut found = BTreeMap::new();
        for name in places {
            match environment(name).filter(|text| !text.trim().is_empty()) {
                Some(text) => drop(found.insert(*name, text)),
                None => problems.push(SettingProblem::new(name, "not set; this function needs it")),
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

    /// Returns one of the places that [`FunctionSettings::read`] has read.
    pub fn place(&self, name: &str) -> String {
        self.places.get(name).cloned().unwrap_or_default()
    }
}

/// Returns a line for each unknown name in the secrets. The function logs these lines and starts all the same: several
/// versions of a function share the secrets, and an older one, which in-flight reviews use, may not know a new name.
pub fn unknown_secret_names(secrets: &BTreeMap<String, String>) -> Vec<SettingProblem> {
    unknown_names_in("a secret", secrets.keys().map(String::as_str))
}

/// Returns the ids in [`SECRETS`].
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
    fn secrets_take_precedence_over_the_environment() {
        let secrets = BTreeMap::from([("GITHUB_TOKEN".to_owned(), "from-secret".to_owned())]);
        let environment = |name: &str| match name {
            "GITHUB_TOKEN" => Some("from-environment".to_owned()),
            BUCKET => Some("artifacts-1".to_owned()),
            _ => None,
        };
        let settings = FunctionSettings::read(&environment, &[], &secrets, &[BUCKET]).unwrap();
        let token = settings.deployment.github_token.as_ref().unwrap();
        assert_eq!(token.expose_secret(), "from-secret");
        assert_eq!(settings.place(BUCKET), "artifacts-1");
    }

    #[test]
    fn all_problems_are_reported_together() {
        let environment = |name: &str| (name == "HOLDFAST_MODEL").then(|| "gpt".to_owned());
        let names = ["HOLDFAST_MODEL", "HOLDFAST_MODLE_URL", "PATH"].map(str::to_owned);
        let problems = FunctionSettings::read(&environment, &names, &BTreeMap::new(), &[BUCKET, TABLE])
            .err()
            .unwrap();
        for name in [
            BUCKET,
            TABLE,
            "HOLDFAST_MODEL",
            "HOLDFAST_MODLE_URL (environment)",
            "HOLDFAST_MODEL_URL?",
        ] {
            assert!(problems.to_string().contains(name), "{name}: {problems}");
        }
    }

    #[test]
    fn a_misspelt_name_in_a_secret_is_reported_and_no_other() {
        let keys = [
            "GITHUB_TOKEN",
            "HOLDFAST_MARKER_KEY",
            "HOLDFAST_WEBHOK_SECRET",
            "anything",
        ];
        let secrets = keys.map(|name| (name.to_owned(), "secret-text".to_owned())).into();
        assert_eq!(
            unknown_secret_names(&secrets)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["HOLDFAST_WEBHOK_SECRET (a secret): there is no such setting; did you mean HOLDFAST_WEBHOOK_SECRET?"]
        );
    }

    #[test]
    fn ids_are_separated_by_commas() {
        assert_eq!(secret_ids(&|_| Some(" a, ,b ".to_owned())), ["a", "b"]);
        assert!(secret_ids(&|_| None).is_empty());
    }
}
