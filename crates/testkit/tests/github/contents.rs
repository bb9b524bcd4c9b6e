//! Files, directories, blobs and comparisons, from a real repository.

use crate::client::{Client, SLUG};
use holdfast_testkit::{FakeGithub, PullRequest, Repository};
use serde_json::{Value, json};

fn corpus() -> (FakeGithub, holdfast_testkit::repository::Change) {
    let change = Repository::corpus().unwrap();
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    (github, change)
}

fn decoded(content: &Value) -> Vec<u8> {
    use base64::Engine;
    let lines = content["content"].as_str().unwrap();
    assert!(lines.is_empty() || lines.ends_with('\n'));
    base64::engine::general_purpose::STANDARD
        .decode(lines.replace('\n', ""))
        .unwrap()
}

#[tokio::test]
async fn contents_are_those_of_the_ref() {
    let (github, change) = corpus();
    let client = Client::new(&github);
    let (status, file) = client.get(&format!("/contents/crlf.txt?ref={}", change.head)).await;
    assert_eq!(
        (status, &file["type"], &file["encoding"], &file["size"]),
        (200, &json!("file"), &json!("base64"), &json!(15))
    );
    assert_eq!(decoded(&file), b"one\r\n2\r\nthree\r\n");
    for (at, expected) in [
        ("", "one\r\ntwo"),
        ("?ref=change", "one\r\n2"),
        ("?ref=refs/pull/12/head", "one\r\n2"),
    ] {
        assert!(decoded(&client.get(&format!("/contents/crlf.txt{at}")).await.1).starts_with(expected.as_bytes()));
    }
    let raw = Client::new(&github).accepting("application/vnd.github.raw+json");
    let bytes = raw
        .send("GET", "/contents/latin1.txt?ref=change", None)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(&bytes[..], b"caf\xe9\nna\xefve\n");
    let spaced = client
        .get("/contents/src/with%20space%20%C3%BCn%C3%AF.rs?ref=change")
        .await;
    assert_eq!((spaced.0, &spaced.1["path"]), (200, &json!("src/with space ünï.rs")));
    for missing in [
        "/contents/none.txt",
        "/contents/src/added.rs?ref=main",
        "/contents/crlf.txt?ref=nowhere",
    ] {
        assert_eq!(client.get(missing).await.0, 404, "{missing}");
    }
}

#[tokio::test]
async fn kinds_of_entries_are_distinguished() {
    let (github, change) = corpus();
    let client = Client::new(&github);
    let at = |path: &str| format!("/contents/{path}?ref={}", change.head);
    // The fake follows a link to a file of the repository; its folder's list shows it as a link.
    let link = client.get(&at("link")).await.1;
    assert_eq!((&link["type"], &link["path"]), (&json!("file"), &json!("link")));
    let root = client.get(&format!("/contents?ref={}", change.head)).await.1;
    let listed = root.as_array().unwrap().iter().find(|entry| entry["path"] == "link");
    assert_eq!(listed.unwrap()["type"], "symlink");
    assert_eq!(client.get(&at("vendor/lib")).await.1["type"], "submodule");
    let directory = client.get(&at("src")).await.1;
    let names: Vec<_> = directory
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["added.rs", "modified.rs", "new_name.rs", "sub", "with space ünï.rs"]
    );
    assert_eq!(directory[3]["type"], "dir");
    assert!(
        client
            .get(&at(""))
            .await
            .1
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["path"] == "vendor")
    );
}

#[tokio::test]
async fn blobs_are_found_by_the_files_list() {
    let (github, _change) = corpus();
    let client = Client::new(&github);
    let (_, files) = client.get("/pulls/12/files").await;
    let file = files
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["filename"] == "src/added.rs")
        .unwrap()
        .clone();
    let (status, blob) = client
        .get(&format!("/git/blobs/{}", file["sha"].as_str().unwrap()))
        .await;
    assert_eq!(
        (status, decoded(&blob)),
        (200, b"fn added() -> u8 {\n    7\n}\n".to_vec())
    );
    assert_eq!(client.get(&format!("/git/blobs/{}", "0".repeat(40))).await.0, 404);
    assert_eq!(client.get("/git/blobs/HEAD:crlf.txt").await.0, 404);
}

#[tokio::test]
async fn comparisons_start_at_the_merge_base() {
    let (github, change) = corpus();
    let client = Client::new(&github);
    let (status, forward) = client.get("/compare/main...change").await;
    assert_eq!(
        (status, &forward["status"], &forward["ahead_by"]),
        (200, &json!("ahead"), &json!(1))
    );
    assert_eq!(forward["files"].as_array().unwrap().len(), 16);
    assert_eq!(
        (&forward["merge_base_commit"]["sha"], &forward["commits"][0]["sha"]),
        (&json!(change.base), &json!(change.head))
    );
    let (_, back) = client.get(&format!("/compare/{}...{}", change.head, change.base)).await;
    assert_eq!(
        (&back["status"], back["files"].as_array().map(Vec::len)),
        (&json!("behind"), Some(0))
    );
    assert_eq!(client.get("/compare/main...nowhere").await.0, 404);
    assert_eq!(
        client.get(&format!("/commits/{}", change.head)).await.1["commit"]["message"],
        "Everything after"
    );
    assert_eq!(client.get("/pulls/12/commits").await.1[0]["sha"], change.head);
}

#[tokio::test]
async fn contents_given_by_hand_are_served_too() {
    let github = FakeGithub::start().unwrap();
    let change = crate::client::pull_request().content(crate::client::HEAD, "src/a.rs", "one\n");
    github.add(change.content(crate::client::BASE, ".holdfast.yml", "version: 1\n"));
    let client = Client::new(&github);
    assert_eq!(decoded(&client.get("/contents/src/a.rs?ref=change").await.1), b"one\n");
    assert_eq!(decoded(&client.get("/contents/.holdfast.yml").await.1), b"version: 1\n");
    assert_eq!(client.get("/contents/src?ref=change").await.1[0]["path"], "src/a.rs");
    assert_eq!(client.get("/contents/src/a.rs").await.0, 404);
}
