//! The function `escalate-approval`: wires EscalateApproval to the people and the table.

mod handler;

use holdfast_lambda::{Error, Setup, TABLE, TOPIC, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[TABLE, TOPIC]).await?;
    let ports = handler::Ports {
        notify: setup.notify(),
        rows: setup.rows(),
    };
    serve(ports, handler::handle).await
}
