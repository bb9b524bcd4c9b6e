//! Runs in Step Functions, against a server on loopback that sends given answers in order.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sfn::config::{Credentials, SharedCredentialsProvider};
use holdfast_aws::step_functions::{EventFoundKind, Payloads, StepFunctionsRuns};
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{AnswerTask, ListFailedRuns, StartRun, StartedRun, StopRun, TaskAnswer};
use holdfast_core::stage::state;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MACHINE: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:holdfast-review";
const EXECUTIONS: &str = "arn:aws:states:eu-central-1:000000000000:execution:holdfast-review";

/// The calls, with their bodies.
type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// Runs whose calls get these answers, one each, and what was called.
async fn start(answers: &[(u16, Value)]) -> (StepFunctionsRuns, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (calls, mut answers) = (Calls::default(), VecDeque::from(answers.to_vec()));
    let journal = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Some((status, answer)) = answers.pop_front() {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, status, &answer.to_string(), &journal).await;
        }
    });
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "id", "secret", None, None, "test",
        )))
        .build();
    (StepFunctionsRuns::new(&config, MACHINE), calls)
}

async fn serve(mut stream: TcpStream, status: u16, answer: &str, journal: &Calls) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "a whole head");
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).unwrap().1.to_owned()
    };
    let length: usize = header("content-length").parse().unwrap();
    while bytes.len() < end + 4 + length {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "a whole body");
    }
    let operation = header("x-amz-target").replace("awsstepfunctions.", "");
    let body = serde_json::from_slice(&bytes[end + 4..]).unwrap();
    journal.lock().unwrap().push((operation, body));
    let answer = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

fn refused(name: &str) -> (u16, Value) {
    (400, json!({ "__type": name, "message": "why" }))
}

fn described(status: &str) -> (u16, Value) {
    let document = json!({
        "executionArn": format!("{EXECUTIONS}:r"), "stateMachineArn": MACHINE, "name": "r", "status": status,
        "startDate": 1.0, "input": "{\"run\":\"r\"}", "error": "States.Timeout", "cause": "too long",
    });
    (200, document)
}

fn run() -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: "r".parse().unwrap(),
        bucket: "b".to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", "demo").unwrap(),
            number: 12,
            head: CommitSha::zero(),
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 3,
        model: "rules".parse().unwrap(),
        model_light: "rules".parse().unwrap(),
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    }
}

