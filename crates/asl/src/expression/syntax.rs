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
        serde_json::to_value(ast).map_or_else(|error| Some(error.to_string()), |tree| find(&tree))
    })
}

/// Walks the tree's serialized form: it names each node by its variant.
fn find(node: &Value) -> Option<String> {
    match node {
        Value::Array(items) => items.iter().find_map(find),
        Value::Object(fields) => {
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
