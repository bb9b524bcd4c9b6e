//! The processes that evaluate expressions for the engine: this program, with an argument of its own.

use std::path::{Path, PathBuf};

use holdfast_engine::Evaluator;

/// The first argument that makes the program evaluate expressions and do nothing else.
pub const EVALUATE_ARGUMENT: &str = "evaluate-expressions";
/// Linux's path of the running program, valid even after the program's file was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Returns an evaluator that runs the program `holdfast` (this one, or one beside it), or threads where there is none.
pub fn find() -> Evaluator {
    let found = std::env::current_exe().ok().and_then(|own| find_program(&own));
    match found {
        Some(program) => Evaluator::in_processes(program, &[EVALUATE_ARGUMENT]),
        None => {
            tracing::warn!(
                "there is no program holdfast beside this one: expressions are evaluated without a memory limit"
            );
            Evaluator::in_threads()
        }
    }
}

/// Finds the program `holdfast`: this one, one beside it, or the one that cargo builds for tests and examples.
fn find_program(own: &Path) -> Option<PathBuf> {
    let name = format!("holdfast{}", std::env::consts::EXE_SUFFIX);
    if own.file_name().is_some_and(|own| *own == *name) {
        let running = Path::new(OWN_PROGRAM);
        let program = if running.exists() { running } else { own };
        return Some(program.to_path_buf());
    }
    let folder = own.parent()?;
    let of_cargo = ["deps", "examples"].iter().any(|name| folder.ends_with(name));
    let folders = [Some(folder), folder.parent().filter(|_| of_cargo)];
    folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_this_one_or_one_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("holdfast");
        assert_eq!(find_program(&folder.path().join("other")), None);
        std::fs::write(&program, "").expect("a file");
        for own in ["other", "deps/test", "examples/bench"] {
            assert_eq!(find_program(&folder.path().join(own)).as_ref(), Some(&program), "{own}");
        }
        assert_eq!(find_program(&folder.path().join("else/test")), None);
        assert!(find_program(&program).is_some());
    }
}
