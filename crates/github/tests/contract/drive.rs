//! Makes every request that the real adapter can send. `main` checks the exchanges.

use holdfast_core::ledger::FindingMark;
use holdfast_core::model::change::Target;
use holdfast_core::model::finding::Side;
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::settings::{GithubSignInSettings, Settings};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{
    Annotation, CheckConclusion, CheckOutcome, CommentRevision, Permission, PublishError, PublishReview, ReadChange,
    ReadError, ReadPermission, ReadPull, ReadThreads, RedeliverWebhooks, ReviewComment, ReviewDraft, SignInPeople,
};
use holdfast_github::{
    GithubAppGrants, GithubAppManifest, GithubConnection, GithubIdentity, GithubPublishReview, GithubReadChange,
    GithubReadPermission, GithubReadThreads, GithubRedeliverWebhooks, GithubSignIn, ManifestError, TokenReport,
    parse_address,
};
use holdfast_testkit::github::{Alert, Artifact, Entry, Identity, zip_of};
use holdfast_testkit::port::run_name;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, PullRequest, Repository};

use serde_json::json;

use crate::description::Exchange;

const SLUG: &str = "octo/demo";

/// Returns all exchanges of an App and of a person's token, including refusals.
pub(crate) async fn drive() -> Vec<Exchange> {
    let corpus = Repository::corpus().unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(corpus.repository.path(), &corpus.base, &corpus.head, SLUG, 12).unwrap());
    let identity = GithubIdentity::App {
        id: 1,
        key: key().into(),
    };
    let app = connect(&github, identity.clone());
    read(&github, &corpus, app.clone()).await;
    read_hidden(&github, app.clone()).await;
    alerts(&github, &corpus, app.clone()).await;
    artifacts(&github, &corpus, app.clone()).await;
    check(&corpus, app.clone()).await;
    comments(&github, app.clone()).await;
    review(&corpus, app.clone()).await;
    threads(&github, &corpus, app.clone()).await;
    people(&github, app.clone()).await;
    deliveries(&github, app).await;
    grants(&github).await;
    token(&github).await;
    sign_in(&github).await;
    manifest(&github).await;
    let person = connect(&github, GithubIdentity::Token(FakeGithub::USER_TOKEN.into()));
    let publish = writer(person);
    let target = target("demo", &corpus.head);
    publish.draft_review(&target, &draft("another", 2)).await.unwrap();
    publish.draft_review(&target, &draft("person", 2)).await.unwrap();
    assert_eq!(
        publish.open_check(&target, &run_name("run")).await.unwrap(),
        None,
        "403"
    );
    refusals(&github, &corpus, identity).await;
    let journal = github.journal();
    let exchange = |entry: Entry| Exchange {
        answer: journal.answer(entry.sequence),
        entry,
    };
    journal.entries().into_iter().map(exchange).collect()
}

async fn read(github: &FakeGithub, corpus: &Change, connection: GithubConnection) {
    let read = GithubReadChange::new(connection);
    let address = parse_address(&github.pull_request_url(SLUG, 12)).unwrap();
    let target = read.resolve(&address).await.unwrap();
    let change = read.read_change(&target).await.unwrap();
    assert_eq!(change.files.len(), 16);
    let head = CommitSha::parse(&corpus.head).unwrap();
    assert!(read.read_file(&target, "crlf.txt", &head).await.unwrap().is_some());
    for nothing in ["vendor/lib", "src", "no/such/file"] {
        assert_eq!(read.read_file(&target, nothing, &head).await.unwrap(), None);
    }
    let paths = ["crlf.txt", "vendor/lib", "src", "no/such/file", "image.png"];
    let found = read.read_files(&target, &paths, &head).await.unwrap();
    assert!(found[0].is_some() && found[1..4].iter().all(Option::is_none));
    read.current_head(&target).await.unwrap();
}

