//! The function `receive-webhook`: wires GitHub's webhook to the workflow.

mod handler;

use holdfast_lambda::{ALIAS, BUCKET, Error, STATE_MACHINE, TABLE, Wiring, serve_http};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET, TABLE, STATE_MACHINE, ALIAS], |setup| {
        Ok(handler::Ports {
            secrets: setup.webhook_secrets()?,
            how: setup.run_settings(),
            runs: setup.runs_by_alias(),
            read: setup.read()?,
            permission: setup.permission()?,
            publish: setup.publish()?,
            rows: setup.rows(),
            store: setup.store(),
        })
    })
    .await?;
    serve_http(wiring, handler::handle).await
}
