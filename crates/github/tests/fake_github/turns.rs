//! Writes that create content take turns with those of the deployment's other processes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::port::{CheckConclusion, CheckOutcome, Pace, PublishError, PublishReview};
use holdfast_core::provider::PacedWrites;
use holdfast_github::GithubPublishReview;
use holdfast_testkit::logs::{LogFault, MemoryLogs};
use holdfast_testkit::port::run_name;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, Repository};

use crate::write::{draft, serve};
use crate::{KEY, connection, pull_request};

/// The system's clock; callers don't rest.
struct NoRest;

#[async_trait]
impl Pace for NoRest {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }

    fn longest_rest_ms(&self) -> u64 {
        0
    }

    async fn rest(&self, _call: u64, _ms: u64) {}

    fn wake(&self, _calls: &[u64]) {}
}

/// A pull request, and two processes that write to it.
struct Page {
    _change: Change,
    github: FakeGithub,
    table: MemoryLogs,
    one: GithubPublishReview,
    other: GithubPublishReview,
    target: Target,
}

impl Page {
    fn new(per_minute: u32) -> Self {
        let change = Repository::many_files(1).unwrap();
        let (github, _) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
        let table = MemoryLogs::default();
        let process = || {
            let turns = PacedWrites::new(Arc::new(table.clone()), Arc::new(NoRest), per_minute);
            let connection = connection(&github, FakeGithub::INSTALLATION_TOKEN).sharing_turns(Arc::new(turns));
            GithubPublishReview::new(connection, MarkerKey::new(KEY.into()).unwrap())
        };
        let (one, other) = (process(), process());
        let target = pull_request(&change.head);
        Self {
            _change: change,
            github,
            table,
            one,
            other,
            target,
        }
    }

    fn posted(&self) -> usize {
        self.github.journal().matching(&Matcher::new("POST", "/repos/**")).len()
    }
}

#[tokio::test]
async fn two_processes_never_send_more_than_the_rate() {
    let page = Page::new(6);
    let (mut sent, mut later) = (0, 0);
    for command in 1..=30 {
        let of = if command % 2 == 0 { &page.one } else { &page.other };
        match of.answer_command(&page.target, command, "An answer.").await {
            Ok(()) => sent += 1,
            Err(PublishError::RateLimited { retry_after_s, .. }) => {
                assert!(retry_after_s >= Some(1), "{retry_after_s:?}");
                later += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!((10..=11).contains(&sent) && sent + later == 30, "{sent} {later}");
    assert_eq!(page.posted(), sent);
}

#[tokio::test]
async fn a_refusal_that_one_process_meets_holds_for_the_other() {
    let page = Page::new(60);
    page.github
        .fail_next(Matcher::new("POST", "/repos/**"), Fault::rate_limited(540));
    let refused = page
        .one
        .draft_review(&page.target, &draft("run-1", 2))
        .await
        .unwrap_err();
    assert_eq!(refused.retry_after_s(), Some(540));
    let posted = page.posted();
    for other in [&page.one, &page.other] {
        let refused = other.draft_review(&page.target, &draft("run-2", 2)).await.unwrap_err();
        assert_eq!(refused.name(), ErrorName::GithubRateLimited);
        assert!(
            refused
                .retry_after_s()
                .is_some_and(|seconds| (535..=540).contains(&seconds)),
            "{refused}"
        );
        assert!(
            refused.to_string().contains("HOLDFAST_GITHUB_WRITES_PER_MINUTE"),
            "{refused}"
        );
    }
    assert_eq!(
        page.posted(),
        posted,
        "nothing is sent before the time that GitHub named"
    );
}

#[tokio::test]
async fn without_the_table_no_review_is_written_and_an_undo_is() {
    let page = Page::new(60);
    let check = page
        .one
        .open_check(&page.target, &run_name("run-1"))
        .await
        .unwrap()
        .unwrap();
    page.table.fail_next([Some(LogFault::NotDone); 8]);
    let refused = page
        .one
        .draft_review(&page.target, &draft("run-1", 2))
        .await
        .unwrap_err();
    assert_eq!(refused.name(), ErrorName::GithubUnavailable);
    assert!(
        refused.to_string().contains("the table has no turn for it"),
        "{refused}"
    );
    assert!(page.github.reviews(crate::SLUG, 12).is_empty());
    page.one
        .announce(&page.target, &run_name("run-1"), "It failed.")
        .await
        .unwrap();
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: "Failed".to_owned(),
        summary: String::new(),
        annotations: Vec::new(),
        awaits_decision: false,
    };
    page.one.close_check(&page.target, check, &outcome).await.unwrap();
    assert_eq!(page.github.issue_comments(crate::SLUG, 12).len(), 1);
}

#[tokio::test]
async fn a_limit_that_one_process_met_is_known_to_the_other_without_a_request() {
    let page = Page::new(60);
    assert!(page.other.limited_for(&page.target).await.unwrap().is_zero());
    page.github
        .fail_next(Matcher::new("POST", "/repos/**"), Fault::rate_limited(540));
    page.one
        .answer_command(&page.target, 1, "An answer.")
        .await
        .unwrap_err();
    let before = page.github.journal().entries().len();
    let limited = page.other.limited_for(&page.target).await.unwrap();
    assert!(limited.as_secs() > 500 && limited.as_secs() <= 540, "{limited:?}");
    assert_eq!(page.github.journal().entries().len(), before);
}
