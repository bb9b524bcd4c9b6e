//! The function `publish-review`: wires PublishReview to GitHub, to read, GitHub, to write, the table and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, TABLE, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET, TABLE]).await?;
    let ports = handler::Ports {
        read: setup.read()?,
        publish: setup.publish()?,
        rows: setup.rows(),
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
