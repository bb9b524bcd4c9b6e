//! Telling people on AWS: the question with its task token as a row, the text to whoever subscribed to an SNS topic. The
//! token is a credential: it is in the row alone, never in a text.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sns::error::DisplayErrorContext;
use holdfast_core::model::approval::Approval;
use holdfast_core::port::{Expect, KeepRows, NotifyError, NotifyPeople, RowError, Written};
use holdfast_core::render::{alarm_subject, alarm_text, question_subject, question_text};
use serde_json::json;

use crate::dynamodb::DynamodbKeepRows;

/// Longest subject that SNS takes, in characters.
const SUBJECT_CHARS: usize = 100;

/// The form of a question's row.
const QUESTION_VERSION: u32 = 1;

/// How often a question is written again because another attempt wrote it at the same time.
const TRIES: u32 = 5;

/// Questions as rows `approval/RUN#ROUND` of `{version, approval, token}`, texts to a topic. The SDK repeats nothing: the
/// workflow does.
#[derive(Clone)]
pub struct AwsNotifyPeople {
    questions: Arc<dyn KeepRows>,
    texts: aws_sdk_sns::Client,
    topic: String,
}

impl fmt::Debug for AwsNotifyPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsNotifyPeople")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl AwsNotifyPeople {
    /// With the account, region and retries of `config`; questions in the table `table`, see [`DynamodbKeepRows`].
    /// `topic` is an ARN.
    pub fn new(config: &aws_config::SdkConfig, table: impl Into<String>, topic: impl Into<String>) -> Self {
        let questions = Arc::new(DynamodbKeepRows::new(config, table));
        Self::with_rows(questions, config, topic)
    }

    /// The same with questions kept elsewhere.
    pub fn with_rows(questions: Arc<dyn KeepRows>, config: &aws_config::SdkConfig, topic: impl Into<String>) -> Self {
        Self {
            questions,
            texts: aws_sdk_sns::Client::new(config),
            topic: topic.into(),
        }
    }

    /// The newer token replaces the older one: only the newest attempt waits. A question that is there already with this
    /// token was written by a call whose answer was lost.
    async fn keep_question(&self, approval: &Approval, token: &str) -> Result<(), NotifyError> {
        let key = format!("approval/{}#{}", approval.run, approval.round);
        let question = json!({ "version": QUESTION_VERSION, "approval": approval, "token": token });
        let failed = |error: RowError| NotifyError(format!("the question is not kept: {error}"));
        let mut found = self.questions.get(&key).await.map_err(failed)?;
        for _ in 0..TRIES {
            let expect = match found {
                Some(row) if row.value == question => return Ok(()),
                Some(row) => Expect::Version(row.version),
                None => Expect::Absent,
            };
            match self.questions.put(&key, &question, expect).await.map_err(failed)? {
                Written::Done { .. } => return Ok(()),
                Written::Conflict { found: other } => found = other,
            }
        }
        Err(NotifyError(format!(
            "the question is not kept: the row {key} was changed by others {TRIES} times in a row; ask again"
        )))
    }

    async fn tell(&self, subject: &str, text: &str) -> Result<(), NotifyError> {
        let told = self.texts.publish().topic_arn(&self.topic);
        let told = told.subject(subject_line(subject)).message(text);
        told.send().await.map(|_| ()).map_err(|error| {
            NotifyError(format!(
                "the topic {} does not take the text: {}. Check that it exists and that the role may publish to it",
                self.topic,
                DisplayErrorContext(error)
            ))
        })
    }
}

#[async_trait]
impl NotifyPeople for AwsNotifyPeople {
    async fn ask_approval(&self, approval: &Approval, token: &str) -> Result<(), NotifyError> {
        self.keep_question(approval, token).await?;
        let how_to_decide = "It is asked again when nobody has decided in two days, and discarded after two more.";
        self.tell(&question_subject(approval), &question_text(approval, how_to_decide))
            .await
    }

    async fn raise_alarm(&self, run: &str, what: &str) -> Result<(), NotifyError> {
        tracing::error!(run, what, "a run needs cleaning by hand");
        self.tell(&alarm_subject(run), &alarm_text(run, what)).await
    }
}

/// SNS takes printable ASCII that does not begin with a blank.
fn subject_line(subject: &str) -> String {
    let plain = subject.chars().map(|char| {
        if char.is_ascii_graphic() || char == ' ' {
            char
        } else {
            '?'
        }
    });
    plain.take(SUBJECT_CHARS).collect()
}
