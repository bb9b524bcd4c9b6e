//! The function `request-approval`: wires RequestApproval to the people and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, TABLE, TOPIC, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET, TABLE, TOPIC]).await?;
    let ports = handler::Ports {
        notify: setup.notify(),
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