fn operations(calls: &Calls) -> Vec<String> {
    calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn a_run_is_started_once_and_by_the_alias() {
    let started = (
        200,
        json!({ "executionArn": format!("{EXECUTIONS}:r"), "startDate": 1.0 }),
    );
    let (runs, calls) = start(&[refused("ExecutionDoesNotExist"), started]).await;
    let started = runs.started_by("live").start_run(&run()).await.unwrap();
    assert_eq!(started, StartedRun::New);
    let calls = calls.lock().unwrap();
    let [(_, describe), (operation, start)] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(
        describe["executionArn"],
        format!("{EXECUTIONS}:r"),
        "an execution has no alias"
    );
    assert_eq!(operation, "startexecution");
    assert_eq!(start["stateMachineArn"], format!("{MACHINE}:live"));
    assert_eq!(start["name"], "r");
    let input: Value = serde_json::from_str(start["input"].as_str().unwrap()).unwrap();
    assert_eq!(input, json!(run()));
}

#[tokio::test]
async fn an_existing_run_is_not_started_again() {
    for (answers, expected) in [
        (vec![described("RUNNING")], StartedRun::Running),
        (vec![described("SUCCEEDED")], StartedRun::Ended),
        (vec![described("ABORTED")], StartedRun::Ended),
        (
            vec![refused("ExecutionDoesNotExist"), refused("ExecutionAlreadyExists")],
            StartedRun::Running,
        ),
    ] {
        let (runs, calls) = start(&answers).await;
        assert_eq!(runs.start_run(&run()).await.unwrap(), expected, "{answers:?}");
        assert_eq!(operations(&calls).len(), answers.len());
    }
}

#[tokio::test]
async fn a_refusal_is_one_line_with_the_place_and_the_remedy() {
    let (runs, calls) = start(&[refused("AccessDeniedException")]).await;
    let message = runs.start_run(&run()).await.unwrap_err().to_string();
    for part in ["run r", "AccessDeniedException", MACHINE, "the role"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains('\n'));
    assert_eq!(operations(&calls), ["describeexecution"], "nothing is repeated");
}

#[tokio::test]
async fn an_ended_run_counts_as_stopped() {
    let (runs, calls) = start(&[(200, json!({ "stopDate": 1.0 })), refused("ExecutionDoesNotExist")]).await;
    for _ in 0..2 {
        let cause = "x".repeat(40_000);
        runs.stop_run(&"r".parse().unwrap(), ErrorName::RunCancelled, &cause)
            .await
            .unwrap();
    }
    let (_, stop) = &calls.lock().unwrap()[0];
    assert_eq!(stop["executionArn"], format!("{EXECUTIONS}:r"));
    assert_eq!(stop["error"], "RunCancelled");
    assert_eq!(stop["cause"].as_str().unwrap().len(), 32_768, "no longer than is taken");
}

#[tokio::test]
async fn an_answer_is_accepted_or_no_task_waits_for_it() {
    let done = (200, json!({}));
    let (runs, calls) = start(&[done.clone(), done]).await;
    let taken = runs.succeed_task("token", json!({ "decision": "approved" })).await;
    assert_eq!(taken.unwrap(), TaskAnswer::Accepted);
    let taken = runs.fail_task("token", ErrorName::ApprovalRejected, "no").await;
    assert_eq!(taken.unwrap(), TaskAnswer::Accepted);
    {
        let calls = calls.lock().unwrap();
        assert_eq!(
            calls[0],
            (
                "sendtasksuccess".to_owned(),
                json!({ "taskToken": "token", "output": "{\"decision\":\"approved\"}" })
            )
        );
        assert_eq!(
            calls[1],
            (
                "sendtaskfailure".to_owned(),
                json!({ "taskToken": "token", "error": "ApprovalRejected", "cause": "no" })
            )
        );
    }
    for name in ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"] {
        let (runs, _) = start(&[refused(name)]).await;
        let answer = runs.succeed_task("token", json!({})).await.unwrap();
        assert_eq!(answer, TaskAnswer::NotWaiting, "{name}");
    }
    let (runs, _) = start(&[refused("ThrottlingException")]).await;
    let message = runs.succeed_task("SECRET", json!({})).await.unwrap_err().to_string();
    assert!(!message.contains("SECRET"), "a token is a credential: {message}");
}

#[tokio::test]
async fn failed_runs_are_listed_newest_first_and_described_on_request() {
    let listed = |name: &str, status: &str, at: f64| {
        json!({ "executionArn": format!("{EXECUTIONS}:{name}"), "stateMachineArn": MACHINE, "name": name,
                "status": status, "startDate": at })
    };
    let page = |listed: &[Value], next: Option<&str>| (200, json!({ "executions": listed, "nextToken": next }));
    let (runs, calls) = start(&[
        page(
            &[listed("new", "FAILED", 9.0), listed("older", "FAILED", 3.0)],
            Some("more"),
        ),
        // A person started the last one: no run can have its name.
        page(
            &[listed("oldest", "FAILED", 1.0), listed("by hand (2)", "FAILED", 8.0)],
            None,
        ),
        page(&[], None),
        page(&[listed("r", "ABORTED", 5.0)], None),
        described("TIMED_OUT"),
    ])
    .await;
    let found = runs.failed_runs(3).await.unwrap();
    let names: Vec<&str> = found.iter().map(|run| run.run.as_str()).collect();
    assert_eq!(names, ["new", "r", "older"]);
    assert_eq!(found[1].error, "ABORTED");
    {
        let calls = calls.lock().unwrap();
        assert!(calls.iter().all(|(operation, _)| operation == "listexecutions"));
        assert_eq!(calls[1].1["nextToken"], "more");
        assert_eq!(calls[3].1["statusFilter"], "ABORTED");
    }
    let detailed = runs.detail(found[1].clone()).await.unwrap();
    assert_eq!(detailed.run, "r");
    assert_eq!(detailed.started_with, json!({ "run": "r" }));
    assert_eq!(
        (detailed.error.as_str(), detailed.cause.as_deref()),
        ("States.Timeout", Some("too long"))
    );
}

