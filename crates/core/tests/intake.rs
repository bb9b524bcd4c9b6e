//! What a delivery starts, stops or leaves alone: the intake on ports in memory, each story a few deliveries.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_core::intake::{Ports, Receipt, RunSettings, receive};
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::repository_id::RepositoryId;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::Run;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{
    Account, CheckOutcome, CommentNow, DraftedReview, ExecutionError, KeepRows, Permission, Precondition, PublishError,
    PublishReview, PullNow, ReadChange, ReadError, ReadPermission, ReadPull, ReviewDraft, StartRun, StartedRun,
    StopRun, StoreArtifact, StoreError,
};
use holdfast_core::webhook::{AuthorAssociation, WebhookEvent, parse};
use holdfast_core::{claim, identity};
use holdfast_testkit::port::MemoryRows;
use serde_json::{Value, json};

const NOW_MS: i64 = 1_800_000_000_000;
const ID: u64 = 77;

fn sha(digit: &str) -> CommitSha {
    CommitSha::parse(&digit.repeat(40)).unwrap()
}

/// GitHub, the engine and the stores, as the intake sees them.
struct World {
    pull: Mutex<PullNow>,
    merge_base: Mutex<CommitSha>,
    settings: Mutex<&'static str>,
    comments: Mutex<BTreeMap<u64, CommentNow>>,
    permissions: Mutex<BTreeMap<&'static str, Permission>>,
    /// Each run with whether it has ended.
    runs: Mutex<Vec<(String, bool)>>,
    stopped: Mutex<Vec<String>>,
    notices: Mutex<BTreeMap<String, String>>,
    answers: Mutex<BTreeMap<u64, String>>,
    copied: Mutex<Vec<CommitSha>>,
    unavailable: Mutex<u32>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    rows: MemoryRows,
}

