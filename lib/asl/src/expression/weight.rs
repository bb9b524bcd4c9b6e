//! An upper bound for the cost of an expression, derived only from its syntax. An expression with a weight takes time
//! and memory linear in the data that it reads, so the engine may evaluate it while everything else waits. An
//! expression without one (its own functions, ranges, regular expressions, bindings, work repeated for each item) has
//! no bound.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};

/// The maximum weight of a template that is evaluated at once.
pub(super) const MAX_WEIGHT: u32 = 1_000;
/// The maximum nesting of an expression with a weight.
const MAX_DEPTH: u32 = 40;

/// Functions that read each of their arguments once and return about as much data at most, with the maximum number of
/// arguments for which that holds.
const LINEAR: [(&str, usize); 32] = [
    ("abs", 1),
    ("append", 2),
    ("average", 1),
    ("boolean", 1),
    ("ceil", 1),
    ("count", 1),
    ("exists", 1),
    ("floor", 1),
    ("fromMillis", 1),
    ("hash", 2),
    ("length", 1),
    ("lookup", 2),
    ("lowercase", 1),
    ("max", 1),
    ("merge", 1),
    ("millis", 0),
    ("min", 1),
    ("not", 1),
    ("now", 0),
    ("number", 1),
    ("parse", 1),
    ("random", 1),
    ("round", 1),
    ("substring", 3),
    ("substringAfter", 2),
    ("substringBefore", 2),
    ("sum", 1),
    ("toMillis", 1),
    ("trim", 1),
    ("type", 1),
    ("uppercase", 1),
    ("uuid", 0),
];

/// Returns the weight of an expression; none if its cost has no such bound.
pub(super) fn weight(node: &AstNode) -> Option<u32> {
    at_depth(node, 0).filter(|weight| *weight <= MAX_WEIGHT)
}

