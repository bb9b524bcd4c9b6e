//! The function `publish-review`: wires PublishReview to GitHub, to read, GitHub, to write, the table and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, TABLE, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET, TABLE], |setup| {
        Ok(handler::Ports {
            read: setup.read()?,
            publish: setup.publish()?,
            rows: setup.rows(),
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
