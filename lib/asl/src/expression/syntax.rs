//! Expressions that the grammar allows and AWS's dialect of JSONata refuses.

use jsonata_core::ast::AstNode;
use serde_json::Value;

/// Functions of JSONata that Step Functions does not offer, each with the alternative.
const REFUSED: [(&str, &str); 1] = [("eval", "`$eval` is not offered; `$parse` reads JSON")];

/// Stack for walking a tree of the greatest depth, in bytes.
pub(super) const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Operators of later versions of JSONata than AWS's, by their name in the tree.
const LATER_OPERATORS: [(&str, &str); 2] = [("Coalesce", "??"), ("Default", "?:")];

/// Returns the reason why an expression is refused, if it is.
pub(super) fn refused(ast: &AstNode) -> Option<String> {
    // A tree as deep as the parser allows (about 1000 levels) needs more stack than a thread may have.
    stacker::grow(STACK_BYTES, || {
        if let Some(name) = top_level(ast, &name) {
            return Some(format!(
                "`{name}` is read from nothing: the input is `$states.input`, a variable is `${name}`"
            ));
        }
        serde_json::to_value(ast).map_or_else(|error| Some(error.to_string()), |tree| find(&tree))
    })
}

/// Returns the reason why AWS refuses an expression that this engine can evaluate, if it does.
pub(super) fn refused_on_aws(ast: &AstNode) -> Option<String> {
    stacker::grow(STACK_BYTES, || {
        if top_level(ast, &context).is_some() {
            return Some("`$` is nothing here: the input is `$states.input`".to_owned());
        }
        serde_json::to_value(ast).ok().as_ref().and_then(later_operator)
    })
}

fn later_operator(node: &Value) -> Option<String> {
    match node {
        Value::Array(items) => items.iter().find_map(later_operator),
        Value::Object(fields) => {
            let used = &node["Binary"]["op"];
            match LATER_OPERATORS.iter().find(|(name, _)| used == name) {
                Some((_, sign)) => Some(format!("JSONata 2.0.6, which AWS evaluates, has no operator `{sign}`")),
                None => fields.values().find_map(later_operator),
            }
        }
        _ => None,
    }
}

/// Returns true if an expression reads a field of `$states`.
pub(super) fn reads_state_field(ast: &AstNode, field: &str) -> bool {
    stacker::grow(STACK_BYTES, || {
        serde_json::to_value(ast).is_ok_and(|tree| mentions(&tree, field))
    })
}

fn mentions(node: &Value, field: &str) -> bool {
    match node {
        Value::Array(items) => items.iter().any(|item| mentions(item, field)),
        Value::Object(fields) => {
            let step = |index: usize, kind: &str| node["Path"]["steps"][index]["node"][kind].as_str();
            (step(0, "Variable") == Some("states") && step(1, "Name") == Some(field))
                || fields.values().any(|value| mentions(value, field))
        }
        _ => false,
    }
}

/// Returns the name if a node is one.
fn name(node: &AstNode) -> Option<&str> {
    match node {
        AstNode::Name(name) => Some(name),
        _ => None,
    }
}

/// Returns a name if a node is the context item.
fn context(node: &AstNode) -> Option<&str> {
    match node {
        AstNode::Variable(name) if name.is_empty() => Some("$"),
        _ => None,
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

/// Returns the first node that `is` accepts at a place without a context item. Steps on an item and bodies of functions
/// are left out, because they may have one.
fn top_level<'a>(node: &'a AstNode, is: &dyn Fn(&'a AstNode) -> Option<&'a str>) -> Option<&'a str> {
    let found = is(node);
    if found.is_some() {
        return found;
    }
    let mut nodes: Box<dyn Iterator<Item = &AstNode> + '_> = match node {
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
    nodes.find_map(|node| top_level(node, is))
}
