//! Approval questions and decisions: the people who may decide, the time while a decision counts, two decisions at the
//! same time, and the delivery to the workflow.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_core::approval::{
    self, Delivered, Invitation, Refusal, ask, check_code, close_question, decide, deliver, deliver_all, find_link,
    list_audit, newest_question,
};
use holdfast_core::claim;
use holdfast_core::model::approval::{Approval, Ballot, Edit, KnownBy, Person, Verdict};
use holdfast_core::model::approver::Approver;
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::finding::Severity;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{AnswerTask, ExecutionError, KeepRows, Precondition, Row, TaskAnswer};
use holdfast_testkit::port::{FixedChange, MemoryRows, run_name};
use serde_json::{Value, json};

/// The decisions that the workflow received, and the number of deliveries that fail before one succeeds.
#[derive(Default)]
struct Workflow {
    received: Mutex<Vec<String>>,
    fails: Mutex<u32>,
    has_given_up: bool,
}

impl Workflow {
    fn take(&self, decision: String) -> Result<TaskAnswer, ExecutionError> {
        let mut fails = self.fails.lock().unwrap();
        if *fails > 0 {
            *fails -= 1;
            return Err(ExecutionError {
                run: "*".to_owned(),
                detail: "no connection".to_owned(),
            });
        }
        if self.has_given_up {
            return Ok(TaskAnswer::NotWaiting);
        }
        self.received.lock().unwrap().push(decision);
        Ok(TaskAnswer::Accepted)
    }
}

#[async_trait]
impl AnswerTask for Workflow {
    async fn succeed_task(&self, token: &str, output: Value) -> Result<TaskAnswer, ExecutionError> {
        self.take(format!("{token} {output}"))
    }

    async fn fail_task(&self, token: &str, error: ErrorName, cause: &str) -> Result<TaskAnswer, ExecutionError> {
        self.take(format!("{token} {error}: {cause}"))
    }
}

fn target() -> Target {
    Target::PullRequest {
        repository: RepositoryName::new("octo", "demo").unwrap(),
        number: 12,
        head: CommitSha::parse(&"b".repeat(40)).unwrap(),
        repository_id: None,
        pinned: None,
    }
}

fn approval(needed: u32) -> Approval {
    Approval {
        run: run_name("r-1"),
        round: 1,
        target: target(),
        subject: "octo/demo#12".to_owned(),
        worst: Severity::High,
        findings: 2,
        author: Some("octo-author".to_owned()),
        content: "seen".to_owned(),
        needed,
        asked: ["alan=a@example.org", "b@example.org"]
            .map(|text| Approver::parse(text).unwrap())
            .to_vec(),
        base: None,
        rest_is_published: false,
        asked_ms: 1_000,
        expires_ms: 10_000,
    }
}

/// Creates a question that waits for `needed` people, of a run that holds the claim to its pull request; returns the
/// rows and the invitations.
fn asked(needed: u32) -> (MemoryRows, Vec<Invitation>) {
    let rows = MemoryRows::default();
    block_on(claim::take(&rows, &FixedChange::default(), &target(), &run_name("r-1"))).unwrap();
    let invitations = block_on(ask(&rows, &approval(needed), "token-1")).unwrap();
    (rows, invitations)
}

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        known_by: KnownBy::Github,
        address: None,
    }
}

fn ballot(verdict: Verdict, reason: Option<&str>) -> Ballot {
    Ballot {
        verdict,
        reason: reason.map(str::to_owned),
        content: "seen".to_owned(),
        dropped: Vec::new(),
        edited: BTreeMap::new(),
    }
}

fn approve(rows: &MemoryRows, name: &str, now_ms: i64) -> Result<approval::Question, Refusal> {
    block_on(decide(
        rows,
        &run_name("r-1"),
        1,
        &person(name),
        &ballot(Verdict::Approved, None),
        now_ms,
    ))
}

