//! A storage outage: requests are refused and answers of functions are kept. Once the disk works again, the engine
//! resumes from the stored state.

use std::time::Duration;

use super::dispatch::JobResult;
use super::error::EngineError;
use super::run_loop::{Ended, Runner};
use super::turn::Turn;

const FIRST_TRY_AFTER: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

impl Runner {
    /// Waits until the disk works again. Memory is ahead of the disk by a turn that was not stored, so everything is
    /// read again.
    pub(super) async fn wait_for_storage(&mut self, error: EngineError, mut kept: Vec<JobResult>) -> Result<(), Ended> {
        tracing::error!(%error, "nothing can be stored: nothing new is started");
        if let Some(request) = self.held.take() {
            // A held request is never a shutdown.
            drop(request.refuse(error.clone()));
        }
        self.announce(error);
        let mut pause = FIRST_TRY_AFTER;
        loop {
            self.sit_out(pause, &mut kept).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.try_again(&mut kept).await {
                Ok(()) => {
                    tracing::info!("the disk works again: going on");
                    self.health.send_replace(None);
                    return Ok(());
                }
                Err(error) => self.announce(error),
            }
        }
    }

    /// Reports the error, also to all callers that wait: they can wait again.
    fn announce(&mut self, error: EngineError) {
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
    async fn sit_out(&mut self, pause: Duration, kept: &mut Vec<JobResult>) -> Result<(), Ended> {
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
        self.stored(turn).await;
        Ok(())
    }
}
