//! A flat copy of a syntax tree, for matchers that check no clock and that recurse: each step of theirs is paid from a
//! budget that all rules of a file share. When it is used up, the tree answers "nothing", and the caller throws the
//! answer away. Nodes below a maximum depth are left out, and a matcher that is about to fill its stack has no budget
//! either.

mod node;

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use ast_grep_core::Doc;
use ast_grep_core::source::Edit;
use tree_sitter::{Tree, TreeCursor};

use super::deadline::TimeLimit;
use super::language::Language;
pub(super) use node::FlatNode;

/// Maximum depth of a node. A node at this depth seems to have no children.
const MAX_DEPTH: usize = 500;
/// Maximum number of nodes of a tree.
const MAX_NODES: usize = 4_000_000;
/// Number of steps that all rules of a file share.
const MAX_STEPS: u64 = 20_000_000;
/// Steps between two checks of the clock.
const STEPS_PER_CHECK: u32 = 256;
/// Bytes of a text that cost one step.
const BYTES_PER_STEP: usize = 64;
/// Maximum size of the matchers' part of the stack, in bytes. A thread's has 2 MiB.
const MAX_STACK_BYTES: usize = 768 * 1024;

/// The number that stands for "no node".
const NONE: u32 = u32::MAX;

const NAMED: u8 = 1;
const MISSING: u8 = 2;
const ERROR: u8 = 4;
const EXTRA: u8 = 8;
const HAS_NAMED_CHILD: u8 = 16;

/// A node. Its children are the nodes after it, up to `end_of_children`.
#[derive(Clone, Debug)]
struct Entry {
    kind: u16,
    field: u16,
    flags: u8,
    start: u32,
    end: u32,
    parent: u32,
    previous: u32,
    next: u32,
    children: u32,
    end_of_children: u32,
}

/// The rest of a file's budget.
#[derive(Debug)]
struct Budget {
    steps: Cell<u64>,
    until_check: Cell<u32>,
    deadline: Cell<TimeLimit>,
    stack: Cell<usize>,
    is_over: Cell<bool>,
}

/// A flat copy of a tree, and its text.
#[derive(Debug)]
pub(super) struct FlatTree {
    language: Language,
    text: String,
    entries: Vec<Entry>,
    /// The offset of each line.
    lines: Vec<u32>,
    is_cut: bool,
    budget: Budget,
}

/// A document for the matchers.
#[derive(Clone, Debug)]
pub(super) struct FlatDoc(Rc<FlatTree>);

impl FlatDoc {
    /// Copies a tree; `None` when the time is up or the tree is too large.
    pub fn copy(tree: &Tree, text: &str, language: Language, deadline: TimeLimit) -> Option<Self> {
        let (entries, is_cut) = copy_entries(tree, text.len(), deadline)?;
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(starts.map(|(at, _)| small(at + 1))).collect();
        Some(Self(Rc::new(FlatTree {
            language,
            text: text.to_owned(),
            entries,
            lines,
            is_cut,
            budget: Budget {
                steps: Cell::new(MAX_STEPS),
                until_check: Cell::new(STEPS_PER_CHECK),
                deadline: Cell::new(deadline),
                stack: Cell::new(0),
                is_over: Cell::new(false),
            },
        })))
    }

    /// Returns the tree.
    pub fn tree(&self) -> &FlatTree {
        &self.0
    }
}

impl FlatTree {
    /// Starts a matcher: what is below this call on the stack isn't the matcher's.
    pub fn start(&self) {
        self.budget.stack.set(stack_address());
    }

    /// Gives the next rules a budget of their own.
    pub fn refill(&self, deadline: TimeLimit) {
        self.budget.steps.set(MAX_STEPS);
        self.budget.until_check.set(STEPS_PER_CHECK);
        self.budget.deadline.set(deadline);
        self.budget.is_over.set(false);
    }

    /// Returns true once the budget is used up. The answers since then are wrong.
    pub fn is_over(&self) -> bool {
        self.budget.is_over.get()
    }

    /// Returns true if nodes were left out because they are nested too deep.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Pays for steps. Returns false once the budget is used up.
    fn pay(&self, steps: usize) -> bool {
        let budget = &self.budget;
        if budget.is_over.get() {
            return false;
        }
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let until_check = budget.until_check.get();
        let is_late = if until_check == 0 {
            budget.until_check.set(STEPS_PER_CHECK);
            budget.deadline.get().is_over()
        } else {
            budget.until_check.set(until_check - 1);
            false
        };
        let stack = budget.stack.get();
        let is_deep = stack > 0 && stack.abs_diff(stack_address()) > MAX_STACK_BYTES;
        match budget.steps.get().checked_sub(steps) {
            Some(rest) if !is_late && !is_deep => budget.steps.set(rest),
            _ => budget.is_over.set(true),
        }
        !budget.is_over.get()
    }

