//! Telling people on AWS: the question with its task token in a DynamoDB table, the text to whoever subscribed to an
//! SNS topic. The token is a credential: it is in the table alone, never in a text.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use holdfast_core::model::approval::Approval;
use holdfast_core::port::{NotifyError, NotifyPeople};
use holdfast_core::render::{alarm_subject, alarm_text, question_subject, question_text};

/// Longest subject that SNS takes, in characters.
const SUBJECT_CHARS: usize = 100;

/// Questions in a table whose key is `pk` (text), texts to a topic. The SDK repeats nothing: the workflow does.
#[derive(Clone)]
pub struct AwsNotifyPeople {
    questions: aws_sdk_dynamodb::Client,
    texts: aws_sdk_sns::Client,
    table: String,
    topic: String,
}

impl fmt::Debug for AwsNotifyPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsNotifyPeople")
            .field("table", &self.table)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl AwsNotifyPeople {
    /// With the account, region and retries of `config`. `topic` is an ARN.
    pub fn new(config: &aws_config::SdkConfig, table: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            questions: aws_sdk_dynamodb::Client::new(config),
            texts: aws_sdk_sns::Client::new(config),
            table: table.into(),
            topic: topic.into(),
        }
    }

    /// The newer token replaces the older one: only the newest attempt waits.
    async fn keep_question(&self, approval: &Approval, token: &str) -> Result<(), NotifyError> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let number = |value: u64| AttributeValue::N(value.to_string());
        let item = HashMap::from([
            (
                "pk".to_owned(),
                text(&format!("approval#{}#{}", approval.run, approval.round)),
            ),
            ("run".to_owned(), text(&approval.run)),
            ("round".to_owned(), number(approval.round.into())),
            ("subject".to_owned(), text(&approval.subject)),
            ("worst".to_owned(), text(approval.worst.as_str())),
            ("findings".to_owned(), number(approval.findings)),
            ("token".to_owned(), text(token)),
        ]);
        let put = self.questions.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(|_| ()).map_err(|error| {
            NotifyError(format!(
                "the table {} does not take the question: {}. Check that it exists in this region and that the role may \
                 use it",
                self.table,
                DisplayErrorContext(error)
            ))
        })
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
