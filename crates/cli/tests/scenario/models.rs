//! Realistic models and model servers: answers within thoughts and prose, servers that refuse a parameter,
//! `holdfast doctor`.

use std::net::TcpListener;
use std::process::{Command, Output};

use holdfast_testkit::github::{Fault, Matcher};
use holdfast_testkit::model_server::{Answer, Finding, ModelServerOptions, Refuses, answer_text};
use holdfast_testkit::{FakeGithub, ModelServer, Script};
use serde_json::Value;

use crate::support::{Scene, holdfast, many_files};

/// Returns answers with a finding each, with thoughts and prose around it, and with paths and lines in the form of
/// models.
fn chatty() -> Script {
    Script::new(|_, request| {
        let Some(path) = request.prompt.paths().into_iter().next() else {
            return Answer::text("{\"summary\": \"Three files change.\"}");
        };
        let text = answer_text(&[Finding::first_added_line_of(path.clone())], &request.prompt);
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        let finding = &mut answer["findings"][0];
        finding["path"] = format!("b/{path}").into();
        finding["line"] = "4000".into();
        finding["confidence"] = Value::Null;
        finding["extra"] = 1.into();
        Answer::text(format!(
            "<think>\nLook at {{ and }}.\n</think>\n\nHere is the review:\n{answer}\n\nLet me know!"
        ))
    })
}

