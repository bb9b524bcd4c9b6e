//! Compares the permissions and events of an existing GitHub App with the manifest from which new Apps are created.

use std::collections::BTreeMap;

use holdfast_core::model::settings::Settings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::address::web_url;
use super::connection::GithubConnection;
use super::error::GithubSetupError;

/// The manifest from which Apps are created, without names and addresses: the only list of permissions and events.
pub const APP_MANIFEST: &str = include_str!("../../../infra/github-app-manifest.json");

/// The effect of each missing permission of the manifest, by its name.
const WITHOUT_PERMISSION: [(&str, &str); 9] = [
    (
        "actions",
        "`evidence: artifacts` in `.holdfast.yml` reads no artifacts; other reviews are complete",
    ),
    (
        "checks",
        "no check run is shown, so branch protection can't require a review",
    ),
    (
        "contents",
        "no file, no `.holdfast.yml` and no private change can be read: every review fails",
    ),
    (
        "issues",
        "no progress comment and no summary can be written: reviews that publish fail",
    ),
    (
        "members",
        "nobody counts as member of a team in `gate.teams`, so nobody in it can decide",
    ),
    (
        "merge_queues",
        "GitHub doesn't deliver merge groups, so a merge queue waits for the check forever",
    ),
    ("metadata", "no repository can be read: every review fails"),
    ("pull_requests", "no review can be published: reviews that publish fail"),
    (
        "security_events",
        "`evidence: code_scanning` in `.holdfast.yml` reads no alerts; other reviews are complete",
    ),
];
/// The permissions that only a setting of a repository uses.
const OPTIONAL_PERMISSIONS: [&str; 2] = ["actions", "security_events"];

/// The effect of each missing event of the manifest, by its name; `None` if this version ignores the event.
const WITHOUT_EVENT: [(&str, Option<&str>); 7] = [
    ("check_run", Some("\"Re-run\" on the check starts nothing")),
    ("check_suite", Some("\"Re-run all checks\" starts nothing")),
    (
        "issue_comment",
        Some("commands such as `/holdfast review` are not received"),
    ),
    (
        "merge_group",
        Some("a merge queue gets no verdict and waits for the check"),
    ),
    (
        "pull_request",
        Some("no pull request is reviewed when it is opened or pushed to"),
    ),
    ("pull_request_review_comment", None),
    ("pull_request_review_thread", None),
];
/// The effect of a missing event that this version ignores.
const NOT_USED_YET: &str = "nothing changes: this version ignores the event, later ones use it";

/// An App as `GET /app` describes it.
#[derive(Debug, Deserialize)]
struct App {
    slug: String,
    owner: Owner,
    permissions: BTreeMap<String, String>,
    events: Vec<String>,
}

/// A person, an organisation or an enterprise.
#[derive(Debug, Deserialize)]
struct Owner {
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    slug: Option<String>,
}

/// The report of an App, from one `GET /app`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppReport {
    /// Its name in addresses; `None` if GitHub gave no answer.
    pub slug: Option<String>,
    /// True if GitHub accepts its key, and it has everything that this version uses.
    pub works: bool,
    /// The permissions and events of the manifest that this App lacks.
    pub lacks: Vec<Lack>,
    /// The reason if GitHub gave no answer.
    pub problem: Option<String>,
    /// The remedy.
    pub remedy: Option<String>,
}

/// A permission or an event that an App lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// `permission` or `event`.
    pub kind: &'static str,
    /// GitHub's name for it.
    pub name: String,
    /// The permission's level in the manifest, `read` or `write`.
    pub needs: Option<String>,
    /// The permission's level now; `None` if the App doesn't have it.
    pub has: Option<String>,
    /// The effect of the lack.
    pub without: &'static str,
    /// True if this version needs it for every repository.
    pub is_used: bool,
}

/// Compares the App of the settings with the manifest.
#[derive(Debug)]
pub struct GithubAppGrants {
    connection: GithubConnection,
    site: Url,
}

impl GithubAppGrants {
    /// Connects with the App of the settings; `None` if they name no App. Needs a tokio runtime.
    ///
    /// # Errors
    /// The address or the App's key can't be used.
    pub fn of(settings: &Settings) -> Result<Option<Self>, GithubSetupError> {
        let connection = GithubConnection::of(settings)?;
        let site = web_url(settings.github_url.as_ref())?;
        Ok(connection.is_app().then_some(Self { connection, site }))
    }

