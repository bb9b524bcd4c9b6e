//! Watches the quality of models' answers: adds the outcomes of each ended run to the shared logs, and tells operators of
//! a drop.

use std::sync::Arc;

use holdfast_core::logs;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{Alarm, KeepLogs, NotifyPeople};
use holdfast_core::prompt::PROMPT_VERSION;
use holdfast_core::quality::{self, Measure, Outcomes, Quality};

/// The logs and the people that hear of a drop.
pub struct QualityWatch {
    logs: Arc<dyn KeepLogs>,
    people: Arc<dyn NotifyPeople>,
}

/// The outcomes of a run: of first answers by model, and of findings by the run's main model.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RunOutcomes(pub Vec<(Measure, ModelId, Outcomes)>);

impl QualityWatch {
    /// Watches with these.
    pub fn new(logs: Arc<dyn KeepLogs>, people: Arc<dyn NotifyPeople>) -> Self {
        Self { logs, people }
    }

    /// Adds the outcomes of a run. What can't be added is logged, and lost.
    pub async fn add(&self, run: &RunName, outcomes: &RunOutcomes) {
        for (measure, model, outcomes) in outcomes.0.iter().filter(|(_, _, outcomes)| outcomes.all > 0) {
            let key = quality::key(*measure, model, PROMPT_VERSION);
            match logs::append::<Quality>(self.logs.as_ref(), &key, outcomes).await {
                Ok((_, None)) => {}
                Ok((_, Some(drop))) => {
                    let alarm = Alarm::Degraded {
                        model: model.clone(),
                        prompt_version: PROMPT_VERSION,
                        measure: *measure,
                        drop,
                    };
                    self.people.tell_operators(run, &alarm).await;
                }
                Err(error) => tracing::warn!(run = run.as_str(), %error, "a run's outcomes aren't counted"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::sync::Mutex;

    use async_trait::async_trait;
    use holdfast_core::port::{Mail, NotifyError};
    use holdfast_testkit::logs::MemoryLogs;

    use super::*;

    #[derive(Default)]
    struct People(Mutex<Vec<Alarm>>);

    #[async_trait]
    impl NotifyPeople for People {
        async fn send_mail(&self, _: &Mail) -> Result<(), NotifyError> {
            Ok(())
        }

        async fn raise_alarm(&self, _: &RunName, alarm: &Alarm) -> Result<(), NotifyError> {
            self.0.lock().unwrap().push(alarm.clone());
            Ok(())
        }
    }

    #[tokio::test]
    async fn operators_hear_once_of_the_model_whose_answers_became_worse() {
        let people = Arc::new(People::default());
        let watch = QualityWatch::new(Arc::new(MemoryLogs::default()), Arc::clone(&people) as _);
        let (steady, worse): (ModelId, ModelId) = ("openai/steady".parse().unwrap(), "openai/worse".parse().unwrap());
        for number in 0..30 {
            let good = if number < 20 { 9 } else { 4 };
            let outcomes = |model: &ModelId, good| (Measure::Validity, model.clone(), Outcomes { good, all: 10 });
            let run = RunOutcomes(vec![outcomes(&steady, 9), outcomes(&worse, good)]);
            watch.add(&format!("r-{number}").parse().unwrap(), &run).await;
        }
        let alarms = people.0.lock().unwrap();
        let [Alarm::Degraded { model, drop, .. }] = alarms.as_slice() else {
            panic!("{alarms:?}");
        };
        assert_eq!(*model, worse);
        assert!(drop.history > drop.recent, "{drop:?}");
    }
}
