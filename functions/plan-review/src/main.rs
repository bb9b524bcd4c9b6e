//! The function `plan-review`: wires PlanReview to GitHub, to read and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET]).await?;
    let ports = handler::Ports {
        read: setup.read()?,
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
