//! `holdfast serve` with GitHub, an approver's browser and a mail scanner as clients: webhook, approval page, console.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use holdfast_core::port::{KeepRows, Precondition};
use holdfast_stores::sqlite::SqliteKeepRows;
use holdfast_testkit::{FakeGithub, Script, hidden_field};
use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::documented;
use crate::pull_request::{Pull, SLUG, minor};
use crate::support::cookie_of;

pub const SECRET: &str = FakeGithub::WEBHOOK_SECRET;

/// A running server, its pull request, and a browser without cookies.
pub struct Served {
    pub pull: Pull,
    child: Child,
    address: String,
    /// Its output after the line with its address.
    pub lines: mpsc::Receiver<String>,
    client: Client,
}

impl Served {
    pub fn start(script: Script) -> Self {
        Self::start_with(script, &[])
    }

    pub fn start_with(script: Script, settings: &[(&str, &str)]) -> Self {
        Self::start_as("127.0.0.1:0", script, settings, &[])
    }

    /// Starts a server whose public address is configured.
    pub fn start_public(script: Script, settings: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap().to_string();
        drop(free);
        let url = format!("http://{listen}/");
        Self::start_as(
            &listen,
            script,
            &[settings, &[("HOLDFAST_PUBLIC_URL", &url)]].concat(),
            &[],
        )
    }

    pub fn start_as(listen: &str, script: Script, settings: &[(&str, &str)], options: &[&str]) -> Self {
        let mut pull = Pull::new(script, FakeGithub::INSTALLATION_TOKEN);
        for (name, value) in [
            ("HOLDFAST_WEBHOOK_SECRET", SECRET),
            // Later settings win over this one.
            ("HOLDFAST_APPROVERS", "ada=ada@example.org,grace=grace@example.org"),
        ] {
            pull.scene = pull.scene.set(name, value);
        }
        for (name, value) in settings {
            pull.scene = pull.scene.set(name, value);
        }
        let (child, address, lines) = spawn(&pull, &[&["--listen", listen], options].concat());
        Self {
            pull,
            child,
            address,
            lines,
            client: Client::builder()
                .user_agent("browser")
                .redirect(Policy::none())
                .build()
                .unwrap(),
        }
    }

    /// Kills the server like a crash, and starts it again.
    pub fn kill_and_start(&mut self) {
        self.restart_with(&[]);
    }

