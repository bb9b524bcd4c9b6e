//! Makes one `main` for each row of the table of stages: it reads settings, makes adapters, and calls the stage for
//! each event. A binary links the adapters of its own stage only.

use std::sync::Arc;

use holdfast_core::{for_each_stage, stage};
use holdfast_rules::TreeSitterSyntax;

use crate::deadline::EventDeadlines;
use crate::invoke::{serve, through};
use crate::metrics;
use crate::settings::{BUCKET, STATE_MACHINE, TABLE, TOPIC};
use crate::wiring::Wiring;

/// Makes a port's adapter. A port of the table that this macro doesn't know is a compile error.
macro_rules! adapter {
    (read, $setup:ident) => {
        $setup.read()?
    };
    (publish, $setup:ident) => {
        $setup.publish()?
    };
    (threads, $setup:ident) => {
        $setup.threads()?
    };
    (permission, $setup:ident) => {
        $setup.permission()?
    };
    (model, $setup:ident) => {
        $setup.model()?
    };
    (syntax, $setup:ident) => {
        TreeSitterSyntax::new()
    };
    (notify, $setup:ident) => {
        $setup.notify()
    };
    (rows, $setup:ident) => {
        $setup.rows()
    };
    (runs, $setup:ident) => {
        $setup.runs()
    };
    (store, $setup:ident) => {
        $setup.store()
    };
    (approval_settings, $setup:ident) => {
        $setup.approval_settings()
    };
    (retries, $setup:ident) => {
        $setup.retries()
    };
    (deadline, $setup:ident) => {
        EventDeadlines
    };
}

/// Selects a port for one event's stage. Only the deadline is made for each event.
macro_rules! of_event {
    (deadline, $made:ident, $event:ident) => {
        &$made.of(&$event.context)
    };
    ($port:ident, $made:ident, $event:ident) => {
        $made
    };
}

/// Returns the settings that name the ports' bucket, table, state machine and topic on AWS.
fn places(ports: &[&str]) -> Vec<&'static str> {
    let places = |port: &&str| -> &'static [&'static str] {
        match *port {
            "store" => &[BUCKET],
            "rows" => &[TABLE],
            "publish" => &[TABLE],
            "model" => &[TABLE, TOPIC],
            "runs" => &[STATE_MACHINE],
            "notify" => &[TOPIC],
            _ => &[],
        }
    };
    ports.iter().flat_map(places).copied().collect()
}

/// Calls a stage. After SummarizeReview, which writes the report, also writes the review's metrics; after
/// ValidateFindings, whether a first answer passed.
macro_rules! run {
    (validate_findings, $input:ident, $store:expr) => {{
        let output = stage::validate_findings::validate_findings(&$input, $store).await?;
        if $input.attempt == 1 {
            metrics::count_first_answer(matches!(output, stage::validate_findings::Output::Accept { .. }));
        }
        Ok(output)
    }};
    (summarize_review, $input:ident, $model:expr, $settings:expr, $store:expr) => {{
        let output = stage::summarize_review::summarize_review(&$input, $model, $settings, $store).await?;
        if let stage::summarize_review::Summarized::Written(_) = output {
            metrics::count_review($store, &$input.run).await;
        }
        Ok(output)
    }};
    ($stage:ident, $input:ident, $($port:expr),+) => {
        stage::$stage::$stage(&$input, $($port),+).await
    };
}

macro_rules! mains {
    ($($constant:ident = $state:literal, $function:literal: $stage:ident($($port:ident),+);)+) => {
        $(#[doc = concat!("Serves the events of the state `", $state, "` until Lambda ends the process.")]
        ///
        /// # Errors
        ///
        /// A setting is wrong or missing, or the runtime's interface can't be reached.
        #[tokio::main(flavor = "current_thread")]
        pub async fn $stage() -> Result<(), crate::Error> {
            let places = places(&[$(stringify!($port)),+]);
            let wiring = Wiring::begin(places, |setup| Ok(($(adapter!($port, setup),)+))).await?;
            let patience = Some(wiring.github_patience());
            serve(wiring, async |event, ports: Arc<_>| {
                let ($($port,)+) = ports.as_ref();
                through(event.payload, patience, async |input| run!($stage, input, $(of_event!($port, $port, event)),+)).await
            })
            .await
        })+
    };
}
for_each_stage!(mains);