impl World {
    /// A pull request by a person who has committed before.
    fn new() -> Self {
        let author = Some(Account {
            login: "ada".to_owned(),
            is_bot: false,
        });
        Self {
            pull: Mutex::new(PullNow {
                repository_id: Some(RepositoryId::new(ID)),
                repository: RepositoryName::new("octo", "demo").unwrap(),
                is_private: false,
                number: 12,
                head: sha("a"),
                base: sha("b"),
                is_open: true,
                is_draft: false,
                author,
                association: AuthorAssociation::Contributor,
                updated_at: String::new(),
            }),
            merge_base: Mutex::new(sha("c")),
            settings: Mutex::default(),
            comments: Mutex::default(),
            permissions: Mutex::new(BTreeMap::from([("maintainer", Permission::Write)])),
            runs: Mutex::default(),
            stopped: Mutex::default(),
            notices: Mutex::default(),
            answers: Mutex::default(),
            copied: Mutex::default(),
            unavailable: Mutex::default(),
            files: Mutex::default(),
            rows: MemoryRows::default(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut PullNow)) {
        change(&mut self.pull.lock().unwrap());
    }

    fn by(&self, login: &str, is_bot: bool, association: AuthorAssociation) {
        self.change(|pull| {
            pull.author = Some(Account {
                login: login.to_owned(),
                is_bot,
            });
            pull.association = association;
        });
    }

    /// Delivers an event's body.
    fn deliver(&self, event: &str, body: &Value) -> Receipt {
        let event = parse(event, body.to_string().as_bytes());
        assert!(!matches!(event, WebhookEvent::Invalid { .. }), "{event:?}");
        self.receive(&event, NOW_MS).unwrap()
    }

    fn receive(&self, event: &WebhookEvent, now_ms: i64) -> Result<Receipt, holdfast_core::stage::StageError> {
        let how = RunSettings {
            bucket: "artifacts".to_owned(),
            max_concurrency: 1,
            model: "rules".parse().unwrap(),
            model_light: "rules".parse().unwrap(),
            tokens: TokenLimits::default(),
        };
        let ports = Ports {
            start: self,
            stop: self,
            read: self,
            pulls: self,
            permission: self,
            publish: self,
            rows: &self.rows,
            store: self,
            now_ms,
        };
        block_on(receive(event, &how, ports))
    }

    /// A `pull_request` event as GitHub would post it now.
    fn event(&self, action: &str) -> Value {
        let pull = self.pull.lock().unwrap();
        json!({
            "action": action, "number": 12,
            "pull_request": {
                "number": 12, "state": if pull.is_open { "open" } else { "closed" }, "draft": pull.is_draft,
                "head": { "sha": pull.head }, "author_association": "NONE", "updated_at": pull.updated_at,
            },
            "repository": { "id": ID, "name": pull.repository.name(), "owner": { "login": pull.repository.owner() } },
            "sender": { "login": "ada", "type": "User" },
        })
    }

    fn act(&self, action: &str) -> Receipt {
        self.deliver("pull_request", &self.event(action))
    }

    fn retargeted(&self) -> Receipt {
        let mut event = self.event("edited");
        event["changes"] = json!({ "base": { "ref": { "from": "main" }, "sha": { "from": sha("b") } } });
        self.deliver("pull_request", &event)
    }

    /// Writes a comment and gives its delivery.
    fn comment(&self, id: u64, login: &str, body: &str) -> Value {
        let comment = CommentNow {
            number: 12,
            author: Some(Account {
                login: login.to_owned(),
                is_bot: false,
            }),
            body: body.to_owned(),
            created_ms: NOW_MS,
            is_edited_by_others: false,
        };
        self.comments.lock().unwrap().insert(id, comment);
        let user = json!({ "login": login, "type": "User" });
        json!({
            "action": "created", "issue": { "number": 12, "state": "open", "pull_request": {} },
            "comment": { "id": id, "body": body, "user": user, "author_association": "NONE" },
            "repository": { "id": ID, "name": "demo", "owner": { "login": "octo" } }, "sender": user,
        })
    }

    fn command(&self, delivery: &Value) -> Receipt {
        self.deliver("issue_comment", delivery)
    }

    /// The runs, oldest first.
    fn runs(&self) -> Vec<String> {
        self.runs.lock().unwrap().iter().map(|(run, _)| run.clone()).collect()
    }

    /// The newest run opens: it takes the pull request.
    fn open_last(&self) -> String {
        let run = self.runs().pop().unwrap();
        block_on(claim::take(&self.rows, self, &self.target(), &run)).unwrap();
        run
    }

    fn end(&self, run: &str) {
        for (name, is_ended) in self.runs.lock().unwrap().iter_mut() {
            *is_ended |= name == run;
        }
    }

    fn target(&self) -> Target {
        let pull = self.pull.lock().unwrap();
        identity::target_of(&pull, pull.head.clone())
    }
}

#[async_trait]
impl ReadPull for World {
    async fn pull(&self, _repository: &RepositoryName, _number: u64) -> Result<PullNow, ReadError> {
        let mut unavailable = self.unavailable.lock().unwrap();
        if *unavailable > 0 {
            *unavailable -= 1;
            return Err(ReadError::Unavailable("502".to_owned()));
        }
        Ok(self.pull.lock().unwrap().clone())
    }

    async fn merge_base(&self, _: &RepositoryName, _: &CommitSha, _: &CommitSha) -> Result<CommitSha, ReadError> {
        Ok(self.merge_base.lock().unwrap().clone())
    }

    async fn comment(&self, _repository: &RepositoryName, id: u64) -> Result<Option<CommentNow>, ReadError> {
        Ok(self.comments.lock().unwrap().get(&id).cloned())
    }

    async fn own_login(&self) -> Result<Option<String>, ReadError> {
        Ok(Some("holdfast[bot]".to_owned()))
    }
}

#[async_trait]
impl ReadChange for World {
    async fn read_change(&self, _target: &Target) -> Result<Change, ReadError> {
        Err(ReadError::Unavailable("no change is read here".to_owned()))
    }

    async fn read_file(&self, _: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        assert_eq!(
            (path, at),
            (".holdfast.yml", &sha("b")),
            "settings are the base branch's"
        );
        let text = *self.settings.lock().unwrap();
        Ok((!text.is_empty()).then(|| text.as_bytes().to_vec()))
    }

