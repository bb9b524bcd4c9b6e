//! The same machine on LocalStack, in the same run: optional, for users with a LocalStack. LocalStack stores nothing
//! across a kill; this engine waits for the disk.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_engine::Outcome;
use serde_json::{Map, Value, json};

use crate::world::open;

/// Number of states of one execution. They call no function, so that only the engines are measured.
const STATES: usize = 100;
/// Number of executions at once.
const AT_ONCE: usize = 20;

fn chain() -> String {
    let mut states = Map::new();
    for position in 0..STATES {
        let mut state = json!({ "Type": "Pass", "Output": { "n": "{% $states.input.n + 1 %}" } });
        let next = if position + 1 < STATES {
            ("Next", json!(format!("S{}", position + 1)))
        } else {
            ("End", json!(true))
        };
        state[next.0] = next.1;
        states.insert(format!("S{position}"), state);
    }
    json!({ "QueryLanguage": "JSONata", "StartAt": "S0", "States": states }).to_string()
}

/// Measures both. `address` is LocalStack's host:port.
pub async fn run(directory: &Path, address: Option<&str>) {
    let Some(address) = address else {
        println!("LocalStack: not measured; start one and name it with --localstack HOST:PORT");
        return;
    };
    let theirs = match theirs(address) {
        Ok(rate) => rate,
        Err(error) => {
            println!("LocalStack: not measured, {address} does not do what is asked: {error}");
            return;
        }
    };
    let ours = ours(directory).await;
    println!(
        "{AT_ONCE} executions of {STATES} Pass states: {ours:.0} transitions/s here, durable; {theirs:.0} on LocalStack, not durable; ratio {:.0}",
        ours / theirs
    );
}

async fn ours(directory: &Path) -> f64 {
    let (engine, _, _) = open(&directory.join("localstack")).await;
    let (text, began) = (chain(), Instant::now());
    for number in 0..AT_ONCE {
        engine
            .start(&format!("e{number}"), &text, json!({ "n": 0 }))
            .await
            .unwrap();
    }
    for number in 0..AT_ONCE {
        let outcome = engine.wait(&format!("e{number}")).await.unwrap();
        assert!(matches!(outcome, Outcome::Finished { .. }));
    }
    let rate = (AT_ONCE * STATES) as f64 / began.elapsed().as_secs_f64();
    engine.shutdown().await;
    rate
}

fn theirs(address: &str) -> Result<f64, String> {
    let role = "arn:aws:iam::000000000000:role/bench";
    let name = format!("bench-{}", std::process::id());
    let machine = json!({ "name": name, "definition": chain(), "roleArn": role });
    let machine = call(address, "CreateStateMachine", &machine)?;
    let began = Instant::now();
    let mut open = Vec::new();
    for number in 0..AT_ONCE {
        let start = json!({ "stateMachineArn": machine["stateMachineArn"], "name": format!("e{number}"), "input": "{\"n\":0}" });
        open.push(call(address, "StartExecution", &start)?["executionArn"].clone());
    }
    while let Some(arn) = open.last() {
        let described = call(address, "DescribeExecution", &json!({ "executionArn": arn }))?;
        match described["status"].as_str() {
            Some("RUNNING") => std::thread::sleep(Duration::from_millis(20)),
            Some("SUCCEEDED") => drop(open.pop()),
            _ => return Err(described.to_string()),
        }
    }
    Ok((AT_ONCE * STATES) as f64 / began.elapsed().as_secs_f64())
}

/// Makes one call of AWS's JSON protocol, without a signature: LocalStack doesn't check it.
fn call(address: &str, operation: &str, input: &Value) -> Result<Value, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(said)?;
    stream.set_read_timeout(Some(Duration::from_secs(120))).map_err(said)?;
    let body = input.to_string();
    let scope = "Credential=test/20200101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0";
    let request = format!(
        "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: AWSStepFunctions.{operation}\r\nAuthorization: AWS4-HMAC-SHA256 {scope}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.lines().next().unwrap_or_default().contains(" 200") {
        return Err(format!("{operation}: {head} {body}"));
    }
    serde_json::from_str(body).map_err(|error| format!("{operation}: {error}: {body}"))
}
