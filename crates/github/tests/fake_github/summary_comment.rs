//! The one comment with a run's state and the last summary: edited in place, never written twice, whatever is lost.

use std::time::Duration;

use holdfast_core::model::change::Target;
use holdfast_core::model::marker::{MarkerKey, MarkerKind};
use holdfast_core::port::{PublishError, PublishReview};
use holdfast_github::GithubPublishReview;
use holdfast_testkit::port::run_name;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, Repository};

use crate::write::{bodies, publisher, serve};
use crate::{KEY, SLUG, pull_request};

/// The account of the token.
const ACCOUNT: &str = "holdfast-user";
const COMMENTS: &str = "/repos/*/*/issues/*/comments";
const COMMENT: &str = "/repos/*/*/issues/comments/*";

struct Page {
    _change: Change,
    github: FakeGithub,
    publish: GithubPublishReview,
    target: Target,
}

impl Page {
    fn new() -> Self {
        let change = Repository::many_files(1).unwrap();
        let (github, publish) = serve(&change, FakeGithub::USER_TOKEN);
        let target = pull_request(&change.head);
        Self {
            _change: change,
            github,
            publish,
            target,
        }
    }

    async fn announce(&self, run: &str) -> Result<(), PublishError> {
        let body = format!("Reviewing {run}");
        self.publish.announce(&self.target, &run_name(run), &body).await
    }

    async fn summarize(&self, run: &str) -> Result<(), PublishError> {
        let body = format!("Summary {run}\n\n<details>more</details>");
        self.publish.summarize(&self.target, &run_name(run), &body).await
    }

    async fn withdraw(&self, run: &str) -> Result<bool, PublishError> {
        let run = run_name(run);
        self.publish.withdraw_state(&self.target, &run).await?;
        self.publish.withdraw_draft(&self.target, &run).await
    }

    /// Returns the ids and the texts of all comments, without markers and empty lines.
    fn comments(&self) -> Vec<(u64, String)> {
        let comments = self.github.issue_comments(SLUG, 12);
        let shown = |body: &str| {
            let lines = body
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with("<!-- "));
            lines.collect::<Vec<_>>().join("|")
        };
        comments
            .iter()
            .map(|comment| {
                (
                    comment["id"].as_u64().unwrap(),
                    shown(comment["body"].as_str().unwrap()),
                )
            })
            .collect()
    }

    fn texts(&self) -> Vec<String> {
        self.comments().into_iter().map(|(_, text)| text).collect()
    }

    fn marker(&self, kind: MarkerKind, run: &str) -> String {
        MarkerKey::new(KEY.into()).unwrap().line(kind, &self.target, run)
    }

    /// Posts a comment of the account without the adapter.
    fn post(&self, text: &str, kind: MarkerKind, run: &str) -> u64 {
        let body = format!("{text}\n{}", self.marker(kind, run));
        self.github.comment(SLUG, 12, ACCOUNT, &body).unwrap()
    }

    /// Returns the number of writes until now.
    fn writes(&self) -> usize {
        let entries = self.github.journal().entries();
        entries.iter().filter(|entry| entry.method != "GET").count()
    }
}

#[tokio::test]
async fn a_state_is_above_the_last_summary_until_it_is_withdrawn_or_published() {
    let page = Page::new();
    page.announce("a").await.unwrap();
    page.post("Failed a", MarkerKind::Notice, "a");
    page.post("Waiting", MarkerKind::Notice, "waiting");
    page.announce("b").await.unwrap();
    assert_eq!(
        page.texts(),
        ["Reviewing b", "Failed a", "Waiting"],
        "one state at a time"
    );
    page.summarize("b").await.unwrap();
    // Also the notices of version 0.1 are gone.
    assert_eq!(page.texts(), ["Summary b|<details>more</details>"]);
    let published = page.github.issue_comments(SLUG, 12);

    page.announce("c").await.unwrap();
    assert_eq!(page.texts(), ["Reviewing c|Summary b|<details>more</details>"]);
    let body = bodies(&page.github);
    assert_eq!(body, ["Reviewing c"], "the state is on top");
    assert!(!page.withdraw("a").await.unwrap());
    assert_eq!(
        page.texts(),
        ["Reviewing c|Summary b|<details>more</details>"],
        "another run's state stays"
    );
    assert!(page.withdraw("b").await.unwrap(), "its summary is published, and stays");
    assert!(!page.withdraw("c").await.unwrap());
    let now = page.github.issue_comments(SLUG, 12);
    assert_eq!(now[0]["body"], published[0]["body"], "as before");
    assert_eq!(now[0]["id"], published[0]["id"], "the same comment");

    // The same run again, as after a redrive: its own summary stays below its state.
    page.announce("b").await.unwrap();
    assert_eq!(page.texts(), ["Reviewing b|Summary b|<details>more</details>"]);
    page.summarize("b").await.unwrap();
    assert_eq!(page.github.issue_comments(SLUG, 12)[0]["body"], published[0]["body"]);
    page.summarize("d").await.unwrap();
    assert_eq!(page.texts(), ["Summary d|<details>more</details>"]);
    assert_eq!(page.comments()[0].0, published[0]["id"].as_u64().unwrap());
}

