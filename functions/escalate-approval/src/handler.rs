//! EscalateApproval's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::escalate_approval::escalate_approval;
use holdfast_lambda::{Answer, AwsNotifyPeople, DynamodbKeepRows, Event, through};

/// All that this function can reach.
pub struct Ports {
    pub notify: AwsNotifyPeople,
    pub rows: DynamodbKeepRows,
}

/// Closes the question, and says that nobody answered.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        escalate_approval(&input, &ports.notify, &ports.rows).await
    })
    .await
}