    /// Reads the App's permissions and events with one request.
    pub async fn examine(&self) -> AppReport {
        let manifest: Value = serde_json::from_str(APP_MANIFEST).unwrap_or_default();
        match self.connection.json::<App>(self.connection.get(&["app"], "none")).await {
            Ok(app) => {
                let lacks = lacks(&manifest, &app);
                AppReport {
                    works: !lacks.iter().any(|lack| lack.is_used),
                    remedy: (!lacks.is_empty()).then(|| remedy(&self.permissions_page(&app))),
                    slug: Some(app.slug),
                    lacks,
                    problem: None,
                }
            }
            Err(failure) => AppReport {
                slug: None,
                works: false,
                lacks: Vec::new(),
                problem: Some(failure.line),
                remedy: Some(
                    "compare HOLDFAST_GITHUB_APP_ID with the App ID on the App's page, and generate a new private key \
                     there if this one was deleted"
                        .to_owned(),
                ),
            },
        }
    }

    /// Returns the page where the App's owner changes permissions and events.
    fn permissions_page(&self, app: &App) -> Url {
        let mut page = self.site.clone();
        if let Ok(mut segments) = page.path_segments_mut() {
            match &app.owner {
                Owner {
                    login: Some(login),
                    kind: Some(kind),
                    ..
                } if kind == "Organization" => {
                    segments.extend(["organizations", login]);
                }
                Owner {
                    login: None,
                    slug: Some(slug),
                    ..
                } => {
                    segments.extend(["enterprises", slug]);
                }
                Owner { .. } => {}
            }
            segments.extend(["settings", "apps", &app.slug, "permissions"]);
        }
        page
    }
}

fn remedy(page: &Url) -> String {
    format!("add them on {page} and save; then the owner of each installation accepts the request that GitHub sends")
}

/// Lists the permissions and events of the manifest that the App lacks, in the manifest's order.
fn lacks(manifest: &Value, app: &App) -> Vec<Lack> {
    let permissions = manifest["default_permissions"].as_object().into_iter().flatten();
    let permissions = permissions.filter_map(|(name, needs)| {
        let (needs, has) = (needs.as_str()?, app.permissions.get(name));
        (level(has.map_or("", String::as_str)) < level(needs)).then(|| Lack {
            kind: "permission",
            name: name.clone(),
            needs: Some(needs.to_owned()),
            has: has.cloned(),
            without: find(&WITHOUT_PERMISSION, name).unwrap_or_default(),
            is_used: !OPTIONAL_PERMISSIONS.contains(&name.as_str()),
        })
    });
    let events = manifest["default_events"].as_array().into_iter().flatten();
    let events = events.filter_map(|name| {
        let name = name.as_str()?;
        let without = find(&WITHOUT_EVENT, name).flatten();
        (!app.events.iter().any(|event| event == name)).then(|| Lack {
            kind: "event",
            name: name.to_owned(),
            needs: None,
            has: None,
            without: without.unwrap_or(NOT_USED_YET),
            is_used: without.is_some(),
        })
    });
    permissions.chain(events).collect()
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

/// Returns a number that orders a permission's levels; 0 for none.
fn level(name: &str) -> u8 {
    match name {
        "read" => 1,
        "write" => 2,
        "admin" => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a manifest that cannot be read fails the test")]
    use super::*;

    #[test]
    fn each_grant_of_the_manifest_has_its_row() {
        let manifest: Value = serde_json::from_str(APP_MANIFEST).unwrap();
        let permissions = manifest["default_permissions"].as_object().unwrap();
        let mut events: Vec<&str> = manifest["default_events"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(Value::as_str)
            .collect();
        events.sort_unstable();
        assert!(
            permissions.keys().eq(WITHOUT_PERMISSION.map(|row| row.0).iter()),
            "{permissions:?}"
        );
        assert_eq!(events, WITHOUT_EVENT.map(|row| row.0));
        assert!(permissions.values().all(|needs| level(needs.as_str().unwrap()) > 0));
    }
}
