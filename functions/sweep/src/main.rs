//! The function `sweep`: wires what was left to those who can do it now.

mod handler;

use holdfast_lambda::{BUCKET, Error, STATE_MACHINE, Setup, TABLE, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET, TABLE, STATE_MACHINE]).await?;
    let ports = handler::Ports {
        runs: setup.runs(),
        deliveries: setup.deliveries()?,
        publish: setup.publish()?,
        rows: setup.rows(),
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
