//! The function `escalate-approval`: wires EscalateApproval to the people and the table.

mod handler;

use holdfast_lambda::{Error, TABLE, TOPIC, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[TABLE, TOPIC], |setup| {
        Ok(handler::Ports {
            notify: setup.notify(),
            rows: setup.rows(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