    fn entry(&self, id: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(id).ok()?)
    }

    /// Returns the text in a range of bytes; nothing where it isn't between characters, or the budget is used up.
    fn paid_text(&self, range: Range<usize>) -> &str {
        let is_paid = self.pay(1 + range.len() / BYTES_PER_STEP);
        let text = if is_paid { self.text.get(range) } else { None };
        text.unwrap_or_default()
    }

    /// Returns the offset of a row, from 0; none after the last row.
    pub fn line_start(&self, row: usize) -> Option<usize> {
        self.lines.get(row).copied().map(large)
    }

    /// Returns the row and the column of an offset, in bytes, from 0.
    pub fn point(&self, offset: usize) -> (usize, usize) {
        let row = self
            .lines
            .partition_point(|start| large(*start) <= offset)
            .saturating_sub(1);
        let start = self.lines.get(row).copied().unwrap_or(0);
        (row, offset.saturating_sub(large(start)))
    }
}

/// Returns an address on the stack, to measure how much of it is in use.
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

/// Copies the nodes, and returns true if some were too deep.
fn copy_entries(tree: &Tree, length: usize, deadline: TimeLimit) -> Option<(Vec<Entry>, bool)> {
    let mut cursor = tree.walk();
    let mut entries: Vec<Entry> = Vec::new();
    let mut parents: Vec<u32> = Vec::new();
    let (mut previous, mut is_cut) = (NONE, false);
    loop {
        if entries.len() >= MAX_NODES || (entries.len().is_multiple_of(1024) && deadline.is_over()) {
            return None;
        }
        let id = small(entries.len());
        let parent = parents.last().copied().unwrap_or(NONE);
        entries.push(entry(&cursor, length, parent, previous, id));
        if let Some(previous) = get(&mut entries, previous) {
            previous.next = id;
        }
        let is_named = cursor.node().is_named();
        if let Some(parent) = get(&mut entries, parent) {
            parent.children += 1;
            if is_named {
                parent.flags |= HAS_NAMED_CHILD;
            }
        }
        if parents.len() < MAX_DEPTH {
            if cursor.goto_first_child() {
                parents.push(id);
                previous = NONE;
                continue;
            }
        } else if cursor.node().child_count() > 0 {
            is_cut = true;
        }
        previous = id;
        while !cursor.goto_next_sibling() {
            let Some(parent) = parents.pop() else {
                return Some((entries, is_cut));
            };
            let end = small(entries.len());
            if let Some(entry) = get(&mut entries, parent) {
                entry.end_of_children = end;
            }
            cursor.goto_parent();
            previous = parent;
        }
    }
}

fn entry(cursor: &TreeCursor<'_>, length: usize, parent: u32, previous: u32, id: u32) -> Entry {
    let node = cursor.node();
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    Entry {
        kind: node.kind_id(),
        field: cursor.field_id().map_or(0, std::num::NonZero::get),
        flags: flag(node.is_named(), NAMED)
            | flag(node.is_missing(), MISSING)
            | flag(node.is_error(), ERROR)
            | flag(node.is_extra(), EXTRA),
        start: small(node.start_byte().min(length)),
        end: small(node.end_byte().min(length)),
        parent,
        previous,
        next: NONE,
        children: 0,
        end_of_children: id + 1,
    }
}

fn get(entries: &mut [Entry], id: u32) -> Option<&mut Entry> {
    entries.get_mut(usize::try_from(id).ok()?)
}

/// Texts and trees are far below 4 GiB.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

fn large(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Doc for FlatDoc {
    type Source = String;
    type Lang = Language;
    type Node<'r> = FlatNode<'r>;

    fn get_lang(&self) -> &Language {
        &self.0.language
    }

    fn get_source(&self) -> &String {
        &self.0.text
    }

    fn do_edit(&mut self, _edit: &Edit<String>) -> Result<(), String> {
        Err("a flat tree can't change".to_owned())
    }

    fn root_node(&self) -> FlatNode<'_> {
        FlatNode::new(&self.0, 0)
    }

    fn get_node_text<'a>(&'a self, node: &FlatNode<'a>) -> std::borrow::Cow<'a, str> {
        std::borrow::Cow::Borrowed(node.paid_text())
    }
}