#[test]
fn the_first_decision_counts_and_the_second_person_sees_who_was_first() {
    let (rows, _) = asked(1);
    approve(&rows, "ada", 2_000).unwrap();
    for second in ["ada", "grace"] {
        let Err(Refusal::Decided(question)) = approve(&rows, second, 3_000) else {
            panic!("{second} was accepted");
        };
        let vote = question.last_vote().unwrap();
        assert_eq!((vote.by.name.as_str(), vote.at_ms), ("ada", 2_000));
    }
    let workflow = Workflow::default();
    for _ in 0..2 {
        block_on(deliver(&rows, &workflow, &run_name("r-1"), 1)).unwrap();
    }
    assert_eq!(
        *workflow.received.lock().unwrap(),
        [r#"token-1 {"decision":"approved"}"#]
    );
    let audit = block_on(list_audit(&rows, 10)).unwrap();
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(
        (audit[0].vote.by.name.as_str(), audit[0].vote.ballot.content.as_str()),
        ("ada", "seen"),
        "who, and on which version of the page"
    );
}

#[test]
fn a_refused_decision_shows_the_current_state() {
    let (rows, _) = asked(1);
    let refused = |name: &str, ballot: &Ballot, now_ms: i64| {
        block_on(decide(&rows, &run_name("r-1"), 1, &person(name), ballot, now_ms))
            .unwrap_err()
            .to_string()
    };
    let yes = ballot(Verdict::Approved, None);
    let other = Ballot {
        content: "other".to_owned(),
        ..yes.clone()
    };
    let untitled = Ballot {
        edited: BTreeMap::from([(
            "f".to_owned(),
            Edit {
                title: " ".to_owned(),
                body: String::new(),
            },
        )]),
        ..yes.clone()
    };
    for (name, ballot, now_ms, expected) in [
        ("ada", &yes, 10_000, "the time to decide is over"),
        ("Octo-Author", &yes, 2_000, "wrote the change"),
        ("ada", &other, 2_000, "read it again"),
        ("ada", &ballot(Verdict::Rejected, Some("  ")), 2_000, "needs a reason"),
        ("ada", &untitled, 2_000, "has no title"),
    ] {
        let message = refused(name, ballot, now_ms);
        assert!(message.contains(expected), "{message}");
    }
    block_on(claim::take(&rows, &FixedChange::default(), &target(), &run_name("r-2"))).unwrap();
    let message = refused("ada", &yes, 2_000);
    assert!(message.contains("no longer current"), "{message}");
    assert!(block_on(list_audit(&rows, 10)).unwrap().is_empty());
}

#[test]
fn an_approval_needs_the_policys_number_of_people_and_a_rejection_one() {
    let (rows, _) = asked(2);
    let first = approve(&rows, "ada", 2_000).unwrap();
    assert_eq!(first.decided, None);
    assert!(matches!(approve(&rows, "ADA", 2_500), Err(Refusal::Voted(_))));
    assert_eq!(approve(&rows, "grace", 3_000).unwrap().decided, Some(Verdict::Approved));

    let (rows, _) = asked(2);
    approve(&rows, "ada", 2_000).unwrap();
    let no = ballot(Verdict::Rejected, Some("not now"));
    let question = block_on(decide(&rows, &run_name("r-1"), 1, &person("grace"), &no, 3_000)).unwrap();
    assert_eq!(question.decided, Some(Verdict::Rejected));
    let workflow = Workflow::default();
    block_on(deliver(&rows, &workflow, &run_name("r-1"), 1)).unwrap();
    assert_eq!(
        *workflow.received.lock().unwrap(),
        ["token-1 ApprovalRejected: not now"]
    );
}

#[test]
fn a_sweep_delivers_undelivered_decisions() {
    let (rows, _) = asked(1);
    approve(&rows, "ada", 2_000).unwrap();
    let workflow = Workflow {
        fails: Mutex::new(2),
        ..Workflow::default()
    };
    block_on(deliver(&rows, &workflow, &run_name("r-1"), 1)).unwrap_err();
    assert!(block_on(deliver_all(&rows, &workflow, &Duration::MAX)).unwrap()[0].is_err());
    assert!(block_on(deliver_all(&rows, &workflow, &Duration::MAX)).unwrap()[0].is_ok());
    assert!(
        block_on(deliver_all(&rows, &workflow, &Duration::MAX))
            .unwrap()
            .is_empty()
    );
    assert_eq!(workflow.received.lock().unwrap().len(), 1);

    // Damaged rows are reported by their keys, and the others are delivered.
    let (rows, _) = asked(1);
    approve(&rows, "ada", 2_000).unwrap();
    let mut nameless = block_on(rows.get("question/r-1#01")).unwrap().unwrap().value;
    nameless["approval"]["run"] = json!("no name");
    for (key, value) in [("question/a#01", json!("damaged")), ("question/b#01", nameless)] {
        block_on(rows.put(key, &value, Precondition::Absent)).unwrap();
    }
    let workflow = Workflow::default();
    let delivered = block_on(deliver_all(&rows, &workflow, &Duration::MAX)).unwrap();
    let [Err(damaged), Err(nameless), Ok(sound)] = &delivered[..] else {
        panic!("{delivered:?}")
    };
    let named = [damaged.run.as_str(), nameless.run.as_str(), sound.as_str()];
    assert_eq!(named, ["question/a#01", "question/b#01", "r-1"]);

    let (rows, _) = asked(1);
    approve(&rows, "ada", 2_000).unwrap();
    let gone = Workflow {
        has_given_up: true,
        ..Workflow::default()
    };
    block_on(deliver(&rows, &gone, &run_name("r-1"), 1)).unwrap();
    let question = block_on(newest_question(&rows, &run_name("r-1"))).unwrap().unwrap();
    assert_eq!(question.delivered, Delivered::NotWaiting);
}

#[test]
fn a_decision_in_time_counts_after_the_workflows_time_out() {
    let (rows, _) = asked(1);
    assert_eq!(block_on(close_question(&rows, &run_name("r-9"), 1)).unwrap(), None);
    approve(&rows, "ada", 2_000).unwrap();
    for _ in 0..2 {
        let decided = block_on(close_question(&rows, &run_name("r-1"), 1)).unwrap();
        assert_eq!(decided, Some((Verdict::Approved, String::new())));
    }

    let (rows, _) = asked(1);
    for _ in 0..2 {
        assert_eq!(block_on(close_question(&rows, &run_name("r-1"), 1)).unwrap(), None);
    }
    assert!(
        matches!(approve(&rows, "ada", 2_000), Err(Refusal::Expired(_))),
        "closed is closed"
    );
}

#[test]
fn a_repeated_request_keeps_its_links_and_answers_the_newest_token() {
    let (rows, first) = asked(1);
    let again = block_on(ask(&rows, &approval(1), "token-1")).unwrap();
    assert!(first == again, "the same mails");
    let newer = block_on(ask(&rows, &approval(1), "token-2")).unwrap();
    assert!(first[0].id != newer[0].id);
    for invitation in first.iter().chain(&newer) {
        let (link, _) = block_on(find_link(&rows, &invitation.id)).unwrap();
        assert_eq!(link.address, invitation.address, "older mails still lead there");
    }
    approve(&rows, "ada", 2_000).unwrap();
    let workflow = Workflow::default();
    block_on(deliver(&rows, &workflow, &run_name("r-1"), 1)).unwrap();
    assert!(workflow.received.lock().unwrap()[0].starts_with("token-2 "));
    assert!(matches!(block_on(find_link(&rows, "guess")), Err(Refusal::Unknown)));
    let groups = ["question/", "link/"].map(|group| block_on(rows.list(group, 10)).unwrap());
    let stored = format!("{groups:?}");
    assert!(
        !stored.contains(&first[0].id) && !stored.contains(&first[0].code),
        "hashes alone"
    );
}

#[test]
fn the_mailed_code_identifies_its_person_until_too_many_wrong_codes() {
    let (rows, invitations) = asked(1);
    let (mine, other) = (&invitations[0], &invitations[1]);
    assert_eq!(mine.code.len(), 10, "50 bits");
    let is_first = |(key, row): (&String, &Row)| key.starts_with("question/") && row.value["version"] == 1;
    assert!(rows.all().iter().any(is_first), "the version of stored questions");
    let code = mine.code.to_ascii_lowercase();
    let (first, second) = code.split_at(5);
    let who = block_on(check_code(&rows, &mine.id, &format!(" {first}-{second} "))).unwrap();
    assert_eq!((who.name.as_str(), who.known_by), ("alan", KnownBy::MailCode));
    assert_eq!(who.address.as_deref(), Some("a@example.org"));
    for left in (1..8).rev() {
        let refused = block_on(check_code(&rows, &mine.id, &other.code)).unwrap_err();
        assert!(
            matches!(refused, Refusal::WrongCode { left: found } if found == left),
            "{refused}"
        );
    }
    assert!(matches!(
        block_on(check_code(&rows, &mine.id, "x")),
        Err(Refusal::Locked { round: 1 })
    ));
    assert!(matches!(
        block_on(check_code(&rows, &mine.id, &mine.code)),
        Err(Refusal::Locked { round: 1 })
    ));
    block_on(check_code(&rows, &other.id, &other.code)).unwrap();
}

#[test]
fn one_person_counts_once_and_never_for_their_own_change() {
    let by = |name: &str, known_by| Person {
        name: name.to_owned(),
        known_by,
        address: None,
    };
    let (code, github, terminal) = (KnownBy::MailCode, KnownBy::Github, KnownBy::Terminal);
    // The first approver, the next person, and a part of the refusal of that person (empty: accepted).
    for (first, second, expected) in [
        (by("ada", code), by("ADA", github), "you have voted already"),
        (by("ada", github), by("Ada", code), "you have voted already"),
        (by("ada", code), by("Ada", code), "you have voted already"),
        (
            by("ann (terminal)", terminal),
            by("bob (terminal)", terminal),
            "you have voted already",
        ),
        (by("ada", code), by("OCTO-author", code), "wrote the change"),
        (by("ada", code), by("Octo-Author", github), "wrote the change"),
        (by("ada", code), by("other@example.org", code), "names no GitHub login"),
        (
            by("ada", code),
            by("octo-author@example.org", code),
            "names no GitHub login",
        ),
        (by("ada", code), by("grace", code), ""),
        (by("ada", code), by("grace", github), ""),
        (by("ada", code), by("ada", terminal), ""),
    ] {
        let (rows, _) = asked(2);
        let decide = |by: &Person| {
            block_on(decide(
                &rows,
                &run_name("r-1"),
                1,
                by,
                &ballot(Verdict::Approved, None),
                2_000,
            ))
        };
        assert_eq!(decide(&first).unwrap().decided, None, "{first:?}");
        match decide(&second) {
            Ok(question) => assert!(
                expected.is_empty() && question.decided == Some(Verdict::Approved),
                "{second:?}"
            ),
            Err(refusal) => assert!(
                !expected.is_empty() && refusal.to_string().contains(expected),
                "{second:?}: {refusal}"
            ),
        }
    }
    // These people can't reject either: that would hide the findings.
    let (rows, _) = asked(1);
    let no = ballot(Verdict::Rejected, Some("nothing to see"));
    for name in ["octo-author", "b@example.org"] {
        block_on(decide(&rows, &run_name("r-1"), 1, &by(name, code), &no, 2_000)).unwrap_err();
    }
}

#[test]
fn a_vote_of_an_earlier_version_by_an_address_does_not_count_beside_a_login() {
    let (rows, _) = asked(2);
    let mut row = block_on(rows.get("question/r-1#01")).unwrap().unwrap();
    row.value["votes"] = json!([{ "by": { "name": "ada@example.org", "known_by": "mail_code" },
        "at_ms": 1, "ballot": { "verdict": "approved", "content": "seen" } }]);
    row.value["approval"]["asked"] = json!(["a@example.org"]);
    block_on(rows.put("question/r-1#01", &row.value, Precondition::Version(row.version))).unwrap();
    assert_eq!(
        approve(&rows, "ada", 2_000).unwrap().decided,
        None,
        "the address may be ada's own"
    );
    assert_eq!(approve(&rows, "grace", 2_000).unwrap().decided, Some(Verdict::Approved));
}