/// Reads a text whose patch GitHub leaves out: both versions are read.
async fn read_hidden(github: &FakeGithub, connection: GithubConnection) {
    let repository = Repository::new().unwrap();
    repository.write(".gitattributes", "*.py -diff\n").unwrap();
    repository.write("a.py", "a = 1\n").unwrap();
    let base = repository.commit("base").unwrap();
    repository.write("a.py", "a = 2\n").unwrap();
    let head = repository.commit("head").unwrap();
    github.add(PullRequest::from_git(repository.path(), &base, &head, SLUG, 13).unwrap());
    let read = GithubReadChange::new(connection);
    let address = parse_address(&github.pull_request_url(SLUG, 13)).unwrap();
    let change = read.read_change(&read.resolve(&address).await.unwrap()).await.unwrap();
    assert_eq!(
        change.files[0].patch.as_deref(),
        Some("@@ -1,1 +1,1 @@\n-a = 1\n+a = 2\n")
    );
}

async fn alerts(github: &FakeGithub, corpus: &Change, connection: GithubConnection) {
    let alert = Alert {
        rule: "js/sql-injection".to_owned(),
        severity: "high".to_owned(),
        path: "crlf.txt".to_owned(),
        line: 1,
    };
    let merge = "c".repeat(40);
    github.add_analysis(SLUG, 12, "CodeQL", (&merge, Some(&corpus.head)), &[alert]);
    let read = GithubReadChange::new(connection);
    let head = CommitSha::parse(&corpus.head).unwrap();
    let found = read.code_scanning(&target("demo", &corpus.head), &head).await.unwrap();
    assert_eq!((found.number(), found.tools.len()), (1, 1));
}

/// Reads an artifact, and a name without one.
async fn artifacts(github: &FakeGithub, corpus: &Change, connection: GithubConnection) {
    let log = json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": "ruff" } } }] });
    let artifact = Artifact {
        name: "lint".to_owned(),
        run: 7,
        head: corpus.head.clone(),
        archive: zip_of(&[("ruff.sarif", log.to_string().as_bytes())]).unwrap(),
        ..Artifact::default()
    };
    github.add_artifact(SLUG, artifact).unwrap();
    let read = GithubReadChange::new(connection);
    let head = CommitSha::parse(&corpus.head).unwrap();
    let target = target("demo", &corpus.head);
    for (names, tools) in [(["lint"], 1), (["other"], 0)] {
        let found = read.artifacts(&target, &head, &names.map(str::to_owned)).await.unwrap();
        assert_eq!((found.tools.len(), found.notes.len()), (tools, 1 - tools), "{names:?}");
    }
}

async fn check(corpus: &Change, connection: GithubConnection) {
    let publish = writer(connection);
    let target = target("demo", &corpus.head);
    for conclusion in [
        CheckConclusion::Success,
        CheckConclusion::Neutral,
        CheckConclusion::ActionRequired,
    ] {
        let name = run_name(&format!("run-{conclusion:?}"));
        let check = publish.open_check(&target, &name).await.unwrap().unwrap();
        let levels = ["notice", "warning", "failure"].into_iter().cycle();
        let outcome = CheckOutcome {
            conclusion,
            title: "Reviewed".to_owned(),
            summary: "In short.".to_owned(),
            // More annotations than one request may have.
            annotations: levels.take(120).map(annotation).collect(),
            awaits_decision: false,
        };
        publish.close_check(&target, check, &outcome).await.unwrap();
    }
    // A merge queue's commit. The second call finds the check of the first.
    let group = CommitSha::parse(&corpus.base).unwrap();
    for _ in 0..2 {
        publish.copy_check(&target, &group).await.unwrap();
    }
}

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new("octo", name).unwrap()
}

/// Reads comments: unedited, edited by the author, edited by another person, deleted.
async fn comments(github: &FakeGithub, connection: GithubConnection) {
    let read = GithubReadChange::new(connection);
    let id = github.comment(SLUG, 12, "ann", "/holdfast review").unwrap();
    for (editor, expected) in [(None, false), (Some("ann"), false), (Some("bob"), true)] {
        if let Some(editor) = editor {
            github.edit_comment(SLUG, id, editor, Some("/holdfast approve"));
        }
        let comment = read.comment(&repository("demo"), id).await.unwrap().unwrap();
        assert_eq!(
            (comment.number, comment.is_edited_by_others),
            (12, expected),
            "{editor:?}"
        );
    }
    github.edit_comment(SLUG, id, "ann", None);
    assert_eq!(read.comment(&repository("demo"), id).await.unwrap(), None, "404");
}

