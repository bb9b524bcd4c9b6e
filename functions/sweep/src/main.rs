//! The function `sweep`: wires what was left to those who can do it now.

mod handler;

use holdfast_lambda::{BUCKET, Error, STATE_MACHINE, TABLE, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET, TABLE, STATE_MACHINE], |setup| {
        Ok(handler::Ports {
            runs: setup.runs(),
            deliveries: setup.deliveries()?,
            publish: setup.publish()?,
            rows: setup.rows(),
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
