//! Some built-in functions of the evaluator differ from the reference (jsonata 2.0.6) and cannot be replaced. This
//! module rewrites an expression that calls them into one with the reference's value.

use jsonata_core::ast::AstNode;
use serde_json::{Value, json};

use super::url;

/// Variables that no expression can name.
const ITEMS: &str = "!items";
const POSITION: &str = "!position";

/// The maximum position in a string for the evaluator, which adds positions as 64-bit integers.
const MAX_POSITION: f64 = 1e15;

/// Returns the expression with the reference's meaning. Skips expressions whose source names no such function.
pub(super) fn rewritten(ast: AstNode, source: &str) -> Result<AstNode, String> {
    let concerns = ["reduce", "filter", "codeUrl", "substring"]
        .iter()
        .any(|name| source.contains(name));
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
                bound_positions(&mut binary["rhs"]);
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
            bound_positions(node);
            if let Some([items, function]) = arguments(node, "reduce") {
                *node = reduced(items.clone(), function.clone());
            } else if let Some([items, function]) = arguments(node, "filter") {
                *node = filtered(items.clone(), function.clone());
            } else if url::NAMES.iter().any(|name| arguments(node, name) == Some(&[])) {
                // Without an argument, the context is the argument: the evaluator does not pass it to an added
                // function.
                node["Function"]["args"] = json!([{ "Variable": "" }]);
            }
        }
        _ => {}
    }
}

/// Returns the arguments of a call of a built-in function; none for any other node and for a partial application.
fn arguments<'a>(node: &'a Value, name: &str) -> Option<&'a [Value]> {
    let call = node.get("Function")?;
    let arguments = call["args"].as_array()?;
    let is_it = call["name"] == name && call["is_builtin"] == true;
    (is_it && !arguments.iter().any(|argument| argument == "Placeholder")).then_some(arguments)
}

/// Rewrites `$filter(items, function)`: a value that isn't an array counts as an array of one item. The evaluator would
/// return it unchanged.
fn filtered(items: Value, function: Value) -> Value {
    // In JSONata, an undefined value isn't equal to itself.
    let there = binary("Equal", &items_variable(), items_variable());
    let call = call("filter", json!({ "Array": [items_variable()] }), function);
    with_items(items, conditional(there, call, json!("Undefined")))
}

/// Rewrites `$reduce(items, function)`: without items its value is undefined. The evaluator would return null.
fn reduced(items: Value, function: Value) -> Value {
    let empty = binary("Equal", &items_variable(), json!({ "Array": [] }));
    let call = call("reduce", items_variable(), function);
    with_items(items, conditional(empty, json!("Undefined"), call))
}

/// Clamps the positions of `$substring`: larger ones overflow in the evaluator, and mean the string's start or end
/// anyway.
fn bound_positions(call: &mut Value) {
    if arguments(call, "substring").is_none() {
        return;
    }
    let Some(arguments) = call["Function"]["args"].as_array_mut() else {
        return;
    };
    for argument in arguments {
        match argument.get("Number").and_then(Value::as_f64) {
            Some(number) => *argument = number_node(number.clamp(-MAX_POSITION, MAX_POSITION)),
            None if argument.get("String").is_some() => {}
            None => *argument = bounded(argument.clone()),
        }
    }
}

/// Rewrites an expression so that its value is clamped if it is a number.
fn bounded(expression: Value) -> Value {
    let position = || json!({ "Variable": POSITION });
    let built_in =
        |name, arguments: Value| json!({ "Function": { "name": name, "args": arguments, "is_builtin": true } });
    let is_number = binary(
        "Equal",
        &built_in("type", json!([position()])),
        json!({ "String": "number" }),
    );
    let least = built_in("min", json!([{ "Array": [position(), number_node(MAX_POSITION)] }]));
    let clamped = built_in("max", json!([{ "Array": [least, number_node(-MAX_POSITION)] }]));
    let assigned = binary("ColonEqual", &position(), expression);
    json!({ "Block": [assigned, conditional(is_number, clamped, position())] })
}

fn number_node(number: f64) -> Value {
    json!({ "Number": number })
}

/// Returns an expression in which the items have a name, so that they are evaluated once.
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
