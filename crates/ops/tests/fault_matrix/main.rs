//! Every task state of the workflow × every fault: the whole workflow runs on real adapters against a fake GitHub and a
//! model server, in virtual time, one fault at a time; then the invariants are checked from outside.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "the number of cells is the test's result")]

mod cell;
mod clock;
mod faulty;
mod invariant;
mod scenario;

use std::collections::BTreeSet;
use std::sync::Mutex;

use cell::{Cell, Point};
use futures::StreamExt;
use holdfast_asl::{StateKind, StateMachine};
use holdfast_core::stage::state;
use holdfast_ops::workflow;

/// Number of cells that run concurrently.
const AT_ONCE: usize = 4;

/// Returns the names of all task states, read from the workflow's file.
fn task_states() -> BTreeSet<String> {
    let machine = StateMachine::parse(workflow::definition()).unwrap();
    let tasks = machine
        .states()
        .into_iter()
        .filter(|state| state.kind == StateKind::Task);
    tasks.map(|state| state.name).collect()
}

/// Runs the cells; returns the broken invariants.
async fn run(cells: Vec<Cell>, without_undo: bool) -> Vec<String> {
    let red = Mutex::new(Vec::new());
    futures::stream::iter(cells)
        .for_each_concurrent(AT_ONCE, |cell| {
            let red = &red;
            async move {
                if let Err(broken) = scenario::play(&cell, without_undo).await {
                    red.lock().unwrap().push(format!("{cell}: {broken}"));
                }
            }
        })
        .await;
    red.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_in_any_state_leaves_a_broken_review() {
    let cells: Vec<Cell> = task_states().iter().flat_map(|state| Cell::all_of(state)).collect();
    let states: BTreeSet<&str> = cells.iter().map(|cell| cell.state.as_str()).collect();
    assert_eq!(states.len(), task_states().len(), "every task state has its cells");
    let count = cells.len();
    let red = run(cells, false).await;
    println!("fault matrix: {count} cells, {} red", red.len());
    assert!(red.is_empty(), "{}", red.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_fail_without_the_undo() {
    let always_forbidden = Point::Github {
        status: 403,
        always: true,
    };
    let cells = vec![
        Cell::new(state::PUBLISH_REVIEW, always_forbidden),
        Cell::new(state::DISCARD_REVIEW, always_forbidden),
    ];
    let red = run(cells, true).await;
    println!("fault matrix without its undo: 2 cells, {} red", red.len());
    assert_eq!(red.len(), 2, "{red:?}");
}
