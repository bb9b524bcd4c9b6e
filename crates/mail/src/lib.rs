//! Sends mail: by SMTP, or as `.eml` files in the data directory's outbox if no server is configured.
//!
//! Limits: one attempt, 20 s to connect and a minute for the SMTP session; at most 100 alarms are stored for a run. A failure is
//! the port's `NotifyError`, which names the server or the file.

mod message;
mod outbox;
mod smtp;

pub use outbox::OutboxNotifyPeople;
pub use smtp::{MailProblem, SmtpNotifyPeople};
