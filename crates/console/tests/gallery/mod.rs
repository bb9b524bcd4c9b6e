//! Writes every page as a file that a browser opens.

use std::fs;
use std::path::Path;

use holdfast_console::{ICON, ICON_PATH, STYLESHEET, href, stylesheet_path};

use crate::sample;

/// Writes the pages and an index. Fails if the folder can't be written.
pub fn write(folder: &Path) -> std::io::Result<()> {
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
