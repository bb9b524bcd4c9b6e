//! The cost of evaluating an expression in this process and in one of its own, and the cost of hostile expressions in
//! this process: the figures of docs/adr/0015. `cargo run --release -p holdfast-asl --example expressions`

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use holdfast_asl::{Entropy, Evaluation, Execution, Identity, Moment, StateMachine, Stimulus, Timestamp};
use serde_json::{Value, json};

/// The argument that makes this program the evaluating process.
const EVALUATE: &str = "evaluate";
const ROUNDS: u32 = 2_000;

struct Zero;

impl Entropy for Zero {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn main() -> io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some(EVALUATE) => serve(),
        Some(expression) => evaluate_here(expression),
        None => measure(),
    }
}

/// Returns an execution of one Pass state with an output.
fn execution(expression: &str, input: Value) -> io::Result<Execution> {
    let output = format!("{{% {expression} %}}");
    let definition = json!({
        "QueryLanguage": "JSONata", "StartAt": "P", "States": { "P": { "Type": "Pass", "Output": output, "End": true } },
    });
    let machine = StateMachine::parse(&definition.to_string()).map_err(io::Error::other)?;
    let identity = Identity {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:m:x".to_owned(),
        execution_name: "x".to_owned(),
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:m".to_owned(),
        state_machine_name: "m".to_owned(),
        role_arn: String::new(),
        start: Timestamp(0),
        input,
        map_item: None,
    };
    Ok(Execution::new(Arc::new(machine), identity))
}

fn start(execution: &mut Execution) -> io::Result<()> {
    let moment = &mut Moment {
        now: Timestamp(0),
        entropy: &mut Zero,
    };
    execution
        .advance(Stimulus::Start, moment)
        .map(drop)
        .map_err(io::Error::other)
}

fn measure() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut child = Command::new(std::env::current_exe()?)
        .arg(EVALUATE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    writeln!(out, "input, bytes   in this process, us   in another process, us")?;
    for bytes in [100, 10_000, 200_000] {
        let input = json!({ "n": 1, "text": "x".repeat(bytes) });
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            start(&mut execution("$states.input.n + 1", input.clone())?)?;
        }
        let here_us = begun.elapsed().as_micros() / u128::from(ROUNDS);
        let mut deferred = execution("$sum([1..2]) + $states.input.n", input)?;
        deferred.defer_evaluations();
        start(&mut deferred)?;
        let Some((_, evaluation)) = deferred.evaluations().next() else {
            return Err(io::Error::other("nothing is evaluated elsewhere"));
        };
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            send(&mut to, &serde_json::to_vec(evaluation.as_ref())?)?;
            let answer: Value = serde_json::from_slice(&receive(&mut from)?)?;
            if answer["Ok"] != 4 {
                return Err(io::Error::other(answer.to_string()));
            }
        }
        let there_us = begun.elapsed().as_micros() / u128::from(ROUNDS);
        writeln!(out, "{bytes:12}   {here_us:19}   {there_us:22}")?;
    }
    drop(to);
    child.wait().map(drop)
}

/// Evaluates an expression in this process, with only the evaluator's own limits and the limit on the value's size.
fn evaluate_here(expression: &str) -> io::Result<()> {
    let begun = Instant::now();
    let mut execution = execution(expression, json!({}))?;
    start(&mut execution)?;
    let peak = std::fs::read_to_string("/proc/self/status")?;
    let peak = peak
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or("VmHWM: unknown");
    let status: String = format!("{:?}", execution.status()).chars().take(100).collect();
    writeln!(io::stdout(), "{} ms, {peak}, {status}", begun.elapsed().as_millis())
}

fn serve() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Ok(request) = receive(&mut input) {
        let evaluation: Evaluation = serde_json::from_slice(&request)?;
        send(&mut output, &serde_json::to_vec(&evaluation.evaluate())?)?;
    }
    Ok(())
}

fn send(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(message)?;
    to.flush()
}

fn receive(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut message = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut message)?;
    Ok(message)
}
