//! One `main` for each row of the table of stages: settings and adapters, then events through the stage. A binary links the
//! adapters of its own stage only.

use std::sync::Arc;

use holdfast_core::{for_each_stage, stage};
use holdfast_rules::TreeSitterSyntax;

use crate::invoke::{serve, through};
use crate::metrics;
use crate::settings::{BUCKET, STATE_MACHINE, TABLE, TOPIC};
use crate::wiring::Wiring;

/// A port's adapter. A port that the table names and this macro doesn't know fails to compile.
macro_rules! adapter {
    (read, $setup:ident) => {
        $setup.read()?
    };
    (publish, $setup:ident) => {
        $setup.publish()?
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
    (asking, $setup:ident) => {
        $setup.asking()
    };
}

/// The setting with the place that a port needs on AWS, by the port's name.
fn places(ports: &[&str]) -> Vec<&'static str> {
    let place = |port: &&str| match *port {
        "store" => Some(BUCKET),
        "rows" => Some(TABLE),
        "runs" => Some(STATE_MACHINE),
        "notify" => Some(TOPIC),
        _ => None,
    };
    ports.iter().filter_map(place).collect()
}

/// A stage's call. The review's figures are counted where its report is written.
macro_rules! run {
    (summarize_review, $input:ident, $model:ident, $store:ident) => {{
        let output = stage::summarize_review::summarize_review(&$input, $model, $store).await?;
        metrics::count_review($store, &$input.run).await;
        Ok(output)
    }};
    ($stage:ident, $input:ident, $($port:ident),+) => {
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
            serve(wiring, async |event, ports: Arc<_>| {
                let ($($port,)+) = ports.as_ref();
                through(event, async |input| run!($stage, input, $($port),+)).await
            })
            .await
        })+
    };
}
for_each_stage!(mains);
