//! Writes every page in its variants as files: `cargo run -p holdfast-console --example gallery -- DIR`. Open `index.html`.
//!
//! Links between the pages lead nowhere there; the stylesheet is found beside them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use holdfast_console::{ICON, ICON_PATH, STYLESHEET, href, stylesheet_path};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        return complain("name the folder to write to");
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("{}: {error}", folder.display())),
    }
}

fn write(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("console.css"), STYLESHEET)?;
    fs::write(folder.join("icon.svg"), ICON)?;
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../state-machine/review.svg");
    fs::copy(picture, folder.join("review.svg"))?;
    let mut index = String::from("<!DOCTYPE html><html lang=\"en\"><title>Pages</title><h1>Pages</h1><ul>");
    for (name, html) in sample::pages() {
        let html = html
            .replace(stylesheet_path(), "console.css")
            .replace(ICON_PATH, "icon.svg")
            .replace(&href::picture(sample::RUN), "review.svg");
        fs::write(folder.join(format!("{name}.html")), html)?;
        index.push_str(&format!("<li><a href=\"{name}.html\">{name}</a>"));
    }
    fs::write(folder.join("index.html"), index + "</ul></html>")
}

#[expect(clippy::print_stderr, reason = "a message for the person at the terminal")]
fn complain(message: &str) -> ExitCode {
    eprintln!("gallery: {message}");
    ExitCode::FAILURE
}
