//! The deployment, from a signed webhook to the published review: the real template, built and deployed by the SAM CLI,
//! with its real programs, on an emulator of AWS that enforces the functions' roles.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod cloud;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_core::stage::state;
use holdfast_testkit::{
    FakeGithub, Fault, Finding, Matcher, ModelServer, PullRequest, Repository, Script, hidden_field,
};
use serde_json::{Value, json};

use cloud::{Cloud, STACK, text};

const SLUG: &str = "octo/demo";
/// The pull requests, named by their end.
const PUBLISHED: u64 = 12;
const DECIDED: u64 = 13;
const FAILED: u64 = 14;
const REJECTED: u64 = 15;
/// The files with findings that need an approval.
const GRAVE: &str = "src/grave.rs";
const GRAVER: &str = "src/graver.rs";

struct Deployment {
    cloud: Cloud,
    github: FakeGithub,
    model: ModelServer,
    api: String,
}

impl Deployment {
    fn deliver(&self, number: u64) -> (u16, Value) {
        let event = self
            .github
            .pull_request_event(SLUG, number, "opened")
            .unwrap()
            .to_string();
        let signature = FakeGithub::signature(FakeGithub::WEBHOOK_SECRET, event.as_bytes());
        let request = self
            .cloud
            .client
            .post(self.cloud.address(&self.api, "/webhooks/github"));
        let request = request
            .header("content-type", "application/json")
            .header("x-github-event", "pull_request");
        let request = request
            .header("x-github-delivery", "1")
            .header("x-hub-signature-256", signature);
        let answer = request.body(event).send().unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().unwrap());
        let document = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}\n{}", self.cloud.logs()));
        (status, document)
    }

    /// Delivers a pull request and returns the run that it starts.
    fn started(&self, number: u64) -> String {
        let (status, document) = self.deliver(number);
        assert_eq!(
            (status, &document["status"]),
            (202, &json!("started")),
            "{document}\n{}",
            self.cloud.logs()
        );
        document["run"].as_str().unwrap().to_owned()
    }
}

/// One deployment for all checks, because deploying takes most of the time.
#[test]
fn a_signed_webhook_becomes_a_published_review_on_aws() {
    let github = FakeGithub::start().unwrap();
    let change = Repository::many_files(3).unwrap();
    let pull = |base: &str, head: &str, number| {
        github.add(PullRequest::from_git(change.repository.path(), base, head, SLUG, number).unwrap());
    };
    pull(&change.base, &change.head, PUBLISHED);
    let mut base = change.head.clone();
    for (path, number) in [(GRAVE, DECIDED), ("src/last.rs", FAILED), (GRAVER, REJECTED)] {
        change
            .repository
            .write(path, "pub fn one(x: u64) -> u64 {\n    x + 1\n}\n")
            .unwrap();
        let head = change.repository.commit(&format!("Add {path}")).unwrap();
        pull(&base, &head, number);
        base = head;
    }
    let minor = Script::findings(vec![Finding::first_added_line().severity("medium")]);
    let script = minor.for_path(GRAVE, Script::finding_each_file());
    let model = ModelServer::start(script.for_path(GRAVER, Script::finding_each_file())).unwrap();
    let cloud = Cloud::deploy(&cloud::parameters(&github, &model));
    let outputs = cloud.emulated(&["environment", STACK]);
    let api = outputs["Api"].as_str().unwrap().to_owned();
    let deployment = Deployment {
        cloud,
        github,
        model,
        api,
    };

    assert_eq!(text(get(&deployment, "/healthz"), 200), "ok\n");
    app_is_made_with_the_stack(&deployment);
    people_are_sent_to_github(&deployment);
    deployment
        .cloud
        .emulated(&["put", STACK, "ModelSecret", "OPENAI_API_KEY", "test-key"]);
    roles_are_kept(&deployment);
    is_published_once(&deployment);
    is_decided_by_mail(&deployment);
    is_cleaned_up_when_it_fails(&deployment);
    is_rejected_from_a_terminal(&deployment);
    is_seen_and_swept_from_a_terminal(&deployment);
    is_redriven_from_a_terminal(&deployment);
}