#[test]
fn a_verbose_model_on_a_server_without_schemas_needs_one_call_per_file() {
    for thing in [Refuses::FORMATS[0], Refuses::FORMATS[3], Refuses::SYSTEM[0]] {
        let script = Script::refusing(&[thing], chatty());
        let scene =
            Scene::with_model(many_files(3), ModelServer::start(script).unwrap()).set("HOLDFAST_MAX_CONCURRENCY", "1");
        let (exit, document) = scene.review();
        assert_eq!((exit, &document["status"]), (0, &"reviewed".into()), "{document:#}");
        let findings = document["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 3, "{document:#}");
        assert!(
            findings
                .iter()
                .all(|finding| finding["line"] != 4000 && finding["path"].as_str().unwrap().starts_with("src/"))
        );
        let calls = scene.server().journal().calls();
        let refused = calls.iter().filter(|call| call.status != Some(200)).count();
        assert_eq!(refused, 1, "{}: asked once, remembered", thing.name);
    }
}

fn doctor(server: Option<&ModelServer>, key: &str, arguments: &[&str]) -> Output {
    let mut command = holdfast(&[&["doctor"], arguments].concat());
    if let Some(server) = server {
        command
            .env("HOLDFAST_MODEL", "openai/test-model")
            .env("HOLDFAST_MODEL_URL", server.url())
            .env("OPENAI_API_KEY", key);
    }
    command.output().unwrap()
}

#[test]
fn doctor_reports_what_works_and_what_to_do() {
    let options = ModelServerOptions {
        key: Some("right-key".to_owned()),
        ..ModelServerOptions::default()
    };
    let script = Script::refusing(&[Refuses::LIMIT_VALUES[0]], Script::text("{\"summary\":\"ready\"}"));
    let server = ModelServer::start_with(script, options).unwrap();
    let output = doctor(Some(&server), "right-key", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "openai/test-model at 127.0.0.1:",
        "works",
        "key accepted       yes",
        "4096 tokens (max_tokens)",
        "HOLDFAST_MODEL_OUTPUT_TOKENS=4096",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = doctor(Some(&server), "right-key", &["--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&document["works"], &document["models"][0]["structured_output"]),
        (&true.into(), &"schema".into())
    );

    let output = doctor(Some(&server), "wrong-key", &["--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["works"]), (Some(3), &false.into()));
    assert_eq!(document["models"][0]["key_accepted"], false);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("wrong-key"));

    // Nothing counts the calls of a model without a price.
    let mut command = holdfast(&["doctor"]);
    command
        .env("HOLDFAST_MODEL", "openai/test-model")
        .env("HOLDFAST_MODEL_URL", server.url())
        .env("OPENAI_API_KEY", "right-key")
        .env("HOLDFAST_SPEND_PER_RUN", "2.50");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("Warning: HOLDFAST_SPEND_PER_RUN") && text.contains("=IN/OUT"),
        "{text}"
    );

    let output = doctor(None, "", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("No model is configured"),
        "{text}"
    );
}

/// Creates a private key for this run.
fn private_key() -> String {
    let made = Command::new("openssl")
        .args(["genrsa", "-traditional", "2048"])
        .output();
    let made = made.unwrap_or_else(|error| panic!("openssl does not start ({error}): apt-get install openssl"));
    String::from_utf8(made.stdout).unwrap()
}

/// Runs `holdfast doctor` with an App of the fake GitHub, without a model.
fn doctor_of_app(github: &FakeGithub, key: Option<&str>, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = holdfast(&[&["doctor"], arguments].concat());
    command.env("HOLDFAST_GITHUB_URL", github.url());
    if let Some(key) = key {
        let file = folder.path().join("app.pem");
        std::fs::write(&file, key).unwrap();
        command
            .env("HOLDFAST_GITHUB_APP_ID", "1")
            .env("HOLDFAST_GITHUB_APP_KEY_FILE", &file);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn doctor_names_what_an_app_lacks_and_what_a_review_does_without_it() {
    let github = FakeGithub::start().unwrap();
    let key = private_key();
    let (status, text) = doctor_of_app(&github, None, &[]);
    assert!(
        status == Some(0) && text.contains("No GitHub App and no GITHUB_TOKEN is configured"),
        "{text}"
    );
    let (status, text) = doctor_of_app(&github, Some(&key), &[]);
    assert!(
        status == Some(0) && text.contains("GitHub App holdfast: works, and has every"),
        "{text}"
    );

    github.set_app_grants(&[], &["pull_request_review_thread"]);
    let (status, text) = doctor_of_app(&github, Some(&key), &[]);
    assert!(
        status == Some(0) && text.contains("pull_request_review_thread; without it nothing changes"),
        "{text}"
    );

    github.set_app_grants(&[("checks", Some("read")), ("members", None)], &["merge_group"]);
    let (status, text) = doctor_of_app(&github, Some(&key), &[]);
    assert_eq!(status, Some(3), "{text}");
    for part in [
        "GitHub App holdfast: lacks what reviews need",
        "lacks permission   checks: write (has read); without it no check run",
        "lacks permission   members: read; without it nobody",
        "lacks event        merge_group; without it a merge queue",
        "/organizations/octo-owner/settings/apps/holdfast/permissions",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (status, text) = doctor_of_app(&github, Some(&key), &["--format", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let lack = &document["github_app"]["lacks"][0];
    let expected = (&false.into(), &"checks".into(), &"read".into());
    assert_eq!(
        (&document["works"], &lack["name"], &lack["has"]),
        expected,
        "{status:?} {text}"
    );

    github.fail_next(Matcher::new("GET", "/app"), Fault::status(401));
    let (status, text) = doctor_of_app(&github, Some(&key), &[]);
    assert_eq!(status, Some(3), "{text}");
    for part in [
        "does not work",
        "GitHub refuses the credentials (401",
        "compare HOLDFAST_GITHUB_APP_ID",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("PRIVATE KEY"));
}

#[test]
fn doctor_checks_the_token_and_the_mail_server() {
    let github = FakeGithub::start().unwrap();
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mail_server = format!("smtp://{unused}");
    let doctor = |token: &str, mail_server: &str, arguments: &[&str]| {
        let mut command = holdfast(&[&["doctor"], arguments].concat());
        command
            .env("HOLDFAST_GITHUB_URL", github.url())
            .env("GITHUB_TOKEN", token)
            .env("HOLDFAST_SMTP_URL", mail_server);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let refused = "ghp_nobody";
    let state = format!("Mail server {unused}: does not work");
    for (token, mail_server, status, parts) in [
        (
            FakeGithub::USER_TOKEN,
            "",
            0,
            &[
                "Settings: valid",
                "GITHUB_TOKEN: works, with the account",
                "No mail server is configured",
            ][..],
        ),
        (
            refused,
            "",
            3,
            &[
                "GITHUB_TOKEN: does not work",
                "refuses the credentials (401",
                "create a token on GitHub",
            ],
        ),
        (
            FakeGithub::USER_TOKEN,
            &mail_server,
            3,
            &[
                state.as_str(),
                "sender             holdfast@localhost",
                "approvers          none",
                "check HOST and PORT",
            ],
        ),
    ] {
        let (found, text) = doctor(token, mail_server, &[]);
        assert_eq!(found, Some(status), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains(token), "{text}");
    }
    let (_, text) = doctor(refused, &mail_server, &["--format", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    for part in ["github_token", "mail"] {
        let found = &document[part];
        assert!(
            found["works"] == false && found["problem"].is_string() && found["remedy"].is_string(),
            "{text}"
        );
    }
}
