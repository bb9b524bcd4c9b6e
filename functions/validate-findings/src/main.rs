//! The function `validate-findings`: wires ValidateFindings to the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET]).await?;
    let ports = handler::Ports { store: setup.store() };
    serve(ports, handler::handle).await
}
