//! The function `open-review`: wires OpenReview to GitHub, to read, GitHub, to write, the table, the workflow and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, STATE_MACHINE, TABLE, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET, TABLE, STATE_MACHINE], |setup| {
        Ok(handler::Ports {
            read: setup.read()?,
            publish: setup.publish()?,
            rows: setup.rows(),
            runs: setup.runs(),
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
