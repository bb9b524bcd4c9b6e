//! The limits of a map run: how many children run at once, and how many failed items it tolerates.

use super::error::EngineError;
use super::read;
use super::request::{Answer, Reply};
use super::run_loop::Runner;
use super::turn::Turn;
use super::write::Write;

/// The limits of a map run. A limit that is `None` doesn't apply.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct MapRunLimits {
    /// Maximum number of children that run at once; 0 for no limit.
    pub max_concurrency: Option<u64>,
    /// Maximum number of failed items.
    pub tolerated_failure_count: Option<u64>,
    /// Maximum share of failed items, 0 to 100.
    pub tolerated_failure_percentage: Option<f64>,
}

impl MapRunLimits {
    /// Returns these limits, except that each limit that is set in `changes` replaces the one here.
    pub fn changed_by(self, changes: Self) -> Self {
        Self {
            max_concurrency: changes.max_concurrency.or(self.max_concurrency),
            tolerated_failure_count: changes.tolerated_failure_count.or(self.tolerated_failure_count),
            tolerated_failure_percentage: changes
                .tolerated_failure_percentage
                .or(self.tolerated_failure_percentage),
        }
    }

    /// Returns true if the failed items exceed the tolerance. Without limits, no failure is tolerated.
    pub(super) fn is_exceeded(self, failed: u64, total: u64) -> bool {
        let over_count = |limit: u64| failed > limit;
        let over_share = |limit: f64| failed as f64 * 100.0 > limit * total as f64;
        match (self.tolerated_failure_count, self.tolerated_failure_percentage) {
            (None, None) => failed > 0,
            (count, share) => count.is_some_and(over_count) || share.is_some_and(over_share),
        }
    }

    /// Returns the number of children that may begin beside those that run; `None` without a limit.
    pub(super) fn free_slots(self, running: u64) -> Option<u64> {
        let limit = self.max_concurrency.filter(|limit| *limit > 0)?;
        Some(limit.saturating_sub(running))
    }
}

impl Runner {
    /// Serves a change to the limits of a running map run.
    pub(super) async fn update_map_run(
        &mut self,
        turn: &mut Turn,
        arn: String,
        limits: MapRunLimits,
        reply: Answer<()>,
    ) {
        match self.try_update_map_run(turn, &arn, limits).await {
            Ok(()) => turn.replies.push(Reply::after(reply, ())),
            Err(error) => reply.send(Err(error)),
        }
    }

    async fn try_update_map_run(
        &mut self,
        turn: &mut Turn,
        arn: &str,
        changes: MapRunLimits,
    ) -> Result<(), EngineError> {
        let wanted = arn.to_owned();
        let found = self.store.run(move |db| read::map_run_id(db, &wanted)).await?;
        let id = found.ok_or_else(|| EngineError::MapRunUnknown { arn: arn.to_owned() })?;
        let run = self.open.map_runs.get_mut(&id);
        let run = run.filter(|run| run.failure.is_none() && !run.gathering && run.outcome.is_none());
        let run = run.ok_or_else(|| EngineError::MapRunNotRunning { arn: arn.to_owned() })?;
        run.limits = run.limits.changed_by(changes);
        turn.writes.push(Write::MapRunLimits {
            map_run: id,
            limits: run.limits,
        });
        self.open.fillable.insert(id);
        self.judge_map_run(turn, id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(count: Option<u64>, percentage: Option<f64>) -> MapRunLimits {
        MapRunLimits {
            max_concurrency: None,
            tolerated_failure_count: count,
            tolerated_failure_percentage: percentage,
        }
    }

    #[test]
    fn a_map_run_fails_above_either_limit() {
        for (count, percentage, failed, expected) in [
            (None, None, 0, false),
            (None, None, 1, true),
            (Some(2), None, 2, false),
            (Some(2), None, 3, true),
            (None, Some(25.0), 2, false),
            (None, Some(25.0), 3, true),
            (Some(5), Some(25.0), 3, true),
            (Some(1), Some(100.0), 2, true),
        ] {
            let limits = limits(count, percentage);
            assert_eq!(limits.is_exceeded(failed, 8), expected, "{limits:?} {failed}");
        }
    }

    #[test]
    fn a_change_replaces_only_the_limits_that_it_sets() {
        let before = MapRunLimits {
            max_concurrency: Some(3),
            ..limits(Some(1), None)
        };
        let changed = before.changed_by(limits(None, Some(50.0)));
        assert_eq!(changed.free_slots(1), Some(2));
        assert_eq!(changed.free_slots(4), Some(0));
        assert_eq!(
            (changed.tolerated_failure_count, changed.tolerated_failure_percentage),
            (Some(1), Some(50.0))
        );
        let unlimited = before.changed_by(MapRunLimits {
            max_concurrency: Some(0),
            ..MapRunLimits::default()
        });
        assert_eq!(unlimited.free_slots(1_000), None);
    }
}
