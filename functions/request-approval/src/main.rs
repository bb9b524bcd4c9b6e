//! The function `request-approval`: wires RequestApproval to the people, the table and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, TABLE, TOPIC, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET, TABLE, TOPIC]).await?;
    let ports = handler::Ports {
        asking: setup.asking(),
        notify: setup.notify(),
        rows: setup.rows(),
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
