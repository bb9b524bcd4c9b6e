//! The intake on ports in memory: each test is a story of a few deliveries.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "intake/pulls.rs"]
mod pulls;
#[path = "intake/repeats.rs"]
mod repeats;
#[path = "intake/retries.rs"]
mod retries;

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
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{
    Account, CommentNow, ExecutionError, KeepRows, Permission, Precondition, PullNow, ReadChange, ReadError,
    ReadPermission, ReadPull, StartRun, StartedRun, StopRun, StoreArtifact,
};
use holdfast_core::webhook::{AuthorAssociation, WebhookEvent, parse};
use holdfast_core::{claim, identity};
use holdfast_testkit::port::{MemoryArtifacts, MemoryRows, PullRequestPage, run_name};
use serde_json::{Value, json};

const NOW_MS: i64 = 1_800_000_000_000;
const ID: u64 = 77;

fn sha(digit: &str) -> CommitSha {
    CommitSha::parse(&digit.repeat(40)).unwrap()
}

/// GitHub, the engine and the stores in memory: the ports of the intake.
struct World {
    pull: Mutex<PullNow>,
    merge_base: Mutex<CommitSha>,
    settings: Mutex<&'static str>,
    comments: Mutex<BTreeMap<u64, CommentNow>>,
    permissions: Mutex<BTreeMap<&'static str, Permission>>,
    /// Each run, and whether it has ended.
    runs: Mutex<Vec<(RunName, bool)>>,
    stopped: Mutex<Vec<RunName>>,
    page: PullRequestPage,
    unavailable: Mutex<u32>,
    /// Whether retries are turned off.
    is_off: Mutex<bool>,
    artifacts: MemoryArtifacts,
    rows: MemoryRows,
}

impl World {
    /// Creates a pull request by a person who has committed before.
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
            page: PullRequestPage::default(),
            unavailable: Mutex::default(),
            is_off: Mutex::default(),
            artifacts: MemoryArtifacts::default(),
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
            publish: &self.page,
            rows: &self.rows,
            store: &self.artifacts,
            now_ms,
        };
        block_on(receive(event, &how, ports))
    }

    /// Returns a `pull_request` event as GitHub would post it now.
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

    /// Writes a comment; returns its delivery.
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

    /// Returns the names of the runs, the oldest first.
    fn runs(&self) -> Vec<RunName> {
        self.runs.lock().unwrap().iter().map(|(run, _)| run.clone()).collect()
    }

    /// Lets the newest run take the claim to the pull request; returns its name.
    fn open_last(&self) -> RunName {
        let run = self.runs().pop().unwrap();
        block_on(claim::take(&self.rows, self, &self.target(), &run)).unwrap();
        run
    }

    fn end(&self, run: &RunName) {
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
    async fn stop_run(&self, run: &RunName, _error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
        self.stopped.lock().unwrap().push(run.to_owned());
        self.end(run);
        Ok(())
    }
}

fn is_started(receipt: &Receipt) -> bool {
    matches!(receipt, Receipt::Started { .. })
}

fn is_ignored(receipt: &Receipt, excerpt: &str) -> bool {
    matches!(receipt, Receipt::Ignored { why } if why.contains(excerpt))
}
