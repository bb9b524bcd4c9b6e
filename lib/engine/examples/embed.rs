//! Embeds the engine: start an execution, kill the process, run it again, and the execution resumes where it was.
//!
//! `cargo run -p holdfast-engine --example embed -- DIRECTORY --kill` is killed between two states; the same command
//! without `--kill` finishes the execution. The function of the first state runs once.
#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, NoObjects, Outcome};
use serde_json::{Value, json};

struct Shop;

#[async_trait]
impl Functions for Shop {
    async fn invoke(&self, function: &str, order: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        println!("{function}, key {}: {order}", invocation.key);
        if function == "ship" && std::env::args().nth(2).is_some_and(|argument| argument == "--kill") {
            // Like a power cut: nothing is stored or cleaned up from here on.
            std::process::abort();
        }
        Ok(json!({ "order": order["order"], "last": function }))
    }
}

/// Starts the order, or finds it already started, and waits for its end.
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "embed-data".to_owned());
    let (engine, recovered) = Engine::open(EngineOptions::new(directory, Arc::new(Shop), Arc::new(NoObjects))?).await?;
    println!("recovered: {}", recovered.executions);
    let task = |function: &str, next: Value| {
        let mut state = json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": function, "Payload": "{% $states.input %}" },
            "Output": "{% $states.result.Payload %}" });
        let field = if next.is_string() { "Next" } else { "End" };
        state[field] = next;
        state
    };
    let machine = json!({ "QueryLanguage": "JSONata", "StartAt": "Charge", "States": {
        "Charge": task("charge", json!("Ship")), "Ship": task("ship", json!(true)) } });
    // A second start with the same name and input finds the same execution.
    engine
        .start("order-7", &machine.to_string(), json!({ "order": 7 }))
        .await?;
    if let Outcome::Finished { status } = engine.wait("order-7").await? {
        println!("{status:?}");
    }
    engine.shutdown().await;
    Ok(())
}
