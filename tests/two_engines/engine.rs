//! An engine behind the Step Functions API, and the path that one of its executions took.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::{Value, json};

/// The maximum time of an execution.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// One of the two engines.
pub struct Engine {
    pub name: &'static str,
    pub url: String,
    pub client: Client,
    /// The folder with the events of maps' children (`EXECUTION.jsonl`), for an engine whose API doesn't return them.
    pub children: Option<PathBuf>,
}

/// The path of an execution, which the test compares.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Path {
    pub status: String,
    pub error: Option<String>,
    /// The states entered and, with a mark before them, the errors of their tasks.
    pub steps: Vec<String>,
    /// The steps of each unit's own execution.
    pub units: BTreeMap<String, Vec<String>>,
}

impl Path {
    /// Returns the number of states that the review and its units entered.
    pub fn states(&self) -> (usize, usize) {
        let count = |steps: &[String]| steps.iter().filter(|step| !step.starts_with(FAILED)).count();
        (count(&self.steps), self.units.values().map(|steps| count(steps)).sum())
    }

    /// Describes the path for people: a line for the review, and one for each unit.
    pub fn description(&self) -> String {
        let mut text = format!("{} {:?}: {}\n", self.status, self.error, self.steps.join(", "));
        for (unit, steps) in &self.units {
            writeln!(text, "    {unit}: {}", steps.join(", ")).unwrap();
        }
        text
    }
}

/// The mark before an error's name in a path.
const FAILED: char = '!';

impl Engine {
    /// Calls Step Functions' API.
    pub fn call(&self, action: &str, body: &Value) -> Value {
        call(&self.client, &self.url, &format!("AWSStepFunctions.{action}"), body)
    }

    /// Creates a state machine and returns its ARN.
    pub fn create(&self, name: &str, definition: &str) -> String {
        let role = "arn:aws:iam::000000000000:role/any";
        let made = self.call(
            "CreateStateMachine",
            &json!({ "name": name, "definition": definition, "roleArn": role }),
        );
        text(&made["stateMachineArn"])
    }

    /// Starts an execution and returns its ARN.
    pub fn start(&self, machine: &str, run: &str, input: &Value) -> String {
        let input = json!({ "stateMachineArn": machine, "name": run, "input": input.to_string() });
        text(&self.call("StartExecution", &input)["executionArn"])
    }

    /// Waits until an execution has ended, and returns its path.
    pub fn ended(&self, execution: &str) -> Path {
        let give_up = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let now = self.call("DescribeExecution", &json!({ "executionArn": execution }));
            if now["status"] != "RUNNING" {
                return Path {
                    status: text(&now["status"]),
                    error: now["error"].as_str().map(str::to_owned),
                    steps: steps(&self.history(execution)),
                    units: self.units(execution),
                };
            }
            assert!(
                Instant::now() < give_up,
                "{}: {execution} does not end: {:?}",
                self.name,
                steps(&self.history(execution))
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn history(&self, execution: &str) -> Vec<Value> {
        let asked = json!({ "executionArn": execution, "maxResults": 1000 });
        let mut events = self.call("GetExecutionHistory", &asked);
        assert!(events["nextToken"].is_null(), "{execution}: more than a page of events");
        serde_json::from_value(events["events"].take()).unwrap()
    }

    /// Returns the steps of each child of the execution's map runs, by the unit in its input.
    fn units(&self, execution: &str) -> BTreeMap<String, Vec<String>> {
        let mut units = BTreeMap::new();
        if let Some(folder) = &self.children {
            let name = execution.rsplit(':').next().unwrap_or_default();
            let kept = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap_or_default();
            for child in kept.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                units.insert(text(&child["item"]["unit"]), steps(child["events"].as_array().unwrap()));
            }
            return units;
        }
        let runs = self.call("ListMapRuns", &json!({ "executionArn": execution }));
        for run in runs["mapRuns"].as_array().unwrap() {
            let children = self.call("ListExecutions", &json!({ "mapRunArn": run["mapRunArn"] }));
            for child in children["executions"].as_array().unwrap() {
                let events = self.history(&text(&child["executionArn"]));
                let input = text(&events[0]["executionStartedEventDetails"]["input"]);
                let input: Value = serde_json::from_str(&input).unwrap();
                units.insert(text(&input["unit"]), steps(&events));
            }
        }
        units
    }
}

/// Returns the steps of a history's events, in order.
fn steps(events: &[Value]) -> Vec<String> {
    let step = |event: &Value| {
        let entered = event["stateEnteredEventDetails"]["name"].as_str().map(str::to_owned);
        entered.or_else(|| {
            let kind = event["type"].as_str()?;
            let failed = ["TaskFailed", "TaskTimedOut", "TaskStartFailed"].contains(&kind);
            let details = event
                .as_object()?
                .iter()
                .find(|(name, _)| name.ends_with("EventDetails"))?;
            failed.then(|| format!("{FAILED}{}", details.1["error"].as_str().unwrap_or_default()))
        })
    };
    events.iter().filter_map(step).collect()
}

/// Calls one of AWS's JSON APIs.
pub fn call(client: &Client, url: &str, target: &str, body: &Value) -> Value {
    let call = client.post(url).header("x-amz-target", target);
    // An emulator reads the service and the region from this header.
    let service = if target.starts_with("DynamoDB") {
        "dynamodb"
    } else {
        "states"
    };
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let call = call.header("authorization", scope);
    let call = call.header("content-type", "application/x-amz-json-1.0");
    let answer = call.body(body.to_string()).send().unwrap();
    let (status, printed) = (answer.status(), answer.text().unwrap());
    assert!(status.is_success(), "{url} {target}: {status} {printed}");
    if printed.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&printed).unwrap()
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} isn't a text"))
        .to_owned()
}