    async fn current_head(&self, _target: &Target) -> Result<CommitSha, ReadError> {
        Ok(self.pull.lock().unwrap().head.clone())
    }
}

#[async_trait]
impl ReadPermission for World {
    async fn permission(&self, _repository: &RepositoryName, login: &str) -> Result<Permission, ReadError> {
        let known = self.permissions.lock().unwrap();
        Ok(known.get(login).copied().unwrap_or(Permission::Read))
    }

    async fn is_member(&self, _team: &TeamName, _login: &str) -> Result<bool, ReadError> {
        Ok(false)
    }
}

#[async_trait]
impl StartRun for World {
    async fn start_run(&self, run: &Run) -> Result<StartedRun, ExecutionError> {
        let mut runs = self.runs.lock().unwrap();
        match runs.iter().find(|(name, _)| *name == run.run) {
            Some((_, true)) => Ok(StartedRun::Ended),
            Some((_, false)) => Ok(StartedRun::Running),
            None => {
                runs.push((run.run.clone(), false));
                Ok(StartedRun::New)
            }
        }
    }
}

#[async_trait]
impl StopRun for World {
    async fn stop_run(&self, run: &str, _error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
        self.stopped.lock().unwrap().push(run.to_owned());
        self.end(run);
        Ok(())
    }
}

#[async_trait]
impl StoreArtifact for World {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.files.lock().unwrap().insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.files.lock().unwrap().get(key).cloned())
    }
}

#[async_trait]
impl PublishReview for World {
    async fn open_check(&self, _: &Target, _: &str) -> Result<Option<u64>, PublishError> {
        Ok(None)
    }

    async fn close_check(&self, _: &Target, _: u64, _: &CheckOutcome) -> Result<(), PublishError> {
        Ok(())
    }

    async fn close_checks(&self, _: &Target, _: &str, _: &CheckOutcome) -> Result<(), PublishError> {
        Ok(())
    }

    async fn copy_check(&self, _: &Target, onto: &CommitSha) -> Result<(), PublishError> {
        self.copied.lock().unwrap().push(onto.clone());
        Ok(())
    }

    async fn announce(&self, _: &Target, _: &str, _: &str) -> Result<(), PublishError> {
        Ok(())
    }

    async fn withdraw(&self, _: &Target, _: &str) -> Result<bool, PublishError> {
        Ok(false)
    }

    async fn summarize(&self, _: &Target, _: &str, _: &str) -> Result<(), PublishError> {
        Ok(())
    }

    async fn give_notice(&self, _: &Target, run: &str, body: &str) -> Result<(), PublishError> {
        self.notices.lock().unwrap().insert(run.to_owned(), body.to_owned());
        Ok(())
    }

    async fn answer_command(&self, _: &Target, comment: u64, body: &str) -> Result<(), PublishError> {
        self.answers.lock().unwrap().insert(comment, body.to_owned());
        Ok(())
    }

    async fn draft_review(&self, _: &Target, _: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        Err(PublishError::Rejected("nothing is drafted here".to_owned()))
    }

    async fn submit_review(&self, _: &Target, _: u64) -> Result<(), PublishError> {
        Ok(())
    }
}

fn is_started(receipt: &Receipt) -> bool {
    matches!(receipt, Receipt::Started { .. })
}

fn is_ignored(receipt: &Receipt, says: &str) -> bool {
    matches!(receipt, Receipt::Ignored { why } if why.contains(says))
}

#[test]
fn whoever_pushes_to_a_persons_pull_request_the_head_is_reviewed() {
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
fn what_holdfast_did_itself_asks_for_nothing() {
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
    // A token's comments are a person's, who may write: they are known by their marker.
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
fn a_bots_own_pull_request_is_reviewed_where_the_base_allows_the_bot() {
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
        // A person may ask for it whatever the settings allow.
        let asked = world.command(&world.comment(1, "maintainer", "/holdfast review"));
        assert_eq!(is_started(&asked), !is_reviewed, "{settings}: {asked:?}");
    }
}

#[test]
fn where_the_association_is_unclear_the_permission_decides() {
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
        let notices = world.notices.lock().unwrap().clone();
        assert_eq!(notices.len(), usize::from(!is_reviewed), "{case}");
        assert!(
            notices.values().all(|body| body.contains("\n/holdfast review\n")),
            "{notices:?}"
        );
    }
}

