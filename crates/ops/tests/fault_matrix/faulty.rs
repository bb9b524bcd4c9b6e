//! The stages with one fault injected into one state. A fault strikes at the state's first invocation, and a permanent
//! one at each later invocation too. All other calls pass through unchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use holdfast_core::stage::state;
use holdfast_engine::{Clock, FunctionFailure, Functions, Invocation};
use holdfast_ops::functions::StageFunctions;
use holdfast_testkit::{FakeGithub, Fault, Matcher};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::cell::{Cell, Point, Story};
use crate::clock::MatrixClock;

pub struct Faulty {
    pub stages: Arc<StageFunctions>,
    pub cell: Cell,
    pub github: Arc<FakeGithub>,
    pub clock: Arc<MatrixClock>,
    /// Outlives the process: a fault that struck once doesn't strike again after a kill.
    pub struck: Arc<AtomicUsize>,
    /// Signals that the process dies now.
    pub kill: Arc<Notify>,
    /// Signals that the late call may take effect.
    pub too_late: Arc<Notify>,
    /// Whether the undo is disabled.
    pub without_undo: bool,
    /// Outlives the process too.
    pub trouble: Arc<Trouble>,
}

/// GitHub's limit or outage, which ends by time.
#[derive(Debug, Default)]
pub struct Trouble {
    /// The end, in ms since 1970.
    pub until_ms: AtomicI64,
    /// The number of requests before the time that GitHub named.
    pub early: AtomicUsize,
}

fn failure(error_type: &str) -> FunctionFailure {
    FunctionFailure {
        error_type: error_type.to_owned(),
        message: "as the test wants it".to_owned(),
    }
}

#[async_trait]
impl Functions for Faulty {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        if self.without_undo && function == "withdraw-announcement" {
            return Ok(json!({ "withdrawn": true }));
        }
        if self.is_doomed(function) {
            return Err(failure("GithubForbidden"));
        }
        if self.clock.now().0 < self.trouble.until_ms.load(Ordering::SeqCst) {
            return self.in_trouble(function, payload, invocation).await;
        }
        if invocation.state != self.cell.state {
            return self.stages.invoke(function, payload, invocation).await;
        }
        let first = self.struck.fetch_add(1, Ordering::SeqCst) == 0;
        let call = |payload: Value| self.stages.invoke(function, payload, invocation.clone());
        match self.cell.point {
            Point::NotSent if first => Err(failure("Lambda.ServiceException")),
            Point::AnswerLost if first => {
                drop(call(payload).await);
                Err(failure("Lambda.Unknown"))
            }
            Point::AnswerAlwaysLost => {
                drop(call(payload).await);
                Err(failure("Lambda.Unknown"))
            }
            Point::LateEffect if first => {
                self.come_late(function, payload, invocation);
                // Long after the state has timed out, the function's caller gives up on it.
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                Err(failure("Lambda.Unknown"))
            }
            Point::Duplicate if first => {
                drop(call(payload.clone()).await);
                call(payload).await
            }
            Point::KilledBefore if first => self.die().await,
            Point::KilledDuring if first => {
                // About half of the stage's awaits.
                let _under_way = tokio::time::timeout(std::time::Duration::from_millis(15), call(payload)).await;
                self.die().await
            }
            Point::KilledAfter if first => {
                drop(call(payload).await);
                self.die().await
            }
            Point::Github { status, always } if first || always => {
                let matcher = if always {
                    Matcher::any().always()
                } else {
                    Matcher::any()
                };
                let fault = if status == 429 {
                    Fault::rate_limited(1)
                } else {
                    Fault::status(status)
                };
                self.with_github(matcher, fault, call(payload)).await
            }
            Point::GithubLimited { seconds } if first => {
                self.trouble_for(seconds);
                let fault = Fault::rate_limited(u64::from(seconds));
                self.with_github(Matcher::any().always(), fault, call(payload)).await
            }
            Point::GithubOutage { seconds } if first => {
                self.trouble_for(seconds);
                self.in_trouble(function, payload, invocation).await
            }
            Point::GithubMalformed if first => {
                self.with_github(Matcher::any(), Fault::MalformedBody, call(payload))
                    .await
            }
            Point::GithubQuery { kind } if first => {
                let fault = Fault::query_error(kind, "as the test wants it");
                self.with_github(Matcher::new("POST", "/graphql"), fault, call(payload))
                    .await
            }
            Point::GithubStale if first => {
                self.with_github(Matcher::new("GET", "/**"), Fault::StaleRead, call(payload))
                    .await
            }
            Point::GithubAnswerLost if first => {
                self.with_github(Matcher::new("POST", "/**"), Fault::DropAfter, call(payload))
                    .await
            }
            _ => call(payload).await,
        }
    }
}

impl Faulty {
    /// Returns the permanent failure that a story needs to reach its states. It never strikes the fault's own state.
    fn is_doomed(&self, function: &str) -> bool {
        match self.cell.story {
            Story::PublishFails => function == "publish-review",
            Story::UndoFails => matches!(function, "publish-review" | "withdraw-announcement"),
            _ => false,
        }
    }

    async fn with_github<T>(&self, matcher: Matcher, fault: Fault, call: impl Future<Output = T>) -> T {
        self.github.fail_next(matcher, fault);
        let answer = call.await;
        self.github.clear_faults();
        answer
    }

    fn trouble_for(&self, seconds: u32) {
        let until_ms = self.clock.now().0 + i64::from(seconds) * 1_000;
        self.trouble.until_ms.store(until_ms, Ordering::SeqCst);
    }

    /// Calls a stage while GitHub limits or is down.
    async fn in_trouble(
        &self,
        function: &str,
        payload: Value,
        invocation: Invocation,
    ) -> Result<Value, FunctionFailure> {
        let call = self.stages.invoke(function, payload, invocation);
        if matches!(self.cell.point, Point::GithubOutage { .. }) {
            return self
                .with_github(Matcher::any().always(), Fault::status(502), call)
                .await;
        }
        let requests = || self.github.journal().entries().len();
        let before = requests();
        let answer = call.await;
        self.trouble.early.fetch_add(requests() - before, Ordering::SeqCst);
        answer
    }

    async fn die(&self) -> ! {
        self.kill.notify_one();
        std::future::pending().await
    }

    /// Lets the state time out, and runs the stage when the test signals it.
    fn come_late(&self, function: &str, payload: Value, invocation: Invocation) {
        let (stages, function) = (Arc::clone(&self.stages), function.to_owned());
        let (too_late, clock) = (Arc::clone(&self.too_late), Arc::clone(&self.clock));
        let waits_for_people = self.cell.state == state::REQUEST_APPROVAL;
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            // Longer than the longest timeout of a task or of an approval question.
            clock.advance_ms(if waits_for_people { 172_900_000 } else { 931_000 });
            too_late.notified().await;
            drop(stages.invoke(&function, payload, invocation).await);
            too_late.notify_one();
        });
    }
}
