//! The function `gather-context`: wires GatherContext to GitHub, to read, syntax trees and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, TreeSitterSyntax, Wiring, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::begin(&[BUCKET], |setup| {
        Ok(handler::Ports {
            read: setup.read()?,
            syntax: TreeSitterSyntax::new(),
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handler::handle).await
}
