//! `holdfast setup`: a browser creates the App from the page, and `holdfast serve` runs with the stored settings.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use holdfast_testkit::FakeGithub;
use reqwest::blocking::Client;

use crate::browser::look;
use crate::pull_request::minor;
use crate::serve::Served;
use crate::support::{holdfast, one_line};

const PUBLIC: &str = "https://holdfast.example";

#[test]
fn an_app_created_in_the_browser_works_with_serve() {
    let github = FakeGithub::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments = ["setup", "--public-url", PUBLIC, "--name", "Demo", "--data"];
    let setup = || {
        let mut command = holdfast(&arguments);
        command.arg(&data).env("HOLDFAST_GITHUB_URL", github.url());
        command
    };
    let mut child = setup().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut message = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = message.next().unwrap().unwrap();
    let here = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();

    let seen = look(None, &[format!("setup={here}")]);
    assert!(seen[0].0 == 200 && seen[0].1.contains("checks: write"), "{seen:?}");
    let client = Client::builder().user_agent("browser").build().unwrap();
    let rebound = client.get(here).header("host", "evil.example").send().unwrap();
    assert_eq!(
        rebound.status(),
        403,
        "a name that leads here is not this page's address"
    );
    let elsewhere = client.get(format!("{here}created?code=1&state=2")).send().unwrap();
    assert_eq!(elsewhere.status(), 403, "the answer to another page");
    // The form goes to GitHub, and GitHub sends the browser back here.
    let page = client.get(here).send().unwrap().text().unwrap();
    let value = |before: &str| page.split(before).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let manifest = value("name=\"manifest\" value=\"").replace("&quot;", "\"");
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("manifest", &manifest)
        .finish();
    let sent = client.post(value("method=\"post\" action=\"").replace("&amp;", "&"));
    let sent = sent
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let done = sent.send().unwrap();
    assert_eq!(done.status(), 200);
    assert!(done.text().unwrap().contains("/installations/new"));

    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && message.contains(&format!("{PUBLIC}/webhooks/github")),
        "{message}"
    );
    let settings = std::fs::read_to_string(data.join("github-app.env")).unwrap();
    for file in ["github-app.env", "github-app.pem"] {
        let mode = data.join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(!message.contains("PRIVATE KEY") && !message.contains(FakeGithub::WEBHOOK_SECRET));
    let (status, line) = one_line(&setup().output().unwrap());
    assert!(status == 2 && line.contains("already"), "{line}");

    let settings: Vec<_> = settings.lines().map(|line| line.split_once('=').unwrap()).collect();
    let served = Served::start_with(minor(), &settings);
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "published");
    let checks = served.pull.github.check_runs("octo/demo");
    assert_eq!(checks.len(), 1, "only an App may write checks");
}

#[test]
fn invalid_setup_options_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(35);
    for (arguments, excerpt) in [
        (&["--public-url", "http://127.0.0.1:8080"][..], "only to https"),
        (&["--public-url", "holdfast"], "--public-url"),
        (&["--public-url", PUBLIC, "--name", &long], "1 to 34 characters"),
        (&["--public-url", PUBLIC, "--listen", "0.0.0.0:0"], "loopback"),
    ] {
        let mut command = holdfast(&[&["setup"], arguments].concat());
        let (status, line) = one_line(&command.arg("--data").arg(folder.path()).output().unwrap());
        assert!(status == 2 && line.contains(excerpt), "{line}");
    }
    let without = holdfast(&["setup"]).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
}
