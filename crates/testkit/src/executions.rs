//! Executions in Step Functions that never advance: they can be started, described, listed and stopped.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// All requests, in order.
#[derive(Debug, Default)]
pub(crate) struct Executions {
    requests: Vec<(String, Value)>,
}

impl Executions {
    /// Returns the requests for one operation.
    pub fn requests(&self, operation: &str) -> Vec<Value> {
        let of = self.requests.iter().filter(|(name, _)| name == operation);
        of.map(|(_, request)| request.clone()).collect()
    }

    /// Answers a request and records it.
    pub fn answer(&mut self, operation: &str, request: Value) -> (StatusCode, Value) {
        let error = |name: &str| (StatusCode::BAD_REQUEST, json!({ "__type": name, "message": name }));
        let answered = match operation {
            "StartExecution" => match self.started(&request["name"]) {
                Some(_) => error("ExecutionAlreadyExists"),
                None => (StatusCode::OK, json!({ "executionArn": "arn", "startDate": 1.0 })),
            },
            "DescribeExecution" => {
                let arn = request["executionArn"].as_str().unwrap_or_default();
                match self.started(&json!(arn.rsplit(':').next())) {
                    Some(input) => (StatusCode::OK, self.described(arn, input)),
                    None => error("ExecutionDoesNotExist"),
                }
            }
            "ListExecutions" => {
                let is_asked_for = request["statusFilter"] == "ABORTED";
                let stopped = self.requests("StopExecution").into_iter().filter(|_| is_asked_for);
                let listed = stopped.map(|stop| {
                    let arn = stop["executionArn"].as_str().unwrap_or_default().to_owned();
                    json!({ "executionArn": arn, "stateMachineArn": request["stateMachineArn"], "status": "ABORTED",
                            "name": arn.rsplit(':').next(), "startDate": 1.0 })
                });
                (StatusCode::OK, json!({ "executions": listed.collect::<Vec<_>>() }))
            }
            "StopExecution" => (StatusCode::OK, json!({ "stopDate": 1.0 })),
            "SendTaskSuccess" | "SendTaskFailure" => (StatusCode::OK, json!({})),
            _ => error("UnknownOperationException"),
        };
        self.requests.push((operation.to_owned(), request));
        answered
    }

    /// Returns the input of the execution with this name.
    fn started(&self, name: &Value) -> Option<Value> {
        let started = self.requests("StartExecution").into_iter();
        started
            .filter(|start| start["name"] == *name)
            .map(|start| start["input"].clone())
            .next()
    }

    fn described(&self, arn: &str, input: Value) -> Value {
        let stopped = self
            .requests("StopExecution")
            .into_iter()
            .find(|stop| stop["executionArn"] == arn);
        let status = if stopped.is_some() { "ABORTED" } else { "RUNNING" };
        let stop = stopped.unwrap_or_default();
        json!({
            "executionArn": arn, "stateMachineArn": "arn", "name": arn.rsplit(':').next(), "status": status,
            "startDate": 1.0, "input": input, "error": stop["error"], "cause": stop["cause"],
        })
    }
}
