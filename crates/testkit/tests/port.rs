//! The pull request's page in memory.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;

use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::PublishReview;
use holdfast_testkit::port::{PullRequestPage, run_name};

fn comments(page: &PullRequestPage) -> Vec<(String, String)> {
    let comments: BTreeMap<String, String> = page.comments.lock().unwrap().clone();
    comments.into_iter().collect()
}

fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter()
        .map(|(run, text)| ((*run).to_owned(), (*text).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_page_has_one_state_above_the_last_summary() {
    let page = PullRequestPage::default();
    let target = Target::PullRequest {
        repository: RepositoryName::new("octo", "demo").unwrap(),
        number: 12,
        head: CommitSha::parse(&"a".repeat(40)).unwrap(),
        repository_id: None,
        pinned: None,
    };
    let announce = async |run: &str| {
        page.announce(&target, &run_name(run), &format!("Reviewing {run}"))
            .await
            .unwrap();
    };
    let withdraw = async |run: &str| {
        page.withdraw_state(&target, &run_name(run)).await.unwrap();
        page.withdraw_draft(&target, &run_name(run)).await.unwrap()
    };
    announce("a").await;
    announce("b").await;
    assert_eq!(comments(&page), rows(&[("b", "Reviewing b")]));
    assert!(!withdraw("a").await);
    assert_eq!(comments(&page), rows(&[("b", "Reviewing b")]));
    page.summarize(&target, &run_name("b"), "Summary b").await.unwrap();
    announce("c").await;
    let both = rows(&[("b", "Summary b"), ("c", "Reviewing c")]);
    assert_eq!(comments(&page), both);
    assert!(withdraw("b").await, "its summary is published");
    assert_eq!(comments(&page), both, "another run's state stays");
    assert!(!withdraw("c").await);
    announce("b").await;
    assert_eq!(comments(&page), rows(&[("b", "Reviewing b\nSummary b")]));
    assert!(withdraw("b").await);
    assert_eq!(comments(&page), rows(&[("b", "Summary b")]));
    page.summarize(&target, &run_name("d"), "Summary d").await.unwrap();
    assert_eq!(comments(&page), rows(&[("d", "Summary d")]));
}