#[tokio::test]
async fn a_pull_request_waits_for_a_maintainer_until_a_run_begins() {
    let page = Page::new();
    page.summarize("a").await.unwrap();
    for _ in 0..2 {
        page.publish.await_maintainer(&page.target, "Waiting").await.unwrap();
        assert_eq!(page.texts(), ["Waiting|Summary a|<details>more</details>"]);
    }
    page.withdraw("a").await.unwrap();
    assert_eq!(page.texts(), ["Waiting|Summary a|<details>more</details>"]);
    page.announce("b").await.unwrap();
    assert_eq!(page.texts(), ["Reviewing b|Summary a|<details>more</details>"]);
}

#[tokio::test]
async fn a_state_without_a_summary_is_withdrawn_with_its_comment() {
    let page = Page::new();
    page.announce("a").await.unwrap();
    assert!(!page.withdraw("b").await.unwrap());
    assert_eq!(page.texts(), ["Reviewing a"]);
    for _ in 0..2 {
        assert!(!page.withdraw("a").await.unwrap());
        assert!(page.texts().is_empty());
    }
}

#[tokio::test]
async fn nothing_is_written_where_the_text_is_right() {
    let page = Page::new();
    page.summarize("a").await.unwrap();
    page.announce("b").await.unwrap();
    let writes = page.writes();
    page.announce("b").await.unwrap();
    page.withdraw("a").await.unwrap();
    assert_eq!(page.writes(), writes);
    page.summarize("b").await.unwrap();
    page.summarize("b").await.unwrap();
    page.withdraw("b").await.unwrap();
    assert_eq!(page.writes(), writes + 1);
}

#[tokio::test]
async fn only_a_signed_line_of_the_own_account_separates_the_parts() {
    let page = Page::new();
    let forged = "<!-- holdfast:announcement run=x sig=00 -->";
    let of_another = MarkerKey::new("another key of 16+".into()).unwrap();
    let foreign = of_another.line(MarkerKind::Announcement, &page.target, "x");
    let summary = format!("Above\n{forged}\nBetween\n{foreign}\nBelow");
    let run = run_name("a");
    page.publish.summarize(&page.target, &run, &summary).await.unwrap();
    let published = page.github.issue_comments(SLUG, 12);
    page.announce("b").await.unwrap();
    page.withdraw("b").await.unwrap();
    assert_eq!(page.github.issue_comments(SLUG, 12)[0]["body"], published[0]["body"]);
    // A stranger copies the whole comment. It is older than ours after ours is deleted.
    let copied = published[0]["body"].as_str().unwrap();
    page.github.comment(SLUG, 12, "mallory", copied).unwrap();
    let id = page.comments()[0].0;
    page.github.edit_comment(SLUG, id, "ann", None);
    assert!(!page.withdraw("a").await.unwrap());
    page.announce("c").await.unwrap();
    assert_eq!(page.texts(), ["Above|Between|Below", "Reviewing c"]);
    // Another App with the same key.
    let app = publisher(&page.github, FakeGithub::INSTALLATION_TOKEN, KEY);
    app.summarize(&page.target, &run, "Of the App").await.unwrap();
    assert_eq!(page.texts(), ["Above|Between|Below", "Reviewing c", "Of the App"]);
}

#[tokio::test]
async fn duplicates_become_one_comment_and_no_summary_is_lost() {
    let page = Page::new();
    // The second call doesn't see the comment of the first.
    page.announce("a").await.unwrap();
    page.github.fail_next(Matcher::new("GET", COMMENTS), Fault::StaleRead);
    page.announce("a").await.unwrap();
    assert_eq!(page.texts(), ["Reviewing a", "Reviewing a"]);
    let first = page.comments()[0].0;
    page.announce("b").await.unwrap();
    assert_eq!(page.comments(), [(first, "Reviewing b".to_owned())]);
    // The summary is in the newer one.
    page.post("Summary b", MarkerKind::Summary, "b");
    page.announce("c").await.unwrap();
    assert_eq!(page.comments(), [(first, "Reviewing c|Summary b".to_owned())]);
    page.post("Reviewing c", MarkerKind::Announcement, "c");
    page.withdraw("c").await.unwrap();
    assert_eq!(page.comments(), [(first, "Summary b".to_owned())]);
    page.post("Summary b", MarkerKind::Summary, "b");
    page.summarize("d").await.unwrap();
    assert_eq!(
        page.comments(),
        [(first, "Summary d|<details>more</details>".to_owned())]
    );
}

