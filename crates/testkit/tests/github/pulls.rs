//! Pull requests and their files.

use crate::client::{BASE, Client, HEAD, SLUG, start};
use holdfast_testkit::github::ChangedFile;
use holdfast_testkit::{FakeGithub, PullRequest};
use serde_json::{Value, json};

#[tokio::test]
async fn a_pull_request_has_its_fields() {
    let github = start();
    let client = Client::new(&github);
    let (status, pull) = client.get("/pulls/12").await;
    assert_eq!(
        (status, &pull["head"]["sha"], &pull["base"]["sha"]),
        (200, &json!(HEAD), &json!(BASE))
    );
    assert_eq!(
        (&pull["changed_files"], &pull["additions"], &pull["deletions"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(
        (&pull["state"], &pull["draft"], &pull["head"]["repo"]["fork"]),
        (&json!("open"), &json!(false), &json!(false))
    );
    assert_eq!(pull["html_url"], github.pull_request_url(SLUG, 12));
    github.set_open(SLUG, 12, false).unwrap();
    github.set_draft(SLUG, 12, true).unwrap();
    let (_, pull) = client.get("/pulls/12").await;
    assert_eq!((&pull["state"], &pull["draft"]), (&json!("closed"), &json!(true)));
    assert_eq!(client.get("/pulls").await.1, json!([]));
    assert_eq!(client.get("/pulls?state=all").await.1[0]["number"], 12);
    assert_eq!(
        (client.get("/pulls/99").await.0, client.get("//repos/octo/none").await.0),
        (404, 404)
    );
    assert!(github.set_open(SLUG, 99, true).is_err());
}

#[tokio::test]
async fn enterprise_paths_and_any_case_of_a_name_work() {
    let github = start();
    let client = Client::new(&github);
    assert_eq!(client.get("//api/v3/repos/octo/demo").await.1["full_name"], "octo/demo");
    assert_eq!(client.get("//repos/Octo/DEMO").await.0, 200);
    assert_eq!(github.journal().entries()[0].path, "/repos/octo/demo");
}

#[tokio::test]
async fn the_files_list_ends_at_three_thousand() {
    let github = FakeGithub::start().unwrap();
    let file = |index: usize| ChangedFile::modified(format!("src/f{index:04}.rs"), "@@ -1 +1 @@\n-a\n+b");
    github.add(PullRequest::by_hand(SLUG, 12, (0..3_010).map(file).collect()));
    let client = Client::new(&github);
    assert_eq!(client.get("/pulls/12").await.1["changed_files"], 3_010);
    assert_eq!(client.get("/pulls/12/files").await.1.as_array().unwrap().len(), 30);
    let last = client
        .send("GET", "/pulls/12/files?per_page=100&page=30", None)
        .await
        .unwrap();
    assert!(!last.headers()["link"].to_str().unwrap().contains("next"));
    assert_eq!(
        last.json::<Vec<Value>>().await.unwrap().last().unwrap()["filename"],
        "src/f2999.rs"
    );
    assert_eq!(client.get("/pulls/12/files?per_page=100&page=31").await.1, json!([]));
}

#[tokio::test]
async fn a_page_of_too_many_lines_loses_its_last_patches_unmarked() {
    let github = FakeGithub::start().unwrap();
    let patch = format!("@@ -0,0 +1,9000 @@{}", "\n+x".repeat(9_000));
    let file = |name: &str| ChangedFile::modified(name, patch.clone());
    github.add(PullRequest::by_hand(
        SLUG,
        12,
        vec![file("a"), file("b"), file("c"), file("d")],
    ));
    let client = Client::new(&github);
    let (_, page) = client.get("/pulls/12/files").await;
    let seen = |page: &Value| {
        let files = page.as_array().unwrap().iter();
        files
            .map(|file| (file["additions"].as_u64().unwrap(), file.get("patch").is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&page), [(9_000, true), (9_000, true), (0, false), (0, false)]);
    let (_, smaller) = client.get("/pulls/12/files?per_page=2&page=2").await;
    assert_eq!(seen(&smaller), [(9_000, true), (9_000, true)]);
}

#[tokio::test]
async fn a_fork_and_a_webhooks_body_are_shown() {
    let github = FakeGithub::start().unwrap();
    let mut request = crate::client::pull_request();
    request.fork = Some("someone/demo".into());
    github.add(request);
    let event = github.pull_request_event(SLUG, 12, "opened").unwrap();
    assert_eq!((&event["action"], &event["number"]), (&json!("opened"), &json!(12)));
    let head = &event["pull_request"]["head"];
    assert_eq!(
        (&head["repo"]["full_name"], &head["repo"]["fork"], &head["label"]),
        (&json!("someone/demo"), &json!(true), &json!("someone:change"))
    );
    assert_eq!(event["repository"]["full_name"], SLUG);
    assert!(github.pull_request_event(SLUG, 13, "opened").is_err());
}
