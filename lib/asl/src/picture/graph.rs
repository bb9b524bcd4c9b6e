//! The graph of the picture: the states of a flow, the ways between them, and the flows inside states.

use std::collections::BTreeMap;

use super::place::{self, Layout};
use crate::definition::{Condition, Flow, State, StateBody, StateMachine, StateSummary};
use crate::event::StateKind;
use crate::expression::Template;

/// Width of a character of a state's name, in pixels: enough for any font.
const CHARACTER: f64 = 8.2;
/// Width of a character of the caption below the name.
const SMALL_CHARACTER: f64 = 6.6;
/// The maximum length of a caption.
const MAX_CAPTION_CHARACTERS: usize = 48;

/// A flow before its layout.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// The shape of a node.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The point where a flow begins.
    Start,
    /// The point where a flow has succeeded.
    End,
    /// A Task, Wait or Pass.
    Box,
    /// A Choice.
    Choice,
    /// A Succeed or a Fail.
    Pill,
    /// A Map or a Parallel, with its flows inside.
    Group,
}

/// A state or an end of a flow.
#[derive(Debug)]
pub(super) struct Node {
    pub shape: Shape,
    pub name: String,
    pub kind: Option<StateKind>,
    /// The text below the name.
    pub caption: String,
    pub width: f64,
    pub height: f64,
    /// The flows inside a group.
    pub flows: Vec<Layout>,
}

/// A way from one node to another.
#[derive(Debug)]
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    /// True if an error leads this way.
    pub caught: bool,
    /// The condition of the way.
    pub why: String,
}

/// Lays out a machine's states.
pub(super) fn layout(machine: &StateMachine) -> Layout {
    let summaries = machine.states().into_iter().map(|state| (state.name.clone(), state));
    flow(machine, &machine.flow, &summaries.collect())
}

fn flow(machine: &StateMachine, flow: &Flow, summaries: &BTreeMap<String, StateSummary>) -> Layout {
    let mut graph = Graph::default();
    graph.nodes.push(point(Shape::Start));
    let states: Vec<&State> = flow.names.iter().filter_map(|name| machine.state(name)).collect();
    for state in &states {
        graph.nodes.push(node(machine, state, summaries));
    }
    let index = |name: &str| states.iter().position(|state| state.name == name).map(|at| at + 1);
    let end = graph.nodes.len();
    let mut edges = Vec::new();
    if let Some(start) = index(&flow.start_at) {
        edges.push(edge(0, start, false, String::new()));
    }
    for (from, state) in (1..).zip(&states) {
        if ends(state) {
            edges.push(edge(from, end, false, String::new()));
        }
        for (target, caught, why) in ways(state) {
            let Some(to) = index(target) else { continue };
            let known = edges
                .iter_mut()
                .find(|known: &&mut Edge| (known.from, known.to, known.caught) == (from, to, caught));
            match known {
                Some(known) => known.why = [known.why.as_str(), why.as_str()].join(" or "),
                None => edges.push(edge(from, to, caught, why)),
            }
        }
    }
    if edges.iter().any(|edge| edge.to == end) {
        graph.nodes.push(point(Shape::End));
    }
    graph.edges = edges;
    place::place(graph)
}

fn edge(from: usize, to: usize, caught: bool, why: String) -> Edge {
    Edge { from, to, caught, why }
}

/// Returns true if a flow ends after a state whose shape does not show it.
fn ends(state: &State) -> bool {
    let plain = !matches!(state.kind, StateKind::Choice | StateKind::Succeed | StateKind::Fail);
    plain && state.exit.next.is_none()
}

/// Returns the ways out of a state: the target, true for an error, and the condition.
fn ways(state: &State) -> Vec<(&str, bool, String)> {
    let mut ways = Vec::new();
    if let StateBody::Choice { rules } = &state.body {
        for rule in rules {
            let why = match &rule.condition {
                Condition::Constant(constant) => constant.to_string(),
                Condition::Expression(Template::Expression(expression)) => expression.source.clone(),
                Condition::Expression(_) => String::new(),
            };
            ways.extend(rule.exit.next.as_deref().map(|next| (next, false, why)));
        }
    }
    let why = if state.kind == StateKind::Choice {
        "otherwise"
    } else {
        ""
    };
    ways.extend(state.exit.next.as_deref().map(|next| (next, false, why.to_owned())));
    for catcher in &state.catch {
        let next = catcher.exit.next.as_deref();
        ways.extend(next.map(|next| (next, true, format!("on {}", catcher.errors.join(", ")))));
    }
    ways
}

fn point(shape: Shape) -> Node {
    Node {
        shape,
        name: String::new(),
        kind: None,
        caption: String::new(),
        width: 14.0,
        height: 14.0,
        flows: Vec::new(),
    }
}

fn node(machine: &StateMachine, state: &State, summaries: &BTreeMap<String, StateSummary>) -> Node {
    let mut flows = Vec::new();
    if let Some(inner) = state.inline() {
        flows.push(flow(machine, inner, summaries));
    }
    if let Some(child) = state.distributed() {
        flows.push(flow(child, &child.flow, summaries));
    }
    if let StateBody::Parallel { branches, .. } = &state.body {
        flows.extend(branches.iter().map(|branch| flow(machine, branch, summaries)));
    }
    let shape = match state.kind {
        StateKind::Choice => Shape::Choice,
        StateKind::Succeed | StateKind::Fail => Shape::Pill,
        StateKind::Map | StateKind::Parallel => Shape::Group,
        _ => Shape::Box,
    };
    let caption = caption(state, summaries.get(&state.name));
    let text = (state.name.chars().count() as f64 * CHARACTER).max(caption.chars().count() as f64 * SMALL_CHARACTER);
    let (mut width, mut height) = (text + 44.0, 46.0);
    if shape == Shape::Choice {
        width += 16.0;
    }
    if shape == Shape::Group {
        let inside: f64 = flows.iter().map(|flow| flow.width + place::GROUP_GAP).sum();
        let tallest = flows.iter().fold(0.0, |most: f64, flow| most.max(flow.height));
        width = width.max(inside + place::GROUP_GAP);
        height += tallest + place::GROUP_GAP;
    }
    Node {
        shape,
        name: state.name.clone(),
        kind: Some(state.kind),
        caption,
        width,
        height,
        flows,
    }
}

/// Returns a state's caption.
fn caption(state: &State, summary: Option<&StateSummary>) -> String {
    let function = summary.and_then(|summary| summary.function.as_deref());
    let name = function.map(|function| match function.split_once(":function:") {
        Some((_, name)) => name,
        // The deployment fills in this name.
        None => function.trim_start_matches("${").trim_end_matches('}'),
    });
    let mut caption = state.kind.as_str().to_owned();
    match &state.body {
        StateBody::Task(task) if task.resource.waits_for_token() => caption.push_str(" with token"),
        StateBody::Map(_) if state.distributed().is_some() => caption.push_str(", each item an execution"),
        StateBody::Map(_) => caption.push_str(", each item"),
        _ => {}
    }
    if let Some(name) = name {
        caption = format!("{caption} · {name}");
    }
    if !state.retry.is_empty() {
        caption.push_str(" ↻");
    }
    match caption.char_indices().nth(MAX_CAPTION_CHARACTERS) {
        Some((end, _)) => format!("{}…", &caption[..end]),
        None => caption,
    }
}
