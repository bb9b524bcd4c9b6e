//! The scope of an engine: the open executions that it resumes. A command for one execution opens the engine for that
//! one only: the others in the data directory stay as they are stored and cause nothing.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::error::EngineError;
use super::read::{self, OpenWork};
use super::recover::Recovered;
use super::run_loop::Runner;

/// The open executions that an engine resumes.
#[derive(Clone, Default)]
pub enum Scope {
    /// All of them.
    #[default]
    All,
    /// Those whose top-level execution has a name that the function accepts, with all their children.
    Only(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Scope {
    /// Returns the scope of the executions whose names `accepts` accepts.
    pub fn only(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::Only(Arc::new(accepts))
    }

    /// Returns true if an execution with this top-level name is in the scope.
    pub fn holds(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(accepts) => accepts(name),
        }
    }

    /// Returns true if the scope leaves nothing out.
    pub(super) const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::All => "All",
            Self::Only(_) => "Only(…)",
        })
    }
}

impl Runner {
    /// Removes executions outside the scope from the open work. Returns how many there are.
    pub(super) async fn keep_in_scope(&self, work: &mut OpenWork) -> Result<u64, EngineError> {
        if self.scope.is_all() {
            return Ok(0);
        }
        let waiting = self.store.run(|db| read::waiting(db)).await?;
        let waiting_in_all = waiting.len();
        let waiting = self.in_scope(&self.scope, waiting).await?.len();
        work.waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        let dropped = self.narrow(&self.scope, work).await? + waiting_in_all - waiting;
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }

    /// Loads an execution outside the scope with all its children, so that it can be stopped. It isn't resumed.
    pub(super) async fn load_outside_scope(&mut self, name: &str) -> Result<(), EngineError> {
        if self.scope.holds(name) {
            return Ok(());
        }
        let mut work = self.store.run(|db| read::open_work(db)).await?;
        let name = name.to_owned();
        self.narrow(&Scope::only(move |found| found == name), &mut work).await?;
        self.fold_all(work.batch, work.map_runs, &mut Recovered::default());
        Ok(())
    }

    /// Returns the executions among `ids` that are in the engine's scope.
    pub(super) async fn resumable(&self, ids: Vec<i64>) -> Result<Vec<i64>, EngineError> {
        self.in_scope(&self.scope, ids).await
    }

    async fn in_scope(&self, scope: &Scope, ids: Vec<i64>) -> Result<Vec<i64>, EngineError> {
        if scope.is_all() {
            return Ok(ids);
        }
        let scope = scope.clone();
        self.store
            .run(move |db| {
                let mut kept = Vec::new();
                for id in ids {
                    if read::top_name(db, id)?.is_some_and(|name| scope.holds(&name)) {
                        kept.push(id);
                    }
                }
                Ok(kept)
            })
            .await
    }

    /// Removes the work outside a scope. Returns the number of removed executions.
    async fn narrow(&self, scope: &Scope, work: &mut OpenWork) -> Result<usize, EngineError> {
        let ids = work.batch.executions.iter().flatten().map(|stored| stored.id).collect();
        let kept: HashSet<i64> = self.in_scope(scope, ids).await?.into_iter().collect();
        let found = work.batch.executions.len();
        work.batch.executions.retain(|reading| match reading {
            Ok(stored) => kept.contains(&stored.id),
            Err((name, _)) => scope.holds(name),
        });
        work.map_runs.retain(|run| kept.contains(&run.parent));
        Ok(found - work.batch.executions.len())
    }
}
