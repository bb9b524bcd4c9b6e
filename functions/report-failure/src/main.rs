//! The function `report-failure`: wires ReportFailure to GitHub, to write and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET]).await?;
    let ports = handler::Ports {
        publish: setup.publish()?,
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
