//! The invariants of one or two runs in any order of their requests: those of every state, and those of the final
//! states.

use std::collections::BTreeSet;

use serde_json::Value;
use stateright::Property;

use crate::call::{Comment, Shown};
use crate::replay::Text;
use crate::review::{Actor, Phase, Reviews, State};

type Invariant = Property<Reviews>;

pub fn all() -> Vec<Invariant> {
    vec![
        Invariant::always("one visible review for a run", |_, state| {
            let reviews = &state.world.reviews;
            let visible: Vec<&Text> = reviews
                .iter()
                .filter(|known| known.is_submitted)
                .map(|known| &known.run)
                .collect();
            visible.iter().collect::<BTreeSet<_>>().len() == visible.len()
        }),
        Invariant::always("no older run publishes after a newer one", |model, state| {
            let ages: Vec<_> = state.world.submitted.iter().map(|run| model.age(state, run)).collect();
            ages.windows(2)
                .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1)
        }),
        Invariant::always("what was closed stays closed", |_, state| {
            state.world.closed.iter().all(|run| {
                let row = row_of(state, &format!("run/{}", run.as_str()));
                row.is_some_and(|row| row["closed"] == true)
            })
        }),
        Invariant::always("an undo does not need a person", |_, state| !state.is_alarmed),
        Invariant::always("no comment that a review is in progress stays", |_, state| {
            let is_at_work = |known: &Comment| matches!(known.content.state, Some((_, Shown::InProgress)));
            !state.is_quiet() || !state.world.comments.iter().any(is_at_work)
        }),
        Invariant::always("no check stays in progress", |_, state| {
            !state.is_quiet() || state.world.checks.iter().all(|known| known.closed_with.is_some())
        }),
        Invariant::always("no draft is left behind", |_, state| {
            !state.is_quiet() || state.world.reviews.iter().all(|known| known.is_submitted)
        }),
        Invariant::always("at most one comment is about a review", |_, state| {
            !state.is_quiet() || state.world.comments.len() <= 1
        }),
        Invariant::always("the newest result remains", |model, state| {
            !state.is_quiet() || model.newest_result_remains(state)
        }),
        Invariant::always("the state of an ended run is true", |_, state| {
            let is_true = |known: &Comment| match &known.content.state {
                Some((run, Shown::NothingPublished)) => !state.world.submitted.contains(run),
                Some((run, Shown::StepsMissing | Shown::Expired)) => state.world.submitted.contains(run),
                Some((_, Shown::InProgress)) | None => true,
            };
            !state.is_quiet() || state.world.comments.iter().all(is_true)
        }),
        Invariant::always("without a fault the newest head is reviewed", |model, state| {
            let published = |(run, actor): (usize, &Actor)| {
                model.bounds.heads.get(run) == Some(&state.world.head) && actor.phase == Phase::Published
            };
            !state.is_quiet()
                || state.faults < model.bounds.faults
                || !model.bounds.heads.contains(&state.world.head)
                || state.runs.iter().enumerate().any(published)
        }),
        Invariant::sometimes("a run fails", |_, state| {
            state.is_quiet()
                && state
                    .runs
                    .iter()
                    .any(|run| matches!(run.phase, Phase::Failed | Phase::Stopped))
        }),
        Invariant::sometimes("a run publishes", |_, state| {
            state.is_quiet() && state.runs.iter().any(|run| run.phase == Phase::Published)
        }),
    ]
}

impl Reviews {
    /// Returns the age of a run, by which runs are ordered: first its head, then the generation of its claim.
    fn age(&self, state: &State, run: &Text) -> (u8, u64) {
        let at = self.runs.iter().position(|known| known.run == run.as_str()).unwrap();
        let row = row_of(state, &format!("run/{}", run.as_str()));
        let generation = row.and_then(|row| row["generation"].as_u64()).unwrap_or_default();
        (self.bounds.heads[at], generation)
    }

    fn newest_result_remains(&self, state: &State) -> bool {
        let Some(run) = state.world.submitted.last() else {
            return true;
        };
        let at = self.runs.iter().position(|known| known.run == run.as_str()).unwrap();
        // Nothing that a newer run has undone may remain, unless a run that failed afterwards reports it.
        if !self.holds(state, at) || state.runs[at].phase != Phase::Published {
            return true;
        }
        let has_summary = |known: &Comment| known.content.summary.as_ref() == Some(run);
        let check = state.world.checks.iter().rfind(|known| known.run == *run);
        let title = check.and_then(|known| known.closed_with.as_ref()).map(Text::as_str);
        state.world.comments.iter().any(has_summary)
            && title.is_some_and(|title| !title.contains("could not be completed"))
    }
}

fn row_of(state: &State, key: &str) -> Option<Value> {
    let (_, value) = state.world.row(&key.into())?;
    serde_json::from_str(value.as_str()).ok()
}
