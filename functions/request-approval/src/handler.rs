//! RequestApproval's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::request_approval::request_approval;
use holdfast_lambda::{Answer, Asking, AwsNotifyPeople, DynamodbKeepRows, Event, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub asking: Asking,
    pub notify: AwsNotifyPeople,
    pub rows: DynamodbKeepRows,
    pub store: S3StoreArtifact,
}

/// Asks a person.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        request_approval(&input, &ports.asking, &ports.notify, &ports.rows, &ports.store).await
    })
    .await
}
