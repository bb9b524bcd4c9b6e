//! Pull requests and commands: which ones start, wait or stop a review.

use holdfast_core::port::PublishReview;

use super::*;

#[test]
fn every_push_to_a_persons_pull_request_is_reviewed() {
    // tellahq/opensession#323: one second after a person opened it, a formatter's bot pushed.
    for (sender, kind) in [
        ("ada", "User"),
        ("pre-commit-ci[bot]", "Bot"),
        ("web-flow", "User"),
        ("x", "Organization"),
    ] {
        let world = World::new();
        assert!(is_started(&world.act("opened")));
        let first = world.open_last();
        world.change(|pull| pull.head = sha("d"));
        let mut event = world.event("synchronize");
        event["sender"] = json!({ "login": sender, "type": kind });
        assert!(is_started(&world.deliver("pull_request", &event)), "{sender}");
        assert_ne!(world.open_last(), first);
    }
}

#[test]
fn holdfasts_own_events_are_ignored() {
    for action in ["opened", "synchronize", "reopened", "ready_for_review"] {
        for (login, is_own) in [
            ("holdfast[bot]", true),
            ("Holdfast[bot]", true),
            ("renovate[bot]", false),
        ] {
            let world = World::new();
            let mut event = world.event(action);
            event["sender"] = json!({ "login": login, "type": "Bot" });
            let receipt = world.deliver("pull_request", &event);
            assert_eq!(
                is_ignored(&receipt, "Holdfast caused"),
                is_own,
                "{action} by {login}: {receipt:?}"
            );
            assert_eq!(is_started(&receipt), !is_own, "{action} by {login}: {receipt:?}");
        }
    }
    // Comments with a personal token come from a person with write permission: the marker identifies our own.
    for (body, is_own) in [
        ("/holdfast cancel", false),
        ("/holdfast cancel\n\n<!-- holdfast:answer comment=7 sig=00 -->", true),
        ("/holdfast cancel\r\n <!-- holdfast:announcement run=r sig=00 -->", true),
    ] {
        let world = World::new();
        let receipt = world.command(&world.comment(1, "maintainer", body));
        assert_eq!(is_ignored(&receipt, "Holdfast wrote"), is_own, "{body}: {receipt:?}");
    }
}

#[test]
fn a_bots_own_pull_request_is_reviewed_only_if_the_base_allows_the_bot() {
    for (settings, is_reviewed) in [
        ("", false),
        ("bots: [renovate]", false),
        ("bots: [dependabot]", true),
        ("bots: ['Dependabot[bot]', renovate]", true),
        ("bots: [dependabot-preview]", false),
        ("unknown: 1", false),
    ] {
        let world = World::new();
        world.by("dependabot[bot]", true, AuthorAssociation::None);
        *world.settings.lock().unwrap() = settings;
        let receipt = world.act("opened");
        assert_eq!(is_started(&receipt), is_reviewed, "{settings}: {receipt:?}");
        // A person may start the review, whatever the settings allow.
        let asked = world.command(&world.comment(1, "maintainer", "/holdfast review"));
        assert_eq!(is_started(&asked), !is_reviewed, "{settings}: {asked:?}");
    }
}

#[test]
fn an_unclear_association_is_decided_by_the_permission() {
    use AuthorAssociation::{Contributor, FirstTimeContributor, FirstTimer, Member, None};
    for (association, permission, is_private, is_reviewed) in [
        (Member, Permission::Read, false, true),
        (Contributor, Permission::Read, false, true),
        (None, Permission::Write, false, true),
        (None, Permission::Triage, false, true),
        (FirstTimeContributor, Permission::Admin, false, true),
        (None, Permission::Read, true, true),
        (None, Permission::Read, false, false),
        (FirstTimer, Permission::Read, false, false),
        (FirstTimeContributor, Permission::Read, false, false),
        (None, Permission::None, true, false),
    ] {
        let world = World::new();
        world.by("newcomer", false, association);
        world.change(|pull| pull.is_private = is_private);
        world.permissions.lock().unwrap().insert("newcomer", permission);
        let receipt = world.act("opened");
        let case = format!("{association:?} {permission:?} {is_private}: {receipt:?}");
        assert_eq!(is_started(&receipt), is_reviewed, "{case}");
        let waiting = world.page.waiting.lock().unwrap().clone();
        assert_eq!(waiting.is_none(), is_reviewed, "{case}");
        assert!(
            waiting.iter().all(|body| body.contains("`/holdfast review`")),
            "{waiting:?}"
        );
    }
}

#[test]
fn a_newcomers_pull_request_waits_for_a_maintainer_and_shows_that() {
    let world = World::new();
    world.by("newcomer", false, AuthorAssociation::FirstTimer);
    for head in ["a", "d", "e"] {
        world.change(|pull| pull.head = sha(head));
        assert!(is_ignored(&world.act("synchronize"), "once a maintainer asks"));
        let waiting = world.page.waiting.lock().unwrap().clone().unwrap();
        assert!(waiting.contains(sha(head).short()), "{waiting}");
    }
    let by_newcomer = world.command(&world.comment(1, "newcomer", "/holdfast review"));
    assert!(is_ignored(&by_newcomer, "write permission"), "{by_newcomer:?}");
    assert!(is_started(&world.command(&world.comment(
        2,
        "maintainer",
        "/holdfast review"
    ))));
    // The maintainer's review of this head keeps its state, until the head is another one.
    let run = world.open_last();
    let stored = json!({ "version": 2, "run": run, "bucket": "b", "publish": true, "max_concurrency": 1,
        "target": world.target(), "model": "rules", "model_light": "rules" });
    let key = format!("runs/{run}/run.json");
    block_on(world.artifacts.put(&key, stored.to_string().as_bytes())).unwrap();
    block_on(world.page.announce(&world.target(), &run, "Reviewing")).unwrap();
    assert!(is_ignored(&world.act("reopened"), "once a maintainer asks"));
    assert_eq!(world.page.comments.lock().unwrap()[run.as_str()], "Reviewing");
    world.change(|pull| pull.head = sha("a"));
    assert!(is_ignored(&world.act("synchronize"), "once a maintainer asks"));
    assert!(world.page.waiting.lock().unwrap().is_some());
}

