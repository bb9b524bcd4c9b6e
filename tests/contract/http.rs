//! The functions behind the HTTP API and the schedule, as real programs: the events of an HTTP API, and the answers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_testkit::{FakeGithub, Script, hidden_field};
use serde_json::{Value, json};

use crate::functions::{Deployment, SLUG, pull_request};

/// Returns an event of an HTTP API, payload version 2.0.
fn event(method: &str, path: &str, headers: &Value, body: Option<&[u8]>, is_base64: bool) -> Value {
    let body = body.map(|body| match is_base64 {
        true => STANDARD.encode(body),
        false => String::from_utf8(body.to_vec()).unwrap(),
    });
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
        "cookies": headers.get("cookie").map(|cookie| vec![cookie.clone()]).unwrap_or_default(),
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "holdfast.example.org", "domainPrefix": "holdfast",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
            "requestId": "id", "routeKey": "$default", "stage": "$default", "time": "25/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_608_000_000_i64,
        },
        "body": body, "isBase64Encoded": is_base64,
    })
}

fn signed(body: &[u8]) -> String {
    FakeGithub::signature(FakeGithub::WEBHOOK_SECRET, body)
}

fn delivery(name: &str, body: &[u8], signature: &str, is_base64: bool) -> Value {
    let headers = json!({
        "content-type": "application/json", "x-github-event": name, "x-github-delivery": "1",
        "x-hub-signature-256": signature,
    });
    event("POST", "/webhooks/github", &headers, Some(body), is_base64)
}

/// Sends a delivery to the function. Returns its answer's status and document.
fn deliver(deployment: &Deployment, name: &str, body: &[u8], signature: &str, is_base64: bool) -> (u64, Value) {
    let delivery = delivery(name, body, signature, is_base64);
    let answer = deployment.invoke("receive-webhook", &delivery).unwrap();
    let document = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), document)
}

#[test]
fn a_delivery_starts_one_run_on_the_alias() {
    let deployment = Deployment::new(Script::valid());
    let (_repository, head) = pull_request(&deployment);
    let opened = deployment
        .github
        .pull_request_event(SLUG, 12, "opened")
        .unwrap()
        .to_string();
    let signature = signed(opened.as_bytes());
    let (status, started) = deliver(&deployment, "pull_request", opened.as_bytes(), &signature, true);
    assert_eq!((status, &started["status"]), (202, &json!("started")), "{started}");
    let (status, again) = deliver(&deployment, "pull_request", opened.as_bytes(), &signature, false);
    assert_eq!((status, &again["status"]), (200, &json!("duplicate")), "{again}");
    let starts = deployment.cloud.executions("StartExecution");
    assert_eq!(starts.len(), 1);
    assert!(
        starts[0]["stateMachineArn"]
            .as_str()
            .unwrap()
            .ends_with(":stateMachine:holdfast:live")
    );
    assert_eq!(starts[0]["name"], started["run"]);
    let input: Value = serde_json::from_str(starts[0]["input"].as_str().unwrap()).unwrap();
    assert_eq!(input["target"]["head"], head.as_str());
    assert_eq!(input["model"], "anthropic/test-model");
}

#[test]
fn an_invalid_delivery_gets_its_status_and_starts_nothing() {
    let deployment = Deployment::new(Script::valid());
    for (name, body, signature, expected) in [
        ("pull_request", &b"{}"[..], String::new(), 401),
        ("pull_request", b"{}", "sha256=00".to_owned(), 401),
        ("pull_request", b"{}", signed(b"{ }"), 401),
        ("pull_request", b"", signed(b""), 400),
        ("pull_request", b"{\"action\":", signed(b"{\"action\":"), 400),
        ("pull_request", b"\xff\xfe", signed(b"\xff\xfe"), 400),
        ("star", b"{}", signed(b"{}"), 200),
    ] {
        let (status, document) = deliver(&deployment, name, body, &signature, true);
        assert_eq!(status, expected, "{document}");
    }
    assert!(deployment.cloud.executions("StartExecution").is_empty());
    let failure = deployment
        .invoke("receive-webhook", &json!({ "no": "request" }))
        .unwrap_err();
    assert!(!failure.message.is_empty(), "{failure:?}");
}