/// Runs `holdfast setup --stack`, which puts the App's secrets into the stack's.
fn app_is_made_with_the_stack(deployment: &Deployment) {
    let mut setup = Command::new(cloud::holdfast());
    deployment.cloud.account(&mut setup);
    setup
        .args(["setup", "--stack", STACK])
        .env("HOLDFAST_GITHUB_URL", deployment.github.url());
    let mut setup = setup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(setup.stderr.take().unwrap()).lines();
    let line = printed.next().unwrap().unwrap();
    let here = line.split_whitespace().find(|word| word.starts_with("http"));
    let here = here.unwrap_or_else(|| panic!("{line}"));
    let page = text(deployment.cloud.client.get(here).send().unwrap(), 200);
    let value = |before: &str| page.split(before).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let manifest = value("name=\"manifest\" value=\"").replace("&quot;", "\"");
    let action = value("method=\"post\" action=\"")
        .replace("&amp;", "&")
        .parse()
        .unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert!(
        manifest["hook_attributes"]["url"]
            .as_str()
            .unwrap()
            .ends_with("/webhooks/github")
    );
    let back = deployment.github.register_app(&action, &manifest).unwrap();
    text(deployment.cloud.client.get(back).send().unwrap(), 200);
    assert!(setup.wait().unwrap().success());
    let secret = deployment.cloud.emulated(&["secret", STACK, "GithubSecret"]);
    assert!(
        secret["HOLDFAST_GITHUB_APP_KEY"]
            .as_str()
            .unwrap()
            .contains("PRIVATE KEY")
    );
    assert!(secret["HOLDFAST_MARKER_KEY"].is_string(), "the other values stay");
}

/// Checks that a function that calls the model can't read the secrets for writing to GitHub, and the other way round.
fn roles_are_kept(deployment: &Deployment) {
    for (role, secret, may) in [
        ("ReviewUnitRole", "GithubSecret", false),
        ("ReviewUnitRole", "ModelSecret", true),
        ("PublishReviewRole", "ModelSecret", false),
        ("PublishReviewRole", "GithubSecret", true),
        ("ApprovalPageRole", "GithubSecret", false),
        ("ReceiveWebhookRole", "PagesSecret", false),
    ] {
        let found = deployment.cloud.emulated(&["may-read", STACK, role, secret]);
        assert_eq!(found, json!(may), "{role}: {secret}");
    }
}

