//! octocrab reads every kind of answer: the fake's field sets are complete for its models.

use crate::client::SLUG;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, PullRequest, Repository};
use octocrab::models;
use octocrab::{Octocrab, Page};
use serde_json::{Value, json};

fn start() -> (FakeGithub, Change) {
    let change = Repository::corpus().unwrap();
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    (github, change)
}

fn octocrab(github: &FakeGithub, token: &str) -> Octocrab {
    Octocrab::builder()
        .base_uri(github.url())
        .unwrap()
        .personal_token(token)
        .build()
        .unwrap()
}

#[tokio::test]
async fn pull_requests_repositories_files_and_users() {
    let (github, change) = start();
    let client = octocrab(&github, FakeGithub::USER_TOKEN);
    let pull = client.pulls("octo", "demo").get(12).await.unwrap();
    assert_eq!(
        (pull.number, pull.head.sha.as_str(), pull.changed_files),
        (12, change.head.as_str(), Some(16))
    );
    assert_eq!(pull.base.repo.unwrap().full_name.as_deref(), Some(SLUG));
    let listed = client.pulls("octo", "demo").list().send().await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let repository = client.repos("octo", "demo").get().await.unwrap();
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    let files = client.pulls("octo", "demo").list_files(12).await.unwrap();
    assert_eq!(files.items.len(), 16);
    let renamed = files
        .items
        .iter()
        .find(|file| file.filename == "src/new_name.rs")
        .unwrap();
    assert_eq!(renamed.previous_filename.as_deref(), Some("src/old_name.rs"));
    assert_eq!(client.current().user().await.unwrap().login, "holdfast-user");
    let profile: models::UserProfile = client.get("/user", None::<&()>).await.unwrap();
    assert_eq!(profile.login, "holdfast-user");
}

#[tokio::test]
async fn pages_are_followed_to_their_end() {
    let (github, _change) = start();
    let client = octocrab(&github, FakeGithub::USER_TOKEN);
    let route = format!("/repos/{SLUG}/pulls/12/files?per_page=5");
    let first: Page<models::repos::DiffEntry> = client.get(route, None::<&()>).await.unwrap();
    assert_eq!((first.items.len(), first.number_of_pages()), (5, Some(4)));
    assert_eq!(client.all_pages(first).await.unwrap().len(), 16);
}

#[tokio::test]
async fn contents_commits_and_comparisons() {
    let (github, change) = start();
    let client = octocrab(&github, FakeGithub::USER_TOKEN);
    let repos = client.repos("octo", "demo");
    let mut content = repos
        .get_content()
        .path("src/added.rs")
        .r#ref("change")
        .send()
        .await
        .unwrap();
    let file = content.take_items().remove(0);
    assert_eq!(
        file.decoded_content().as_deref(),
        Some("fn added() -> u8 {\n    7\n}\n")
    );
    let mut directory = repos
        .get_content()
        .path("src")
        .r#ref(&change.head)
        .send()
        .await
        .unwrap();
    assert_eq!(directory.take_items().len(), 5);
    let commit: models::repos::RepoCommit = client
        .get(format!("/repos/{SLUG}/commits/{}", change.head), None::<&()>)
        .await
        .unwrap();
    assert_eq!(commit.sha, change.head);
    let commits: Page<models::repos::RepoCommit> = client
        .get(format!("/repos/{SLUG}/pulls/12/commits"), None::<&()>)
        .await
        .unwrap();
    assert_eq!(commits.items.len(), 1);
    let comparison: models::commits::CommitComparison = client
        .get(format!("/repos/{SLUG}/compare/main...change"), None::<&()>)
        .await
        .unwrap();
    assert_eq!((comparison.ahead_by, comparison.files.unwrap().len()), (1, 16));
}

#[tokio::test]
async fn reviews_and_comments() {
    let (github, change) = start();
    let client = octocrab(&github, FakeGithub::INSTALLATION_TOKEN);
    let body = json!({ "commit_id": change.head, "event": "COMMENT", "body": "b",
        "comments": [{ "path": "src/added.rs", "start_line": 1, "line": 2, "body": "c" }] });
    let created: models::pulls::Review = client
        .post(format!("/repos/{SLUG}/pulls/12/reviews"), Some(&body))
        .await
        .unwrap();
    assert_eq!(created.state, Some(models::pulls::ReviewState::Commented));
    let listed = client.pulls("octo", "demo").list_reviews(12).send().await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&created));
    let comments = client
        .pulls("octo", "demo")
        .list_comments(Some(12))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (comments.items[0].line, comments.items[0].start_line),
        (Some(2), Some(1))
    );
    let own: Page<models::pulls::ReviewComment> = client
        .get(
            format!("/repos/{SLUG}/pulls/12/reviews/{}/comments", created.id),
            None::<&()>,
        )
        .await
        .unwrap();
    assert_eq!(own.items[0].side, Some(models::pulls::Side::Right));
    let issues = client.issues("octo", "demo");
    let comment = issues.create_comment(12, "hello").await.unwrap();
    assert_eq!(
        issues.update_comment(comment.id, "bye").await.unwrap().body.as_deref(),
        Some("bye")
    );
    assert_eq!(issues.list_comments(12).send().await.unwrap().items.len(), 1);
    issues.delete_comment(comment.id).await.unwrap();
    assert!(issues.get_comment(comment.id).await.is_err());
}

