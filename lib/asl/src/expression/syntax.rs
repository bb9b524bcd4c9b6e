//! What AWS's dialect of JSONata refuses although the grammar allows it.

use jsonata_core::ast::AstNode;
use serde_json::Value;

/// Functions of JSONata that Step Functions does not offer, and what to use instead.
const REFUSED: [(&str, &str); 1] = [("eval", "`$eval` is not offered; `$parse` reads JSON")];

/// Stack for walking a tree of the greatest depth, in bytes.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Why an expression is refused, if it is.
pub(super) fn refused(ast: &AstNode) -> Option<String> {
    // A tree as deep as the parser allows (about 1000 levels) needs more stack than a thread may have.
    stacker::grow(STACK_BYTES, || {
        if let Some(name) = top_level(ast) {
            return Some(format!(
                "`{name}` is read from nothing: the input is `$states.input`, a variable is `${name}`"
            ));
        }
        serde_json::to_value(ast).map_or_else(|error| Some(error.to_string()), |tree| find(&tree))
    })
}

/// Whether an expression reads `$states.errorOutput`.
pub(super) fn reads_error_output(ast: &AstNode) -> bool {
    stacker::grow(STACK_BYTES, || {
        serde_json::to_value(ast).is_ok_and(|tree| mentions_error_output(&tree))
    })
}

fn mentions_error_output(node: &Value) -> bool {
    match node {
        Value::Array(items) => items.iter().any(mentions_error_output),
        Value::Object(fields) => {
            let step = |index: usize, kind: &str| node["Path"]["steps"][index]["node"][kind].as_str();
            (step(0, "Variable") == Some("states") && step(1, "Name") == Some("errorOutput"))
                || fields.values().any(mentions_error_output)
        }
        _ => false,
    }
}

/// Walks the tree's serialized form: it names each node by its variant.
fn find(node: &Value) -> Option<String> {
    match node {
        Value::Array(items) => items.iter().find_map(find),
        Value::Object(fields) => {
            if fields.contains_key("ParentVariable") {
                return Some("`$$` is not offered; the input is `$states.input`".to_owned());
            }
            let name = fields
                .get("Variable")
                .or_else(|| fields.get("Function").and_then(|call| call.get("name")))
                .and_then(Value::as_str);
            let refusal = name.and_then(|name| REFUSED.iter().find(|(refused, _)| *refused == name));
            match refusal {
                Some((_, message)) => Some((*message).to_owned()),
                None => fields.values().find_map(find),
            }
        }
        _ => None,
    }
}

/// The first name that is read where there is no context item. What runs on an item or inside a function is left
/// alone: there may be one.
fn top_level(node: &AstNode) -> Option<&str> {
    let mut nodes: Box<dyn Iterator<Item = &AstNode> + '_> = match node {
        AstNode::Name(name) => return Some(name),
        AstNode::Path { steps } => Box::new(steps.first().map(|step| &step.node).into_iter()),
        AstNode::Binary { lhs, rhs, .. } => Box::new([lhs.as_ref(), rhs.as_ref()].into_iter()),
        AstNode::Unary { operand, .. } => Box::new([operand.as_ref()].into_iter()),
        AstNode::Function { args, .. } | AstNode::Call { args, .. } => Box::new(args.iter()),
        AstNode::Array(items) | AstNode::Block(items) => Box::new(items.iter()),
        AstNode::Object(pairs) => Box::new(pairs.iter().flat_map(|(key, value)| [key, value])),
        AstNode::Conditional {
            condition,
            then_branch,
            else_branch,
        } => Box::new(
            [condition, then_branch]
                .into_iter()
                .chain(else_branch)
                .map(AsRef::as_ref),
        ),
        AstNode::ObjectTransform { input, .. } | AstNode::Sort { input, .. } => Box::new([input.as_ref()].into_iter()),
        _ => return None,
    };
    nodes.find_map(top_level)
}
