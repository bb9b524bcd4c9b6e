//! Finds a run by its name, or by an unambiguous beginning of it.

use holdfast_core::model::run_name::RunName;

use crate::failure::Failure;
use crate::run_summary::ReadRuns;

/// Maximum number of names that the message about an ambiguous name lists.
const MAX_LISTED_RUNS: usize = 20;

/// Returns the names that start with `beginning`. If one of them is exactly `beginning`, returns only that one.
pub fn narrowed(mut names: Vec<RunName>, beginning: &str) -> Vec<RunName> {
    if let Some(exact) = names.iter().position(|name| name == beginning) {
        return vec![names.swap_remove(exact)];
    }
    names.retain(|name| name.as_str().starts_with(beginning));
    names
}

/// Fails for an empty or blank name: every run's name begins with it.
///
/// # Errors
/// The name is empty.
pub fn check_beginning(beginning: &str) -> Result<(), Failure> {
    match beginning.trim().is_empty() {
        false => Ok(()),
        true => Err(Failure::usage(
            "the run's name is empty: write its name or the beginning of it; holdfast runs lists the names",
        )),
    }
}

/// Returns the failure of a name that several runs begin with.
pub fn ambiguous(beginning: &str, found: &[String]) -> Failure {
    let listed = &found[..found.len().min(MAX_LISTED_RUNS)];
    let more = match found.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Failure::usage(format!(
        "{beginning:?} is the beginning of {} runs: {}{more}; write more of the name",
        found.len(),
        listed.join(", ")
    ))
}

/// Finds a run by an unambiguous beginning of its name.
///
/// # Errors
/// The name is empty; no run's name has this beginning, or several do.
pub async fn find_name(runs: &dyn ReadRuns, beginning: &str) -> Result<RunName, Failure> {
    check_beginning(beginning)?;
    let names = runs.names(beginning).await?;
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::usage(format!(
            "there is no run {beginning:?} in {}; holdfast{} runs lists them",
            runs.place(),
            runs.option()
        ))
        .naming_stack()),
        several => {
            let names: Vec<String> = several.iter().map(RunName::to_string).collect();
            Err(ambiguous(beginning, &names))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_is_refused_and_an_ambiguous_one_lists_some_runs() {
        assert!(check_beginning("a").is_ok());
        for empty in ["", "  ", "\n"] {
            assert!(check_beginning(empty).is_err(), "{empty:?}");
        }
        let names: Vec<String> = (0..25).map(|number| format!("run-{number:02}")).collect();
        for (found, listed, more) in [
            (&names[..2], "run-00, run-01; write more", false),
            (&names[..], "run-19 and 5 more;", true),
        ] {
            let message = ambiguous("run", found).message;
            assert!(
                message.contains(listed) && message.contains(" and ") == more,
                "{message}"
            );
        }
    }
}
