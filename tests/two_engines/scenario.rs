//! The scenarios: what the world does, and what a review must go through then.

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_core::stage::state;
use holdfast_testkit::model_server::{Answer, Failure, Outcome, answer_text};
use holdfast_testkit::{Finding, Script};

/// The file whose unit something happens to.
const CHOSEN: &str = "src/file_0001.rs";

/// What a person says. An approval is asked for where it is given.
#[derive(Clone, Copy)]
pub enum Decision {
    Approve,
    Reject,
}

/// What a kind of request to GitHub is answered with.
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
    /// Made anew for each engine: some count.
    pub script: fn() -> Script,
    pub troubles: Vec<Trouble>,
    pub decision: Option<Decision>,
    /// Whether only files are changed that nobody reviews.
    pub is_noise: bool,
    /// Whether the run is of a commit that is not the head any more.
    pub is_moved: bool,
    /// Whether nobody has the time to answer.
    pub is_hasty: bool,
    /// How it must end, and what it must have gone through: a path that both engines miss proves nothing.
    pub status: &'static str,
    pub through: &'static [&'static str],
}

const BASE: Scenario = Scenario {
    name: "",
    script: low,
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

/// What happens to one unit, and to all.
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
            script: || chosen(Script::wrong_key()),
            through: &[state::UNIT_UNREVIEWED, state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "rate-limited",
            script: || chosen(first(limited)),
            through: &[state::WAIT_FOR_MODEL_BUDGET, state::REVIEW_PUBLISHED],
            ..BASE
        },
        Scenario {
            name: "model-down-once",
            script: || chosen(first(|| Answer::failure(500, "down"))),
            through: &["!ModelUnavailable", state::REVIEW_PUBLISHED],
            ..BASE
        },
    ]
}

/// What people do.
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

/// What GitHub does not take, and what is undone then.
fn failures() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "github-down-once",
            troubles: vec![once("POST", "/check-runs", 503)],
            through: &["!GithubUnavailable", state::REVIEW_PUBLISHED],
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

/// Findings that are published without being asked for.
fn low() -> Script {
    Script::findings(low_findings())
}

fn low_findings() -> Vec<Finding> {
    vec![Finding::first_added_line().severity("low")]
}

/// `script` for the chosen file.
fn chosen(script: Script) -> Script {
    low().for_path(CHOSEN, script)
}

/// `answer` for the first request, then as [`low`].
fn first(answer: fn() -> Answer) -> Script {
    let asked = AtomicUsize::new(0);
    Script::new(move |_, request| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return answer();
        }
        Answer::text(answer_text(&low_findings(), &request.prompt))
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
