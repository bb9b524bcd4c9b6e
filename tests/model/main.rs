//! Model checks: every order in which two runs of one pull request can act, with faults. `cargo test -p
//! holdfast-model-tests` takes half a minute; `-- --nocapture` prints the number of states. With
//! `HOLDFAST_MODEL_DEPTH=1` each check has one more fault: about four minutes, millions of states.
//!
//! The checks run the code itself, not a copy of it. A stage is a deterministic function of its ports' answers: it runs
//! again over the answers so far (`replay`), and its next call is the next possible step. The ports are in `outside`,
//! as single requests in the order of the adapter to GitHub; the table, the store and the pull request are in `world`;
//! the runs and their faults in `review`, the invariants in `invariant`. Approvals are checked in the same way
//! (`approval`). `provider` checks the budget and the circuit breaker of a model's provider over their shared log.
//!
//! Two bounds do not come from the code: a review takes longer than one request (`is_swift` lifts it), and a request
//! that timed out takes effect before the workflow's retry (`Late::AnyTime` lifts it). Beyond them, effects can remain
//! or the newest run can fail, because GitHub has no conditional writes. But no order publishes twice, or the old
//! review after the new one. `beyond_the_bounds` checks both.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed step fails the test; the number of states is printed"
)]

mod approval;
mod call;
mod invariant;
mod outside;
mod provider;
mod replay;
mod review;
mod stages;
mod story;
mod world;

use outside::Broken;
use review::{Bounds, Late, Reviews, Stops};
use story::{check, refute};

/// Returns the number of additional faults in each check.
fn depth() -> u8 {
    std::env::var("HOLDFAST_MODEL_DEPTH").map_or(0, |depth| depth.parse().unwrap())
}

/// Returns the bounds of two runs for two heads, on one machine.
fn two_heads() -> Bounds {
    Bounds {
        heads: vec![0, 1],
        pushes: 1,
        faults: 0,
        late: Late::Not,
        stops: Stops::AtOnce,
        is_swift: false,
        in_parts: false,
        broken: None,
    }
}

/// Returns the bounds of two runs for one head: a person requested another review.
fn one_head() -> Bounds {
    Bounds {
        heads: vec![0, 0],
        pushes: 0,
        ..two_heads()
    }
}

fn one_run() -> Bounds {
    Bounds {
        heads: vec![0],
        ..two_heads()
    }
}

fn hold(name: &str, mut bounds: Bounds, broken: &[&str]) {
    bounds.faults += depth();
    check(name, Reviews::new(bounds), broken);
}

#[test]
fn one_run_leaves_its_result_or_nothing() {
    for (name, late) in [("answers lost", Late::Not), ("late effects", Late::BeforeTheNextTry)] {
        hold(
            name,
            Bounds {
                faults: 2,
                late,
                ..one_run()
            },
            &[],
        );
    }
}

#[test]
fn a_review_in_two_parts_leaves_what_is_published_and_explains_the_rest() {
    for (name, faults, bounds) in [
        ("in parts, a fault", 1, one_run()),
        ("in parts, two heads", 1, two_heads()),
        ("in parts, one head", 0, one_head()),
    ] {
        hold(
            name,
            Bounds {
                faults,
                in_parts: true,
                ..bounds
            },
            &[],
        );
    }
}

#[test]
fn two_runs_of_one_engine_with_a_fault() {
    for (name, bounds) in [
        ("two heads, an answer lost", two_heads()),
        (
            "two heads, a late effect",
            Bounds {
                late: Late::BeforeTheNextTry,
                ..two_heads()
            },
        ),
        ("one head, an answer lost", one_head()),
    ] {
        hold(
            name,
            Bounds {
                faults: 1,
                is_swift: true,
                ..bounds
            },
            &[],
        );
    }
}

#[test]
fn two_runs_that_are_not_stopped_at_once() {
    for (name, bounds) in [
        (
            "two heads, an invocation goes on",
            Bounds {
                stops: Stops::Later,
                ..two_heads()
            },
        ),
        (
            "one head, an invocation goes on",
            Bounds {
                stops: Stops::Later,
                ..one_head()
            },
        ),
        (
            "two heads, two engines",
            Bounds {
                stops: Stops::Never,
                ..two_heads()
            },
        ),
        (
            "one head, two engines",
            Bounds {
                stops: Stops::Never,
                ..one_head()
            },
        ),
    ] {
        check(name, Reviews::new(bounds), &[]);
    }
}

const VISIBLE_ONCE: &str = "one visible review for a run";
const IN_ORDER: &str = "no older run publishes after a newer one";
const NO_PROGRESS_COMMENT_STAYS: &str = "no comment that a review is in progress stays";
const CHECKS_END: &str = "no check stays in progress";
const NO_DRAFT: &str = "no draft is left behind";
const NEWEST_RESULT_REMAINS: &str = "the newest result remains";
const ONE_COMMENT: &str = "at most one comment is about a review";
const HEAD_REVIEWED: &str = "without a fault the newest head is reviewed";

