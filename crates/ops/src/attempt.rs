//! The attempts of one review: resume the open one, or start the next.

use holdfast_core::model::run_name::RunName;

/// Chooses the run of a command: the open attempt of that stem, or the next one.
pub fn choose<'a>(stem: &str, existing: impl IntoIterator<Item = (&'a str, bool)>) -> Choice {
    let mut last: Option<(u32, RunName)> = None;
    for (name, is_open) in existing {
        let Some(attempt) = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-')?.parse::<u32>().ok())
        else {
            continue;
        };
        let Some(run) = RunName::of_listed(name) else {
            continue;
        };
        if is_open {
            return Choice::Resume(run);
        }
        last = last.max(Some((attempt, run)));
    }
    let (attempt, previous) = last.unzip();
    Choice::Start {
        attempt: attempt.unwrap_or(0) + 1,
        previous,
    }
}

/// The run that a command continues or starts.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// An open run, which resumes.
    Resume(RunName),
    /// A new run.
    Start {
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The attempt before it, which has ended.
        previous: Option<RunName>,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;

    #[test]
    fn an_open_run_resumes_and_a_finished_one_gets_a_next_attempt() {
        let start = |attempt, previous: Option<&str>| Choice::Start {
            attempt,
            previous: previous.map(|name| name.parse().unwrap()),
        };
        assert_eq!(choose("a-1", [("b-1-9", true)]), start(1, None));
        assert_eq!(
            choose("a-1", [("a-1-9", false), ("a-1-10", false)]),
            start(11, Some("a-1-10"))
        );
        assert_eq!(
            choose("a-1", [("a-1-2", true), ("a-1-1", false)]),
            Choice::Resume("a-1-2".parse().unwrap())
        );
    }
}