#[test]
fn a_duplicate_command_has_no_second_effect() {
    let world = World::new();
    let review = world.comment(1, "maintainer", "/holdfast review");
    for _ in 0..4 {
        world.command(&review);
        // The run has ended each time, so a forced review would start again.
        for run in world.runs() {
            world.end(&run);
        }
    }
    assert_eq!(world.runs().len(), 1);
    assert!(
        is_started(&world.command(&world.comment(2, "maintainer", "/holdfast review"))),
        "another comment"
    );
    assert_eq!(world.runs().len(), 2);
}

#[test]
fn a_command_that_failed_midway_resumes() {
    let world = World::new();
    let review = world.comment(1, "maintainer", "/holdfast review");
    world.command(&review);
    // The state after a process that died before it stored that the command was done.
    let key = format!("once/comment/{ID}#12/1");
    let row = block_on(world.rows.get(&key)).unwrap().unwrap();
    let begun = json!({ "is_done": false, "attempt": 1 });
    block_on(world.rows.put(&key, &begun, Precondition::Version(row.version))).unwrap();
    world.end(&world.runs()[0]);
    world.page.answers.lock().unwrap().clear();
    let again = world.command(&review);
    assert!(matches!(again, Receipt::Duplicate { .. }), "{again:?}");
    assert_eq!((world.runs().len(), world.page.answers.lock().unwrap().len()), (1, 1));
}

#[test]
fn a_late_cancel_does_not_stop_a_newer_run() {
    let world = World::new();
    world.act("opened");
    let first = world.open_last();
    let cancel = world.comment(5, "maintainer", "/holdfast cancel");
    assert_eq!(
        world.command(&cancel),
        Receipt::Done {
            what: "cancelled".to_owned()
        }
    );
    assert_eq!(*world.stopped.lock().unwrap(), [first]);
    world.command(&world.comment(6, "maintainer", "/holdfast review"));
    world.open_last();
    world.command(&cancel);
    assert_eq!(world.stopped.lock().unwrap().len(), 1, "a replay");
    // It was written before the newer run's command and is delivered after it.
    let late = world.comment(4, "maintainer", "/holdfast cancel");
    assert_eq!(
        world.command(&late),
        Receipt::Done {
            what: "nothing to cancel".to_owned()
        }
    );
    assert_eq!(world.stopped.lock().unwrap().len(), 1, "a late delivery");
    // The same for a run that a push began.
    world.change(|pull| pull.head = sha("d"));
    world.act("synchronize");
    let old = world.comment(7, "maintainer", "/holdfast cancel");
    world.comments.lock().unwrap().get_mut(&7).unwrap().created_ms = NOW_MS - 60_000;
    world.command(&old);
    assert_eq!(world.stopped.lock().unwrap().len(), 1, "older than the run");
}

#[test]
fn a_command_is_read_from_the_comments_current_state() {
    type Change = fn(&World);
    let table: [(&str, Change, &str); 7] = [
        (
            "deleted",
            |world| drop(world.comments.lock().unwrap().remove(&1)),
            "deleted",
        ),
        (
            "edited by another",
            |world| world.comments.lock().unwrap().get_mut(&1).unwrap().is_edited_by_others = true,
            "somebody else edited",
        ),
        (
            "no command any more",
            |world| world.comments.lock().unwrap().get_mut(&1).unwrap().body = "never mind".to_owned(),
            "no longer has a command",
        ),
        (
            "of another pull request",
            |world| world.comments.lock().unwrap().get_mut(&1).unwrap().number = 13,
            "another pull request",
        ),
        (
            "a bot's",
            |world| {
                let author = Account {
                    login: "maintainer".to_owned(),
                    is_bot: true,
                };
                world.comments.lock().unwrap().get_mut(&1).unwrap().author = Some(author);
            },
            "a bot",
        ),
        (
            "of an account without permission",
            |world| {
                let author = Account {
                    login: "visitor".to_owned(),
                    is_bot: false,
                };
                world.comments.lock().unwrap().get_mut(&1).unwrap().author = Some(author);
            },
            "write permission",
        ),
        (
            "a week and a moment old",
            |world| world.comments.lock().unwrap().get_mut(&1).unwrap().created_ms = NOW_MS - 7 * 86_400_000 - 1,
            "older than",
        ),
    ];
    for (name, change, excerpt) in table {
        let world = World::new();
        let delivery = world.comment(1, "maintainer", "/holdfast review");
        change(&world);
        let receipt = world.command(&delivery);
        assert!(is_ignored(&receipt, excerpt), "{name}: {receipt:?}");
        assert!(world.runs().is_empty(), "{name}");
    }
    // An edit by the comment's own author counts, and a comment of up to a week isn't too old.
    let world = World::new();
    let delivery = world.comment(1, "maintainer", "/holdfast review");
    let edit = |comment: &mut CommentNow| {
        comment.body = "/holdfast help".to_owned();
        comment.created_ms = NOW_MS - 7 * 86_400_000;
    };
    edit(world.comments.lock().unwrap().get_mut(&1).unwrap());
    assert_eq!(
        world.command(&delivery),
        Receipt::Done {
            what: "helped".to_owned()
        }
    );
    assert!(world.runs().is_empty());
}
