//! The function `approval-page`: wires the page to decide on to the table, the bucket and the workflow.

mod handler;

use holdfast_lambda::{BUCKET, Error, STATE_MACHINE, Setup, TABLE, serve_http};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET, TABLE, STATE_MACHINE]).await?;
    let ports = handler::Ports {
        seal: setup.seal()?,
        rows: setup.rows(),
        runs: setup.runs(),
        store: setup.store(),
    };
    serve_http(ports, handler::handle).await
}