    /// Kills the server, and starts it again with more options.
    pub fn restart_with(&mut self, options: &[&str]) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address, self.lines) = spawn(&self.pull, options);
    }

    /// Starts the server again with the Step Functions API; returns the API's address.
    fn restart_with_step_functions(&mut self) -> String {
        self.restart_with(&["--step-functions", "127.0.0.1:0"]);
        self.announced("Step Functions API: ")
    }

    /// Returns the rest of the next line of the server's output with this text.
    pub fn announced(&self, text: &str) -> String {
        let rest = |line: String| line.split_once(text).map(|(_, rest)| rest.trim().to_owned());
        self.lines.iter().find_map(rest).unwrap()
    }

    /// Returns the question's row in the table.
    fn question(&self, run: &str) -> Value {
        let data = self.pull.scene.data.path().join("data");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let read = async {
            let rows = SqliteKeepRows::open(data).await.unwrap();
            rows.get(&format!("question/{run}#01")).await.unwrap().unwrap().value
        };
        runtime.block_on(read)
    }

    pub fn deliver(&self, event: &str, body: &[u8], signature: Option<String>) -> (u16, Value) {
        let mut request = self
            .client
            .post(format!("{}webhooks/github", self.address))
            .header("x-github-event", event)
            .header("x-github-delivery", "1")
            .body(body.to_vec());
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let response = request.send().unwrap();
        (response.status().as_u16(), response.json().unwrap_or(Value::Null))
    }

    pub fn opened(&self) -> (u16, Value) {
        self.opened_number(12)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Signs in with the console's address; returns the session.
    pub fn sign_in_with_key(&self) -> String {
        let address = self.console_address();
        let signed = self.get(address.strip_prefix(&self.address).unwrap(), "");
        assert_eq!(signed.status(), 303);
        cookie_of(&signed)
    }

    /// Returns the console's sign-in address from the data directory.
    pub fn console_address(&self) -> String {
        let file = self.pull.scene.data.path().join("data/console.url");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the address in the mail to the first approver.
    pub fn mailed_link(&self, run: &str) -> String {
        format!("{}{}", self.address, self.mail(run, 1).0)
    }

    /// Pushes, and returns the run that the push starts.
    pub fn pushed(&self) -> String {
        self.pull
            .push("src/file_0002.rs", "pub fn other(x: u64) -> u64 {\n    x\n}\n");
        let event = self.pull.github.pull_request_event(SLUG, 12, "synchronize").unwrap();
        let body = event.to_string();
        let (status, receipt) = self.deliver(
            "pull_request",
            body.as_bytes(),
            Some(FakeGithub::signature(SECRET, body.as_bytes())),
        );
        assert_eq!(status, 202, "{receipt}");
        receipt["run"].as_str().unwrap().to_owned()
    }

    /// Lets the question expire before the workflow's own timer ends.
    pub fn expire_question(&self, run: &str) {
        let data = self.pull.scene.data.path().join("data");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let rows = SqliteKeepRows::open(data).await.unwrap();
            let key = format!("question/{run}#01");
            let mut row = rows.get(&key).await.unwrap().unwrap();
            row.value["approval"]["expires_ms"] = json!(1);
            rows.put(&key, &row.value, Precondition::Version(row.version))
                .await
                .unwrap();
        });
    }

    /// Decides in the console; returns the answer's status.
    pub fn decide(&self, run: &str, session: &str, decision: &str) -> u16 {
        let path = format!("reviews/{run}/decide");
        let (visit, csrf, page) = self.form(&path, session);
        let cookies = format!("{session}; {visit}");
        let fields = [("csrf", csrf.as_str()), ("page_version", &page), ("decision", decision)];
        self.post(&path, &cookies, &fields).status().as_u16()
    }

    /// Presses a button of a run's page; returns the answer.
    fn press(&self, run: &str, session: &str, action: &str) -> (u16, String) {
        let page = self.get(&format!("reviews/{run}"), session);
        let set = page
            .headers()
            .get("set-cookie")
            .map(|set| set.to_str().unwrap().to_owned());
        let visit = set.map_or_else(String::new, |set| set.split(';').next().unwrap().to_owned());
        let html = page.text().unwrap();
        let path = format!("reviews/{run}/{action}");
        let csrf = hidden_field(&html, &format!("/{path}"), "csrf").unwrap_or_default();
        let answer = self.post(&path, &format!("{session}; {visit}"), &[("csrf", &csrf)]);
        (answer.status().as_u16(), answer.text().unwrap())
    }

    pub fn opened_number(&self, number: u64) -> (u16, Value) {
        let event = self.pull.github.pull_request_event(SLUG, number, "opened").unwrap();
        let body = event.to_string();
        self.deliver(
            "pull_request",
            body.as_bytes(),
            Some(FakeGithub::signature(SECRET, body.as_bytes())),
        )
    }

    pub fn command(&self, login: &str, text: &str) -> (u16, Value) {
        let event = self.pull.github.comment_event(SLUG, 12, login, text).unwrap();
        let body = event.to_string();
        self.deliver(
            "issue_comment",
            body.as_bytes(),
            Some(FakeGithub::signature(SECRET, body.as_bytes())),
        )
    }

    pub fn get(&self, path: &str, cookie: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.address));
        request.header("cookie", cookie).send().unwrap()
    }

    fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Response {
        let origin = self.address.trim_end_matches('/').to_owned();
        self.post_from(&origin, path, cookie, fields)
    }

    fn post_from(&self, origin: &str, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Response {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self.client.post(format!("{}{path}", self.address));
        let request = request.header("origin", origin).header("cookie", cookie);
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .unwrap()
    }

    fn status(&self, run: &str) -> String {
        let output = self.pull.scene.run(&["runs", "--format", "json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let runs = document["runs"].as_array().unwrap();
        let found = runs.iter().find(|found| found["run"] == run);
        found.map_or_else(String::new, |found| found["status"].as_str().unwrap().to_owned())
    }

    pub fn wait_for(&self, run: &str, status: &str) {
        let give_up = Instant::now() + Duration::from_secs(30);
        while self.status(run) != status {
            assert!(Instant::now() < give_up, "{run} is {}, not {status}", self.status(run));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the link's path and the code in the mail to an approver.
    fn mail(&self, run: &str, number: u32) -> (String, String) {
        let file = self
            .pull
            .scene
            .data
            .path()
            .join(format!("data/outbox/{run}-1-{number}.eml"));
        let give_up = Instant::now() + Duration::from_secs(30);
        while !file.exists() {
            assert!(Instant::now() < give_up, "no mail");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mail = std::fs::read_to_string(file).unwrap().replace("=\r\n", "");
        let link = mail.split("/approvals/").nth(1).unwrap().get(..64).unwrap();
        let code = mail.split("to be typed there: ").nth(1).unwrap().get(..11).unwrap();
        (format!("approvals/{link}"), code.to_owned())
    }

    /// Returns a page's cookie and its hidden fields.
    fn form(&self, path: &str, cookie: &str) -> (String, String, String) {
        let response = self.get(path, cookie);
        assert_eq!(response.status(), 200, "{path}");
        let set = response
            .headers()
            .get("set-cookie")
            .map(|value| value.to_str().unwrap().to_owned());
        let visit = set.map_or_else(|| cookie.to_owned(), |set| set.split(';').next().unwrap().to_owned());
        let html = response.text().unwrap();
        let field = |name: &str| hidden_field(&html, &format!("/{path}"), name).unwrap();
        (visit, field("csrf"), field("page_version"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The server may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts the server; returns it, its address, and its later output.
fn spawn(pull: &Pull, options: &[&str]) -> (Child, String, mpsc::Receiver<String>) {
    let listen: &[&str] = match options.contains(&"--listen") {
        true => &[],
        false => &["--listen", "127.0.0.1:0"],
    };
    let mut command = pull.scene.command(&[&["serve"], listen, options].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(rest) = line.split("serving ").nth(1) {
            break rest.split(' ').next().unwrap().to_owned();
        }
    };
    let (write, read) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // The receiver may be gone.
            drop(write.send(line));
        }
    });
    (child, address, read)
}

#[test]
fn a_delivery_becomes_a_published_review_once() {
    let served = Served::start(minor());
    let (status, receipt) = served.opened();
    assert_eq!((status, &receipt["status"]), (202, &json!("started")), "{receipt}");
    let run = receipt["run"].as_str().unwrap();
    served.wait_for(run, "published");
    let (status, receipt) = served.opened();
    assert_eq!((status, &receipt["status"]), (200, &json!("duplicate")), "{receipt}");
    assert_eq!(served.pull.reviews().len(), 1);
}

#[test]
fn only_deliveries_with_a_valid_signature_are_accepted() {
    let served = Served::start(minor());
    let event = served
        .pull
        .github
        .pull_request_event(SLUG, 12, "opened")
        .unwrap()
        .to_string();
    let body = event.as_bytes();
    let huge = vec![b' '; 25 * 1024 * 1024 + 1];
    for (event, body, signature, expected) in [
        ("pull_request", body, None, 401),
        ("pull_request", body, Some("sha256=00".to_owned()), 401),
        ("pull_request", body, Some(FakeGithub::signature("other", body)), 401),
        (
            "issue_comment",
            &b"{}"[..],
            Some(FakeGithub::signature(SECRET, b"{}")),
            400,
        ),
        (
            "pull_request",
            &b"{"[..],
            Some(FakeGithub::signature(SECRET, b"{")),
            400,
        ),
        ("pull_request", &b""[..], Some(FakeGithub::signature(SECRET, b"")), 400),
        (
            "pull_request",
            &huge[..],
            Some(FakeGithub::signature(SECRET, &huge)),
            413,
        ),
        ("star", &b"{}"[..], Some(FakeGithub::signature(SECRET, b"{}")), 200),
    ] {
        let (status, answer) = served.deliver(event, body, signature);
        assert_eq!(status, expected, "{event} {answer}");
    }
    assert!(served.pull.scene.server().journal().calls().is_empty());
    assert_eq!(
        served
            .client
            .get(format!("{}healthz", served.address))
            .send()
            .unwrap()
            .status(),
        200
    );
}

#[test]
fn a_person_decides_by_the_mailed_link_and_its_code() {
    let mut served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    served.kill_and_start();
    let (path, code) = served.mail(&run, 1);
    // A mail scanner opens pages, follows links and sends forms without filling them in.
    let url = format!("{}{path}", served.address);
    assert_eq!(served.client.head(&url).send().unwrap().status(), 200);
    let (visit, csrf, page) = served.form(&path, "");
    let decision = ("decision", "approve");
    let fields = |code| {
        vec![
            ("csrf", csrf.as_str()),
            ("page_version", page.as_str()),
            decision,
            ("code", code),
        ]
    };
    for (what, response, expected) in [
        ("no code", served.post(&path, &visit, &fields("")), 403),
        (
            "no nonce",
            served.post(&path, &visit, &[decision, ("code", &code)]),
            403,
        ),
        ("no cookie", served.post(&path, "", &fields(&code)), 403),
        (
            "elsewhere",
            served.post_from("https://evil.example", &path, &visit, &fields(&code)),
            403,
        ),
    ] {
        assert_eq!(response.status(), expected, "{what}");
    }
    let rejected = [
        ("csrf", csrf.as_str()),
        ("page_version", &page),
        ("decision", "reject"),
        ("code", &code),
    ];
    assert_eq!(
        served.post(&path, &visit, &rejected).status(),
        400,
        "a rejection needs a reason"
    );
    assert_eq!(served.status(&run), "awaiting_approval");
    assert!(served.pull.reviews().is_empty(), "nothing is public yet");

    let mut fields = fields(&code);
    fields.extend([("drop", "0"), ("title-1", "Said otherwise"), ("body-1", "By a person.")]);
    let taken = served.post(&path, &visit, &fields);
    assert_eq!(taken.status(), 200);
    served.wait_for(&run, "published");
    let comments = served.pull.github.review_comments(SLUG, 12);
    assert_eq!(comments.len(), 3, "one of four was dropped");
    assert!(
        comments
            .iter()
            .any(|comment| comment["body"].to_string().contains("Said otherwise"))
    );

    let again = served.post(&path, &visit, &fields);
    assert_eq!(again.status(), 409);
    let audit = served.pull.scene.run(&["audit"]);
    let entry: Value = serde_json::from_slice(&audit.stdout).unwrap();
    let vote = &entry["vote"];
    assert_eq!(
        (&vote["by"]["name"], &vote["by"]["known_by"], &vote["ballot"]["verdict"]),
        (&json!("ada"), &json!("mail_code"), &json!("approved"))
    );
    assert_eq!(vote["ballot"]["content"], page.as_str(), "on which version of the page");
    let (other, _) = served.mail(&run, 2);
    let other = served.get(&other, "");
    assert_eq!(other.status(), 409);
    assert!(other.text().unwrap().contains("ada"), "who decided");
    assert_eq!(served.pull.reviews().len(), 1);
}

#[test]
fn pages_of_rejected_expired_and_unknown_links_explain_themselves() {
    let served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let (path, _) = served.mail(&run, 1);
    let newer = &served.pushed();
    served.wait_for(newer, "awaiting_approval");
    assert_eq!(served.status(&run), "superseded");
    assert_eq!(served.get(&path, "").status(), 410);
    assert_eq!(served.get(&format!("approvals/{}", "0".repeat(64)), "").status(), 404);

    let (path, code) = served.mail(newer, 1);
    let (visit, csrf, page) = served.form(&path, "");
    let fields = [
        ("csrf", csrf.as_str()),
        ("page_version", &page),
        ("decision", "reject"),
        ("reason", "Not <b>now</b>"),
        ("code", &code),
    ];
    let rejected = served.post(&path, &visit, &fields);
    assert_eq!(rejected.status(), 200);
    served.wait_for(newer, "rejected");
    assert!(served.pull.reviews().is_empty());
    let again = served.get(&path, "").text().unwrap();
    assert!(again.contains("Not &lt;b&gt;now"), "the reason is text");
    documented::check(&served.pull.scene.data.path().join("data"));
}

#[test]
fn the_console_requires_its_key() {
    let served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    for path in ["", &format!("reviews/{run}"), &format!("reviews/{run}/picture.svg")] {
        assert_eq!(served.get(path, "").status(), 401, "{path}");
    }
    assert_eq!(served.get("sign-in/0", "").status(), 401);
    let session = served.sign_in_with_key();
    for (path, expected) in [
        (String::new(), "octo/demo"),
        (format!("reviews/{run}"), "src/file_0000.rs"),
        (format!("reviews/{run}/units/u0001"), "src/file_"),
        (format!("reviews/{run}/picture.svg"), "<svg"),
        ("?status=published".to_owned(), "<html"),
    ] {
        let response = served.get(&path, &session);
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().unwrap();
        assert!(status == 200 && text.contains(expected), "{path}: {status}");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("default-src 'none'")
        );
    }
    assert_eq!(served.get("reviews/nobody", &session).status(), 404);
    assert_eq!(served.decide(&run, &session, "approve"), 200);
    served.wait_for(&run, "published");
    let asked = served.pull.scene.server().journal().calls().len();
    assert_eq!(served.press(&run, "", "replay").0, 403, "not without a session");
    let (status, page) = served.press(&run, &session, "replay");
    assert!(status == 200 && page.contains("Replay: the same outcome"), "{page}");
    assert_eq!(served.pull.scene.server().journal().calls().len(), asked);
    assert_eq!(served.pull.reviews().len(), 1);
}

#[test]
fn a_github_user_decides_only_with_write_permission() {
    let id = ("HOLDFAST_GITHUB_APP_CLIENT_ID", FakeGithub::CLIENT_ID);
    let secret = ("HOLDFAST_GITHUB_APP_CLIENT_SECRET", FakeGithub::CLIENT_SECRET);
    let served = Served::start_with(Script::finding_each_file(), &[id, secret]);
    let github = &served.pull.github;
    github.set_permission(SLUG, "maintainer", "write");
    github.set_permission(SLUG, "visitor", "read");
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let (path, _) = served.mail(&run, 1);
    let sign_in = |login: &str| {
        github.sign_in_as(Some(login));
        let gone = served.get(&format!("sign-in?back=/{path}"), "");
        let pending = cookie_of(&gone);
        let there = served
            .client
            .get(gone.headers()["location"].to_str().unwrap())
            .send()
            .unwrap();
        let back = there.headers()["location"].to_str().unwrap().to_owned();
        let back = back.strip_prefix(&served.address).unwrap().to_owned();
        assert_eq!(served.get(&back, "").status(), 403, "another browser's sign-in");
        let signed = served.get(&back, &pending);
        assert_eq!(signed.headers()["location"].to_str().unwrap(), format!("/{path}"));
        cookie_of(&signed)
    };
    let visitor = sign_in("visitor");
    assert_eq!(served.get(&path, &visitor).status(), 403);
    assert_eq!(
        served.get(&format!("reviews/{run}"), &visitor).status(),
        404,
        "nor sees what is reviewed"
    );
    let maintainer = sign_in("maintainer");
    for (session, status) in [(&visitor, 404), (&maintainer, 200)] {
        assert_eq!(served.get("pulls/octo/demo/12", session).status(), status);
    }
    assert!(served.get("", &maintainer).text().unwrap().contains(SLUG));
    let (visit, csrf, page) = served.form(&path, &maintainer);
    let cookies = format!("{maintainer}; {visit}");
    let fields = [
        ("csrf", csrf.as_str()),
        ("page_version", &page),
        ("decision", "approve"),
    ];
    assert_eq!(served.post(&path, &cookies, &fields).status(), 200);
    served.wait_for(&run, "published");
    let show = served.get(&path, "").text().unwrap();
    assert!(show.contains("maintainer"), "who decided");
}

#[test]
fn commands_require_write_permission() {
    let served = Served::start(minor());
    served.pull.github.set_permission(SLUG, "maintainer", "write");
    served.pull.github.set_permission(SLUG, "visitor", "read");
    let (status, receipt) = served.command("visitor", "/holdfast review");
    assert_eq!((status, &receipt["status"]), (200, &json!("ignored")), "{receipt}");
    let (status, receipt) = served.command("maintainer", "/holdfast pause");
    assert_eq!((status, &receipt["status"]), (200, &json!("done")), "{receipt}");
    assert_eq!(served.opened().1["status"], "ignored");
    let comments = served.pull.github.issue_comments(SLUG, 12);
    let answers = comments
        .iter()
        .filter(|comment| comment["body"].to_string().contains("until `/holdfast resume`"));
    assert_eq!(
        answers.count(),
        1,
        "the answer is in the same conversation: {comments:?}"
    );
    let (status, receipt) = served.command("maintainer", "/holdfast review");
    assert_eq!((status, &receipt["status"]), (202, &json!("started")), "{receipt}");
    served.wait_for(receipt["run"].as_str().unwrap(), "published");
    let (_, again) = served.command("maintainer", "/holdfast review");
    assert_eq!(
        again["status"], "started",
        "asked for again, it is reviewed again: {again}"
    );
}

#[test]
fn a_task_token_is_hidden_and_publishes_nothing() {
    let mut served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let url = served.restart_with_step_functions();
    let question = served.question(&run);
    let token = question["token"].as_str().unwrap();
    let call = |action: &str, body: Value| {
        let request = served
            .client
            .post(&url)
            .header("x-amz-target", format!("AWSStepFunctions.{action}"));
        let request = request.header("content-type", "application/x-amz-json-1.0");
        let response = request.body(body.to_string()).send().unwrap();
        (response.status().as_u16(), response.text().unwrap())
    };
    let execution = json!({ "executionArn": format!("arn:aws:states:local:000000000000:execution:review:{run}") });
    for action in ["GetExecutionHistory", "DescribeExecution"] {
        let (status, shown) = call(action, execution.clone());
        assert!(status == 200 && !shown.contains(token), "{action}: {shown}");
        assert_eq!(shown.contains("[withheld"), action == "GetExecutionHistory", "{shown}");
    }
    // A person who has the token anyway answers in the approvers' place.
    let (status, answer) = call(
        "SendTaskSuccess",
        json!({ "taskToken": token, "output": "{\"decision\":\"approved\"}" }),
    );
    assert_eq!(status, 200, "{answer}");
    served.wait_for(&run, "failed");
    assert!(served.pull.reviews().is_empty());
}
