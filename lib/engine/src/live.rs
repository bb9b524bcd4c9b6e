//! The engine's state in memory: open executions and map runs. All of it can be read back from the database.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use holdfast_asl::{
    Command, EvaluationKey, EventId, Execution, Identity, MapItem, ResultWriter, StateMachine, TaskFailure, TimerKey,
    Timestamp,
};
use serde_json::Value;

use super::archive::ExecutionStatus;
use super::evaluator::Evaluating;
use super::map_limits::MapRunLimits;
use super::naming;
use super::read::WaitTimers;
use super::timer::{Armed, Timers};
use super::turn::ChildStop;

/// An open execution.
pub(super) struct LiveExecution {
    pub id: i64,
    pub name: String,
    pub arn: String,
    pub machine_arn: String,
    pub role_arn: String,
    pub definition: String,
    pub machine: Arc<StateMachine>,
    pub execution: Execution,
    pub input: Value,
    /// The execution that was started by name: this one itself, or the top of a child's family.
    pub root: i64,
    pub root_name: Arc<str>,
    pub child_of: Option<(i64, u64)>,
    /// Number of items, for a map's child.
    pub items: u64,
    pub armed: Armed,
    /// Its timers while it only waits, like the database has them once the turn is stored.
    pub wait_timers: Option<WaitTimers>,
    /// The events whose jobs are in flight.
    pub inflight: HashSet<EventId>,
    /// The evaluations in flight.
    pub evaluating: HashMap<EvaluationKey, Evaluating>,
    /// State and token of all open tokens.
    pub tokens: Vec<(String, String)>,
    /// Open map runs, by the event that started them.
    pub map_runs: HashMap<EventId, i64>,
}

/// The parts that an execution is created from.
pub(super) struct ExecutionParts {
    pub id: i64,
    pub name: String,
    pub arn: String,
    pub machine_arn: String,
    pub role_arn: String,
    pub definition: String,
    pub machine: Arc<StateMachine>,
    pub started: Timestamp,
    pub input: Value,
    /// The id and name of the family's top; `None` for the top itself.
    pub root: Option<(i64, Arc<str>)>,
    pub child_of: Option<(i64, u64)>,
    pub item: Option<Value>,
    pub items: u64,
}

impl LiveExecution {
    pub(super) fn new(parts: ExecutionParts) -> Self {
        let item = parts.item.unwrap_or_else(|| parts.input.clone());
        let identity = Identity {
            execution_arn: parts.arn.clone(),
            execution_name: naming::execution_name(&parts.arn).to_owned(),
            state_machine_arn: parts.machine_arn.clone(),
            state_machine_name: naming::machine_name(&parts.machine_arn).to_owned(),
            role_arn: parts.role_arn.clone(),
            start: parts.started,
            input: parts.input.clone(),
            map_item: parts.child_of.map(|(_, index)| MapItem { index, value: item }),
        };
        let (root, root_name) = parts.root.unwrap_or_else(|| (parts.id, parts.name.as_str().into()));
        let mut execution = Execution::new(Arc::clone(&parts.machine), identity);
        execution.defer_evaluations();
        Self {
            execution,
            id: parts.id,
            name: parts.name,
            arn: parts.arn,
            machine_arn: parts.machine_arn,
            role_arn: parts.role_arn,
            definition: parts.definition,
            machine: parts.machine,
            input: parts.input,
            root,
            root_name,
            child_of: parts.child_of,
            items: parts.items,
            armed: Armed::default(),
            wait_timers: None,
            inflight: HashSet::new(),
            evaluating: HashMap::new(),
            tokens: Vec::new(),
            map_runs: HashMap::new(),
        }
    }

    /// Returns the id and name of the execution at the top of the family.
    pub(super) fn family_top(&self) -> (i64, Arc<str>) {
        (self.root, Arc::clone(&self.root_name))
    }

    /// Returns its current timers.
    pub(super) fn timers(&self) -> HashMap<TimerKey, Timestamp> {
        let timers = self
            .execution
            .commands()
            .into_iter()
            .filter_map(|command| match command {
                Command::FireAt { key, at } => Some((key, at)),
                _ => None,
            });
        timers.collect()
    }

    /// Returns the parameters of the map that an event started.
    pub(super) fn map_plan(&self, wanted: EventId) -> Option<MapPlan> {
        self.execution.commands().into_iter().find_map(|command| match command {
            Command::StartMapRun {
                key,
                state,
                max_concurrency,
                tolerated_failure_count,
                tolerated_failure_percentage,
                label,
                result_writer,
                ..
            } if key == wanted => Some(MapPlan {
                machine: self.machine.item_processor(&state)?,
                state,
                label,
                limits: MapRunLimits {
                    max_concurrency,
                    tolerated_failure_count,
                    tolerated_failure_percentage,
                },
                result_writer,
            }),
            _ => None,
        })
    }
}

