//! The attempts of one review: resume the open one, or start the next.

/// Chooses the run of a command: the open attempt of that stem, or the next one.
pub fn choose<'a>(stem: &str, existing: impl IntoIterator<Item = (&'a str, bool)>) -> Choice {
    let mut last: Option<(u32, &str)> = None;
    for (name, is_open) in existing {
        let Some(attempt) = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-')?.parse::<u32>().ok())
        else {
            continue;
        };
        if is_open {
            return Choice::Resume(name.to_owned());
        }
        last = last.max(Some((attempt, name)));
    }
    let attempt = last.map_or(0, |(attempt, _)| attempt);
    Choice::Start {
        name: format!("{stem}-{}", attempt + 1),
        previous: last.map(|(_, name)| name.to_owned()),
    }
}

/// The run that a command continues or starts.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// An open run, which resumes.
    Resume(String),
    /// A new run.
    Start {
        /// Its name.
        name: String,
        /// The attempt before it, which has ended.
        previous: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_run_resumes_and_a_finished_one_gets_a_next_attempt() {
        let start = |name: &str, previous: Option<&str>| Choice::Start {
            name: name.to_owned(),
            previous: previous.map(str::to_owned),
        };
        assert_eq!(choose("a-1", [("b-1-9", true)]), start("a-1-1", None));
        assert_eq!(
            choose("a-1", [("a-1-9", false), ("a-1-10", false)]),
            start("a-1-11", Some("a-1-10"))
        );
        assert_eq!(
            choose("a-1", [("a-1-2", true), ("a-1-1", false)]),
            Choice::Resume("a-1-2".to_owned())
        );
    }
}
