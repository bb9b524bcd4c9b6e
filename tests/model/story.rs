//! Runs a check and holds it to what is expected of it; a counterexample is told step by step, the shortest that was found.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fmt::Write;
use std::hash::Hash;
use std::num::NonZero;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// A model whose steps can be told.
pub trait Story: Model {
    fn tell(&self, state: &Self::State, action: &Self::Action) -> String;
}

/// Reaches every state. The invariants that do not hold must be these, no more and no fewer; whatever should happen at
/// times must have happened.
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
    let mut told = String::new();
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
        let _infallible = writeln!(told, "\n{}: does not hold", property.name);
        for (state, action) in path.clone().into_vec() {
            let _infallible = match action {
                Some(action) => writeln!(told, "  {}", checker.model().tell(&state, &action)),
                None => writeln!(told, "{state:#?}"),
            };
        }
    }
    assert!(told.is_empty(), "{name}: {told}");
    assert_eq!(
        not_held,
        broken.iter().copied().collect(),
        "{name}: what is broken here is found"
    );
}

/// Reaches states until this invariant is found not to hold.
pub fn refute<M>(name: &str, model: M, broken: &'static str)
where
    M: Story + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let until = HasDiscoveries::AllOf(BTreeSet::from([broken]));
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{name}: {states} states until it shows");
    assert!(
        checker.discovery(broken).is_some(),
        "{name}: in {states} states it does not show"
    );
}