/// The parameters of a map run.
pub(super) struct MapPlan {
    pub machine: Arc<StateMachine>,
    pub state: String,
    pub label: String,
    /// The limits in the definition.
    pub limits: MapRunLimits,
    pub result_writer: Option<ResultWriter>,
}

/// The parts that an execution inherits: its machine, and the id and name of the execution at the top of the family.
#[derive(Clone)]
pub(super) struct Inherited {
    pub machine: Arc<StateMachine>,
    pub root: Option<(i64, Arc<str>)>,
}

/// An open map run.
pub(super) struct MapRun {
    pub arn: String,
    pub parent: i64,
    /// The execution at the top of the family.
    pub root: (i64, Arc<str>),
    pub key: EventId,
    pub plan: MapPlan,
    /// The limits now: the definition's, or those that were set while it ran.
    pub limits: MapRunLimits,
    /// The items of all children: the base of the failure percentage.
    pub items: u64,
    /// Number of children that have not begun.
    pub pending: u64,
    pub running: BTreeSet<i64>,
    /// Number of items of the children that failed.
    pub failed: u64,
    /// The lowest index at which a child may be pending.
    pub next_index: u64,
    /// The reason why it fails, once that is decided.
    pub failure: Option<TaskFailure>,
    /// True while its result is being gathered.
    pub gathering: bool,
    /// Its final status, once known.
    pub outcome: Option<ExecutionStatus>,
}

impl MapRun {
    /// Returns the parts that its children inherit.
    pub(super) fn inherited(&self) -> Inherited {
        Inherited {
            machine: Arc::clone(&self.plan.machine),
            root: Some(self.root.clone()),
        }
    }

    /// Returns the stops of all its running children.
    pub(super) fn stops(&self, why: &'static str) -> impl Iterator<Item = ChildStop> {
        self.running.iter().map(move |child| ChildStop {
            child: *child,
            why,
            inherited: self.inherited(),
        })
    }

    /// Returns the number of children that may begin now.
    pub(super) fn free_slots(&self) -> u64 {
        if self.failure.is_some() || self.gathering {
            return 0;
        }
        let running = self.running.len() as u64;
        self.limits
            .free_slots(running)
            .map_or(self.pending, |free| free.min(self.pending))
    }
}

/// Everything open, except executions that wait for a long time: those are only in the database.
#[derive(Default)]
pub(super) struct OpenState {
    pub live: HashMap<i64, LiveExecution>,
    /// The executions in memory that were started by name.
    pub names: HashMap<String, i64>,
    /// Open executions that cannot run with this version, with the reason.
    pub unreadable: HashMap<String, String>,
    pub map_runs: HashMap<i64, MapRun>,
    /// Map runs that may have free slots.
    pub fillable: BTreeSet<i64>,
    /// The execution of each open token.
    pub tokens: HashMap<String, i64>,
    pub timers: Timers,
    /// Executions that ended in the current turn: the database still has them as open.
    pub just_ended: HashSet<i64>,
    /// A lower bound of the timers of executions that aren't in memory.
    pub next_due: Option<Timestamp>,
    pub last_execution: i64,
    pub last_map_run: i64,
}

impl OpenState {
    /// Adds an open execution.
    pub(super) fn insert(&mut self, live: LiveExecution) {
        if live.child_of.is_none() {
            self.names.insert(live.name.clone(), live.id);
        }
        for (_, token) in &live.tokens {
            self.tokens.insert(token.clone(), live.id);
        }
        self.live.insert(live.id, live);
    }

    /// Removes an execution from memory.
    pub(super) fn remove(&mut self, id: i64) -> Option<LiveExecution> {
        let live = self.live.remove(&id)?;
        if live.child_of.is_none() {
            self.names.remove(&live.name);
        }
        for (_, token) in &live.tokens {
            self.tokens.remove(token);
        }
        Some(live)
    }

    /// Returns the execution and all its open descendants that are in memory.
    pub(super) fn family(&self, root: i64) -> Vec<&LiveExecution> {
        let mut family = Vec::new();
        let mut open = vec![root];
        while let Some(live) = open.pop().and_then(|id| self.live.get(&id)) {
            let runs = live.map_runs.values().filter_map(|run| self.map_runs.get(run));
            open.extend(
                runs.flat_map(|run| run.running.iter().copied())
                    .filter(|id| self.live.contains_key(id)),
            );
            family.push(live);
        }
        family
    }

    pub(super) fn next_execution(&mut self) -> i64 {
        self.last_execution += 1;
        self.last_execution
    }

    pub(super) fn next_map_run(&mut self) -> i64 {
        self.last_map_run += 1;
        self.last_map_run
    }
}