#[tokio::test]
async fn comments_of_version_0_1_are_replaced() {
    for is_announced in [true, false] {
        let page = Page::new();
        // That version had one comment for each run, and one kind of marker.
        let first = page.post("Summary 1", MarkerKind::Announcement, "old-1");
        page.post("Reviewing 2", MarkerKind::Announcement, "old-2");
        page.post("Reviewing 3", MarkerKind::Announcement, "old-3");
        assert!(!page.withdraw("old-2").await.unwrap());
        assert_eq!(page.texts(), ["Summary 1", "Reviewing 3"]);
        if is_announced {
            page.announce("a").await.unwrap();
            assert_eq!(page.comments(), [(first, "Reviewing a".to_owned())]);
        }
        page.summarize("a").await.unwrap();
        assert_eq!(
            page.comments(),
            [(first, "Summary a|<details>more</details>".to_owned())]
        );
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_one_comment() {
    let late = Fault::LateEffect { delay_ms: 50 };
    for fault in [
        Fault::DropAfter,
        Fault::MalformedBody,
        Fault::EmptyBody,
        late,
        Fault::status(502),
    ] {
        let page = Page::new();
        for step in ["announce", "summarize", "announce again"] {
            let (method, route) = match step {
                "announce" => ("POST", COMMENTS),
                _ => ("PATCH", COMMENT),
            };
            page.github.fail_next(Matcher::new(method, route), fault.clone());
            // The workflow repeats a call that fails.
            for attempt in 0..2 {
                let done = match step {
                    "announce" => page.announce("a").await,
                    "summarize" => page.summarize("a").await,
                    _ => page.announce("b").await,
                };
                let is_lost = matches!(done, Err(PublishError::Unavailable(_)));
                assert!(done.is_ok() || is_lost && attempt == 0, "{fault:?} {step}: {done:?}");
                // The late effect comes between the attempts.
                tokio::time::sleep(Duration::from_millis(if is_lost { 100 } else { 0 })).await;
            }
        }
        assert_eq!(
            page.texts(),
            ["Reviewing b|Summary a|<details>more</details>"],
            "{fault:?}"
        );
        assert_eq!(page.github.faults_left(), 0, "{fault:?}");
        page.github.fail_next(Matcher::new("PATCH", COMMENT), fault.clone());
        let _lost = page.withdraw("b").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!page.withdraw("b").await.unwrap());
        assert_eq!(page.texts(), ["Summary a|<details>more</details>"], "{fault:?}");
    }
}

#[tokio::test]
async fn a_comment_that_a_person_deletes_is_written_again() {
    let page = Page::new();
    page.summarize("a").await.unwrap();
    let id = page.comments()[0].0;
    // Between the list and the edit.
    page.github.edit_comment(SLUG, id, "ann", None);
    let other = page.github.comment(SLUG, 12, "ann", "Why?").unwrap();
    page.github.edit_comment(SLUG, other, "ann", None);
    page.announce("b").await.unwrap();
    assert_eq!(page.texts(), ["Reviewing b"]);
    let bystander = publisher(&page.github, FakeGithub::USER_TOKEN, KEY);
    bystander.withdraw_state(&page.target, &run_name("b")).await.unwrap();
    page.github.fail_next(Matcher::new("GET", COMMENTS), Fault::StaleRead);
    page.announce("c").await.unwrap();
    assert_eq!(page.texts(), ["Reviewing c"], "the list is older than the deletion");
}

#[tokio::test]
async fn a_long_summary_leaves_room_for_a_short_state() {
    let page = Page::new();
    let (run, long) = (run_name("a"), "é".repeat(65_000));
    page.publish.summarize(&page.target, &run, &long).await.unwrap();
    let state = "Reviewing ".repeat(100);
    for _ in 0..2 {
        page.publish
            .announce(&page.target, &run_name("b"), &state)
            .await
            .unwrap();
    }
    let text = page.texts().remove(0);
    assert!(
        text.starts_with("Reviewing Reviewing") && text.ends_with(&long),
        "{} characters",
        text.chars().count()
    );
    let body = page.github.issue_comments(SLUG, 12)[0]["body"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(body.chars().count() <= 65_536);
    page.withdraw("b").await.unwrap();
    assert_eq!(page.texts(), [long]);
}
