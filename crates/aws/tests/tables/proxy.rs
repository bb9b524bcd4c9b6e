//! A failing network: a proxy between a client and the server that forwards requests one at a time, loses answers or
//! sends its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The fate of a request.
#[derive(Clone)]
pub enum Fate {
    /// The server answers.
    Answered,
    /// The server does it, and the answer is lost.
    AnswerLost,
    /// The server never hears of it.
    NeverSent,
    /// Another answer: status line and body.
    Instead(&'static str, &'static str),
}

pub struct Proxy {
    pub address: SocketAddr,
    fate: Arc<Mutex<Fate>>,
    requests: Arc<Mutex<usize>>,
}

impl Proxy {
    /// Starts it before `server`; it ends with the program.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            fate: Arc::new(Mutex::new(Fate::Answered)),
            requests: Arc::default(),
        };
        let (fate, requests) = (Arc::clone(&proxy.fate), Arc::clone(&proxy.requests));
        thread::spawn(move || {
            for client in listener.incoming() {
                let Some((mut client, request)) = client.ok().and_then(read_message) else {
                    continue;
                };
                *requests.lock().unwrap() += 1;
                let fate = fate.lock().unwrap().clone();
                let answer = match fate {
                    Fate::Answered => Some(forward(server, &request)),
                    Fate::AnswerLost => {
                        forward(server, &request);
                        None
                    }
                    Fate::NeverSent => None,
                    Fate::Instead(status, body) => Some(own_answer(status, body)),
                };
                // A client that has gone needs no answer.
                let _ = client.write_all(&answer.unwrap_or_default());
            }
        });
        proxy
    }

    /// Sets the fate of the next requests.
    pub fn set(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }

    /// Returns the number of requests since the last call.
    pub fn take_requests(&self) -> usize {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn own_answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let kind = "application/x-amz-json-1.0";
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// Sends a request to the server and returns its answer. Each connection carries one request, so the headers of both
/// sides announce its close.
fn forward(server: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(&closing(request)).unwrap();
    closing(&read_message(stream).unwrap().1)
}

fn closing(message: &[u8]) -> Vec<u8> {
    let end = message.windows(2).position(|pair| pair == b"\r\n").unwrap();
    [&message[..end], b"\r\nconnection: close", &message[end..]].concat()
}

/// Reads one message with head and body; none if the stream ends first.
fn read_message(mut stream: TcpStream) -> Option<(TcpStream, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some((stream, bytes));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
