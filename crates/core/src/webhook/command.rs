//! Commands in comments: a comment's first line is one, or the comment is not for us.

/// What a person asks for in a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Review the head as it is now.
    Review,
    /// Review nothing on this pull request until it is resumed.
    Pause,
    /// Review again.
    Resume,
    /// Stop the review that runs.
    Cancel,
    /// Say what can be asked for.
    Help,
}

/// What begins a command.
const PREFIX: &str = "/holdfast";

impl Command {
    /// Reads the first line that is not blank. `None`: no command. `Err`: begins as one and is none; the word is not
    /// repeated, as it is a stranger's. Letters' case plays no part, and `/holdfast` alone asks for help.
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

/// A line that begins as a command and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such command: /holdfast review, pause, resume, cancel or help")]
pub struct UnknownCommand;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_alone_is_a_command() {
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
