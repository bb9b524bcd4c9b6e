//! An engine behind the Step Functions API, and the path that one of its executions took.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::{Value, json};

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One of the two.
pub struct Engine {
    pub name: &'static str,
    pub url: String,
    pub client: Client,
    /// Where the events of maps' children are kept, of an engine whose API does not tell them: `EXECUTION.jsonl`.
    pub children: Option<PathBuf>,
}

/// What an execution went through: what is compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Path {
    pub status: String,
    pub error: Option<String>,
    /// The states entered and, with a mark before them, the errors of their tasks.
    pub steps: Vec<String>,
    /// The same for each unit's own execution.
    pub units: BTreeMap<String, Vec<String>>,
}

impl Path {
    /// How many states were entered, by the review and by its units.
    pub fn states(&self) -> (usize, usize) {
        let count = |steps: &[String]| steps.iter().filter(|step| !step.starts_with(FAILED)).count();
        (count(&self.steps), self.units.values().map(|steps| count(steps)).sum())
    }

    /// All on one line each.
    pub fn told(&self) -> String {
        let mut told = format!("{} {:?}: {}\n", self.status, self.error, self.steps.join(", "));
        for (unit, steps) in &self.units {
            writeln!(told, "    {unit}: {}", steps.join(", ")).unwrap();
        }
        told
    }
}

/// Before the name of an error in a path.
const FAILED: char = '!';

impl Engine {
    /// A call of Step Functions' API.
    pub fn call(&self, action: &str, body: &Value) -> Value {
        call(&self.client, &self.url, &format!("AWSStepFunctions.{action}"), body)
    }

    /// Makes a state machine; its ARN.
    pub fn create(&self, name: &str, definition: &str) -> String {
        let role = "arn:aws:iam::000000000000:role/any";
        let made = self.call(
            "CreateStateMachine",
            &json!({ "name": name, "definition": definition, "roleArn": role }),
        );
        text(&made["stateMachineArn"])
    }

    /// Starts an execution; its ARN.
    pub fn start(&self, machine: &str, run: &str, input: &Value) -> String {
        let input = json!({ "stateMachineArn": machine, "name": run, "input": input.to_string() });
        text(&self.call("StartExecution", &input)["executionArn"])
    }

    /// Waits until an execution has ended; the path that it took.
    pub fn ended(&self, execution: &str) -> Path {
        let give_up = Instant::now() + PATIENCE;
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

    /// What each child of the execution's map runs went through, by the unit in its input.
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

/// What a history's events went through, in order.
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

/// A call of one of AWS's JSON APIs.
pub fn call(client: &Client, url: &str, target: &str, body: &Value) -> Value {
    let call = client.post(url).header("x-amz-target", target);
    // An emulator reads the service and the region there.
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
    let (status, said) = (answer.status(), answer.text().unwrap());
    assert!(status.is_success(), "{url} {target}: {status} {said}");
    if said.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&said).unwrap()
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
