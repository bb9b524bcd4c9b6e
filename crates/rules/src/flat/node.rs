//! A node of a flat tree, for the matchers. Each step to another node is paid.

use std::borrow::Cow;
use std::iter::successors;
use std::ops::Range;

use ast_grep_core::source::SgNode;
use ast_grep_core::{Language as _, Position};

use super::{ERROR, EXTRA, Entry, FlatTree, HAS_NAMED_CHILD, MISSING, NAMED, NONE, large};

/// A node of a flat tree.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct FlatNode<'r> {
    tree: &'r FlatTree,
    id: u32,
}

/// The children of a node.
struct Children<'r> {
    next: Option<FlatNode<'r>>,
    left: usize,
}

impl<'r> Iterator for Children<'r> {
    type Item = FlatNode<'r>;

    fn next(&mut self) -> Option<FlatNode<'r>> {
        let node = self.next.filter(|_| self.left > 0)?;
        self.left -= 1;
        self.next = node.at(node.entry().map_or(NONE, |entry| entry.next));
        Some(node)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Children<'_> {}

impl<'r> FlatNode<'r> {
    pub(super) const fn new(tree: &'r FlatTree, id: u32) -> Self {
        Self { tree, id }
    }

    fn entry(&self) -> Option<&'r Entry> {
        self.tree.entry(self.id)
    }

    fn at(&self, id: u32) -> Option<Self> {
        (id != NONE).then_some(Self { tree: self.tree, id })
    }

    /// Goes one paid step.
    fn step(&self, to: impl FnOnce(&Entry) -> u32) -> Option<Self> {
        let id = self.tree.pay(1).then(|| self.entry().map(to))??;
        self.at(id)
    }

    fn has(&self, flag: u8) -> bool {
        self.entry().is_some_and(|entry| entry.flags & flag != 0)
    }

    fn child_count(&self) -> usize {
        self.entry().map_or(0, |entry| large(entry.children))
    }

    fn field_id(&self) -> u16 {
        self.entry().map_or(0, |entry| entry.field)
    }

    fn position(&self, offset: usize) -> Position {
        let (row, column) = self.tree.point(offset);
        // A matcher that looks for a place counts the characters of the line.
        self.tree.pay(1 + column / super::BYTES_PER_STEP);
        Position::new(row, column, offset)
    }

    pub(super) fn paid_text(&self) -> &'r str {
        self.tree.paid_text(SgNode::range(self))
    }

    /// Returns the first and the last line, from 1.
    pub fn rows(&self) -> (u32, u32) {
        let range = SgNode::range(self);
        let line = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
        let (first, _) = self.tree.point(range.start);
        let (last, column) = self.tree.point(range.end);
        // A node that ends with a line doesn't touch the next one.
        let last = if column == 0 {
            last.saturating_sub(1).max(first)
        } else {
            last
        };
        (line(first), line(last))
    }
}

impl<'r> SgNode<'r> for FlatNode<'r> {
    fn parent(&self) -> Option<Self> {
        self.step(|entry| entry.parent)
    }

    fn ancestors(&self, _root: Self) -> impl Iterator<Item = Self> {
        successors(self.parent(), Self::parent)
    }

    fn children(&self) -> impl ExactSizeIterator<Item = Self> {
        // All at once: a matcher relies on the number.
        let count = self.child_count();
        let left = if self.tree.pay(1 + count) { count } else { 0 };
        Children {
            next: Some(Self::new(self.tree, self.id.saturating_add(1))),
            left,
        }
    }

    fn dfs(&self) -> impl Iterator<Item = Self> {
        let (tree, end) = (self.tree, self.entry().map_or(0, |entry| entry.end_of_children));
        let nodes = (self.id..end).map(move |id| Self::new(tree, id));
        nodes.take_while(move |_| tree.pay(1))
    }

    fn next(&self) -> Option<Self> {
        self.step(|entry| entry.next)
    }

    fn prev(&self) -> Option<Self> {
        self.step(|entry| entry.previous)
    }

    fn next_all(&self) -> impl Iterator<Item = Self> {
        successors(SgNode::next(self), SgNode::next)
    }

    fn prev_all(&self) -> impl Iterator<Item = Self> {
        successors(self.prev(), SgNode::prev)
    }

    fn kind(&self) -> Cow<'_, str> {
        let kind = self.entry().map_or(0, |entry| entry.kind);
        let grammar = self.tree.language.grammar();
        let name = grammar.as_ref().and_then(|grammar| grammar.node_kind_for_id(kind));
        Cow::Owned(name.unwrap_or_default().to_owned())
    }

    fn kind_id(&self) -> u16 {
        self.entry().map_or(0, |entry| entry.kind)
    }

    fn node_id(&self) -> usize {
        large(self.id)
    }

    fn range(&self) -> Range<usize> {
        self.entry().map_or(0..0, |entry| large(entry.start)..large(entry.end))
    }

    fn start_pos(&self) -> Position {
        self.position(SgNode::range(self).start)
    }

    fn end_pos(&self) -> Position {
        self.position(SgNode::range(self).end)
    }

    fn is_named(&self) -> bool {
        self.has(NAMED)
    }

    fn is_named_leaf(&self) -> bool {
        !self.has(HAS_NAMED_CHILD)
    }

    fn is_leaf(&self) -> bool {
        self.child_count() == 0
    }

    fn is_missing(&self) -> bool {
        self.has(MISSING)
    }

    fn is_error(&self) -> bool {
        self.has(ERROR)
    }

    fn is_extra(&self) -> bool {
        self.has(EXTRA)
    }

    fn field(&self, name: &str) -> Option<Self> {
        self.child_by_field_id(self.tree.language.field_to_id(name)?)
    }

    fn field_children(&self, field_id: Option<u16>) -> impl Iterator<Item = Self> {
        let children = self.children();
        children.filter(move |child| field_id == Some(child.field_id()))
    }

    fn child_by_field_id(&self, field_id: u16) -> Option<Self> {
        self.children().find(|child| child.field_id() == field_id)
    }
}
