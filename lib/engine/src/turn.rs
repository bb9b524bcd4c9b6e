//! One turn of the engine: the results and requests it took in, the writes to store, and the actions that follow once
//! the writes are on the disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast_asl::{HistoryEvent, Status, Timestamp};

use super::dispatch::{Job, JobResult};
use super::error::EngineError;
use super::live::Inherited;
use super::request::{Answer, PendingToken, Reply, Waiter};
use super::write::Writes;

/// An event that was stored.
#[derive(Clone, Debug)]
pub struct EngineEvent {
    /// The name of the execution that was started.
    pub execution: String,
    /// The child, for an event of a map's child.
    pub child: Option<ChildEvent>,
    /// The event.
    pub event: Arc<HistoryEvent>,
}

/// The map's child that an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildEvent {
    /// The child's own name.
    pub name: String,
    /// The Map state that runs it.
    pub state: String,
    /// Its position in the map, from 0.
    pub index: u64,
}

/// Events of one execution, for subscribers once they are stored.
pub(super) struct Published {
    pub root_name: Arc<str>,
    pub child: Option<ChildEvent>,
    pub events: Vec<Arc<HistoryEvent>>,
}

/// A child to stop, with what it takes to read it if it isn't in memory.
pub(super) struct ChildStop {
    pub child: i64,
    pub why: &'static str,
    pub inherited: Inherited,
}

/// A turn in progress.
pub(super) struct Turn {
    /// The time of everything in it.
    pub now: Timestamp,
    pub writes: Writes,
    /// Executions that changed and need to be settled.
    pub touched: BTreeSet<i64>,
    /// Root executions whose waiters may need an answer.
    pub roots: BTreeSet<i64>,
    /// Children to stop.
    pub stops: Vec<ChildStop>,
    /// Executions that leave memory once the turn is stored.
    pub leaving: BTreeSet<i64>,
    /// Root executions that ended.
    pub ended: Vec<(i64, Status)>,
    /// Map runs that were created in it.
    pub map_runs: Vec<i64>,
    /// Number of maps' children that began in it.
    pub begun_children: u64,
    pub published: Vec<Published>,
    /// Results of jobs, kept in case the turn doesn't reach the disk.
    pub taken: Vec<JobResult>,
    pub dispatch: Vec<Job>,
    pub replies: Vec<Reply<()>>,
    pub waiters: Vec<(i64, Waiter)>,
    /// Requests for the tokens that a root execution waits for.
    pub token_requests: Vec<(i64, Answer<Vec<PendingToken>>)>,
}

impl Turn {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            writes: Writes::default(),
            touched: BTreeSet::new(),
            roots: BTreeSet::new(),
            stops: Vec::new(),
            leaving: BTreeSet::new(),
            ended: Vec::new(),
            map_runs: Vec::new(),
            begun_children: 0,
            published: Vec::new(),
            taken: Vec::new(),
            dispatch: Vec::new(),
            replies: Vec::new(),
            waiters: Vec::new(),
            token_requests: Vec::new(),
        }
    }

    /// Returns true if the turn has anything to store, or to do once the turns before it are stored.
    pub(super) fn has_work(&self) -> bool {
        !(self.writes.is_empty()
            && self.roots.is_empty()
            && self.dispatch.is_empty()
            && self.map_runs.is_empty()
            && self.replies.is_empty()
            && self.waiters.is_empty()
            && self.token_requests.is_empty())
    }

    /// Fails the turn: everyone who waits for it gets the error. Returns the results of jobs.
    pub(super) fn abandon(self, error: &EngineError) -> Vec<JobResult> {
        for reply in self.replies {
            reply.send(Err(error.clone()));
        }
        for (_, waiter) in self.waiters {
            waiter.send(Err(error.clone()));
        }
        for (_, question) in self.token_requests {
            question.send(Err(error.clone()));
        }
        self.taken
    }
}
