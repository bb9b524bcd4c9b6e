//! A check of a mail server: it connects and signs in, sends no mail, and names a remedy.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use holdfast_mail::SmtpNotifyPeople;

/// Starts a mail server for one connection; returns its port and the commands that it receives. `login` is its answer
/// to a password.
fn server(greeting: &'static str, login: &'static str) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let _closed = write!(stream, "{greeting}\r\n");
        while let Some(Ok(line)) = lines.next() {
            let command = line.split(' ').next().unwrap_or_default().to_owned();
            let answer = match command.as_str() {
                "EHLO" => "250-test\r\n250 AUTH PLAIN",
                "AUTH" => login,
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            sender.send(command).unwrap();
            if write!(stream, "{answer}\r\n").is_err() {
                return;
            }
        }
    });
    (port, received)
}

async fn examine(url: &str) -> Result<(), (String, &'static str)> {
    let server = SmtpNotifyPeople::new(&url.to_owned().into(), "holdfast@example.org", Vec::new()).unwrap();
    let examined = server.examine().await;
    examined.map_err(|problem| (problem.problem, problem.remedy))
}

#[tokio::test]
async fn a_server_that_works_receives_no_mail() {
    for (user, expected) in [
        ("", &["EHLO", "NOOP", "QUIT"][..]),
        ("a:b@", &["EHLO", "AUTH", "NOOP", "QUIT"]),
    ] {
        let (port, received) = server("220 test", "235 welcome");
        examine(&format!("smtp://{user}127.0.0.1:{port}")).await.unwrap();
        assert_eq!(received.iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn each_problem_has_its_remedy_and_no_password() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (scheme, port, problem, remedy) in [
        ("smtp", unused, "refused", "check HOST and PORT"),
        (
            "smtp",
            server("220 test", "535 5.7.8 no").0,
            "535",
            "check USER and PASSWORD",
        ),
        ("smtp", server("554 go away", "").0, "554", "see its log"),
        (
            "smtp",
            server("HTTP/1.1 400 Bad Request", "").0,
            "response error",
            "see its log",
        ),
        ("smtps", server("220 test", "").0, "orrupt message", "certificate"),
    ] {
        let (found, advice) = examine(&format!("{scheme}://user:pass-word@127.0.0.1:{port}"))
            .await
            .unwrap_err();
        assert!(
            found.contains(problem) && advice.contains(remedy),
            "{problem}: {found}; {advice}"
        );
        assert!(!found.contains("pass-word"), "{found}");
    }
}
