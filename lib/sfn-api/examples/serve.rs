//! Serves the Step Functions API over an engine whose functions are written in Rust:
//! `cargo run -p holdfast-sfn-api --example serve`, then
//! `python3 lib/sfn-api/examples/client.py http://127.0.0.1:8083`.
#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, NoObjects};
use holdfast_sfn_api::Server;
use serde_json::{Value, json};
use tokio::sync::watch;

struct Greeter;

#[async_trait]
impl Functions for Greeter {
    async fn invoke(&self, function: &str, payload: Value, _: Invocation) -> Result<Value, FunctionFailure> {
        match (function, payload["name"].as_str()) {
            ("greet", Some(name)) => Ok(json!({ "greeting": format!("Hello, {name}!") })),
            _ => Err(FunctionFailure {
                error_type: "NoGreeting".to_owned(),
                message: format!("{function} can't greet {payload}"),
            }),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8083".to_owned());
    let data = arguments.next().unwrap_or_else(|| "sfn-data".to_owned());
    let server = Server::bind(address.parse()?)?;
    let (engine, _) = Engine::open(EngineOptions::new(&data, Arc::new(Greeter), Arc::new(NoObjects))?).await?;
    let server = server.open(engine.clone(), data.as_ref(), None)?;
    println!("http://{}", server.address());
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
        }
    });
    server.serve(stopped).await?;
    engine.shutdown().await;
    Ok(())
}
