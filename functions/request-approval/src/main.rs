//! The function `request-approval`: wires RequestApproval to the people, the table and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, TABLE, TOPIC, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET, TABLE, TOPIC], |setup| {
        Ok(handler::Ports {
            asking: setup.asking(),
            notify: setup.notify(),
            rows: setup.rows(),
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