fn annotation(level: &'static str) -> Annotation {
    Annotation {
        path: "crlf.txt".to_owned(),
        start_line: 1,
        end_line: 2,
        level,
        title: "Look here".to_owned(),
        message: "It is not as it was.".to_owned(),
    }
}

async fn review(corpus: &Change, connection: GithubConnection) {
    let publish = writer(connection);
    let target = target("demo", &corpus.head);
    let refused = publish.draft_review(&target, &draft("run", 99)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Rejected(_)), "{refused:?}");
    let drafted = publish.draft_review(&target, &draft("run", 2)).await.unwrap();
    // GitHub refuses the second one, and the adapter reads the review.
    publish.submit_review(&target, drafted.review).await.unwrap();
    publish.submit_review(&target, drafted.review).await.unwrap();
    assert!(
        publish
            .draft_review(&target, &draft("run", 2))
            .await
            .unwrap()
            .is_submitted
    );
    publish
        .announce(&target, &run_name("before"), "Reviewing")
        .await
        .unwrap();
    publish.withdraw_state(&target, &run_name("before")).await.unwrap();
    publish.await_maintainer(&target, "Waiting").await.unwrap();
    publish.announce(&target, &run_name("run"), "Reviewing").await.unwrap();
    publish.summarize(&target, &run_name("run"), "Reviewed").await.unwrap();
    for answer in ["On it.", "Done."] {
        publish.answer_command(&target, 1, answer).await.unwrap();
    }
    publish.draft_review(&target, &draft("late", 2)).await.unwrap();
    publish.withdraw_draft(&target, &run_name("late")).await.unwrap();
    publish.withdraw_state(&target, &run_name("late")).await.unwrap();
}

async fn people(github: &FakeGithub, connection: GithubConnection) {
    let read = GithubReadPermission::new(connection);
    github.set_permission(SLUG, "ann", "maintain");
    github.set_team_member("octo", "leads", "ann", Some("active"));
    assert_eq!(
        read.permission(&repository("demo"), "ann").await.unwrap(),
        Permission::Maintain
    );
    assert!(read.is_member(&"octo/leads".parse().unwrap(), "ann").await.unwrap());
    assert!(!read.is_member(&"octo/leads".parse().unwrap(), "bob").await.unwrap());
}

async fn deliveries(github: &FakeGithub, connection: GithubConnection) {
    // More deliveries than a page has, one of them too old.
    for age in 0..102 {
        github.add_delivery("pull_request", if age > 99 { 500 } else { 202 }, age);
    }
    github.add_delivery("pull_request", 500, 4 * 86_400);
    let redeliver = GithubRedeliverWebhooks::new(connection);
    assert_eq!(redeliver.redeliver_failed(0).await.unwrap(), 2);
}

async fn sign_in(github: &FakeGithub) {
    let settings = GithubSignInSettings {
        client_id: FakeGithub::CLIENT_ID.to_owned(),
        client_secret: FakeGithub::CLIENT_SECRET.into(),
    };
    let sign_in = GithubSignIn::new(&settings, Some(github.url().parse().unwrap())).unwrap();
    let back = "https://holdfast.example/back".parse().unwrap();
    let page = sign_in.page("state", "verifier", &back);
    let came = github.authorize(&page).unwrap();
    let (_, code) = came.query_pairs().next().unwrap();
    assert_eq!(sign_in.person(&code, "verifier", &back).await.unwrap().login, "octocat");
}

/// Changed permissions, removed events, whether reviews still work, and what is reported as missing.
type Grant<'a> = (&'a [(&'a str, Option<&'a str>)], &'a [&'a str], bool, &'a [&'a str]);

