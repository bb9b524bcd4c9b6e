//! The metrics of `holdfast serve`, and its log.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use holdfast_core::prompt::PROMPT_VERSION;
use holdfast_testkit::{FakeGithub, Fault, Matcher, Script};
use serde_json::{Value, json};

use crate::metrics_text::{Scrape, read};
use crate::pull_request::{SLUG, minor};
use crate::serve::Served;
use crate::support::{Scene, holdfast, many_files, one_line};

const ON_ANY_PORT: &[(&str, &str)] = &[("HOLDFAST_METRICS_LISTEN", "127.0.0.1:0")];
/// The time to count a run after its end.
const COUNTED: Duration = Duration::from_secs(20);

/// Returns the text of the metrics.
fn scraped(url: &str) -> String {
    let response = reqwest::blocking::get(url).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    response.text().unwrap()
}

/// Scrapes until a series has this value.
fn scrape_until(url: &str, series: &str, value: f64) -> Scrape {
    let give_up = Instant::now() + COUNTED;
    loop {
        let text = scraped(url);
        let scrape = read(&text);
        if scrape.get(series) == Some(&value) {
            return scrape;
        }
        assert!(Instant::now() < give_up, "{series} isn't {value}:\n{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn check(scrape: &Scrape, expected: &[(&str, f64)]) {
    for (series, value) in expected {
        let found = scrape.get(*series);
        assert_eq!(found, Some(value), "{series}: {scrape:#?}");
    }
}

/// Returns a series of a model, with the end of its labels.
fn of_model(name: &str, more: &str) -> String {
    format!("holdfast_{name}{{provider=\"openai\",model=\"test-model\"{more}}}")
}

/// Returns a series of a model and of this version's prompt.
fn of_prompt(name: &str, more: &str) -> String {
    of_model(name, &format!(",prompt_version=\"{PROMPT_VERSION}\"{more}"))
}

#[test]
fn a_published_review_is_in_the_metrics_and_only_on_their_own_address() {
    let served = Served::start_with(minor(), ON_ANY_PORT);
    let url = served.announced("metrics: ");
    check(&read(&scraped(&url)), &[("holdfast_engine_transitions_total", 0.0)]);
    assert_eq!(served.deliver("pull_request", b"{}", None).0, 401);
    let session = served.sign_in_with_key();
    let limits = || served.get("limits", &session).text().unwrap();
    assert!(limits().contains("Not called yet"), "{}", limits());
    assert_eq!(served.get("limits", "").status(), 401);
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    let scrape = scrape_until(&url, "holdfast_runs_ended_total{status=\"published\"}", 1.0);
    check(
        &scrape,
        &[
            ("holdfast_runs_open{state=\"running\"}", 0.0),
            ("holdfast_run_duration_seconds_count", 1.0),
            ("holdfast_approval_oldest_age_seconds", 0.0),
            ("holdfast_files_total{outcome=\"reviewed\"}", 4.0),
            ("holdfast_findings_total{severity=\"medium\"}", 4.0),
            ("holdfast_finding_outcomes_total{outcome=\"published\"}", 4.0),
            ("holdfast_finding_outcomes_total{outcome=\"fixed\"}", 0.0),
            ("holdfast_finding_outcomes_total{outcome=\"dismissed\"}", 0.0),
            ("holdfast_webhook_deliveries_total{code=\"202\"}", 1.0),
            ("holdfast_webhook_deliveries_total{code=\"401\"}", 1.0),
            ("holdfast_webhook_duration_seconds_count", 2.0),
            ("holdfast_engine_events_missed_total", 0.0),
            (&of_prompt("first_answers_total", ",valid=\"true\""), 4.0),
            (&of_prompt("units_total", ",outcome=\"attempt_1\""), 4.0),
            (&of_prompt("unit_attempts_total", ""), 4.0),
        ],
    );
    assert!(scrape["holdfast_engine_transitions_total"] > 4.0 * 4.0, "{scrape:#?}");
    assert!(
        !scrape
            .keys()
            .any(|series| series.starts_with("holdfast_stage_failures"))
    );
    let usage = &report(&served, &run)["usage"];
    let sums = [
        ("model_calls_total", "model_calls"),
        ("model_input_tokens_total", "input_tokens"),
        ("model_output_tokens_total", "output_tokens"),
        ("model_unpriced_calls_total", "unpriced_calls"),
    ];
    for (name, field) in sums {
        assert_eq!(
            scrape[&of_model(name, "")],
            usage[field].as_f64().unwrap(),
            "{name}: {usage}"
        );
    }
    let text = scraped(&url);
    for private in ["octo", "demo", &run] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    assert_eq!(served.get("metrics", "").status(), 404);
    let other = reqwest::blocking::get(url.replace("/metrics", "/healthz")).unwrap();
    assert_eq!(other.status(), 404);

    let github = &served.pull.github;
    github.set_permission(SLUG, "maintainer", "write");
    let comments = github.review_comments(SLUG, 12);
    let of_first = comments.iter().find(|comment| comment["path"] == "src/file_0000.rs");
    let id = of_first.unwrap()["id"].as_u64().unwrap();
    github.react(SLUG, 12, id, "maintainer", "THUMBS_DOWN").unwrap();
    served.pushed();
    let scrape = scrape_until(&url, "holdfast_runs_ended_total{status=\"published\"}", 2.0);
    check(
        &scrape,
        &[
            ("holdfast_finding_outcomes_total{outcome=\"dismissed\"}", 1.0),
            (&of_model("model_cache_hits_total", ""), 3.0),
            (&of_prompt("units_total", ",outcome=\"cached\""), 3.0),
            (&of_prompt("first_answers_total", ",valid=\"true\""), 5.0),
        ],
    );
    let page = limits();
    for part in ["openai/test-model", "Answers", "0 of 10", "5 of 5"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

fn report(served: &Served, run: &str) -> Value {
    let file = served
        .pull
        .scene
        .data
        .path()
        .join(format!("data/artifacts/runs/{run}/report.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn invalid_answers_failed_calls_and_unreviewed_files_are_counted() {
    let script = minor()
        .for_path("src/file_0000.rs", Script::prose_then_valid())
        .for_path("src/file_0001.rs", Script::always_invalid())
        .for_path("src/file_0002.rs", Script::status(400));
    let served = Served::start_with(script, ON_ANY_PORT);
    let url = served.announced("metrics: ");
    served.opened();
    let scrape = scrape_until(&url, "holdfast_runs_ended_total{status=\"partial\"}", 1.0);
    check(
        &scrape,
        &[
            ("holdfast_files_total{outcome=\"reviewed\"}", 2.0),
            ("holdfast_files_total{outcome=\"unreviewed\"}", 2.0),
            ("holdfast_files_unreviewed_total{reason=\"AnswersInvalid\"}", 1.0),
            ("holdfast_files_unreviewed_total{reason=\"ModelRequestRejected\"}", 1.0),
            ("holdfast_finding_outcomes_total{outcome=\"published\"}", 1.0),
            (
                "holdfast_stage_failures_total{stage=\"ReviewUnit\",error=\"ModelRequestRejected\",retried=\"false\"}",
                1.0,
            ),
            (&of_prompt("first_answers_total", ",valid=\"true\""), 1.0),
            (&of_prompt("first_answers_total", ",valid=\"false\""), 2.0),
            (&of_prompt("units_total", ",outcome=\"attempt_1\""), 1.0),
            (&of_prompt("units_total", ",outcome=\"attempt_2\""), 1.0),
            (&of_prompt("units_total", ",outcome=\"given_up\""), 1.0),
            (&of_prompt("units_total", ",outcome=\"failed\""), 1.0),
            (&of_prompt("unit_attempts_total", ""), 1.0 + 2.0 + 3.0),
        ],
    );
}

#[test]
fn a_run_that_waits_for_a_person_is_a_gauge_that_survives_a_restart() {
    let mut served = Served::start_with(Script::finding_each_file(), ON_ANY_PORT);
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    served.kill_and_start();
    let url = served.announced("metrics: ");
    let waiting = "holdfast_runs_open{state=\"waiting_for_person\"}";
    let scrape = scrape_until(&url, waiting, 1.0);
    assert!(scrape["holdfast_approval_oldest_age_seconds"] > 0.0, "{scrape:#?}");
    let session = served.sign_in_with_key();
    assert_eq!(served.decide(&run, &session, "approve"), 200);
    let scrape = scrape_until(&url, "holdfast_runs_ended_total{status=\"published\"}", 1.0);
    check(
        &scrape,
        &[
            (waiting, 0.0),
            ("holdfast_approval_oldest_age_seconds", 0.0),
            ("holdfast_finding_outcomes_total{outcome=\"published\"}", 4.0),
            // Those of the process before count too: the run ended in this one.
            (&of_prompt("units_total", ",outcome=\"attempt_1\""), 4.0),
        ],
    );
}

#[test]
fn an_address_in_use_is_a_usage_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let mut command = holdfast(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data.path().join("data"));
    command.env("HOLDFAST_WEBHOOK_SECRET", FakeGithub::WEBHOOK_SECRET);
    command.env("GITHUB_TOKEN", FakeGithub::USER_TOKEN);
    command.env("HOLDFAST_METRICS_LISTEN", &address);
    let (status, line) = one_line(&command.output().unwrap());
    assert_eq!(status, 2, "{line}");
    assert!(
        line.contains("HOLDFAST_METRICS_LISTEN") && line.contains(&address) && line.contains("or to off"),
        "{line}"
    );
}

/// Returns the lines of a JSON log up to the one with this message.
fn log_until(served: &Served, message: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    loop {
        let line = served.lines.recv_timeout(COUNTED).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["/timestamp", "/level", "/target", "/fields/message"] {
            assert!(line.pointer(field).is_some_and(Value::is_string), "{field}: {line}");
        }
        let found = line["fields"]["message"] == message;
        lines.push(line);
        if found {
            return lines;
        }
    }
}

#[test]
fn a_json_log_has_the_end_of_each_run() {
    let served = Served::start_as("127.0.0.1:0", minor(), &[], &["--log-format", "json"]);
    let refused = Matcher::new("POST", "/repos/*/*/pulls/*/reviews").always();
    served.pull.github.fail_next(refused, Fault::status(403));
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    let mut lines = log_until(&served, "a run failed");
    let (level, end) = (&lines.last().unwrap()["level"], &lines.last().unwrap()["fields"]);
    assert_eq!((level, &end["run"]), (&json!("ERROR"), &json!(run)));
    assert_eq!(
        (&end["status"], &end["error"]),
        (&json!("failed"), &json!("GithubForbidden"))
    );

    served.pull.github.clear_faults();
    let run = served.pushed();
    lines.extend(log_until(&served, "a run ended"));
    let (level, end) = (&lines.last().unwrap()["level"], &lines.last().unwrap()["fields"]);
    assert_eq!((level, &end["run"]), (&json!("INFO"), &json!(run)));
    assert_eq!((&end["status"], &end["error"]), (&json!("published"), &Value::Null));
    let usage = &report(&served, &run)["usage"];
    for field in ["model_calls", "input_tokens", "output_tokens", "cost_usd"] {
        assert_eq!(end[field], usage[field], "{field}: {end}");
    }
    assert_eq!((&end["findings"], &end["files_unreviewed"]), (&json!(4), &json!(0)));
    assert!(end["seconds"].as_f64().unwrap() > 0.0, "{end}");
    let text = format!("{lines:?}");
    for secret in ["test-key", FakeGithub::INSTALLATION_TOKEN, FakeGithub::WEBHOOK_SECRET] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_review_logs_its_end_where_the_log_has_it() {
    let scene = Scene::new(many_files(1)).set("HOLDFAST_LOG", "info");
    let output = scene.run(&["review", scene.path(), "--quiet"]);
    let log = String::from_utf8(output.stderr).unwrap();
    let end: Vec<&str> = log.lines().filter(|line| line.contains("a run ended")).collect();
    assert!(end.len() == 1 && end[0].contains("status=\"reviewed\""), "{log}");
}

/// A collector of traces: returns its address, and each request's header `key` and body.
fn collector() -> (String, std::sync::mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut reader = BufReader::new(connection.unwrap());
            let (mut key, mut length) = (String::new(), 0);
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                let lower = line.trim().to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                } else if lower.starts_with("key: ") {
                    key = line.trim()[5..].to_owned();
                } else if lower.starts_with("post ") {
                    assert!(lower.starts_with("post /v1/traces "), "{lower}");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            send.send((key, serde_json::from_slice(&body).unwrap())).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, receive)
}

#[test]
fn a_run_that_ended_is_a_trace_at_the_collector() {
    let (address, traces) = collector();
    let more = [
        ("HOLDFAST_METRICS_LISTEN", "off"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=a%20key"),
    ];
    let served = Served::start_with(minor(), &more);
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    let (key, body) = traces.recv_timeout(COUNTED).unwrap();
    assert_eq!(key, "a key");
    let resource = &body["resourceSpans"][0];
    assert!(
        resource["resource"]["attributes"].to_string().contains("\"holdfast\""),
        "{resource}"
    );
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    assert_eq!(
        (named("review").len(), named("unit").len(), named("ReviewUnit").len()),
        (1, 4, 4)
    );
    assert!(named("review")[0]["attributes"].to_string().contains(&run));
    let time = |span: &Value, name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
    for span in spans {
        assert_eq!(span["traceId"], spans[0]["traceId"]);
        assert!(
            time(span, "startTimeUnixNano") <= time(span, "endTimeUnixNano"),
            "{span}"
        );
        let parent = spans.iter().find(|parent| parent["spanId"] == span["parentSpanId"]);
        match parent {
            Some(parent) => {
                assert!(
                    time(parent, "startTimeUnixNano") <= time(span, "startTimeUnixNano"),
                    "{span}"
                );
                assert!(
                    time(parent, "endTimeUnixNano") >= time(span, "endTimeUnixNano"),
                    "{span}"
                );
            }
            None => assert_eq!(span["name"], "review"),
        }
    }
    let parents: Vec<&Value> = named("unit").iter().map(|unit| &unit["parentSpanId"]).collect();
    assert!(
        parents
            .iter()
            .all(|parent| **parent == named("ReviewEachUnit")[0]["spanId"])
    );
}
