//! RaiseAlarm's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::raise_alarm::raise_alarm;
use holdfast_lambda::{Answer, AwsNotifyPeople, Event, through};

/// All that this function can reach.
pub struct Ports {
    pub notify: AwsNotifyPeople,
}

/// Tells a person what is left to clean.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| raise_alarm(&input, &ports.notify).await).await
}
