//! A server that answers with given bytes, so that its answers can be wrong, and a request for it. The tests of Bedrock
//! include this file.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_core::model::run::{Prompt, Role, Turn};
use holdfast_core::port::ModelRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The answer to a connection.
#[derive(Clone, Debug)]
pub enum Act {
    /// These bytes, then the connection closes.
    Send(Vec<u8>),
    /// These bytes, then silence.
    Hang(Vec<u8>),
    /// These bytes one by one, 3 ms apart.
    Trickle(Vec<u8>),
    /// The same bytes without end.
    Flood(Vec<u8>),
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and headers, lower case.
    pub head: String,
    /// The JSON body.
    pub body: Value,
}

/// Answers its connections in order; the last answer is repeated.
pub struct RawServer {
    pub url: Url,
    received: Arc<Mutex<Vec<Received>>>,
}

impl RawServer {
    pub async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let journal = Arc::clone(&received);
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let act = acts.get(number).or(acts.last()).expect("an act").clone();
                tokio::spawn(serve(stream, act, Arc::clone(&journal)));
            }
        });
        Self { url, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, act: Act, journal: Arc<Mutex<Vec<Received>>>) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                // A GET has no body.
                break (head, serde_json::from_slice(&bytes[end + 4..]).unwrap_or_default());
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
    };
    journal.lock().unwrap().push(Received { head, body });
    // The client may close the connection early.
    let _ = match act {
        Act::Send(bytes) => stream.write_all(&bytes).await,
        Act::Hang(bytes) => {
            let sent = stream.write_all(&bytes).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            sent
        }
        Act::Trickle(bytes) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            Ok(())
        }
        Act::Flood(bytes) => loop {
            if let Err(error) = stream.write_all(&bytes).await {
                break Err(error);
            }
        },
    };
    let _ = stream.shutdown().await;
}

/// Builds a complete answer.
pub fn http(status: u16, headers: &[(&str, &str)], body: &str) -> Act {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    Act::Send(
        format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .into_bytes(),
    )
}

pub fn ok(body: &Value) -> Act {
    http(200, &[("content-type", "application/json")], &body.to_string())
}

pub fn request(model: &str) -> ModelRequest {
    let turn = |role, text: &str| Turn {
        role,
        text: text.to_owned(),
    };
    ModelRequest {
        model: model.parse().unwrap(),
        prompt: Prompt {
            system: "instructions".to_owned(),
            turns: vec![
                turn(Role::User, "diff"),
                turn(Role::Assistant, "wrong"),
                turn(Role::User, "again"),
            ],
        },
        schema: json!({ "type": "object", "required": ["summary"], "properties": {
            "summary": { "type": "string", "maxLength": 9 }, "more": { "type": "integer", "minimum": 1 } } }),
        max_output_tokens: 321,
        time_limit: None,
    }
}
