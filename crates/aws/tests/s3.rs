//! Artifacts in S3, against a server on loopback that answers as S3 does.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::{Credentials, Region};
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_core::port::StoreArtifact;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Heads = Arc<Mutex<Vec<String>>>;

async fn start(status: &'static str, body: &'static str) -> (S3StoreArtifact, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Heads::default();
    let journal = Arc::clone(&heads);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, status, body, &journal).await;
        }
    });
    let config = aws_sdk_s3::config::Builder::new()
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .force_path_style(true);
    (S3StoreArtifact::from_config(config, "bucket"), heads)
}

async fn serve(mut stream: TcpStream, status: &str, body: &str, journal: &Heads) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "a whole head");
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "a whole body");
    }
    journal
        .lock()
        .unwrap()
        .push(format!("{head}\n{}", String::from_utf8_lossy(&bytes[end + 4..])));
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

const MISSING: &str = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
const NO_BUCKET: &str =
    "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
const SLOW_DOWN: &str = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

#[tokio::test]
async fn an_object_is_written_and_read() {
    let (store, heads) = start("200 OK", "").await;
    store.put("runs/r/plan.json", b"the plan").await.unwrap();
    let put = heads.lock().unwrap()[0].clone();
    assert!(put.starts_with("PUT /bucket/runs/r/plan.json"), "{put}");
    assert!(put.ends_with("\nthe plan"), "{put}");
    let (store, _) = start("200 OK", "what is kept").await;
    assert_eq!(
        store.get("runs/r/plan.json").await.unwrap().as_deref(),
        Some(&b"what is kept"[..])
    );
}

#[tokio::test]
async fn a_missing_key_is_none_and_a_missing_bucket_is_not() {
    assert_eq!(start("404 Not Found", MISSING).await.0.get("a").await.unwrap(), None);
    let error = start("404 Not Found", NO_BUCKET)
        .await
        .0
        .get("a")
        .await
        .expect_err("no bucket");
    assert!(
        error.detail.contains("NoSuchBucket") && error.detail.contains("bucket"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_repeated() {
    let (store, heads) = start("503 Slow Down", SLOW_DOWN).await;
    let error = store.put("a", b"x").await.expect_err("refused");
    assert!(error.key == "a" && error.detail.contains("SlowDown"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(heads.lock().unwrap().len(), 1);
    store.get("a").await.expect_err("refused");
    assert_eq!(heads.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn no_error_contains_an_answers_bytes() {
    for (status, body) in [
        ("500 Internal Server Error", "TOKEN\nTOKEN"),
        ("503 Slow Down", "<html>TOKEN</html>"),
        (
            "403 Forbidden",
            "<Error><Code>InvalidRequest</Code><Message>TOKEN</Message></Error>",
        ),
    ] {
        let (store, _) = start(status, body).await;
        for error in [
            store.put("a", b"x").await.expect_err("refused"),
            store.get("a").await.expect_err("refused"),
        ] {
            let message = error.to_string();
            assert!(message.contains("the bucket bucket"), "{message}");
            assert!(!message.contains("TOKEN") && !message.contains('\n'), "{message}");
        }
    }
}