fn at_depth(node: &AstNode, depth: u32) -> Option<u32> {
    if depth > MAX_DEPTH {
        return None;
    }
    match node {
        AstNode::String(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Variable(_)
        | AstNode::Name(_) => Some(1),
        AstNode::Path { steps } => path(steps, depth),
        AstNode::Unary { operand, .. } => at_depth(operand, depth + 1).map(|weight| weight + 1),
        AstNode::Binary { op, lhs, rhs } => {
            let sum = all(depth, [lhs.as_ref(), rhs.as_ref()].into_iter())?;
            match op {
                // Each added part copies the left side again.
                BinaryOp::Concatenate => sum.checked_mul(2),
                BinaryOp::Range
                | BinaryOp::ColonEqual
                | BinaryOp::FocusBind
                | BinaryOp::IndexBind
                | BinaryOp::ChainPipe => None,
                _ => Some(sum),
            }
        }
        AstNode::Array(items) | AstNode::Block(items) => all(depth, items.iter()),
        AstNode::Object(pairs) => all(depth, pairs.iter().flat_map(|(key, value)| [key, value])),
        AstNode::Conditional {
            condition,
            then_branch,
            else_branch,
        } => all(
            depth,
            [condition, then_branch]
                .into_iter()
                .chain(else_branch)
                .map(AsRef::as_ref),
        ),
        AstNode::Function {
            name,
            args,
            is_builtin: true,
        } => {
            let linear = LINEAR
                .iter()
                .any(|(linear, most)| linear == name && args.len() <= *most);
            // A nested call escapes the quotes of the inner text again, so that the text grows.
            let shows_data = name == "string" && args.len() <= 1 && args.iter().all(reads_data);
            let searches = name == "contains" && matches!(args.as_slice(), [_, AstNode::String(_)]);
            if linear || shows_data || searches {
                all(depth, args.iter())
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Returns the weight of a node with these children; none if one of them has none.
fn all<'a>(depth: u32, mut nodes: impl Iterator<Item = &'a AstNode>) -> Option<u32> {
    nodes.try_fold(1, |sum: u32, node| sum.checked_add(at_depth(node, depth + 1)?))
}

/// Returns true if a node only reads data.
fn reads_data(node: &AstNode) -> bool {
    match node {
        AstNode::Variable(_) | AstNode::Number(_) | AstNode::Boolean(_) | AstNode::Name(_) | AstNode::String(_) => true,
        AstNode::Path { steps } => steps.first().is_some_and(|step| reads_data(&step.node)),
        _ => false,
    }
}

/// Returns the weight of a path. Its first step may be anything with a weight. The others must be names, which repeat
/// no work.
fn path(steps: &[PathStep], depth: u32) -> Option<u32> {
    let mut sum: u32 = 1;
    for (position, step) in steps.iter().enumerate() {
        let plain = step.focus.is_none() && step.index_var.is_none() && step.ancestor_label.is_none() && !step.is_tuple;
        let node = match &step.node {
            AstNode::Name(_) | AstNode::String(_) => Some(1),
            first if position == 0 => at_depth(first, depth + 1),
            _ => None,
        };
        sum = sum.checked_add(node.filter(|_| plain)?)?;
        for stage in &step.stages {
            sum = sum.checked_add(match stage {
                Stage::KeepArray => 1,
                Stage::Filter(condition) => filter(condition, depth + 1)?,
                Stage::Index(_) => return None,
            })?;
        }
    }
    Some(sum)
}

/// Returns the weight of a filter. It is evaluated for each item, so it may read only the item.
fn filter(node: &AstNode, depth: u32) -> Option<u32> {
    if depth > MAX_DEPTH {
        return None;
    }
    match node {
        AstNode::String(_) | AstNode::Number(_) | AstNode::Boolean(_) | AstNode::Null | AstNode::Name(_) => Some(1),
        AstNode::Path { steps } => steps
            .iter()
            .all(|step| matches!(step.node, AstNode::Name(_)) && step.stages.is_empty() && !step.is_tuple)
            .then_some(u32::try_from(steps.len()).ok()?),
        AstNode::Unary { operand, .. } => filter(operand, depth + 1),
        AstNode::Binary {
            op:
                BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::LessThan
                | BinaryOp::LessThanOrEqual
                | BinaryOp::GreaterThan
                | BinaryOp::GreaterThanOrEqual
                | BinaryOp::And
                | BinaryOp::Or,
            lhs,
            rhs,
        } => filter(lhs, depth + 1)?.checked_add(filter(rhs, depth + 1)?),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn has_weight(source: &str) -> bool {
        weight(&jsonata_core::parser::parse(source).unwrap()).is_some()
    }

    #[test]
    fn an_expression_that_only_reads_and_builds_has_a_weight() {
        for source in [
            "$states.input",
            "$states.context.Map.Item.Value.tier",
            "$exists($failure.Cause) ? $substring($failure.Cause, 0, 2000) : ''",
            "$merge([$task, {'waits': $task.waits + 1}])",
            "$failure.Error in ['PullRequestHeadMoved', 'RunSuperseded']",
            "$toMillis($states.context.State.EnteredTime)",
            "$states.input.decision = 'none' and $round <= 2",
            "$states.input.list[0].name",
            "$states.input.list[kind = 'a' and size > 3]",
            "$states.input.`a b`",
            "{'a': $states.input.a & '-' & $string($states.input.b)}",
            "$uuid()",
            "-$states.input.n",
            "$hash($states.input.text, 'SHA-256')",
        ] {
            assert!(has_weight(source), "{source}");
        }
    }

    #[test]
    fn an_expression_of_unknown_cost_has_no_weight() {
        let long = vec!["$states.input.text"; 60].join(" & ");
        let quoted = "$string([$string([$string([$states.input.text])])])";
        let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
        for source in [
            "[1..60]",
            "$pad('x', 2000000000)",
            "$count($distinct([1..40000].{'a': $}))",
            "$reduce([1..60], function($a, $i){{'l': $a, 'r': $a}}, {'v': 1})",
            "($a := {'l': $states.input, 'r': $states.input}; {'l': $a, 'r': $a})",
            "$states.input.list.{'all': $states.input.list}",
            "$states.input.list[a = $sum($states.input.list)]",
            "$states.input.list^(a)",
            "$states.input.list{a: b}",
            "$states.input ~> $count()",
            "$replace($states.input.text, /a/, 'b')",
            "$match($states.input.text, /(a+)+b/)",
            "$join($states.input.list, $states.input.text)",
            "$split($states.input.text, '')",
            "$map($states.input.list, $string)",
            "$states.input.**",
            "$sort($states.input.list)",
            "$shuffle($states.input.list)",
            "$range(1, 100000, 1)",
            "$formatNumber(1, $states.input.text)",
            "$now($states.input.text)",
            "$states.input.f(1)",
            long.as_str(),
            quoted,
            deep.as_str(),
        ] {
            assert!(!has_weight(source), "{source}");
        }
    }

    #[test]
    fn the_reviews_own_expressions_are_light() {
        fn walk(value: &serde_json::Value, seen: &mut usize) {
            match value {
                serde_json::Value::String(text) => {
                    if let Some(source) = crate::expression::Expression::delimited(text) {
                        *seen += 1;
                        assert!(has_weight(source), "{source}");
                    }
                }
                serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, seen)),
                serde_json::Value::Object(fields) => fields.values().for_each(|field| walk(field, seen)),
                _ => {}
            }
        }
        let definition = include_str!("../../../../state-machine/review.asl.json");
        let mut seen = 0;
        walk(&serde_json::from_str(definition).unwrap(), &mut seen);
        assert!(seen > 50, "{seen}");
    }
}
