//! Writes every page in all variants as files: `cargo run -p holdfast-console --example gallery -- DIR`. Open
//! `index.html`.
//!
//! Links between pages don't work there; the stylesheet is next to the pages.

use std::path::Path;
use std::process::ExitCode;

#[path = "../tests/gallery/mod.rs"]
mod gallery;
#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        return fail("name the folder to write to");
    };
    match gallery::write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{}: {error}", folder.display())),
    }
}

#[expect(clippy::print_stderr, reason = "a message for the person at the terminal")]
fn fail(message: &str) -> ExitCode {
    eprintln!("gallery: {message}");
    ExitCode::FAILURE
}
