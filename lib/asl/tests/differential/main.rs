//! Generated expressions, compared with the reference JSONata (npm `jsonata@2.0.6`, which AWS evaluates): a value,
//! nothing or a failure must be the same. `cargo test -p holdfast-asl --test differential` runs some; more with `cargo
//! test --release -p holdfast-asl --test differential -- --expressions 100000 --seed 7`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![expect(clippy::print_stdout, reason = "the figures are printed")]

mod generate;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use holdfast_asl::{Entropy, Execution, Identity, Moment, StateMachine, Status, Stimulus, Timestamp};
use serde_json::{Value, json};

use generate::{INPUT, Random};

/// The number of expressions without `--expressions`.
const DEFAULT_EXPRESSIONS: usize = 2_000;
/// The maximum nesting of an expression.
const MAX_DEPTH: u32 = 3;

/// The outcome of an expression.
#[derive(Debug, PartialEq)]
enum Outcome {
    Value(Value),
    Nothing,
    Failed,
    /// Failed in the reference, which refuses an infinite number also inside an expression, not only as its value.
    Infinite,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let number = |name: &str, usual: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(usual)
    };
    let count = usize::try_from(number("--expressions", DEFAULT_EXPRESSIONS as u64)).unwrap();
    let mut random = Random(number("--seed", 20_061) | 1);
    let sources: Vec<String> = (0..count)
        .map(|index| random.expression(1 + index as u32 % MAX_DEPTH, None))
        .collect();
    let input: Value = serde_json::from_str(INPUT).unwrap();
    let expected = reference(&sources, &input);
    let (mut different, mut values) = (Vec::new(), 0);
    for (source, expected) in sources.iter().zip(expected) {
        let found = evaluate(source, &input);
        values += usize::from(matches!(expected, Outcome::Value(_)));
        if !is_same(&found, &expected) {
            different.push(format!("{source}\n  here {found:?}\n  reference {expected:?}"));
        }
    }
    println!(
        "{count} expressions, {values} with a value, {} different",
        different.len()
    );
    assert!(values * 5 > count, "too few of the expressions have a value");
    // Known and rare differences: two functions in a row keep a single item in its array, and an operand is not
    // evaluated if the other one is nothing.
    assert!(different.len() <= count / 5_000, "{}", different.join("\n"));
    different.iter().for_each(|difference| println!("{difference}"));
}

/// Returns the outcomes of the reference.
fn reference(sources: &[String], input: &Value) -> Vec<Outcome> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = here.join("../../tests/node/node_modules/jsonata/jsonata.js");
    assert!(
        library.is_file(),
        "jsonata is not installed: run npm ci in tests/node, or cargo xtask verify"
    );
    let mut node = Command::new("node")
        .arg(here.join("tests/differential/reference.mjs"))
        .arg(library)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node must be installed");
    let mut stdin = node.stdin.take().unwrap();
    let lines: Vec<String> = sources
        .iter()
        .map(|source| json!({ "source": source, "input": input }).to_string() + "\n")
        .collect();
    let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| stdin.write_all(line.as_bytes())));
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let outcomes: Vec<Outcome> = answers
        .lines()
        .map(|line| match serde_json::from_str::<Value>(line).unwrap() {
            Value::Object(mut answer) => match answer.remove("value") {
                Some(value) => Outcome::Value(value),
                None if answer.contains_key("nothing") => Outcome::Nothing,
                None if answer.get("error") == Some(&json!("D1001")) => Outcome::Infinite,
                // An answer without any field has a value that JSON cannot hold.
                None => Outcome::Failed,
            },
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(outcomes.len(), sources.len());
    outcomes
}

struct Zero;

impl Entropy for Zero {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Returns this library's outcome: the output of a Pass.
fn evaluate(source: &str, input: &Value) -> Outcome {
    let definition = json!({
        "QueryLanguage": "JSONata", "StartAt": "P",
        "States": { "P": { "Type": "Pass", "Output": format!("{{% {source} %}}"), "End": true } },
    });
    let machine = StateMachine::parse(&definition.to_string()).unwrap_or_else(|error| panic!("{source}: {error}"));
    let identity = Identity {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:m:x".to_owned(),
        execution_name: "x".to_owned(),
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:m".to_owned(),
        state_machine_name: "m".to_owned(),
        role_arn: String::new(),
        start: Timestamp(0),
        input: input.clone(),
        map_item: None,
    };
    let mut execution = Execution::new(Arc::new(machine), identity);
    let moment = &mut Moment {
        now: Timestamp(0),
        entropy: &mut Zero,
    };
    execution.advance(Stimulus::Start, moment).unwrap();
    match execution.status() {
        Status::Succeeded { output } => Outcome::Value(output.clone()),
        Status::Failed { cause: Some(cause), .. } if cause.ends_with("returned nothing (undefined).") => {
            Outcome::Nothing
        }
        Status::Failed { .. } => Outcome::Failed,
        other => panic!("{source}: {other:?}"),
    }
}

fn is_same(one: &Outcome, other: &Outcome) -> bool {
    match (one, other) {
        (Outcome::Value(one), Outcome::Value(other)) => is_same_value(one, other),
        (_, Outcome::Infinite) => true,
        _ => one == other,
    }
}

/// Returns true if two values are equal; numbers within two steps of a double.
fn is_same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // The last digit of a power depends on the platform.
        (Value::Number(one), Value::Number(other)) => one
            .as_f64()
            .zip(other.as_f64())
            .is_some_and(|(one, other)| one == other || (one - other).abs() <= one.abs() * f64::EPSILON * 2.0),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_value(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| is_same_value(value, other)))
        }
        _ => one == other,
    }
}
