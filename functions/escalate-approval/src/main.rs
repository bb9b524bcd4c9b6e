//! The function `escalate-approval`: wires EscalateApproval to the people.

mod handler;

use holdfast_lambda::{Error, Setup, TOPIC, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[TOPIC]).await?;
    let ports = handler::Ports { notify: setup.notify() };
    serve(ports, handler::handle).await
}
