//! The fair order of waiting calls: start-time fair queueing between tenants by their shares, then between the runs of a
//! tenant, where an urgent run gets [`URGENT_SHARES`] shares. Within a run urgent calls come first; one may precede a
//! normal call at most [`MAX_PASSES`] times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Maximum number of urgent calls that pass one normal call of their run.
pub(super) const MAX_PASSES: u8 = 3;

/// The virtual time of a grant to a tenant with one share.
const TENANT_STEP: u64 = 10_000;

/// The shares of a run that a person waits for, while other runs of its tenant wait too.
const URGENT_SHARES: u64 = 4;

/// Number of tenants and runs from which those without a reservation are forgotten.
const MAX_IDLE: usize = 256;

/// A waiting call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// The position of its reservation: the order of arrival.
    pub at: usize,
    pub tenant: u32,
    /// The tenant's shares.
    pub shares: u8,
    pub run: u32,
    pub urgent: bool,
    /// The number of urgent calls that have passed it.
    pub passed: u8,
}

/// The calls of other tenants and runs that precede a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rivals {
    /// Those that wait now.
    Present,
    /// Those that wait now, and those that follow them: a busy tenant stays busy.
    Lasting,
}

/// Virtual times: a party's next grant starts at its finish, or now if it was idle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Shares {
    now: u64,
    tenants: BTreeMap<u32, Tenant>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Tenant {
    finish: u64,
    now: u64,
    runs: BTreeMap<u32, u64>,
}

impl Shares {
    /// Returns the number of calls that precede the one at `at`, given the waiting calls in the order of arrival.
    pub fn rank(&self, waiting: &[Waiting], at: usize, rivals: Rivals) -> usize {
        let Some(call) = waiting.iter().find(|call| call.at == at) else {
            return waiting.len();
        };
        let own_tenant = waiting.iter().filter(|other| other.tenant == call.tenant);
        let own_run = own_tenant
            .clone()
            .filter(|other| other.run == call.run)
            .copied()
            .collect();
        let in_run = rank_in_run(own_run, at);
        let runs = queues(own_tenant.map(|other| (other.run, self.run_start(other), step(other))));
        let in_tenant = rank_between(&runs, call.run, in_run, rivals);
        let tenants = queues(
            waiting
                .iter()
                .map(|other| (other.tenant, self.start(other), tenant_step(other))),
        );
        rank_between(&tenants, call.tenant, in_tenant, rivals)
    }

    /// Records a grant.
    pub fn grant(&mut self, granted: &Waiting) {
        let tenant = self.tenants.entry(granted.tenant).or_default();
        self.now = self.now.max(tenant.finish);
        tenant.finish = self.now + tenant_step(granted);
        let run = tenant.runs.entry(granted.run).or_default();
        tenant.now = tenant.now.max(*run);
        *run = tenant.now + step(granted);
    }

    /// Forgets tenants and runs without a reservation, once there are many.
    pub fn forget(&mut self, is_known: impl Fn(u32, u32) -> bool) {
        let runs: usize = self.tenants.values().map(|tenant| tenant.runs.len()).sum();
        if runs > MAX_IDLE {
            self.tenants.retain(|name, tenant| {
                tenant.runs.retain(|run, _| is_known(*name, *run));
                !tenant.runs.is_empty()
            });
        }
    }

    fn start(&self, call: &Waiting) -> u64 {
        let finish = self.tenants.get(&call.tenant).map_or(0, |tenant| tenant.finish);
        finish.max(self.now)
    }

    fn run_start(&self, call: &Waiting) -> u64 {
        let Some(tenant) = self.tenants.get(&call.tenant) else {
            return 0;
        };
        tenant.runs.get(&call.run).copied().unwrap_or(0).max(tenant.now)
    }
}

/// Returns the virtual time of a grant to a call's tenant.
fn tenant_step(call: &Waiting) -> u64 {
    TENANT_STEP / u64::from(call.shares.max(1))
}

/// Returns the virtual time of a grant to a call's run.
const fn step(call: &Waiting) -> u64 {
    if call.urgent { 1 } else { URGENT_SHARES }
}

/// The waiting calls of a tenant or a run.
struct Queue {
    name: u32,
    start: u64,
    /// The virtual time of one grant.
    step: u64,
    length: u64,
}

/// Returns the queues of some calls, in the order of their first calls.
fn queues(calls: impl Iterator<Item = (u32, u64, u64)>) -> Vec<Queue> {
    let mut queues: Vec<Queue> = Vec::new();
    let mut places = BTreeMap::new();
    for (name, start, step) in calls {
        let place = *places.entry(name).or_insert(queues.len());
        match queues.get_mut(place) {
            Some(queue) => queue.length += 1,
            None => queues.push(Queue {
                name,
                start,
                step,
                length: 1,
            }),
        }
    }
    queues
}

/// Returns the number of calls that precede the call at `position` of the queue `name`, if the queues take turns from
/// their starts on. Of two whose turn comes at the same time the first precedes.
fn rank_between(queues: &[Queue], name: u32, position: usize, rivals: Rivals) -> usize {
    let own = queues.iter().position(|queue| queue.name == name).unwrap_or(0);
    let turn = queues.get(own).map_or(0, |queue| {
        queue.start.saturating_add(queue.step.saturating_mul(position as u64))
    });
    let ahead = |(place, queue): (usize, &Queue)| {
        let until = turn.saturating_add(u64::from(place < own));
        let turns = until.saturating_sub(queue.start).div_ceil(queue.step);
        match rivals {
            _ if place == own => 0,
            Rivals::Present => turns.min(queue.length),
            Rivals::Lasting => turns,
        }
    };
    let others: u64 = queues.iter().enumerate().map(ahead).sum();
    position.saturating_add(usize::try_from(others).unwrap_or(usize::MAX))
}

/// Returns the number of calls of a run that precede the one at `at`.
fn rank_in_run(mut waiting: Vec<Waiting>, at: usize) -> usize {
    for rank in 0..waiting.len() {
        let normal = waiting.iter().position(|call| !call.urgent);
        let is_starving = normal.is_some_and(|normal| waiting[normal].passed >= MAX_PASSES);
        let urgent = waiting.iter().position(|call| call.urgent).filter(|_| !is_starving);
        let Some(next) = urgent.or(normal) else { return rank };
        let granted = waiting.remove(next);
        if granted.at == at {
            return rank;
        }
        for other in waiting.iter_mut().filter(|other| is_passed(&granted, other)) {
            other.passed += 1;
        }
    }
    waiting.len()
}

/// Returns true if the grant of an urgent call passed this normal call, which arrived earlier.
pub(super) fn is_passed(granted: &Waiting, other: &Waiting) -> bool {
    let is_older_normal = granted.urgent && !other.urgent && other.at < granted.at;
    is_older_normal && other.tenant == granted.tenant && other.run == granted.run
}