#[tokio::test]
async fn check_runs() {
    let (github, change) = start();
    let client = octocrab(&github, FakeGithub::INSTALLATION_TOKEN);
    let checks = client.checks("octo", "demo");
    let created = checks
        .create_check_run("Holdfast", change.head.as_str())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (created.name.as_str(), created.conclusion.as_deref()),
        ("Holdfast", None)
    );
    let conclusion = octocrab::params::checks::CheckRunConclusion::Neutral;
    let updated = checks
        .update_check_run(created.id)
        .conclusion(conclusion)
        .send()
        .await
        .unwrap();
    assert_eq!(updated.conclusion.as_deref(), Some("neutral"));
    let commit = octocrab::params::repos::Commitish(change.head.clone());
    let listed = checks.list_check_runs_for_git_ref(commit).send().await.unwrap();
    assert_eq!((listed.total_count, listed.check_runs[0].id), (1, created.id));
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(&json!({ "alg": "RS256", "typ": "JWT" })),
        part(claims),
        "c2lnbmF0dXJl"
    )
}

#[tokio::test]
async fn an_apps_jwt_gets_the_installations_token() {
    let (github, _change) = start();
    let now = jiff::Timestamp::now().as_second();
    let client = octocrab(&github, &jwt(&json!({ "iss": "1", "iat": now - 60, "exp": now + 540 })));
    assert_eq!(client.apps().get().await.unwrap().slug.as_deref(), Some("holdfast"));
    let installation = client.apps().get_repository_installation("octo", "demo").await.unwrap();
    assert_eq!(installation.id.0, FakeGithub::INSTALLATION_ID);
    assert_eq!(
        client.apps().installation(installation.id).await.unwrap().id,
        installation.id
    );
    let route = format!("/app/installations/{}/access_tokens", installation.id);
    let asked = json!({ "permissions": { "pull_requests": "read" } });
    let token: models::InstallationToken = client.post(&route, Some(&asked)).await.unwrap();
    assert_eq!(token.token.len(), 520);
    let reader = octocrab(&github, &token.token);
    assert_eq!(reader.pulls("octo", "demo").get(12).await.unwrap().number, 12);
    assert!(reader.issues("octo", "demo").create_comment(12, "no").await.is_err());
    let whole: models::InstallationToken = client.post(&route, None::<&()>).await.unwrap();
    assert!(
        octocrab(&github, &whole.token)
            .issues("octo", "demo")
            .create_comment(12, "yes")
            .await
            .is_ok()
    );
    let too_much = json!({ "permissions": { "contents": "write" } });
    assert!(client.post::<_, Value>(&route, Some(&too_much)).await.is_err());
}

#[tokio::test]
async fn a_jwt_of_another_app_or_time_is_refused() {
    let (github, _change) = start();
    let now = jiff::Timestamp::now().as_second();
    for (claims, expected) in [
        (json!({ "iss": 1, "exp": now + 540 }), 200),
        (json!({ "iss": 2, "exp": now + 540 }), 404),
        (json!({ "iss": 1, "exp": now - 1 }), 401),
        (json!({ "iss": 1, "exp": now + 3_600 }), 401),
        (json!({ "iss": 1 }), 401),
    ] {
        let token = jwt(&claims);
        let client = crate::client::Client::with(&github, Some(&token));
        assert_eq!(client.get("//app").await.0, expected, "{claims}");
    }
}

#[tokio::test]
async fn errors_are_githubs() {
    let (github, _change) = start();
    let client = octocrab(&github, FakeGithub::INSTALLATION_TOKEN);
    let body = json!({ "event": "COMMENT", "body": "b", "comments": [{ "path": "no", "line": 1, "body": "c" }] });
    let route = format!("/repos/{SLUG}/pulls/12/reviews");
    let error = client.post::<_, Value>(route, Some(&body)).await.unwrap_err();
    let octocrab::Error::GitHub { source, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((source.status_code.as_u16(), source.errors.unwrap().len()), (422, 1));
}
