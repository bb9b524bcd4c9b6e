//! The scenarios: the behaviour of GitHub, models and people, and the states that a review must enter then.

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_core::stage::state;
use holdfast_testkit::model_server::{Answer, Failure, Outcome, answer_text};
use holdfast_testkit::{Finding, Script};

/// The file whose unit has the scenario's trouble.
const CHOSEN: &str = "src/file_0001.rs";

/// A person's decision. Scenarios with one have findings that need an approval.
#[derive(Clone, Copy)]
pub enum Decision {
    Approve,
    Reject,
}

/// GitHub's answer to one kind of request.
#[derive(Clone, Copy)]
pub struct Trouble {
    pub method: &'static str,
    /// Below `/repos/OWNER/NAME`.
    pub path: &'static str,
    pub status: u16,
    pub is_lasting: bool,
}

pub struct Scenario {
    pub name: &'static str,
    /// Makes the model's script, for each engine, because some scripts count.
    pub script: fn() -> Script,
    pub troubles: Vec<Trouble>,
    pub decision: Option<Decision>,
    /// True if the change has only files that are skipped.
    pub is_noise: bool,
    /// True if the head has moved since the run's commit.
    pub is_moved: bool,
    /// True if the wait for an approval ends before anybody answers.
    pub is_hasty: bool,
    /// The execution's end and the steps that it must contain: a path that both engines miss proves nothing.
    pub status: &'static str,
    pub through: &'static [&'static str],
}

const BASE: Scenario = Scenario {
    name: "",
    script: minor,
    troubles: Vec::new(),
    decision: None,
    is_noise: false,
    is_moved: false,
    is_hasty: false,
    status: "SUCCEEDED",
    through: &[],
};

const fn lasting(method: &'static str, path: &'static str) -> Trouble {
    Trouble {
        method,
        path,
        status: 403,
        is_lasting: true,
    }
}

const fn once(method: &'static str, path: &'static str, status: u16) -> Trouble {
    Trouble {
        method,
        path,
        status,
        is_lasting: false,
    }
}

pub fn all() -> Vec<Scenario> {
    [units(), people(), failures()].into_iter().flatten().collect()
}

/// Returns the scenarios of one unit's answers, and of all units.
fn units() -> Vec<Scenario> {
    let published = &[state::REVIEW_PUBLISHED];
    vec![
        Scenario {
            name: "published",
            through: published,
            ..BASE
        },
        Scenario {
            name: "nothing-to-review",
            is_noise: true,
            through: published,
            ..BASE
        },
        Scenario {
            name: "healed",
            script: || chosen(first(|| Answer::text("It looks fine to me."))),
            through: &[state::CORRECT_FINDINGS, state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "unit-unreviewed",
            script: || chosen(Script::always_invalid()),
            through: &[state::UNIT_UNREVIEWED, state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "model-refuses-key",
            script: Script::wrong_key,
            status: "FAILED",
            through: &[state::UNIT_UNREVIEWED, "!ModelUnauthorized", state::REVIEW_FAILED],
            ..BASE
        },
        Scenario {
            name: "rate-limited",
            script: || chosen(first(limited)),
            through: &[state::WAIT_FOR_MODEL, state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "model-down-once",
            script: || chosen(first(|| Answer::failure(500, "down"))),
            through: &[state::WAIT_FOR_MODEL, state::REVIEW_PUBLISHED],
            ..BASE
        },
    ]
}

/// Returns the scenarios of approvals.
fn people() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "approved",
            script: Script::finding_each_file,
            decision: Some(Decision::Approve),
            through: &[state::REQUEST_APPROVAL, state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "rejected",
            script: Script::finding_each_file,
            decision: Some(Decision::Reject),
            through: &[state::REQUEST_APPROVAL, state::DISCARD_REVIEW, state::REVIEW_REJECTED],
            ..BASE
        },
        Scenario {
            name: "nobody-answers",
            script: Script::finding_each_file,
            is_hasty: true,
            through: &["!States.Timeout", state::ESCALATE_APPROVAL, state::REVIEW_REJECTED],
            ..BASE
        },
        Scenario {
            name: "head-moved",
            is_moved: true,
            through: &["!PullRequestHeadMoved", state::REVIEW_SUPERSEDED],
            ..BASE
        },
    ]
}

/// Returns the scenarios in which GitHub refuses a request, and the review is undone.
fn failures() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "github-down-once",
            troubles: vec![once("POST", "/check-runs", 503)],
            through: &["!GithubUnavailable", state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "github-limits",
            troubles: vec![
                once("POST", "/issues/*/comments", 429),
                once("POST", "/pulls/*/reviews", 429),
            ],
            through: &[
                "!GithubRateLimited",
                state::ROUTE_GITHUB_WAIT,
                state::WAIT_FOR_GITHUB,
                state::ROUTE_AFTER_GITHUB,
                state::REVIEW_PUBLISHED,
            ],
            ..BASE
        },
        Scenario {
            name: "opening-fails",
            troubles: vec![once("POST", "/issues/*/comments", 403)],
            status: "FAILED",
            through: &["!GithubForbidden", state::WITHDRAW_ANNOUNCEMENT, state::REVIEW_FAILED],
            ..BASE
        },
        Scenario {
            name: "reporting-fails",
            troubles: vec![lasting("POST", "/issues/*/comments")],
            status: "FAILED",
            through: &[
                state::WITHDRAW_ANNOUNCEMENT,
                state::REPORT_FAILURE,
                state::REVIEW_FAILED,
            ],
            ..BASE
        },
        Scenario {
            name: "publishing-fails",
            troubles: vec![lasting("POST", "/pulls/*/reviews")],
            status: "FAILED",
            through: &[
                state::PUBLISH_REVIEW,
                state::WITHDRAW_ANNOUNCEMENT,
                state::REVIEW_FAILED,
            ],
            ..BASE
        },
        Scenario {
            name: "undoing-fails",
            troubles: vec![
                lasting("POST", "/pulls/*/reviews"),
                lasting("DELETE", "/issues/comments/*"),
            ],
            status: "FAILED",
            through: &[
                state::WITHDRAW_ANNOUNCEMENT,
                state::RAISE_ALARM,
                state::REPORT_FAILURE,
                state::REVIEW_FAILED,
            ],
            ..BASE
        },
    ]
}

/// Returns a script with findings that need no approval.
fn minor() -> Script {
    Script::findings(minor_findings())
}

fn minor_findings() -> Vec<Finding> {
    vec![Finding::first_added_line().severity("medium")]
}

/// Applies `script` to the chosen file only.
fn chosen(script: Script) -> Script {
    minor().for_path(CHOSEN, script)
}

/// Answers the first request with `answer`, and later ones like [`minor`].
fn first(answer: fn() -> Answer) -> Script {
    let asked = AtomicUsize::new(0);
    Script::new(move |_, request| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return answer();
        }
        Answer::text(answer_text(&minor_findings(), &request.prompt))
    })
}

fn limited() -> Answer {
    let failure = Failure {
        status: 429,
        retry_after_s: Some(1),
        kind: None,
        message: "limited".to_owned(),
    };
    Outcome::Failure(failure).into()
}
