//! Failed webhooks are sent again, each once a call.

use holdfast_core::port::RedeliverWebhooks;
use holdfast_github::GithubRedeliverWebhooks;
use holdfast_testkit::{FakeGithub, Fault, Matcher};
use jiff::Timestamp;

use crate::{app, connection, refusals};

const HOUR_S: i64 = 3_600;

fn since(seconds_ago: i64) -> i64 {
    Timestamp::now().as_millisecond() - seconds_ago * 1_000
}

#[tokio::test]
async fn a_failed_webhook_is_sent_again_until_it_is_accepted() {
    let github = FakeGithub::start().unwrap();
    let redeliver = GithubRedeliverWebhooks::new(app(&github, 1));
    assert_eq!(redeliver.redeliver_failed(since(HOUR_S)).await.unwrap(), 0);
    github.add_delivery("pull_request", 202, 10);
    let late = github.add_delivery("pull_request", 500, 20);
    let early = github.add_delivery("issue_comment", 502, 30);
    github.add_delivery("pull_request", 500, 2 * HOUR_S);
    github.set_redelivery_status(503);
    assert_eq!(redeliver.redeliver_failed(since(HOUR_S)).await.unwrap(), 2);
    assert_eq!(github.redelivered(), [early.clone(), late.clone()]);
    github.set_redelivery_status(202);
    assert_eq!(
        redeliver.redeliver_failed(since(HOUR_S)).await.unwrap(),
        2,
        "not taken again"
    );
    assert_eq!(redeliver.redeliver_failed(since(HOUR_S)).await.unwrap(), 0, "taken now");
    assert_eq!(github.redelivered().len(), 4);
}

#[tokio::test]
async fn all_pages_of_the_period_are_read_and_at_most_a_hundred_webhooks_sent_again() {
    let github = FakeGithub::start().unwrap();
    for age in 0..250 {
        github.add_delivery("pull_request", if age % 2 == 0 { 500 } else { 200 }, age);
    }
    let redeliver = GithubRedeliverWebhooks::new(app(&github, 1));
    let pages = || github.journal().matching(&Matcher::path("/app/hook/deliveries")).len();
    assert_eq!(redeliver.redeliver_failed(since(-60)).await.unwrap(), 0);
    assert_eq!(pages(), 1, "nothing is that new");
    assert_eq!(redeliver.redeliver_failed(since(HOUR_S)).await.unwrap(), 100);
    assert_eq!(pages(), 4);
    assert_eq!(
        redeliver.redeliver_failed(since(HOUR_S)).await.unwrap(),
        25,
        "what was left"
    );
}

#[tokio::test]
async fn a_delivery_that_is_too_old_or_gone_blocks_no_other() {
    let github = FakeGithub::start().unwrap();
    let (day, redeliver) = (24 * HOUR_S, GithubRedeliverWebhooks::new(app(&github, 1)));
    github.add_delivery("pull_request", 500, 4 * day);
    github.add_delivery("pull_request", 500, 3 * HOUR_S);
    let last = github.add_delivery("pull_request", 500, HOUR_S);
    github.fail_next(
        Matcher::path("/app/hook/deliveries/*/attempts").after(1),
        Fault::status(404),
    );
    assert_eq!(redeliver.redeliver_failed(since(7 * day)).await.unwrap(), 1);
    assert_eq!(github.redelivered(), [last]);
}

#[tokio::test]
async fn a_person_has_no_webhook() {
    let github = FakeGithub::start().unwrap();
    github.add_delivery("pull_request", 500, 1);
    let person = GithubRedeliverWebhooks::new(connection(&github, FakeGithub::USER_TOKEN));
    assert_eq!(person.redeliver_failed(0).await.unwrap(), 0);
    assert!(github.journal().entries().is_empty());
}

#[tokio::test]
async fn each_failure_of_both_calls_is_one_line() {
    let github = FakeGithub::start().unwrap();
    github.add_delivery("pull_request", 500, 1);
    let redeliver = GithubRedeliverWebhooks::new(app(&github, 1));
    for path in ["/app/hook/deliveries", "/app/hook/deliveries/*/attempts"] {
        for (fault, name, text_part) in refusals() {
            // The answer to a redelivery isn't read.
            let is_unread = matches!(fault, Fault::MalformedBody | Fault::EmptyBody);
            if is_unread && path.ends_with("attempts") {
                continue;
            }
            github.fail_next(Matcher::path(path), fault.clone());
            let error = redeliver.redeliver_failed(since(HOUR_S)).await.unwrap_err();
            let line = error.to_string();
            assert_eq!(error.name(), name, "{path} {fault:?}: {line}");
            assert!(
                line.contains(text_part) && !line.contains('\n'),
                "{path} {fault:?}: {line}"
            );
            assert!(
                !line.contains("Bearer") && !line.contains("eyJ"),
                "no proof in a message: {line}"
            );
        }
    }
    assert_eq!((github.faults_left(), github.redelivered().len()), (0, 0));
}
