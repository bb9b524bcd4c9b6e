//! Telling people on one machine without a mail server: what waits for a decision as a file, each mail as an `.eml`
//! file to be opened or sent by other means. The task token stays in the first, which only we can read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::model::approval::Approval;
use holdfast_core::port::{NotifyError, NotifyPeople};
use holdfast_core::render::{alarm_subject, alarm_text, question_subject, question_text};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::{Deserialize, Serialize};

use crate::durable_file::{self, FileError};

/// Longest subject, in characters, so that no header line nears RFC 5322's 998.
const SUBJECT_CHARS: usize = 120;

/// How many alarms of one run are kept: more say nothing new.
const ALARMS: u32 = 100;

/// Writes questions and mails below a data directory: `approvals/RUN-ROUND.json` and `outbox/*.eml`, all 0600.
#[derive(Clone)]
pub struct OutboxNotifyPeople {
    data: PathBuf,
    from: String,
    to: Vec<String>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for OutboxNotifyPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxNotifyPeople")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// What waits for a decision, as its file has it.
#[derive(Serialize, Deserialize)]
struct Waiting {
    approval: Approval,
    token: String,
}

impl OutboxNotifyPeople {
    /// An outbox below `data`, with mails from `from` (`HOLDFAST_MAIL_FROM`) to `to` (`HOLDFAST_APPROVERS`; may be
    /// empty), dated by the system's clock.
    pub fn new(data: impl Into<PathBuf>, from: impl Into<String>, to: Vec<String>) -> Self {
        Self::with_clock(data, from, to, Timestamp::now)
    }

    /// The same with another clock.
    pub fn with_clock(
        data: impl Into<PathBuf>,
        from: impl Into<String>,
        to: Vec<String>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self {
            data: data.into(),
            from: from.into(),
            to,
            now: Arc::new(now),
        }
    }

    /// Addresses that no mail can carry: one line each, with the setting's name.
    pub fn check(&self) -> Vec<String> {
        let from = std::iter::once(("HOLDFAST_MAIL_FROM", &self.from));
        let to = self.to.iter().map(|address| ("HOLDFAST_APPROVERS", address));
        from.chain(to)
            .filter(|(_, address)| !is_address(address))
            .map(|(name, address)| format!("{name}: {address:?} is no mail address; expected NAME@HOST"))
            .collect()
    }

    /// The newest question of a run: its round and its task token. None when nothing was asked. The token is a
    /// credential: never print it. Errors: the file cannot be read, or does not hold a question.
    pub fn read_token(&self, run: &str) -> Result<Option<(u32, String)>, NotifyError> {
        check_run(run)?;
        let dir = self.data.join("approvals");
        let round_of = |name: &str| -> Option<u32> {
            name.strip_prefix(run)?
                .strip_prefix('-')?
                .strip_suffix(".json")?
                .parse()
                .ok()
        };
        let names = durable_file::names(&dir).map_err(notify)?;
        let Some(round) = names.iter().filter_map(|name| round_of(name)).max() else {
            return Ok(None);
        };
        let path = self.question(run, round);
        let Some(bytes) = durable_file::read(&path).map_err(notify)? else {
            return Ok(None);
        };
        // The parser's own message is left out: it may quote the token.
        let waiting: Waiting = serde_json::from_slice(&bytes)
            .map_err(|_| NotifyError(format!("{} does not hold a question: it was damaged", path.display())))?;
        Ok(Some((round, waiting.token)))
    }

    fn question(&self, run: &str, round: u32) -> PathBuf {
        self.data.join("approvals").join(format!("{run}-{round}.json"))
    }

    fn mail(&self, name: &str) -> PathBuf {
        self.data.join("outbox").join(format!("{name}.eml"))
    }

    fn check_addresses(&self) -> Result<(), NotifyError> {
        let problems = self.check();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(NotifyError(problems.join("\n")))
        }
    }

    /// The question first: without its mail it can still be decided.
    fn write_question(&self, waiting: &Waiting) -> Result<Option<PathBuf>, NotifyError> {
        let approval = &waiting.approval;
        check_run(&approval.run)?;
        let bytes = serde_json::to_vec_pretty(waiting).map_err(|error| NotifyError(error.to_string()))?;
        durable_file::write(&self.question(&approval.run, approval.round), &bytes).map_err(notify)?;
        let mail = self.mail(&format!("{}-{}", approval.run, approval.round));
        if mail.exists() {
            return Ok(None);
        }
        self.check_addresses()?;
        let run = &approval.run;
        let how_to_decide = format!(
            "Look at it:  holdfast show {run}\nPublish it:  holdfast approve {run}\n\
             Discard it:  holdfast reject {run} --reason TEXT"
        );
        let id = format!("{run}.{}", approval.round);
        let text = question_text(approval, &how_to_decide);
        self.write_mail(&mail, &id, &question_subject(approval), &text)?;
        Ok(Some(mail))
    }

