//! The function `raise-alarm`: wires RaiseAlarm to the people.

mod handler;

use holdfast_lambda::{Error, TOPIC, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[TOPIC], |setup| Ok(handler::Ports { notify: setup.notify() })).await?;
    serve(wiring, handler::handle).await
}
