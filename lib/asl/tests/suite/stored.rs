//! The stored form of events: data directories of every version hold it.

use holdfast_asl::HistoryEvent;

/// One line for each kind with a record, as version 0.1 wrote them; the last two are newer.
const STORED: [&str; 26] = [
    r#"{"id":1,"previous":0,"at":7,"type":"ExecutionStarted","details":{"input":{"b":1,"a":null},"role_arn":"r"},"record":{"timeout_at":9}}"#,
    r#"{"id":1,"previous":0,"at":7,"type":"ExecutionStarted","details":{"input":1,"role_arn":"r"}}"#,
    r#"{"id":2,"previous":0,"at":7,"type":"StateEntered","details":{"state":"Wait","name":"W","input":{}},"record":{"due":8}}"#,
    r#"{"id":2,"previous":0,"at":7,"type":"StateEntered","details":{"state":"Wait","name":"W","input":{}},"record":{"branch":2,"failure":{"error":"E","cause":"c","location":"Seconds"}}}"#,
    r#"{"id":3,"previous":2,"at":7,"type":"StateExited","details":{"state":"Pass","name":"P","output":1,"assigned":{"v":1}},"record":{"next":"Q"}}"#,
    r#"{"id":3,"previous":2,"at":7,"type":"StateExited","details":{"state":"Pass","name":"P","output":1}}"#,
    r#"{"id":4,"previous":3,"at":7,"type":"EvaluationFailed","details":{"state":"P","error":"E","cause":"c","location":null},"record":{"retrial":{"retrier":0,"at":8},"uncaught":true,"announced":true}}"#,
    r#"{"id":5,"previous":4,"at":7,"type":"TaskScheduled","details":{"resource":"invoke.waitForTaskToken","region":"r","parameters":{"FunctionName":"f"},"timeout_seconds":2,"heartbeat_seconds":1},"record":{"token":"t","timeout_at":9,"heartbeat_at":8,"heartbeat_ms":1000}}"#,
    r#"{"id":5,"previous":4,"at":7,"type":"TaskScheduled","details":{"resource":"invoke","region":"r","parameters":{},"timeout_seconds":null,"heartbeat_seconds":null}}"#,
    r#"{"id":6,"previous":5,"at":7,"type":"TaskFailed","details":{"resource":"invoke","error":"E","cause":null},"record":{"retrial":{"retrier":1,"at":8}}}"#,
    r#"{"id":5,"previous":4,"at":7,"type":"LambdaFunctionScheduled","details":{"resource":"arn","input":{},"timeout_seconds":2},"record":{"timeout_at":9,"heartbeat_at":8,"heartbeat_ms":1000}}"#,
    r#"{"id":6,"previous":5,"at":7,"type":"LambdaFunctionStarted"}"#,
    r#"{"id":6,"previous":5,"at":7,"type":"LambdaFunctionFailed","details":{"error":"E","cause":"c"},"record":{"retrial":{"retrier":0,"at":8}}}"#,
    r#"{"id":7,"previous":6,"at":7,"type":"HeartbeatReceived","record":{"heartbeat_at":9}}"#,
    r#"{"id":8,"previous":7,"at":7,"type":"MapStateStarted","details":{"length":1},"record":{"map":{"items":{"Inline":[1]},"max_concurrency":2}}}"#,
    r#"{"id":9,"previous":8,"at":7,"type":"MapIterationStarted","details":{"name":"M","index":0},"record":{"branch":1,"input":null}}"#,
    r#"{"id":10,"previous":9,"at":7,"type":"MapIterationFailed","details":{"name":"M","index":0},"record":{"failure":{"error":"E"}}}"#,
    r#"{"id":11,"previous":10,"at":7,"type":"MapStateFailed","record":{"retrial":{"retrier":0,"at":8},"failure":{}}}"#,
    r#"{"id":11,"previous":10,"at":7,"type":"MapRunFailed","details":{"error":"E","cause":null},"record":{"retrial":{"retrier":0,"at":8}}}"#,
    r#"{"id":11,"previous":10,"at":7,"type":"MapRunSucceeded","record":{"result":[1,{"b":1,"a":2}]}}"#,
    r#"{"id":12,"previous":11,"at":7,"type":"MapStateSucceeded"}"#,
    r#"{"id":13,"previous":12,"at":7,"type":"ParallelStateStarted","record":{"input":{"b":1,"a":2}}}"#,
    r#"{"id":14,"previous":13,"at":7,"type":"ParallelStateFailed","record":{"failure":{"error":"E","cause":"c"}}}"#,
    r#"{"id":15,"previous":14,"at":7,"type":"ExecutionRedriven","details":{"redrive_count":1},"record":{"timeout_at":9,"unnumbered":2,"unnumbered_previous":1}}"#,
    r#"{"id":14,"previous":13,"at":7,"type":"ParallelStateRetried","record":{"retrial":{"retrier":0,"at":8},"failure":{"error":"E"}}}"#,
    r#"{"id":6,"previous":5,"at":7,"type":"TaskTimedOut","details":{"resource":"invoke","error":"States.Timeout","cause":null},"record":{"failure":{"error":"States.Timeout","also":"States.HeartbeatTimeout"}}}"#,
];

#[test]
fn stored_events_are_read_and_written_unchanged() {
    for line in STORED {
        let event: HistoryEvent = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }
}

#[test]
fn a_stored_event_without_a_field_of_its_kind_is_invalid() {
    for (kind, details, missing) in [
        ("MapStateStarted", r#","details":{"length":1}"#, "record.map"),
        (
            "MapIterationStarted",
            r#","details":{"name":"M","index":0}"#,
            "record.input",
        ),
        ("MapRunSucceeded", "", "record.result"),
        ("ParallelStateFailed", "", "record.failure"),
        ("HeartbeatReceived", "", "record.heartbeat_at"),
        ("ParallelStateStarted", "", "record.input"),
    ] {
        let line = format!(r#"{{"id":2,"previous":1,"at":7,"type":"{kind}"{details},"record":{{"branch":1}}}}"#);
        let error = serde_json::from_str::<HistoryEvent>(&line).unwrap_err();
        assert!(error.to_string().contains(missing), "{kind}: {error}");
    }
}
