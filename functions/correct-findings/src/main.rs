//! The function `correct-findings`: wires CorrectFindings to the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET], |setup| Ok(handler::Ports { store: setup.store() })).await?;
    serve(wiring, handler::handle).await
}
