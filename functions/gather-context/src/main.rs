//! The function `gather-context`: wires GatherContext to GitHub, to read, syntax trees and the bucket.

mod handler;

use holdfast_lambda::{BUCKET, Error, Setup, TreeSitterSyntax, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let setup = Setup::begin(&[BUCKET]).await?;
    let ports = handler::Ports {
        read: setup.read()?,
        syntax: TreeSitterSyntax::new(),
        store: setup.store(),
    };
    serve(ports, handler::handle).await
}