/// Compares the App's permissions and events with the manifest, before and after some are removed.
async fn grants(github: &FakeGithub) {
    let settings = |key: &str| {
        Settings::read(&|name| match name {
            "HOLDFAST_GITHUB_APP_ID" => Some("1".to_owned()),
            "HOLDFAST_GITHUB_APP_KEY" => Some(key.to_owned()),
            "HOLDFAST_GITHUB_URL" => Some(github.url()),
            _ => None,
        })
    };
    let app = GithubAppGrants::of(&settings(&key()).unwrap()).unwrap().unwrap();
    let report = app.examine().await;
    assert!(report.works && report.lacks.is_empty(), "{report:?}");
    let rows: [Grant<'_>; 5] = [
        (&[("actions", None)], &[], true, &["actions"]),
        (
            &[("actions", Some("read"))],
            &["pull_request_review_thread"],
            true,
            &["pull_request_review_thread"],
        ),
        (
            &[("checks", None)],
            &[],
            false,
            &["checks", "pull_request_review_thread"],
        ),
        (
            &[("checks", Some("read")), ("contents", Some("write"))],
            &["merge_group"],
            false,
            &["checks", "pull_request_review_thread", "merge_group"],
        ),
        (
            &[("checks", Some("admin"))],
            &["pull_request_review_comment"],
            false,
            &[
                "pull_request_review_comment",
                "pull_request_review_thread",
                "merge_group",
            ],
        ),
    ];
    for (permissions, without_events, works, lacks) in rows {
        github.set_app_grants(permissions, without_events);
        let report = app.examine().await;
        let names: Vec<&str> = report.lacks.iter().map(|lack| lack.name.as_str()).collect();
        assert_eq!((report.works, names.as_slice()), (works, lacks), "{report:?}");
        assert!(report.lacks.iter().all(|lack| !lack.without.is_empty()), "{report:?}");
        let page = "/organizations/octo-owner/settings/apps/holdfast/permissions";
        assert!(report.remedy.is_some_and(|remedy| remedy.contains(page)));
    }
}

/// Reads the account of a token, and that of one which GitHub refuses.
async fn token(github: &FakeGithub) {
    for (token, works) in [(FakeGithub::USER_TOKEN, true), ("not-a-token", false)] {
        let settings = Settings::read(&|name| match name {
            "GITHUB_TOKEN" => Some(token.to_owned()),
            "HOLDFAST_GITHUB_URL" => Some(github.url()),
            _ => None,
        });
        let report = TokenReport::examine(&settings.unwrap()).await.unwrap().unwrap();
        assert_eq!(
            (report.works, report.login.is_some(), report.remedy.is_none()),
            (works, works, works),
            "{report:?}"
        );
    }
}

async fn manifest(github: &FakeGithub) {
    let manifest = GithubAppManifest::new(Some(github.url().parse().unwrap())).unwrap();
    let page = manifest.page(Some("octo"), "s&1");
    assert!(
        page.as_str()
            .ends_with("/organizations/octo/settings/apps/new?state=s%261"),
        "{page}"
    );
    let manifest_json = json!({
        "name": "Holdfast", "url": "https://example.org", "hook_attributes": { "url": "https://example.org/hook" },
        "redirect_url": "http://127.0.0.1:1/created", "default_permissions": {}, "default_events": [],
    });
    let back = github.register_app(&page, &manifest_json).unwrap();
    let query: std::collections::BTreeMap<_, _> = back.query_pairs().into_owned().collect();
    assert_eq!(query["state"], "s&1");
    let app = manifest.convert(&query["code"]).await.unwrap();
    assert!(app.webhook_secret.is_some() && !format!("{app:?}").contains("PRIVATE KEY"));
    let again = manifest.convert(&query["code"]).await.unwrap_err();
    assert_eq!(again, ManifestError::Expired, "a code is valid once");
}

fn writer(connection: GithubConnection) -> GithubPublishReview {
    GithubPublishReview::new(connection, MarkerKey::new("0123456789abcdef".into()).unwrap())
}

async fn refusals(github: &FakeGithub, corpus: &Change, app: GithubIdentity) {
    let head = CommitSha::parse(&corpus.head).unwrap();
    let stranger = GithubReadChange::new(connect(github, GithubIdentity::Token("unknown".into())));
    let refused = stranger.current_head(&target("demo", &corpus.head)).await.unwrap_err();
    assert!(matches!(refused, ReadError::Forbidden(_)), "{refused:?}");
    let elsewhere = GithubReadChange::new(connect(github, app));
    let lost = elsewhere
        .read_file(&target("elsewhere", &corpus.head), "a", &head)
        .await;
    assert!(!matches!(lost, Ok(Some(_))), "not installed there");
}

fn connect(github: &FakeGithub, identity: GithubIdentity) -> GithubConnection {
    GithubConnection::new(Some(github.url().parse().unwrap()), identity).unwrap()
}

