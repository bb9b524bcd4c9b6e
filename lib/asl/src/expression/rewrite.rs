//! Where the evaluator differs from the reference (jsonata 2.0.6) and its functions cannot be replaced, the expression is
//! rewritten into one that has the reference's value.

use jsonata_core::ast::AstNode;
use serde_json::{Value, json};

use super::url;

/// A variable that no expression can name.
const ITEMS: &str = "!items";

/// The expression with the reference's meaning. Only one whose source names such a function is looked at.
pub(super) fn rewritten(ast: AstNode, source: &str) -> Result<AstNode, String> {
    let concerns = ["reduce", "codeUrl"].iter().any(|name| source.contains(name));
    if !concerns {
        return Ok(ast);
    }
    let before = serde_json::to_value(&ast).map_err(|error| error.to_string())?;
    let mut tree = before.clone();
    rewrite(&mut tree);
    if tree == before {
        return Ok(ast);
    }
    serde_json::from_value(tree).map_err(|error| error.to_string())
}

/// Walks the tree's serialized form: it names each node by its variant.
fn rewrite(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Object(fields) => {
            if fields.get("Binary").is_some_and(|binary| binary["op"] == "ChainPipe") {
                // The left side is the first argument of the call on the right side.
                let binary = &mut fields["Binary"];
                rewrite(&mut binary["lhs"]);
                match binary["rhs"].get_mut("Function") {
                    Some(call) => rewrite(&mut call["args"]),
                    None => rewrite(&mut binary["rhs"]),
                }
                if let Some([function]) = arguments(&binary["rhs"], "reduce") {
                    *node = reduced(binary["lhs"].clone(), function.clone());
                }
                return;
            }
            fields.values_mut().for_each(rewrite);
            if let Some([items, function]) = arguments(node, "reduce") {
                *node = reduced(items.clone(), function.clone());
            } else if url::NAMES.iter().any(|name| arguments(node, name) == Some(&[])) {
                // Without an argument it is the context: a function that is put into the evaluator is not given that.
                node["Function"]["args"] = json!([{ "Variable": "" }]);
            }
        }
        _ => {}
    }
}

/// The arguments of a call of a built-in function; none for any other node, and for a partial application.
fn arguments<'a>(node: &'a Value, name: &str) -> Option<&'a [Value]> {
    let call = node.get("Function")?;
    let arguments = call["args"].as_array()?;
    let is_it = call["name"] == name && call["is_builtin"] == true;
    (is_it && !arguments.iter().any(|argument| argument == "Placeholder")).then_some(arguments)
}

/// `$reduce(items, function)`: nothing where there are no items, for which the evaluator gives null.
fn reduced(items: Value, function: Value) -> Value {
    let variable = json!({ "Variable": ITEMS });
    let binary = |op: &str, lhs: &Value, rhs: Value| json!({ "Binary": { "op": op, "lhs": lhs, "rhs": rhs } });
    json!({ "Block": [
        binary("ColonEqual", &variable, items),
        { "Conditional": {
            "condition": binary("Equal", &variable, json!({ "Array": [] })),
            "then_branch": "Undefined",
            "else_branch": { "Function": { "name": "reduce", "args": [variable, function], "is_builtin": true } },
        } },
    ] })
}
