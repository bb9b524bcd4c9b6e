//! Every notice once.

use holdfast_console::page;
use holdfast_console::view::{Decision, Notice, NoticeView, Refusal, ReplayVerdict, SignInMethod};

use super::{HEAD, HOUR_MS, NOW_MS, RUN, Say, frame, pull_request};

pub fn pages(say: Say) -> Vec<(String, String)> {
    let decision = |approved| Decision {
        approved,
        who: say("mira-holt"),
        at_ms: NOW_MS - HOUR_MS,
        reason: (!approved)
            .then(|| say("The findings are about code that this pull request deletes in its last commit.")),
        dropped: u64::from(approved),
        edited: 0,
    };
    let again_at = || "/approvals/kq3tJ0w2-demo".to_owned();
    let refused = |why, name: Option<&str>| Notice::NotAllowed {
        name: name.map(say),
        why,
        sign_in_at: Some("/sign-in".to_owned()),
    };
    let notices: Vec<(&str, Notice)> = vec![
        ("approved", Notice::DecisionTaken(decision(true))),
        ("rejected", Notice::DecisionTaken(decision(false))),
        (
            "vote-recorded",
            Notice::VoteRecorded {
                missing: 2,
                is_repeated: false,
            },
        ),
        (
            "already-voted",
            Notice::VoteRecorded {
                missing: 1,
                is_repeated: true,
            },
        ),
        ("already-decided", Notice::AlreadyDecided(decision(false))),
        (
            "expired",
            Notice::Expired {
                at_ms: NOW_MS - HOUR_MS,
                asked_again: true,
            },
        ),
        (
            "expired-for-good",
            Notice::Expired {
                at_ms: NOW_MS - HOUR_MS,
                asked_again: false,
            },
        ),
        (
            "superseded",
            Notice::Superseded {
                head: say(HEAD),
                newer_run: Some(say("81724055-482-next")),
            },
        ),
        (
            "superseded-no-run",
            Notice::Superseded {
                head: say(HEAD),
                newer_run: None,
            },
        ),
        ("page-changed", Notice::PageChanged { again_at: again_at() }),
        (
            "unknown-approval",
            Notice::Unknown {
                what: "approval".to_owned(),
            },
        ),
        ("unknown-run", Notice::Unknown { what: "run".to_owned() }),
        (
            "unknown-unit",
            Notice::Unknown {
                what: "unit".to_owned(),
            },
        ),
        (
            "unknown-pull",
            Notice::Unknown {
                what: "pull request".to_owned(),
            },
        ),
        ("unknown-page", Notice::Unknown { what: say("page") }),
        ("not-allowed", refused(Refusal::NoWritePermission, Some("jonas-wren"))),
        ("not-allowed-author", refused(Refusal::IsAuthor, Some("jonas-wren"))),
        ("not-allowed-stranger", refused(Refusal::NotAMember, None)),
        ("not-allowed-team", refused(Refusal::InNoTeam, Some("jonas-wren"))),
        ("not-allowed-address", refused(Refusal::NeedsSignIn, None)),
        ("not-allowed-code", refused(Refusal::TeamsUnknown, None)),
        (
            "too-many-codes",
            refused(Refusal::TooManyCodes { asked_again: true }, None),
        ),
        (
            "too-many-codes-last",
            refused(Refusal::TooManyCodes { asked_again: false }, None),
        ),
        (
            "wrong-code",
            Notice::WrongCode {
                again_at: again_at(),
                tries_left: 2,
            },
        ),
        ("form-refused", Notice::FormRefused { again_at: again_at() }),
        (
            "sign-in",
            Notice::SignIn {
                sign_in_at: "/sign-in/github".to_owned(),
                with: SignInMethod::Github,
            },
        ),
        (
            "sign-in-key",
            Notice::SignIn {
                sign_in_at: "/sign-in".to_owned(),
                with: SignInMethod::ConsoleKey,
            },
        ),
        ("action-taken", Notice::ActionTaken { did: say("redriven") }),
        (
            "replayed",
            Notice::Replayed {
                verdict: ReplayVerdict::Differs,
                comparison: say(
                    "Replay of 81724055-482: the outcome differs\n  reviewed: 7 units, 9 attempts\n\nReport\n  status    partial → reviewed\n",
                ),
            },
        ),
        (
            "error",
            Notice::Failed {
                status: 503,
                message: say(
                    "The artifact store does not answer: runs/81724055-482/report.json. Check the disk of the data directory.",
                ),
                reference: Some(say("01JDF3Z8Q4")),
            },
        ),
    ];
    notices
        .into_iter()
        .map(|(name, notice)| {
            let knows_run = matches!(
                notice,
                Notice::DecisionTaken(_)
                    | Notice::VoteRecorded { .. }
                    | Notice::AlreadyDecided(_)
                    | Notice::ActionTaken { .. }
                    | Notice::Replayed { .. }
                    | Notice::Expired { .. }
            );
            let view = NoticeView {
                frame: frame(say),
                notice,
                run: knows_run.then(|| RUN.to_owned()),
                pull_request: knows_run.then(|| {
                    (
                        say("tideline/ledger"),
                        pull_request(482, "Settle transfers at most once", say),
                    )
                }),
            };
            (format!("notice-{name}"), page::notice::page(&view))
        })
        .collect()
}
