//! The fair order of waiting calls: start-time fair queueing between tenants with equal weights, then between the runs of
//! a tenant. Within a run urgent calls come first; one may precede a normal call at most [`MAX_PASSES`] times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Maximum number of urgent calls that pass one normal call of their run.
pub(super) const MAX_PASSES: u8 = 3;

/// Number of tenants and runs from which those without a reservation are forgotten.
const MAX_IDLE: usize = 256;

/// A waiting call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// The position of its reservation: the order of arrival.
    pub at: usize,
    pub tenant: u32,
    pub run: u32,
    pub urgent: bool,
    /// The number of urgent calls that have passed it.
    pub passed: u8,
}

/// Virtual times, in grants: a party's next grant starts at its finish, or now if it was idle.
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
    /// Returns the number of waiting calls that precede the one at `at`, exactly up to `most` of them. They are in the
    /// order of arrival.
    pub fn rank(&self, mut waiting: Vec<Waiting>, at: usize, most: usize) -> usize {
        let mut shares = self.clone();
        for rank in 0..most {
            let Some(next) = shares.next(&waiting) else { return rank };
            if waiting[next].at == at {
                return rank;
            }
            let granted = waiting.remove(next);
            shares.grant(&granted);
            for passed in waiting.iter_mut().filter(|other| is_passed(&granted, other)) {
                passed.passed += 1;
            }
        }
        let ahead = waiting.iter().take_while(|other| other.at != at).count();
        most.saturating_add(ahead)
    }

    /// Records a grant.
    pub fn grant(&mut self, granted: &Waiting) {
        let tenant = self.tenants.entry(granted.tenant).or_default();
        self.now = self.now.max(tenant.finish);
        tenant.finish = self.now + 1;
        let run = tenant.runs.entry(granted.run).or_default();
        tenant.now = tenant.now.max(*run);
        *run = tenant.now + 1;
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

    /// Returns the position in `waiting` of the next call.
    fn next(&self, waiting: &[Waiting]) -> Option<usize> {
        // `min_by_key` returns the first of several: the one that arrived first.
        let tenant = waiting.iter().min_by_key(|call| self.start(call))?.tenant;
        let own = || waiting.iter().enumerate().filter(move |(_, call)| call.tenant == tenant);
        let run = own().min_by_key(|(_, call)| self.run_start(call))?.1.run;
        let own = || own().filter(move |(_, call)| call.run == run);
        let first = |urgent: bool| own().find(move |(_, call)| call.urgent == urgent);
        let normal = first(false);
        let is_starving = normal.is_some_and(|(_, call)| call.passed >= MAX_PASSES);
        let urgent = first(true).filter(|_| !is_starving);
        urgent.or(normal).map(|(position, _)| position)
    }

    fn start(&self, call: &Waiting) -> u64 {
        let finish = self.tenants.get(&call.tenant).map_or(0, |tenant| tenant.finish);
        finish.max(self.now)
    }

    fn run_start(&self, call: &Waiting) -> u64 {
        let Some(tenant) = self.tenants.get(&call.tenant) else { return 0 };
        tenant.runs.get(&call.run).copied().unwrap_or(0).max(tenant.now)
    }
}

/// Returns true if the grant of an urgent call passed this normal call, which arrived earlier.
pub(super) fn is_passed(granted: &Waiting, other: &Waiting) -> bool {
    let is_older_normal = granted.urgent && !other.urgent && other.at < granted.at;
    is_older_normal && other.tenant == granted.tenant && other.run == granted.run
}
