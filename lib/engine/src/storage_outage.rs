//! A storage outage: requests are refused and answers of functions are kept. Once the disk works again, the engine
//! resumes from the stored state.

use std::time::Duration;

use super::dispatch::JobResult;
use super::error::EngineError;
use super::run_loop::{Ended, Runner};
use super::turn::Turn;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(15);

impl Runner {
    /// Waits until the disk works again. Memory is ahead of the disk by a turn that was not stored, so everything is
    /// read again.
    pub(super) async fn wait_for_storage(&mut self, error: EngineError, mut kept: Vec<JobResult>) -> Result<(), Ended> {
        tracing::error!(%error, "nothing can be stored: nothing new is started");
        if let Some(request) = self.held.take() {
            // A held request is never a shutdown.
            drop(request.refuse(error.clone()));
        }
        self.report_outage(error);
        let mut pause = FIRST_PAUSE;
        loop {
            self.pause(pause, &mut kept).await?;
            pause = (pause * 2).min(MAX_PAUSE);
            match self.try_again(&mut kept).await {
                Ok(()) => {
                    tracing::info!("the disk works again: resuming");
                    self.health.send_replace(None);
                    return Ok(());
                }
                Err(error) => self.report_outage(error),
            }
        }
    }

    /// Reports the error, also to all callers that wait: they can wait again.
    fn report_outage(&mut self, error: EngineError) {
        self.health.send_replace(Some(error.clone()));
        for (_, waiter) in self
            .waiters
            .drain()
            .flat_map(|(id, waiters)| waiters.into_iter().map(move |w| (id, w)))
        {
            waiter.send(Err(error.clone()));
        }
    }

    /// Waits for a while: refuses requests, keeps answers of functions.
    async fn pause(&mut self, pause: Duration, kept: &mut Vec<JobResult>) -> Result<(), Ended> {
        let sleep = tokio::time::sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                biased;
                request = self.inbox.recv() => {
                    let request = request.ok_or(Ended(None))?;
                    let error = self.health.borrow().clone().unwrap_or(EngineError::Stopped);
                    if let Some(reply) = request.refuse(error) {
                        return Err(Ended(Some(reply)));
                    }
                }
                result = self.jobs.next() => kept.push(result),
                () = &mut sleep => return Ok(()),
            }
        }
    }

    /// Reads everything again and stores the kept answers, if the disk works.
    async fn try_again(&mut self, kept: &mut Vec<JobResult>) -> Result<(), EngineError> {
        self.store.probe().await?;
        let mut turn = Turn::new(self.now());
        self.recover(&mut turn, kept).await?;
        for result in kept.iter().cloned() {
            self.take_result(&mut turn, result);
        }
        self.store_turn(&mut turn).await?;
        kept.clear();
        self.act_on_stored(turn).await;
        Ok(())
    }
}