/// Waits until the page uses the App's client: it had read its secret before `setup` put the client in.
fn people_are_sent_to_github(deployment: &Deployment) {
    let client = reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let address = deployment.cloud.address(&deployment.api, "/sign-in?back=/approvals/1");
    let give_up = Instant::now() + Duration::from_secs(30);
    let gone = loop {
        let gone = client.get(address.clone()).send().unwrap();
        if gone.status() == 303 {
            break gone;
        }
        assert!(gone.status() == 404 && Instant::now() < give_up, "{gone:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    let page = gone.headers()["location"].to_str().unwrap().to_owned();
    assert!(
        page.starts_with(&format!("{}/login/oauth/authorize?", deployment.github.url())),
        "{page}"
    );
    assert!(page.contains("%2Fsign-in%2Fcallback&"), "{page}");
    assert!(gone.headers()["set-cookie"].to_str().unwrap().contains("HttpOnly"));
}

/// Runs `holdfast --stack STACK …` as an operator. Returns its exit status and its output.
fn operator(deployment: &Deployment, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(cloud::holdfast());
    deployment.cloud.operator(&mut command);
    let output = command.args(["--stack", STACK]).args(arguments).output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    (output.status.code().unwrap(), stdout + &stderr)
}

fn operator_reads(deployment: &Deployment, arguments: &[&str]) -> Value {
    let (status, printed) = operator(deployment, arguments);
    assert_eq!(status, 0, "{printed}\n{}", deployment.cloud.logs());
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"))
}

/// Returns the run's entry in the list.
fn in_list(deployment: &Deployment, run: &str) -> Value {
    let listed = operator_reads(deployment, &["runs", "--format", "json"]);
    let mut runs = listed["runs"].as_array().unwrap().iter();
    runs.find(|listed| listed["run"] == run).unwrap().clone()
}

fn is_rejected_from_a_terminal(deployment: &Deployment) {
    let run = deployment.started(REJECTED);
    let give_up = Instant::now() + Duration::from_secs(60);
    while in_list(deployment, &run)["status"] != "awaiting_approval" {
        assert!(Instant::now() < give_up, "{}", deployment.cloud.logs());
        std::thread::sleep(Duration::from_millis(500));
    }
    let (status, printed) = operator(deployment, &["reject", &run, "--reason", "not now"]);
    assert_eq!((status, printed.as_str()), (0, format!("{run}: rejected\n").as_str()));
    assert!(deployment.github.reviews(SLUG, REJECTED).is_empty());
    let (status, printed) = operator(deployment, &["reject", &run, "--reason", "again"]);
    assert!(
        status == 2 && printed.contains("does not wait") && printed.contains("stack holdfast"),
        "{printed}"
    );
    let (status, printed) = operator(deployment, &["audit"]);
    let entries: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((status, entries.len()), (0, 2), "{printed}");
    let ballots = entries.iter().map(|entry| &entry["vote"]["ballot"]);
    let verdicts: Vec<&Value> = ballots.map(|ballot| &ballot["verdict"]).collect();
    assert_eq!(verdicts, ["approved", "rejected"]);
    let rejected = &entries[1]["vote"];
    assert_eq!(
        (&rejected["by"]["known_by"], &rejected["ballot"]["reason"]),
        (&json!("terminal"), &json!("not now"))
    );
    assert!(
        rejected["by"]["name"].as_str().unwrap().starts_with("arn:"),
        "{printed}"
    );
}

/// Checks that the failed run has undone its effects, that a sweep finds nothing, and that commands without support for
/// stacks fail with a message.
fn is_seen_and_swept_from_a_terminal(deployment: &Deployment) {
    let listed = operator_reads(deployment, &["runs", "--format", "json"]);
    let statuses: Vec<&Value> = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["status"])
        .collect();
    assert_eq!(
        statuses,
        ["rejected", "failed", "published", "published"],
        "newest first"
    );
    let failed = &listed["runs"][1];
    assert_eq!(failed["needs_cleaning"], false);
    assert!(failed["failure"].as_str().unwrap().contains("Github"), "{failed}");
    let (status, printed) = operator(deployment, &["sweep"]);
    assert_eq!((status, printed.as_str()), (0, "Nothing needs cleaning.\n"));
    let (status, printed) = operator(deployment, &["cancel", failed["run"].as_str().unwrap()]);
    assert!(status == 0 && printed.contains(": cancelled"), "{printed}");
    let (status, printed) = operator(deployment, &["replay", "any"]);
    assert!(status == 2 && printed.contains("only a data directory"), "{printed}");
    let (status, printed) = operator(deployment, &["show", "nothing"]);
    assert!(
        status == 2 && printed.contains("there is no run \"nothing\" in stack holdfast"),
        "{printed}"
    );
}

/// Checks the failed run's next attempt, now that GitHub accepts it: it publishes, and no answer is paid for again.
fn is_redriven_from_a_terminal(deployment: &Deployment) {
    let listed = operator_reads(deployment, &["runs", "--format", "json"]);
    let mut runs = listed["runs"].as_array().unwrap().iter();
    let failed = runs.find(|run| run["status"] == "failed").unwrap()["run"]
        .as_str()
        .unwrap();
    let calls = deployment.model.journal().calls().len();
    let (status, printed) = operator(deployment, &["redrive", failed]);
    let attempt = format!("{}2", failed.strip_suffix('1').unwrap());
    assert!(
        status == 0 && printed.contains(&format!("{failed}: continues as {attempt}")),
        "{printed}"
    );
    deployment.cloud.wait_until(&attempt, "SUCCEEDED");
    assert_eq!(deployment.github.reviews(SLUG, FAILED).len(), 1);
    assert_eq!(deployment.model.journal().calls().len(), calls);
    let (status, printed) = operator(deployment, &["redrive", &attempt]);
    assert!(status == 2 && printed.contains("is published"), "{printed}");
}

fn is_published_once(deployment: &Deployment) {
    let run = deployment.started(PUBLISHED);
    let states = deployment.cloud.wait_until(&run, "SUCCEEDED");
    assert!(states.contains(&state::PUBLISH_REVIEW.to_owned()), "{states:?}");
    let (status, again) = deployment.deliver(PUBLISHED);
    assert_eq!((status, &again["status"]), (200, &json!("duplicate")), "{again}");
    assert_eq!(deployment.github.reviews(SLUG, PUBLISHED).len(), 1);
    assert_eq!(deployment.github.review_comments(SLUG, PUBLISHED).len(), 3);
    assert_eq!(
        deployment.model.journal().calls().len(),
        4,
        "three units and the walkthrough"
    );
    let listed = in_list(deployment, &run);
    assert_eq!(
        (&listed["status"], &listed["findings"], &listed["needs_cleaning"]),
        (&json!("published"), &json!(3), &json!(false))
    );
    let shown = operator_reads(deployment, &["show", &run, "--format", "json"]);
    let names = |states: &Value| -> Vec<String> {
        let states = states.as_array().unwrap().iter();
        states
            .map(|taken| taken["state"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&shown["states"]), states, "as the history has them");
    assert_eq!(shown["report"]["findings"].as_array().unwrap().len(), 3);
    let units = shown["units"].as_array().unwrap();
    assert_eq!(units.len(), 3, "{shown}");
    for unit in units {
        assert_eq!(unit["status"], "reviewed", "{unit}");
        let model = unit["attempts"][0]["model"].as_str().unwrap();
        assert!(model.contains("test-model"), "{unit}");
        assert_eq!(
            names(&unit["states"]).last().map(String::as_str),
            Some(state::UNIT_REVIEWED)
        );
    }
    let (status, picture) = operator(deployment, &["show", &run, "--format", "svg"]);
    assert!(status == 0 && picture.starts_with("<svg"), "{picture}");
}

fn is_decided_by_mail(deployment: &Deployment) {
    let run = deployment.started(DECIDED);
    let mail = wait_for_mail(deployment);
    let (_, states) = deployment.cloud.execution(&run);
    assert_eq!(states.last().map(String::as_str), Some(state::REQUEST_APPROVAL));
    assert!(
        deployment.github.reviews(SLUG, DECIDED).is_empty(),
        "nothing is public yet"
    );
    let link = mail.split("/approvals/").nth(1).unwrap().get(..64).unwrap();
    let code = mail.split("to be typed there: ").nth(1).unwrap().get(..11).unwrap();
    let path = format!("/approvals/{link}");
    let page = get(deployment, &path);
    let cookie = page.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let page = text(page, 200);
    assert!(page.contains(GRAVE), "the finding is shown in its file");
    let field = |name: &str| hidden_field(&page, &path, name).unwrap();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("csrf", field("csrf")), ("page_version", field("page_version"))])
        .extend_pairs([("decision", "approve"), ("code", code)])
        .finish();
    let post = |cookie: &str| {
        let request = deployment
            .cloud
            .client
            .post(deployment.cloud.address(&deployment.api, &path));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie);
        request.body(form.clone()).send().unwrap()
    };
    text(post(""), 403);
    text(post(&cookie), 200);
    text(post(&cookie), 409);
    deployment.cloud.wait_until(&run, "SUCCEEDED");
    assert_eq!(deployment.github.reviews(SLUG, DECIDED).len(), 1);
}

