//! Notifications on a machine without a mail server: each mail becomes an `.eml` file, which a person opens or another
//! program sends.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{Alarm, Mail, NotifyError, NotifyPeople};
use holdfast_core::render::log_alarm;
use jiff::Timestamp;

use crate::message::{alarm_mail, alarm_prefix, message};
use holdfast_storage::file::{self, FileError};

/// Maximum number of alarms that are stored for one run: further ones would add little.
const MAX_ALARMS: usize = 100;

/// Writes mails to a data directory: `outbox/*.eml`, with the mode 0600.
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

impl OutboxNotifyPeople {
    /// Uses the outbox in `data`. `from` (`HOLDFAST_MAIL_FROM`) is the sender; alarms go to `to` (`HOLDFAST_APPROVERS`;
    /// may be empty). Mails are dated by the system's clock.
    pub fn new(data: impl Into<PathBuf>, from: impl Into<String>, to: Vec<String>) -> Self {
        Self::with_clock(data, from, to, Timestamp::now)
    }

    /// Uses the outbox like [`OutboxNotifyPeople::new`], with another clock.
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

    fn path(&self, name: &str) -> PathBuf {
        self.data.join("outbox").join(format!("{name}.eml"))
    }

    /// Writes a mail and returns its file; `None` if the file exists already.
    fn write_mail(&self, mail: &Mail) -> Result<Option<PathBuf>, NotifyError> {
        check_key(&mail.key)?;
        let path = self.path(&mail.key);
        if path.exists() {
            return Ok(None);
        }
        let bytes = message(mail, &self.from, (self.now)())?.formatted();
        file::write(&path, &bytes).map_err(notify)?;
        Ok(Some(path))
    }

    fn write_alarm(&self, run: &RunName, alarm: &Alarm) -> Result<Option<PathBuf>, NotifyError> {
        let commands = match alarm {
            Alarm::Cleanup(_) => format!("Retry the cleanup:     holdfast cancel {run}\n"),
            Alarm::Unanswered { is_repeated: true, .. } => {
                format!("Decide yourself:       holdfast approve {run}, or holdfast reject {run} --reason TEXT\n")
            }
            Alarm::ModelRefused { .. } => "Check the settings:    holdfast doctor\n".to_owned(),
            Alarm::Unanswered { .. } | Alarm::Degraded { .. } | Alarm::Spent { .. } => String::new(),
        };
        let causes = self.data.join("outbox");
        let known = file::names(&causes).map_err(notify)?;
        let prefix = alarm_prefix(run);
        if known.iter().filter(|name| name.starts_with(&prefix)).count() >= MAX_ALARMS {
            return Ok(None);
        }
        let more = format!("\nSee what the run did:  holdfast show {run}\n{commands}");
        self.write_mail(&alarm_mail(run, alarm, self.to.clone(), &more))
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
    async fn send_mail(&self, mail: &Mail) -> Result<(), NotifyError> {
        let mail = mail.clone();
        if let Some(path) = self.blocking(move |outbox| outbox.write_mail(&mail)).await? {
            tracing::info!(mail = %path.display(), "a mail was written");
        }
        Ok(())
    }

    async fn raise_alarm(&self, run: &RunName, alarm: &Alarm) -> Result<(), NotifyError> {
        log_alarm(run, alarm);
        let (name, alarm) = (run.clone(), alarm.clone());
        if let Some(mail) = self.blocking(move |outbox| outbox.write_alarm(&name, &alarm)).await? {
            tracing::info!(run = run.as_str(), mail = %mail.display(), "alarm written");
        }
        Ok(())
    }
}

fn notify(error: FileError) -> NotifyError {
    NotifyError(error.to_string())
}

/// Fails for a key that can't be a file's name.
fn check_key(key: &str) -> Result<(), NotifyError> {
    let plain = key
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'));
    if key.is_empty() || key.len() > 200 || key.starts_with('.') || !plain {
        return Err(NotifyError(format!(
            "{key:?} cannot name a mail: 1 to 200 letters, digits, '-', '_' or '.'"
        )));
    }
    Ok(())
}