#[test]
fn who_has_to_wait_is_told_once_and_a_maintainer_starts_it() {
    let world = World::new();
    world.by("newcomer", false, AuthorAssociation::FirstTimer);
    for head in ["a", "d", "e"] {
        world.change(|pull| pull.head = sha(head));
        assert!(is_ignored(&world.act("synchronize"), "once a maintainer asks"));
    }
    assert_eq!(world.notices.lock().unwrap().len(), 1);
    let by_newcomer = world.command(&world.comment(1, "newcomer", "/holdfast review"));
    assert!(is_ignored(&by_newcomer, "write permission"), "{by_newcomer:?}");
    assert!(is_started(&world.command(&world.comment(
        2,
        "maintainer",
        "/holdfast review"
    ))));
}

#[test]
fn a_command_is_done_once_however_often_it_is_delivered() {
    let world = World::new();
    let review = world.comment(1, "maintainer", "/holdfast review");
    for _ in 0..4 {
        world.command(&review);
        // Each time, what runs has ended: a forced review would begin anew.
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
fn a_command_that_failed_midway_is_continued() {
    let world = World::new();
    let review = world.comment(1, "maintainer", "/holdfast review");
    world.command(&review);
    // As if the process had died before it noted that it was done.
    let key = format!("once/comment/{ID}#12/1");
    let row = block_on(world.rows.get(&key)).unwrap().unwrap();
    let begun = json!({ "is_done": false, "attempt": 1 });
    block_on(world.rows.put(&key, &begun, Precondition::Version(row.version))).unwrap();
    world.end(&world.runs()[0]);
    world.answers.lock().unwrap().clear();
    let again = world.command(&review);
    assert!(matches!(again, Receipt::Duplicate { .. }), "{again:?}");
    assert_eq!((world.runs().len(), world.answers.lock().unwrap().len()), (1, 1));
}

#[test]
fn a_late_cancel_leaves_a_newer_run_alone() {
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
    // Written before the newer run was asked for, and delivered behind it.
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
fn a_command_is_the_comment_as_it_is_now() {
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
    for (name, change, says) in table {
        let world = World::new();
        let delivery = world.comment(1, "maintainer", "/holdfast review");
        change(&world);
        let receipt = world.command(&delivery);
        assert!(is_ignored(&receipt, says), "{name}: {receipt:?}");
        assert!(world.runs().is_empty(), "{name}");
    }
    // Its writer's own edit counts, and a week is not too old.
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

#[test]
fn a_replay_for_an_older_head_does_nothing() {
    let world = World::new();
    world.change(|pull| pull.updated_at = "2026-11-28T10:00:00Z".to_owned());
    let (opened, synchronize) = (world.event("opened"), world.event("synchronize"));
    world.deliver("pull_request", &opened);
    world.change(|pull| {
        pull.head = sha("d");
        pull.updated_at = "2026-11-28T11:00:00Z".to_owned();
    });
    world.act("synchronize");
    for replay in [&opened, &synchronize] {
        assert!(is_ignored(&world.deliver("pull_request", replay), "another head"));
    }
    assert_eq!(world.runs().len(), 2);
    // An answer from before the push is no news.
    world.change(|pull| pull.head = sha("e"));
    let mut pushed = world.event("synchronize");
    world.change(|pull| pull.head = sha("d"));
    pushed["pull_request"]["updated_at"] = json!("2026-11-28T12:00:00Z");
    assert!(is_started(&world.deliver("pull_request", &pushed)));
}

#[test]
fn another_base_or_other_settings_are_another_review() {
    let world = World::new();
    assert!(is_started(&world.act("opened")));
    let first = world.open_last();
    world.end(&first);
    assert!(
        matches!(world.act("reopened"), Receipt::Duplicate { .. }),
        "the same diff"
    );
    assert!(
        matches!(world.retargeted(), Receipt::Duplicate { .. }),
        "a branch at the same commit"
    );
    *world.merge_base.lock().unwrap() = sha("e");
    assert!(is_started(&world.retargeted()));
    let second = world.open_last();
    assert!(
        matches!(world.retargeted(), Receipt::Duplicate { .. }),
        "delivered again"
    );
    world.end(&second);
    *world.settings.lock().unwrap() = "max_findings: 3";
    assert!(is_started(&world.act("reopened")));
    world.open_last();
    // Back to the base of the beginning, whose review was taken back since.
    *world.merge_base.lock().unwrap() = sha("c");
    *world.settings.lock().unwrap() = "";
    assert!(is_started(&world.retargeted()));
    assert_eq!(world.runs().len(), 4);
    let mut title = world.event("edited");
    title["changes"] = json!({ "title": { "from": "x" } });
    assert!(is_ignored(&world.deliver("pull_request", &title), "title"));
}

#[test]
fn closed_or_a_draft_again_the_review_is_stopped_and_comes_back() {
    for (stop, resume) in [("closed", "reopened"), ("converted_to_draft", "ready_for_review")] {
        for is_opened in [true, false] {
            let world = World::new();
            world.act("opened");
            let run = world.runs().pop().unwrap();
            if is_opened {
                world.open_last();
            }
            world.change(|pull| (pull.is_open, pull.is_draft) = (stop != "closed", stop != "closed"));
            let stopped = world.event(stop);
            assert_eq!(
                world.deliver("pull_request", &stopped),
                Receipt::Done {
                    what: "stopped".to_owned()
                }
            );
            assert_eq!(*world.stopped.lock().unwrap(), std::slice::from_ref(&run), "{stop}");
            let late = block_on(claim::check_open(&world.rows, &run)).unwrap_err();
            assert_eq!(late.name, ErrorName::RunSuperseded, "it opens no more");
            world.change(|pull| {
                (pull.is_open, pull.is_draft) = (true, false);
                pull.updated_at = "2026-11-28T10:00:00Z".to_owned();
            });
            assert!(
                is_ignored(&world.deliver("pull_request", &stopped), "again"),
                "a replay"
            );
            let resumed = world.event(resume);
            assert!(is_started(&world.deliver("pull_request", &resumed)), "{resume}");
            let second = world.runs().pop().unwrap();
            world.end(&second);
            block_on(claim::close(&world.rows, &second)).unwrap();
            assert!(
                matches!(world.deliver("pull_request", &resumed), Receipt::Duplicate { .. }),
                "once for the event"
            );
            assert_eq!(world.runs().len(), 2);
        }
    }
}

#[test]
fn a_check_is_re_run_once_by_who_may_write() {
    let world = World::new();
    world.act("opened");
    let run = world.open_last();
    world.end(&run);
    let event = |id: u64, login: &str, head: &str| {
        json!({
            "action": "rerequested",
            "check_run": { "id": id, "head_sha": sha(head), "external_id": run, "pull_requests": [{ "number": 12 }] },
            "repository": { "id": ID, "name": "demo", "owner": { "login": "octo" } },
            "sender": { "login": login, "type": "User" },
        })
    };
    let rerun = |id, login, head| world.deliver("check_run", &event(id, login, head));
    assert!(is_ignored(&rerun(1, "visitor", "a"), "write permission"));
    assert!(is_ignored(&rerun(1, "maintainer", "9"), "older head"));
    assert!(is_started(&rerun(1, "maintainer", "a")));
    world.end(&world.runs()[1]);
    assert!(is_ignored(&rerun(1, "maintainer", "a"), "re-run before"));
    assert!(is_started(&rerun(2, "maintainer", "a")));
    // For forks GitHub names no pull request: the check's run knows it.
    let mut fork = event(3, "maintainer", "a");
    fork["check_run"]["pull_requests"] = json!([]);
    assert!(is_ignored(
        &world.deliver("check_run", &fork),
        "pull request is unknown"
    ));
    let stored = Run {
        version: 1,
        run: run.clone(),
        bucket: String::new(),
        target: world.target(),
        publish: true,
        max_concurrency: 1,
        model: "rules".parse().unwrap(),
        model_light: "rules".parse().unwrap(),
        notes: Vec::new(),
        tokens: TokenLimits::default(),
    };
    block_on(world.put(&format!("runs/{run}/run.json"), &serde_json::to_vec(&stored).unwrap())).unwrap();
    assert!(
        matches!(world.deliver("check_run", &fork), Receipt::Duplicate { .. }),
        "it runs"
    );
}

#[test]
fn a_merge_queues_commit_gets_the_heads_verdict() {
    let world = World::new();
    let group = json!({
        "action": "checks_requested",
        "merge_group": { "head_sha": sha("f"), "head_ref": "refs/heads/gh-readonly-queue/feature/x/pr-12-0123abcd" },
        "repository": { "id": ID, "name": "demo", "owner": { "login": "octo" } },
    });
    assert!(matches!(world.deliver("merge_group", &group), Receipt::Done { .. }));
    assert_eq!(*world.copied.lock().unwrap(), [sha("f")]);
}

#[test]
fn a_renamed_repository_keeps_its_rows_and_its_review() {
    let world = World::new();
    world.act("opened");
    let run = world.open_last();
    world.end(&run);
    let pause = world.comment(1, "maintainer", "/holdfast pause");
    world.command(&pause);
    world.change(|pull| pull.repository = RepositoryName::new("new-owner", "renamed").unwrap());
    assert!(is_ignored(&world.act("reopened"), "paused"));
    world.command(&world.comment(2, "maintainer", "/holdfast resume"));
    assert_eq!(world.act("reopened"), Receipt::Duplicate { run: run.clone() });
    assert_eq!(
        block_on(claim::holder(&world.rows, &world.target())).unwrap(),
        Some(run)
    );
}

#[test]
fn what_version_0_1_left_is_found() {
    let world = World::new();
    let mut named = world.target();
    if let Target::PullRequest { repository_id, .. } = &mut named {
        *repository_id = None;
    }
    let old = format!("octo-demo-12-{}-5adbc82b-1", sha("a").short());
    block_on(claim::take(&world.rows, &world, &named, &old)).unwrap();
    assert_eq!(
        block_on(claim::holder(&world.rows, &world.target())).unwrap(),
        Some(old.clone())
    );
    // A newer run takes it over, and the old one finds that at its fence.
    let claim = block_on(claim::take(&world.rows, &world, &world.target(), "newer")).unwrap();
    assert_eq!(claim.before, Some(old.clone()));
    let refused = block_on(claim::hold(&world.rows, &named, &old)).unwrap_err();
    assert_eq!(refused.name, ErrorName::RunSuperseded);
    let key = "pause/octo/demo#12";
    block_on(world.rows.put(key, &json!({ "by": "x" }), Precondition::Absent)).unwrap();
    assert!(is_ignored(&world.act("opened"), "paused"));
    world.command(&world.comment(1, "maintainer", "/holdfast resume"));
    assert_eq!(block_on(world.rows.get(key)).unwrap(), None);
}

#[test]
fn a_review_of_version_0_1_is_not_paid_for_again() {
    for (base, is_same) in [("c", true), ("d", false)] {
        let world = World::new();
        let mut named = world.target();
        if let Target::PullRequest { repository_id, .. } = &mut named {
            *repository_id = None;
        }
        let old = format!("octo-demo-12-{}-5adbc82b-1", sha("a").short());
        block_on(claim::take(&world.rows, &world, &named, &old)).unwrap();
        let change = json!({
            "base": sha(base), "head": sha("a"), "title": "", "description": "", "author": null, "files": [], "files_total": 0,
        });
        block_on(world.put(&format!("runs/{old}/change.json"), change.to_string().as_bytes())).unwrap();
        let receipt = world.act("reopened");
        assert_eq!(receipt == Receipt::Duplicate { run: old }, is_same, "{receipt:?}");
    }
}

#[test]
fn a_read_that_fails_for_a_moment_is_repeated_and_else_it_is_to_be_delivered_again() {
    for (failures, is_taken) in [(2, true), (3, false)] {
        let world = World::new();
        *world.unavailable.lock().unwrap() = failures;
        let event = parse("pull_request", world.event("opened").to_string().as_bytes());
        let taken = world.receive(&event, NOW_MS);
        assert_eq!(taken.is_ok(), is_taken, "{taken:?}");
    }
}
