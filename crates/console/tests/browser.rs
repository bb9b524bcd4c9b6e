//! Opens every page in a real browser: it fits the screen, is accessible, and breaks no policy. The checks are in
//! `tests/browser/gallery.mjs`.
#![expect(clippy::unwrap_used, reason = "a page that cannot be written fails the test")]

use std::path::Path;
use std::process::Command;

mod gallery;
mod sample;

#[test]
fn every_page_fits_its_screen_and_is_accessible() {
    let folder = tempfile::tempdir().unwrap();
    gallery::write(folder.path()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/gallery.mjs");
    let looked = Command::new("node")
        .arg(script)
        .arg(folder.path())
        .arg("--quick")
        .output()
        .unwrap();
    assert!(
        looked.status.success(),
        "(cd tests/node && npm ci; apt-get install chromium)\n{}",
        String::from_utf8_lossy(&looked.stderr)
    );
}
