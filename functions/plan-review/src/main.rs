//! The function `plan-review`: wires PlanReview to GitHub, to read and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET], |setup| {
        Ok(handler::Ports {
            read: setup.read()?,
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