#[test]
fn a_running_function_uses_a_changed_secret() {
    const ID: &str = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:webhook";
    let deployment = Deployment::new(Script::valid());
    let secret = |text: &str| json!({ "HOLDFAST_WEBHOOK_SECRET": text }).to_string();
    let settings = [("HOLDFAST_SECRETS", ID), ("HOLDFAST_SECRETS_MAX_AGE_S", "0")];
    deployment.cloud.put_secret(ID, &secret("first secret of the webhook"));
    let mut function = deployment.start("receive-webhook", &settings);
    let mut status = |secret: &str| {
        let signature = FakeGithub::signature(secret, b"{}");
        let answer = function.invoke(&delivery("star", b"{}", &signature, false)).unwrap();
        answer.unwrap()["statusCode"].as_u64().unwrap()
    };
    assert_eq!(status("first secret of the webhook"), 200);
    deployment.cloud.put_secret(ID, &secret("second secret of the webhook"));
    assert_eq!(status("first secret of the webhook"), 401, "it isn't valid any more");
    assert_eq!(status("second secret of the webhook"), 200);
    for useless in ["", "{", "[]", "{\"HOLDFAST_WEBHOOK_SECRET\": \"\"}"] {
        deployment.cloud.put_secret(ID, useless);
        assert_eq!(
            status("second secret of the webhook"),
            200,
            "{useless}: the one before goes on"
        );
    }
    drop(function);
    let printed = deployment.cloud.printed();
    assert!(
        printed.contains("secret has changed") && printed.contains(ID),
        "{printed}"
    );
    assert!(!printed.contains("secret of the webhook"), "{printed}");
    let failed = deployment
        .start("receive-webhook", &settings)
        .invoke(&json!({}))
        .unwrap_err();
    assert!(failed.to_string().contains("HOLDFAST_WEBHOOK_SECRET"), "{failed}");
}

