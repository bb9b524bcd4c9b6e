//! Commands in comments: only a comment's first line can be one.

/// A person's command in a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Review the current head.
    Review,
    /// Review nothing on this pull request until `/holdfast resume`.
    Pause,
    /// End a pause, and review the current head.
    Resume,
    /// Stop the running review.
    Cancel,
    /// List the commands.
    Help,
}

/// The beginning of a command.
const PREFIX: &str = "/holdfast";

impl Command {
    /// Reads the first line that is not blank, in upper or lower case. Returns `None` if it is no command. `/holdfast`
    /// with no word after it means help.
    ///
    /// # Errors
    ///
    /// The command is unknown. The error doesn't repeat its word, which is untrusted.
    pub fn parse(comment: &str) -> Option<Result<Self, UnknownCommand>> {
        let line = comment.lines().map(str::trim).find(|line| !line.is_empty())?;
        let mut words = line.split_whitespace();
        if !words.next()?.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let word = words.next().unwrap_or("help").to_ascii_lowercase();
        if words.next().is_some() {
            return Some(Err(UnknownCommand));
        }
        Some(match word.as_str() {
            "review" => Ok(Self::Review),
            "pause" => Ok(Self::Pause),
            "resume" => Ok(Self::Resume),
            "cancel" => Ok(Self::Cancel),
            "help" => Ok(Self::Help),
            _ => Err(UnknownCommand),
        })
    }
}

/// The failure of a line that begins like a command but isn't a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such command: /holdfast review, pause, resume, cancel or help")]
pub struct UnknownCommand;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_is_a_command() {
        let table = [
            ("/holdfast review", Some(Ok(Command::Review))),
            ("\n  /holdfast   pause \nThank you", Some(Ok(Command::Pause))),
            ("/Holdfast RESUME\r\n", Some(Ok(Command::Resume))),
            ("/holdfast cancel", Some(Ok(Command::Cancel))),
            ("/holdfast help", Some(Ok(Command::Help))),
            ("/holdfast", Some(Ok(Command::Help))),
            ("/holdfast reveiw", Some(Err(UnknownCommand))),
            ("/holdfast review please", Some(Err(UnknownCommand))),
            ("/holdfaster review", None),
            ("> /holdfast review", None),
            ("Please\n/holdfast review", None),
            ("`/holdfast review`", None),
            ("", None),
            ("\n \n", None),
        ];
        for (comment, expected) in table {
            assert_eq!(Command::parse(comment), expected, "{comment:?}");
        }
    }
}