fn target(repository: &str, head: &str) -> Target {
    Target::PullRequest {
        repository: self::repository(repository),
        number: 12,
        head: CommitSha::parse(head).unwrap(),
        repository_id: None,
        pinned: None,
    }
}

/// Comments on one line, on several, and on deleted ones.
fn draft(run: &str, line: u32) -> ReviewDraft {
    let comment = |side, start_line| ReviewComment {
        path: "crlf.txt".to_owned(),
        side,
        start_line,
        line,
        body: "Look here.".to_owned(),
        finding: None,
    };
    ReviewDraft {
        run: run_name(run),
        is_approved_part: false,
        body: "A review.".to_owned(),
        comments: vec![
            comment(Side::Right, None),
            comment(Side::Right, Some(1)),
            comment(Side::Left, None),
        ],
    }
}

/// Publishes a finding, lets people act in its thread, reads it, changes its comment. Then the same with a token that
/// lacks the permission, with a comment that is gone, and for a pull request that doesn't exist.
async fn threads(github: &FakeGithub, corpus: &Change, connection: GithubConnection) {
    let publish = writer(connection.clone());
    let target = target("demo", &corpus.head);
    let finding = FindingMark::parse(&"7".repeat(32)).unwrap();
    let mut found = draft("finding", 2);
    found.comments.truncate(1);
    found.comments[0].finding = Some(finding.clone());
    found.comments[0].body = "A finding.".to_owned();
    let drafted = publish.draft_review(&target, &found).await.unwrap();
    publish.submit_review(&target, drafted.review).await.unwrap();
    let read = reader(connection);
    let thread = read.threads(&target).await.unwrap().remove(0);
    github.resolve_thread(SLUG, 12, thread.comment, "ann").unwrap();
    github.react(SLUG, 12, thread.comment, "ann", "THUMBS_DOWN").unwrap();
    github.reply(SLUG, 12, thread.comment, "ann", "Why?").unwrap();
    let thread = read.threads(&target).await.unwrap().remove(0);
    assert!(thread.is_resolved && thread.replies.len() == 1 && thread.thumbs_down == ["ann"]);
    let mut revision = CommentRevision {
        comment: thread.comment,
        node: thread.comment_node,
        body: "Fixed.".to_owned(),
        finding,
        is_minimized: true,
    };
    for is_minimized in [true, false] {
        revision.is_minimized = is_minimized;
        publish.revise_comment(&target, &revision).await.unwrap();
        assert_eq!(read.threads(&target).await.unwrap()[0].is_minimized, is_minimized);
    }
    let posted = publish.posted_findings(&target, drafted.review).await.unwrap();
    assert_eq!(posted.len(), 1);
    github.add_token(
        "pusher",
        Identity::app("holdfast").with_permission("contents", Some("write")),
    );
    let pusher = writer(connect(github, GithubIdentity::Token("pusher".into())));
    for is_resolved in [true, false] {
        for (writer, may_resolve) in [(&publish, false), (&pusher, true)] {
            let resolved = writer.resolve_thread(&target, &thread.node, is_resolved).await.unwrap();
            assert_eq!(resolved, may_resolve);
        }
    }
    "PRRC_1".clone_into(&mut revision.node);
    publish.revise_comment(&target, &revision).await.unwrap();
    revision.comment = 1;
    publish.revise_comment(&target, &revision).await.unwrap();
    let blind = Identity::app("holdfast").with_permission("pull_requests", None);
    github.add_token("blind", blind);
    let blind = reader(connect(github, GithubIdentity::Token("blind".into())));
    let refused = blind.threads(&target).await.unwrap_err();
    assert!(matches!(refused, ReadError::Forbidden(_)), "{refused:?}");
    let person = reader(connect(github, GithubIdentity::Token(FakeGithub::USER_TOKEN.into())));
    let missing = person
        .threads(&self::target("elsewhere", &corpus.head))
        .await
        .unwrap_err();
    assert!(matches!(missing, ReadError::NotFound(_)), "{missing:?}");
}

fn reader(connection: GithubConnection) -> GithubReadThreads {
    GithubReadThreads::new(connection, MarkerKey::new("0123456789abcdef".into()).unwrap())
}

/// Creates a private key for this run.
fn key() -> String {
    let output = std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "2048"])
        .output()
        .unwrap_or_else(|error| panic!("openssl does not start ({error}): apt-get install openssl"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