#[tokio::test]
async fn runs_are_read_with_their_histories_and_units() {
    let listed = |name: &str, at: f64| {
        json!({ "executionArn": format!("{EXECUTIONS}:{name}"), "stateMachineArn": MACHINE, "name": name,
                "status": "SUCCEEDED", "startDate": at, "stopDate": at + 1.0 })
    };
    let map = json!({ "executionArn": format!("{EXECUTIONS}:r"), "mapRunArn": "map", "stateMachineArn": MACHINE, "startDate": 2.0 });
    let event = |id: u64, kind: &str, details: Value| {
        let mut event = json!({ "id": id, "previousEventId": id - 1, "timestamp": 1_795_601_335.658, "type": kind });
        event
            .as_object_mut()
            .unwrap()
            .extend(details.as_object().unwrap().clone());
        event
    };
    let history = json!({ "events": [
        event(1, "ExecutionStarted", json!({ "executionStartedEventDetails": { "input": "{\"unit\":\"u1\"}" } })),
        event(2, "TaskStateEntered", json!({ "stateEnteredEventDetails": { "name": state::REVIEW_UNIT } })),
        event(3, "TaskFailed", json!({})),
        event(4, "TaskStateExited", json!({ "stateExitedEventDetails": { "name": state::REVIEW_UNIT } })),
        event(5, "ExecutionSucceeded", json!({})),
    ] });
    let (runs, calls) = start(&[
        (200, json!({ "executions": [listed("new", 9.0), listed("old", 3.0)] })),
        refused("ExecutionDoesNotExist"),
        described("TIMED_OUT"),
        (200, json!({ "mapRuns": [map] })),
        (
            200,
            json!({ "executions": [listed("second", 5.0), listed("first", 4.0)] }),
        ),
        (200, history),
    ])
    .await;
    let found = runs.executions(10).await.unwrap();
    let names: Vec<&str> = found.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["new", "old"]);
    assert_eq!((found[1].started_ms, found[1].stopped_ms), (3_000, Some(4_000)));
    assert!(runs.execution(&"r".parse().unwrap()).await.unwrap().is_none());
    let run = runs.execution(&"r".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(run.input, json!({ "run": "r" }));
    assert_eq!(run.error.as_deref(), Some("States.Timeout"));
    let children = runs.children(&"r".parse().unwrap()).await.unwrap();
    let names: Vec<&str> = children.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["first", "second"], "as they began");
    let events = runs.history(&children[0].arn, Payloads::Included).await.unwrap();
    assert_eq!(events[0].at_ms, 1_795_601_335_658, "to the millisecond");
    let kinds: Vec<EventFoundKind> = events.into_iter().map(|event| event.kind).collect();
    let (state_type, name) = ("Task".to_owned(), state::REVIEW_UNIT.to_owned());
    assert_eq!(
        kinds,
        [
            EventFoundKind::Started(json!({ "unit": "u1" })),
            EventFoundKind::Entered {
                state_type: state_type.clone(),
                name: name.clone(),
            },
            EventFoundKind::TaskFailed,
            EventFoundKind::Left { state_type, name },
            EventFoundKind::Ended,
        ]
    );
    let calls = calls.lock().unwrap();
    assert_eq!(calls[4].1["mapRunArn"], "map");
    assert_eq!(calls[5].1["includeExecutionData"], true);
}
