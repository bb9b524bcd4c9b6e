//! Runs a check and compares it with its expectations. Prints the shortest counterexample found, step by step.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fmt::Write;
use std::hash::Hash;
use std::num::NonZero;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// A model whose steps can be described.
pub trait Story: Model {
    fn describe(&self, state: &Self::State, action: &Self::Action) -> String;
}

/// Visits every state. Exactly the invariants in `broken` must fail. If it is empty, every event that should happen
/// sometimes must have happened, too.
pub fn check<M>(name: &str, model: M, broken: &[&str])
where
    M: Story + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let checker = model.checker().threads(threads).spawn_bfs().join();
    println!(
        "{name}: {} states, {} transitions, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        started.elapsed().as_secs_f64()
    );
    let found = checker.discoveries();
    let mut story = String::new();
    let mut not_held = BTreeSet::new();
    for property in checker.model().properties() {
        let discovery = found.get(property.name);
        if property.expectation == Expectation::Sometimes {
            assert!(
                discovery.is_some() || !broken.is_empty(),
                "{name}: it never happens that {}",
                property.name
            );
            continue;
        }
        let Some(path) = discovery else { continue };
        not_held.insert(property.name);
        if broken.contains(&property.name) {
            continue;
        }
        let _infallible = writeln!(story, "\n{}: does not hold", property.name);
        for (state, action) in path.clone().into_vec() {
            let _infallible = match action {
                Some(action) => writeln!(story, "  {}", checker.model().describe(&state, &action)),
                None => writeln!(story, "{state:#?}"),
            };
        }
    }
    assert!(story.is_empty(), "{name}: {story}");
    assert_eq!(
        not_held,
        broken.iter().copied().collect(),
        "{name}: what is broken here is found"
    );
}

/// Visits states until this invariant fails.
pub fn refute<M>(name: &str, model: M, broken: &'static str)
where
    M: Story + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let until = HasDiscoveries::AllOf(BTreeSet::from([broken]));
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{name}: {states} states until it fails");
    assert!(
        checker.discovery(broken).is_some(),
        "{name}: in {states} states it does not show"
    );
}
