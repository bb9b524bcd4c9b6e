//! The protocol: requests that are refused before any action.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Server, program};

async fn post(server: &Server, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> (u16, Value) {
    let mut request = reqwest::Client::new().post(&server.url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-amz-json-1.0");
    assert_eq!(answer.headers()["x-amzn-requestid"].len(), 36);
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_requests_are_refused_by_name() {
    let server = Server::start().await;
    let list = [("x-amz-target", "AWSStepFunctions.ListStateMachines")];
    let refused = async |headers: &[(&str, &str)], body: Vec<u8>| {
        let (status, answer) = post(&server, headers, body).await;
        (
            status,
            answer["__type"].as_str().unwrap().to_owned(),
            answer["message"].as_str().unwrap().to_owned(),
        )
    };
    let (status, empty) = post(&server, &list, "{}").await;
    assert_eq!((status, empty), (200, json!({ "stateMachines": [] })));
    for body in ["", "{", "[]", "null", r#"{"maxResults": "many"}"#, "\u{0}"] {
        let (status, name, _) = refused(&list, body.into()).await;
        assert_eq!((status, name.as_str()), (400, "SerializationException"), "{body:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(refused(&list, deep.into()).await.1, "SerializationException");
    let (status, name, message) =
        refused(&[("x-amz-target", "AWSStepFunctions.GetActivityTask")], b"{}".to_vec()).await;
    assert_eq!((status, name.as_str()), (400, "UnknownOperationException"));
    assert!(message.contains("SendTaskSuccess"), "{message}");
    assert_eq!(refused(&[], b"{}".to_vec()).await.1, "UnknownOperationException");
    let largest = format!("{{\"x\":\"{}\"}}", "x".repeat(1_048_576 - 8));
    assert_eq!(post(&server, &list, largest.clone()).await.0, 200);
    for more in [1, 20 * 1_048_576] {
        let (status, name, _) = refused(&list, [largest.as_bytes(), &vec![b' '; more]].concat()).await;
        assert_eq!((status, name.as_str()), (413, "RequestEntityTooLargeException"));
    }
    let start = [("x-amz-target", "AWSStepFunctions.StartExecution")];
    assert_eq!(refused(&start, b"{}".to_vec()).await.1, "ValidationException");
    for host in ["sync-localhost:8083", "[::1]", "127.9.9.9"] {
        assert_eq!(post(&server, &[list[0], ("host", host)], "{}").await.0, 200, "{host}");
    }
    // A browser on this machine that follows a page's link.
    for header in [
        ("origin", "https://evil.example"),
        ("host", "evil.example:8083"),
        ("host", "sync-evil.example"),
    ] {
        let (status, name, _) = refused(&[list[0], header], b"{}".to_vec()).await;
        assert_eq!((status, name.as_str()), (403, "AccessDeniedException"));
    }
}

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let mut engine = program();
    let ended = engine
        .args(["engine", "--listen", "0.0.0.0:0", "--data"])
        .arg(&data)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        message.contains("--listen 0.0.0.0:0") && message.contains("no authentication"),
        "{message}"
    );
    assert!(!data.exists());
}