    fn write_alarm(&self, run: &str, what: &str) -> Result<Option<PathBuf>, NotifyError> {
        check_run(run)?;
        self.check_addresses()?;
        let text = format!(
            "{}\nWhat the run did:  holdfast show {run}\nTry it again:      holdfast cancel {run}\n",
            alarm_text(run, what)
        );
        for number in 1..=ALARMS {
            let mail = self.mail(&format!("{run}-alarm-{number}"));
            match durable_file::read(&mail).map_err(notify)? {
                Some(bytes) if String::from_utf8_lossy(&bytes).ends_with(&body_lines(&text)) => return Ok(None),
                Some(_) => {}
                None => {
                    let id = format!("{run}.alarm.{number}");
                    self.write_mail(&mail, &id, &alarm_subject(run), &text)?;
                    return Ok(Some(mail));
                }
            }
        }
        Ok(None)
    }

    fn write_mail(&self, path: &Path, id: &str, subject: &str, text: &str) -> Result<(), NotifyError> {
        let date = DateTimePrinter::new()
            .timestamp_to_string(&(self.now)())
            .map_err(|error| NotifyError(format!("the clock's time cannot be written as a mail's date: {error}")))?;
        let to = if self.to.is_empty() {
            "undisclosed-recipients:;".to_owned()
        } else {
            self.to.join(",\r\n ")
        };
        let host = self.from.rsplit('@').next().unwrap_or("localhost");
        let mail = format!(
            "Date: {date}\r\nFrom: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}@{host}>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
             Auto-Submitted: auto-generated\r\n\r\n{body}",
            from = self.from,
            subject = header_text(subject),
            body = body_lines(text),
        );
        durable_file::write(path, mail.as_bytes()).map_err(notify)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, NotifyError> + Send + 'static,
    ) -> Result<T, NotifyError> {
        let outbox = self.clone();
        tokio::task::spawn_blocking(move || work(&outbox))
            .await
            .map_err(|error| NotifyError(format!("the outbox's task ended early: {error}")))?
    }
}

#[async_trait]
impl NotifyPeople for OutboxNotifyPeople {
    async fn ask_approval(&self, approval: &Approval, token: &str) -> Result<(), NotifyError> {
        let waiting = Waiting {
            approval: approval.clone(),
            token: token.to_owned(),
        };
        if let Some(mail) = self.blocking(move |outbox| outbox.write_question(&waiting)).await? {
            tracing::info!(run = approval.run, round = approval.round, mail = %mail.display(), "approval asked for");
        }
        Ok(())
    }

    async fn raise_alarm(&self, run: &str, what: &str) -> Result<(), NotifyError> {
        tracing::error!(run, what, "a run needs cleaning by hand");
        let (name, text) = (run.to_owned(), what.to_owned());
        if let Some(mail) = self.blocking(move |outbox| outbox.write_alarm(&name, &text)).await? {
            tracing::info!(run, mail = %mail.display(), "alarm written");
        }
        Ok(())
    }
}

fn notify(error: FileError) -> NotifyError {
    NotifyError(error.to_string())
}

/// A run's name becomes part of a file's name.
fn check_run(run: &str) -> Result<(), NotifyError> {
    let plain = run
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if run.is_empty() || run.len() > 200 || run.starts_with('.') || !plain {
        return Err(NotifyError(format!(
            "{run:?} is no run's name: 1 to 200 letters, digits, '-', '_' or '.'"
        )));
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_graphic() && !matches!(c, ',' | ';' | '<' | '>' | '"' | '(' | ')' | ':'));
    plain
        && text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// One header's text: one line, bounded, in encoded words (RFC 2047) where it is not ASCII.
fn header_text(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SUBJECT_CHARS)
        .collect();
    if line.is_ascii() {
        return line;
    }
    // An encoded word has at most 75 characters, so 45 bytes; a character is never split.
    let mut words = vec![String::new()];
    for c in line.chars() {
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > 45) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let encoded = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

/// CRLF, no other control character, no line beyond RFC 5322's limit.
fn body_lines(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let chars: Vec<char> = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        let mut pieces = chars.chunks(240);
        out.extend(pieces.next().unwrap_or_default());
        for piece in pieces {
            out.push_str("\r\n");
            out.extend(piece);
        }
        out.push_str("\r\n");
    }
    out
}