/// Waits for the only mail that SES got, and returns its text.
fn wait_for_mail(deployment: &Deployment) -> String {
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        let mails = deployment.cloud.emulated(&["mails"]).to_string();
        if mails.contains("/approvals/") {
            return mails;
        }
        assert!(Instant::now() < give_up, "no mail\n{}", deployment.cloud.logs());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn is_cleaned_up_when_it_fails(deployment: &Deployment) {
    let reviews = Matcher::new("POST", &format!("/repos/{SLUG}/pulls/{FAILED}/reviews"));
    deployment.github.fail_next(reviews, Fault::status(403));
    let run = deployment.started(FAILED);
    let states = deployment.cloud.wait_until(&run, "FAILED");
    let tail = [
        state::PUBLISH_REVIEW,
        state::WITHDRAW_ANNOUNCEMENT,
        state::REPORT_FAILURE,
    ];
    assert!(
        states.windows(3).any(|taken| taken == tail) || states.ends_with(&tail.map(str::to_owned)),
        "{states:?}"
    );
    assert!(deployment.github.reviews(SLUG, FAILED).is_empty());
    let comments = deployment.github.issue_comments(SLUG, FAILED);
    assert_eq!(comments.len(), 1, "one notice, no announcement: {comments:?}");
    let checks = deployment.github.check_runs(SLUG);
    assert!(checks.iter().all(|check| check["status"] == "completed"), "{checks:?}");
}

fn get(deployment: &Deployment, path: &str) -> reqwest::blocking::Response {
    let address = deployment.cloud.address(&deployment.api, path);
    deployment.cloud.client.get(address).send().unwrap()
}