/// Delivers a pull request and runs its review up to the announcement. Returns the run.
fn announced(deployment: &Deployment) -> String {
    let opened = deployment
        .github
        .pull_request_event(SLUG, 12, "opened")
        .unwrap()
        .to_string();
    let (_, started) = deliver(
        deployment,
        "pull_request",
        opened.as_bytes(),
        &signed(opened.as_bytes()),
        false,
    );
    let start = &deployment.cloud.executions("StartExecution")[0];
    let input: Value = serde_json::from_str(start["input"].as_str().unwrap()).unwrap();
    deployment.invoke("open-review", &json!({ "run": input })).unwrap();
    started["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_cancelled_review_is_stopped_and_a_sweep_finds_nothing_left() {
    let deployment = Deployment::new(Script::valid());
    let (_repository, _head) = pull_request(&deployment);
    deployment.github.set_permission(SLUG, "maintainer", "write");
    let run = announced(&deployment);
    let send_command = |text: &str| {
        let event = deployment.github.comment_event(SLUG, 12, "maintainer", text).unwrap();
        let body = event.to_string();
        deliver(
            &deployment,
            "issue_comment",
            body.as_bytes(),
            &signed(body.as_bytes()),
            false,
        )
    };
    let (status, done) = send_command("/holdfast cancel");
    assert_eq!((status, &done["what"]), (200, &json!("cancelled")), "{done}");
    let stops = deployment.cloud.executions("StopExecution");
    assert_eq!(stops.len(), 1);
    assert!(
        stops[0]["executionArn"]
            .as_str()
            .unwrap()
            .ends_with(&format!(":execution:holdfast:{run}"))
    );
    assert_eq!(stops[0]["error"], "RunCancelled");
    let swept = deployment
        .invoke("sweep", &json!({ "detail-type": "Scheduled Event" }))
        .unwrap();
    assert_eq!((&swept["cleaned"], &swept["left"]), (&json!([]), &json!([])), "{swept}");
    let (status, paused) = send_command("/holdfast pause");
    assert_eq!((status, &paused["what"]), (200, &json!("paused")));
    // The cancelled review left nothing behind, so the head is reviewed again.
    let (status, resumed) = send_command("/holdfast resume");
    assert_eq!((status, &resumed["status"]), (202, &json!("started")), "{resumed}");
    assert_ne!(resumed["run"], run.as_str());
    let (status, again) = send_command("/holdfast resume");
    assert_eq!((status, &again["status"]), (200, &json!("duplicate")), "{again}");
    assert_eq!(again["run"], resumed["run"]);
}

#[test]
fn a_sweep_cleans_up_after_a_stopped_run() {
    let deployment = Deployment::new(Script::valid());
    let (_repository, _head) = pull_request(&deployment);
    let run = announced(&deployment);
    assert_eq!(deployment.github.issue_comments(SLUG, 12).len(), 1, "announced");
    deployment.cloud.stop_execution(&format!(
        "arn:aws:states:eu-central-1:000000000000:execution:holdfast:{run}"
    ));
    let swept = deployment.invoke("sweep", &json!({ "source": "aws.states" })).unwrap();
    assert_eq!(
        (&swept["cleaned"], &swept["left"]),
        (&json!([run]), &json!([])),
        "{swept}"
    );
    let checks = deployment.github.check_runs(SLUG);
    assert!(checks.iter().all(|check| check["status"] == "completed"), "{checks:?}");
    let again = deployment.invoke("sweep", &json!({})).unwrap();
    assert_eq!(again["cleaned"], json!([]), "done once");
}

#[test]
fn a_sweep_retries_a_review_once_its_model_answers() {
    let deployment = Deployment::new(Script::overloaded());
    let (_repository, _head) = pull_request(&deployment);
    let run = announced(&deployment);
    let fail = |run: &str| {
        let failed = json!({ "run": run, "started_with": null, "error": "ModelUnavailable" });
        deployment.invoke("withdraw-announcement", &failed).unwrap();
        let comments = deployment.github.issue_comments(SLUG, 12);
        comments[0]["body"]
            .as_str()
            .unwrap()
            .contains("It is retried by itself")
    };
    assert!(fail(&run));
    let look = || {
        let mut function = deployment.start("try-models", &[("ANTHROPIC_API_KEY", "key")]);
        function
            .invoke(&json!({ "detail-type": "Scheduled Event" }))
            .unwrap()
            .unwrap();
        deployment
            .invoke("sweep", &json!({ "detail-type": "Scheduled Event" }))
            .unwrap();
        deployment.cloud.executions("StartExecution")
    };
    assert_eq!(look().len(), 1, "the model is down");
    deployment.set_script(Script::valid());
    // The provider is tried again after a second.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let starts = look();
    assert_eq!(starts.len(), 2);
    let next = format!("{}-2", run.strip_suffix("-1").unwrap());
    assert_eq!(starts[1]["name"], next.as_str());
    assert_eq!(
        starts[1]["stateMachineArn"], starts[0]["stateMachineArn"],
        "by the alias"
    );
    let input = |start: &Value| -> Value { serde_json::from_str(start["input"].as_str().unwrap()).unwrap() };
    let (before, after) = (input(&starts[0]), input(&starts[1]));
    assert_eq!((&after["run"], &after["target"]), (&json!(next), &before["target"]));
    assert_eq!(look().len(), 2, "once");
    deployment.invoke("open-review", &json!({ "run": after })).unwrap();
    assert!(!fail(&next), "a retry isn't retried");
    assert_eq!(look().len(), 2);
}

/// Resets the question's row to its form between the decision and the delivery, as if the delivery's answer was lost,
/// and sweeps. Returns the runs whose decision the sweep delivered.
pub fn sweep_late(deployment: &Deployment) -> Value {
    let deliveries = || deployment.cloud.executions("SendTaskSuccess").len();
    let before = deliveries();
    let decided = deployment.cloud.items().into_iter().find(|put| {
        let value = put["Item"]["value"]["S"].as_str().unwrap_or_default();
        value.contains("\"decided\":\"approved\"") && value.contains("\"delivered\":\"no\"")
    });
    deployment.cloud.put_item(decided.unwrap());
    let sweep = || {
        deployment
            .invoke("sweep", &json!({ "detail-type": "Scheduled Event" }))
            .unwrap()
    };
    let (swept, again) = (sweep(), sweep());
    assert_eq!(
        (&swept["left"], &again["delivered"]),
        (&json!([]), &json!([])),
        "{swept} {again}"
    );
    assert_eq!(deliveries(), before + 1);
    swept["delivered"].clone()
}

#[test]
fn an_invalid_request_gets_its_status_and_decides_nothing() {
    let deployment = Deployment::new(Script::valid());
    let page = format!("/approvals/{}", "0".repeat(64));
    let form = json!({ "content-type": "application/x-www-form-urlencoded" });
    let large = vec![b'a'; 3 * 1024 * 1024];
    for (method, path, body, expected) in [
        ("POST", page.as_str(), Some(&large[..]), 413),
        ("POST", &page, Some(b"\xff\xfe=%zz&&&"), 403),
        ("POST", &page, None, 403),
        ("PUT", &page, None, 405),
        ("GET", "/approvals/", None, 404),
        ("GET", "/approvals/%00%ff", None, 404),
        ("GET", "/approvals/a/../../x", None, 404),
    ] {
        let request = event(method, path, &form, body, true);
        let answer = deployment.invoke("approval-page", &request).unwrap();
        assert_eq!(answer["statusCode"], expected, "{method} {path}: {answer}");
    }
    let failure = deployment.invoke("approval-page", &json!([1])).unwrap_err();
    assert!(!failure.message.is_empty(), "{failure:?}");
    assert!(deployment.cloud.items().is_empty());
}

#[test]
fn a_delivery_that_is_too_large_is_refused() {
    let deployment = Deployment::new(Script::valid());
    let body = vec![b'a'; 25 * 1024 * 1024 + 1];
    let (status, document) = deliver(&deployment, "pull_request", &body, &signed(&body), false);
    assert_eq!((status, &document["status"]), (413, &json!("too_large")));
}

/// Signs in with GitHub and comes back to a page. Returns the browser's cookies.
fn sign_in(deployment: &Deployment, page: &str, login: &str) -> String {
    deployment.github.sign_in_as(Some(login));
    let get = |path: &str, cookies: &str| {
        let request = event("GET", path, &json!({ "cookie": cookies }), None, false);
        deployment.invoke("approval-page", &request).unwrap()
    };
    let cookies = |answer: &Value| {
        let set = answer["cookies"].as_array().unwrap().iter();
        let pairs: Vec<&str> = set
            .map(|cookie| cookie.as_str().unwrap().split(';').next().unwrap())
            .collect();
        pairs.join("; ")
    };
    let gone = get(&format!("/sign-in?back={page}"), "");
    assert_eq!(gone["statusCode"], 303, "{gone}");
    let there = gone["headers"]["location"].as_str().unwrap().parse().unwrap();
    let back = deployment.github.authorize(&there).unwrap();
    let back = format!("{}?{}", back.path(), back.query().unwrap());
    assert_eq!(get(&back, "")["statusCode"], 403, "another browser's sign-in");
    let signed = get(&back, &cookies(&gone));
    assert_eq!(
        (&signed["statusCode"], &signed["headers"]["location"]),
        (&json!(303), &json!(page)),
        "{signed}"
    );
    assert!(!signed.to_string().contains("ghu_"), "the token is hidden");
    cookies(&signed)
}

/// Reads the approval page, and approves after a sign-in.
pub fn decide(deployment: &Arc<Deployment>, page: &str, code: &str) {
    let get = |path: &str, cookies: &str| {
        let request = event("GET", path, &json!({ "cookie": cookies }), None, false);
        deployment.invoke("approval-page", &request).unwrap()
    };
    let health = get("/healthz", "");
    assert_eq!((&health["statusCode"], &health["body"]), (&json!(200), &json!("ok\n")));
    assert_eq!(get("/assets/other.css", "")["statusCode"], 404);
    let unknown = get(&format!("/approvals/{}", "0".repeat(64)), "");
    assert_eq!(unknown["statusCode"], 404);
    let shown = get(page, "");
    assert_eq!(shown["statusCode"], 200, "{shown}");
    let html = shown["body"].as_str().unwrap();
    let stylesheet = html
        .split("rel=\"stylesheet\" href=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert_eq!(get(stylesheet, "")["statusCode"], 200);
    let field = |name: &str| hidden_field(html, page, name).unwrap();
    let visit = shown["cookies"][0].as_str().unwrap().split(';').next().unwrap();
    let post = |path: &str, cookies: &str, form: &str| {
        let headers = json!({
            "content-type": "application/x-www-form-urlencoded", "origin": "https://holdfast.example.org", "cookie": cookies,
        });
        let posted = event("POST", path, &headers, Some(form.as_bytes()), true);
        deployment.invoke("approval-page", &posted).unwrap()
    };
    let decided = |cookies: &str, code: &str| {
        let (csrf, version) = (field("csrf"), field("page_version"));
        let form = format!("csrf={csrf}&page_version={version}&decision=approve&code={code}");
        post(page, cookies, &form)["statusCode"].clone()
    };
    assert_eq!(decided("", code), 403, "another browser");
    assert_eq!(decided(visit, "AAA-AAA-AAA"), 403, "a wrong code");
    deployment.github.set_permission(SLUG, "visitor", "read");
    deployment.github.set_permission(SLUG, "maintainer", "write");
    let visitor = sign_in(deployment, page, "visitor");
    assert_eq!(get(page, &visitor)["statusCode"], 403, "may not write");
    assert_eq!(decided(&format!("{visitor}; {visit}"), code), 403, "nor with a code");
    let maintainer = sign_in(deployment, page, "maintainer");
    let (session, token) = maintainer.split_once("; ").unwrap();
    assert_eq!(decided(&format!("{session}; {visit}"), ""), 403, "no token, no code");
    let theirs = visitor
        .split("; ")
        .find(|cookie| cookie.starts_with("holdfast_token="))
        .unwrap();
    assert_eq!(
        decided(&format!("{session}; {theirs}; {visit}"), ""),
        403,
        "another's token"
    );
    assert_eq!(decided(&format!("{token}; {visit}"), ""), 403, "a token alone");
    let signed = get(page, &format!("{maintainer}; {visit}"));
    let html = signed["body"].as_str().unwrap();
    assert!(html.contains("maintainer") && !html.contains("name=\"code\""), "{html}");
    let csrf = hidden_field(html, "/sign-out", "csrf").unwrap();
    let out = post("/sign-out", &format!("{maintainer}; {visit}"), &format!("csrf={csrf}"));
    assert!(
        out["statusCode"] == 200 && out["cookies"].to_string().contains("holdfast_token=; Max-Age=0"),
        "{out}"
    );
    assert_eq!(post("/sign-out", &maintainer, "csrf=0")["statusCode"], 403);
    assert_eq!(
        decided(&format!("{maintainer}; {visit}"), ""),
        403,
        "that session is over"
    );
    let maintainer = sign_in(deployment, page, "maintainer");
    assert_eq!(decided(&format!("{maintainer}; {visit}"), ""), 200);
    assert_eq!(decided(visit, code), 409, "decided already");
}
