//! Where the evaluator differs from the reference (jsonata 2.0.6) and its functions cannot be replaced, the expression is
//! rewritten into one that has the reference's value.

use jsonata_core::ast::AstNode;
use serde_json::{Value, json};

use super::url;

/// A variable that no expression can name.
const ITEMS: &str = "!items";

/// The expression with the reference's meaning. Only one whose source names such a function is looked at.
pub(super) fn rewritten(ast: AstNode, source: &str) -> Result<AstNode, String> {
    let concerns = ["reduce", "filter", "codeUrl"].iter().any(|name| source.contains(name));
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
                let replaced = {
                    let items = || binary["lhs"].clone();
                    let of = |name| match arguments(&binary["rhs"], name) {
                        Some([function]) => Some(function.clone()),
                        _ => None,
                    };
                    let reduce = of("reduce").map(|function| reduced(items(), function));
                    reduce.or_else(|| of("filter").map(|function| filtered(items(), function)))
                };
                if let Some(replaced) = replaced {
                    *node = replaced;
                }
                return;
            }
            fields.values_mut().for_each(rewrite);
            if let Some([items, function]) = arguments(node, "reduce") {
                *node = reduced(items.clone(), function.clone());
            } else if let Some([items, function]) = arguments(node, "filter") {
                *node = filtered(items.clone(), function.clone());
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

/// `$filter(items, function)`: what is no array is one of one item, which the evaluator returns as it is.
fn filtered(items: Value, function: Value) -> Value {
    // Nothing is not even equal to itself.
    let there = binary("Equal", &items_variable(), items_variable());
    let call = call("filter", json!({ "Array": [items_variable()] }), function);
    with_items(items, conditional(there, call, json!("Undefined")))
}

/// `$reduce(items, function)`: nothing where there are no items, for which the evaluator gives null.
fn reduced(items: Value, function: Value) -> Value {
    let empty = binary("Equal", &items_variable(), json!({ "Array": [] }));
    let call = call("reduce", items_variable(), function);
    with_items(items, conditional(empty, json!("Undefined"), call))
}

/// An expression in which the items have a name, so that they are evaluated once.
fn with_items(items: Value, expression: Value) -> Value {
    json!({ "Block": [binary("ColonEqual", &items_variable(), items), expression] })
}

fn items_variable() -> Value {
    json!({ "Variable": ITEMS })
}

fn binary(operator: &str, left: &Value, right: Value) -> Value {
    json!({ "Binary": { "op": operator, "lhs": left, "rhs": right } })
}

fn conditional(condition: Value, then: Value, otherwise: Value) -> Value {
    json!({ "Conditional": { "condition": condition, "then_branch": then, "else_branch": otherwise } })
}

fn call(name: &str, items: Value, function: Value) -> Value {
    json!({ "Function": { "name": name, "args": [items, function], "is_builtin": true } })
}