#[test]
fn beyond_the_bounds() {
    let swift = Bounds {
        is_swift: true,
        ..two_heads()
    };
    let overtaken = [ONE_COMMENT, NEWEST_RESULT_REMAINS, HEAD_REVIEWED];
    for (name, stops, broken) in [
        ("one engine", Stops::AtOnce, &[][..]),
        ("an invocation goes on", Stops::Later, &overtaken),
        ("two engines", Stops::Never, &overtaken),
    ] {
        let name = format!("a review within one request, {name}");
        check(&name, Reviews::new(Bounds { stops, ..swift.clone() }), broken);
    }
    let late = Bounds {
        faults: 1,
        late: Late::AnyTime,
        ..two_heads()
    };
    let left = [
        NO_PROGRESS_COMMENT_STAYS,
        CHECKS_END,
        NO_DRAFT,
        NEWEST_RESULT_REMAINS,
        ONE_COMMENT,
    ];
    check("an effect at any time", Reviews::new(late), &left);
}

#[test]
fn a_check_finds_each_removed_part() {
    let swift = Bounds {
        stops: Stops::Never,
        is_swift: true,
        ..one_head()
    };
    let faulty = Bounds { faults: 1, ..one_run() };
    for (broken, bounds, shows) in [
        (Broken::Fence, swift, IN_ORDER),
        (Broken::Undo, faulty.clone(), NO_PROGRESS_COMMENT_STAYS),
        (Broken::Undo, faulty.clone(), CHECKS_END),
        (Broken::Undo, faulty.clone(), NO_DRAFT),
        (Broken::Marker, faulty, VISIBLE_ONCE),
    ] {
        let name = format!("without the {broken:?}, {shows}");
        refute(
            &name,
            Reviews::new(Bounds {
                broken: Some(broken),
                ..bounds
            }),
            shows,
        );
    }
}

mod approvals {
    use super::approval::{Approvals, Bounds, Broken, Event};
    use super::{check, depth, refute};

    const AGAINST_EACH_OTHER: [(&str, &str); 2] = [("ada", "approved"), ("bob", "rejected")];

    fn bounds(events: &[Event]) -> Bounds {
        Bounds {
            clicks: AGAINST_EACH_OTHER.to_vec(),
            events: events.to_vec(),
            faults: 1 + depth(),
            broken: None,
        }
    }

    #[test]
    fn one_decision_is_stored_delivered_and_shown() {
        let twice = vec![("ada", "approved"), ("ada", "approved"), ("bob", "rejected")];
        for (name, bounds) in [
            ("two approvers", bounds(&[])),
            (
                "a double click",
                Bounds {
                    clicks: twice,
                    ..bounds(&[])
                },
            ),
            ("a time-out", bounds(&[Event::Expire, Event::TimeOut])),
            ("a cancellation", bounds(&[Event::Cancel, Event::Stop])),
            ("a newer run", bounds(&[Event::Push, Event::Stop])),
        ] {
            check(&format!("approval: {name}"), Approvals::new(bounds), &[]);
        }
    }

    #[test]
    fn a_check_finds_each_removed_part() {
        let timed_out = [Event::Expire, Event::TimeOut];
        for (broken, events, shows) in [
            (Broken::Condition, &[][..], "a decision stands"),
            (Broken::Order, &[], "the delivered decision is the decision of the row"),
            (Broken::Sweeper, &[], "every decision is delivered at last"),
            (
                Broken::TimeOut,
                &timed_out,
                "no decision is lost, unless the run was ended",
            ),
        ] {
            let model = Approvals::new(Bounds {
                broken: Some(broken),
                ..bounds(events)
            });
            refute(&format!("approval without the {broken:?}"), model, shows);
        }
    }
}

mod providers {
    use super::provider::{Bounds, OfBreaker, OfBudget, Providers};
    use super::{check, depth, refute};

    fn bounds() -> Bounds {
        Bounds {
            callers: 2,
            faults: 1 + depth(),
            ticks: 4,
            concurrent: 1,
            lowers: false,
            is_hold_short: false,
        }
    }

    #[test]
    fn no_more_calls_than_the_limit() {
        check(
            "budget: two callers, one call",
            Providers::<OfBudget>::new(bounds()),
            &[],
        );
        let lowered = Bounds {
            callers: 3,
            ticks: 1,
            faults: depth(),
            concurrent: 2,
            lowers: true,
            ..bounds()
        };
        check("budget: a lowered limit", Providers::<OfBudget>::new(lowered), &[]);
    }

    #[test]
    fn exactly_one_probe() {
        check("breaker: two callers", Providers::<OfBreaker>::new(bounds()), &[]);
    }

    #[test]
    fn a_check_finds_a_hold_that_is_too_short() {
        const MORE: &str = "no more calls than allowed";
        let short = Bounds {
            is_hold_short: true,
            ..bounds()
        };
        refute("budget: a short hold", Providers::<OfBudget>::new(short.clone()), MORE);
        refute("breaker: a short hold", Providers::<OfBreaker>::new(short), MORE);
    }
}
