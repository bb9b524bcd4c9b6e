//! The function `approval-page`: wires the page to decide on to the table, the bucket, the workflow and, for those
//! who sign in, GitHub.

mod handler;

use holdfast_lambda::{BUCKET, Error, STATE_MACHINE, TABLE, Wiring, serve_http};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET, TABLE, STATE_MACHINE], |setup| {
        Ok(handler::Ports {
            seal: setup.seal()?,
            sign_in: setup.sign_in()?,
            rows: setup.rows(),
            runs: setup.runs(),
            store: setup.store(),
        })
    })
    .await?;
    serve_http(wiring, handler::handle).await
}
