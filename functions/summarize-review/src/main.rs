//! The function `summarize-review`: wires SummarizeReview to the model and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET]).await?;
    let ports = handler::Ports {
        model: setup.model()?,
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
