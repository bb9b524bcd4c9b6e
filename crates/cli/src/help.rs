//! The sections below a command's help: examples, exit statuses, and the environment variables that the command reads.

mod variables;

use std::fmt::Write;

use variables::{
    DATA, ENDPOINTS, GITHUB, Group, LOG, METRICS, MODELS, PEOPLE, RETRIES, REVIEW_VARIABLES, STACK, TERMINAL,
};

/// Maximum number of columns of a line, so that no terminal wraps the sections.
const MAX_COLUMNS: usize = 79;
/// Width of the left column of the exit statuses and of the environment.
const LABEL_COLUMNS: usize = 12;

/// The settings that every command with a model or with GitHub reads.
const SETTINGS: [Group; 3] = [MODELS, GITHUB, PEOPLE];

const OK: (u8, &str) = (0, "done");
const USAGE: (u8, &str) = (2, "usage or configuration error: fix it and rerun");
const REVIEWED: (u8, &str) = (0, "reviewed, or nothing to review; no finding at or above --fail-on");
const FOUND: (u8, &str) = (1, "reviewed, with a finding at or above --fail-on");
const PARTIAL: (u8, &str) = (3, "incomplete: the finished part is printed; or stopped by a signal");

/// The sections of one command.
struct Sections {
    examples: &'static [&'static str],
    exit: &'static [(u8, &'static str)],
    environment: Vec<Group>,
}

impl Sections {
    fn render(&self) -> String {
        let mut out = String::from("Examples:\n");
        for example in self.examples {
            let _infallible = writeln!(out, "  {example}");
        }
        out.push_str("\nExit status:\n");
        for (status, meaning) in self.exit {
            let _infallible = writeln!(out, "  {status:<LABEL_COLUMNS$}{meaning}");
        }
        out.push_str("\nEnvironment (docs/configuration.md):\n");
        for (label, names) in &self.environment {
            write_group(&mut out, label, names);
        }
        out.truncate(out.trim_end().len());
        out
    }
}

/// Writes a label and its names, comma-separated, in as many lines as they need.
fn write_group(out: &mut String, label: &str, names: &[&str]) {
    let mut line = format!("  {label:<LABEL_COLUMNS$}");
    let mut is_first = true;
    for (number, name) in names.iter().enumerate() {
        let comma = if number + 1 < names.len() { "," } else { "" };
        if !is_first && line.len() + 1 + name.len() + comma.len() > MAX_COLUMNS {
            let _infallible = writeln!(out, "{line}");
            line = " ".repeat(2 + LABEL_COLUMNS);
            is_first = true;
        }
        let gap = if is_first { "" } else { " " };
        let _infallible = write!(line, "{gap}{name}{comma}");
        is_first = false;
    }
    let _infallible = writeln!(out, "{line}");
}

/// Returns the settings, followed by the other groups that a command reads.
fn settings_and(others: &[Group]) -> Vec<Group> {
    SETTINGS.iter().chain(others).copied().collect()
}

/// Returns the sections of `holdfast`.
pub fn program() -> String {
    "Examples:\n  \
     holdfast review .                 Review uncommitted work and the branch\n  \
     holdfast review https://github.com/OWNER/REPO/pull/12\n                                    \
     Review a pull request and print the review\n  \
     holdfast serve                    Review pull requests when GitHub's webhook arrives\n\n\
     Exit status:\n  \
     0           done; a review found nothing at or above --fail-on\n  \
     1           a finding at or above --fail-on, a replay that differs, or a suggestion\n              \
     that is not applied\n  \
     2           usage or configuration error: fix it and rerun\n  \
     3           the command couldn't be completed\n\n\
     No setting is required. docs/configuration.md describes all of them, and the help\n\
     of each command lists those that it reads. A misspelt HOLDFAST_ name is an error."
        .to_owned()
}

/// Returns the sections of `holdfast review`.
pub fn review() -> String {
    Sections {
        examples: &[
            "holdfast review",
            "holdfast review --staged",
            "holdfast review src --base main --format sarif > review.sarif",
            "git diff HEAD | holdfast review -",
            "HOLDFAST_MODEL=anthropic/NAME ANTHROPIC_API_KEY=KEY holdfast review .",
            "GITHUB_TOKEN=TOKEN holdfast review https://github.com/OWNER/REPO/pull/12 --publish",
        ],
        exit: &[REVIEWED, FOUND, USAGE, PARTIAL],
        environment: settings_and(&[DATA, LOG, ("others", &REVIEW_VARIABLES)]),
    }
    .render()
}

/// Returns the sections of `holdfast setup`.
pub fn setup() -> String {
    Sections {
        examples: &[
            "holdfast setup --public-url https://holdfast.example",
            "holdfast setup --public-url https://holdfast.example --organization LOGIN",
            "holdfast --stack NAME setup",
        ],
        exit: &[
            (0, "the App is created and its secrets are stored"),
            USAGE,
            (3, "stopped, or the secrets couldn't be stored"),
        ],
        environment: vec![
            ("GitHub", &["HOLDFAST_GITHUB_URL", "HOLDFAST_PUBLIC_URL"]),
            DATA,
            LOG,
            STACK,
        ],
    }
    .render()
}

/// Returns the sections of `holdfast serve`.
pub fn serve() -> String {
    Sections {
        examples: &[
            "holdfast serve",
            "HOLDFAST_PUBLIC_URL=https://holdfast.example holdfast serve --listen 127.0.0.1:8080",
            "holdfast serve --new-console-key",
        ],
        exit: &[
            (0, "stopped by SIGTERM or SIGINT"),
            USAGE,
            (3, "a listener or the engine failed"),
        ],
        environment: settings_and(&[RETRIES, DATA, LOG, METRICS]),
    }
    .render()
}

/// Returns the sections of `holdfast engine`.
pub fn engine() -> String {
    Sections {
        examples: &[
            "holdfast engine",
            "holdfast engine --lambda http://127.0.0.1:9001 --data ./engine",
            "aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083",
        ],
        exit: &[
            (0, "stopped by SIGTERM or SIGINT"),
            USAGE,
            (3, "the listener or the engine failed"),
        ],
        environment: vec![ENDPOINTS, DATA, LOG],
    }
    .render()
}

/// Returns the sections of `holdfast runs`.
pub fn runs() -> String {
    Sections {
        examples: &[
            "holdfast runs",
            "holdfast runs --format json",
            "holdfast --stack NAME runs",
        ],
        exit: &[(0, "listed"), USAGE, (3, "a run couldn't be read")],
        environment: vec![DATA, LOG, STACK],
    }
    .render()
}

/// Returns the sections of `holdfast show`.
pub fn show() -> String {
    Sections {
        examples: &[
            "holdfast show RUN",
            "holdfast show RUN --format svg > run.svg",
            "holdfast --stack NAME show RUN --format json",
        ],
        exit: &[
            (0, "shown"),
            (2, "usage or configuration error, or no such run"),
            (3, "the run couldn't be read"),
        ],
        environment: vec![DATA, LOG, STACK],
    }
    .render()
}

/// The person at the terminal, for the audit.
const USER: Group = ("others", &["USER", "LOGNAME", "USERNAME"]);
const DECIDED: &[(u8, &str)] = &[
    (0, "the decision is stored"),
    (2, "usage or configuration error, or the run waits for no decision"),
    (3, "the review failed after the decision, or a signal stopped it"),
];

/// Returns the sections of `holdfast approve`.
pub fn approve() -> String {
    Sections {
        examples: &["holdfast approve RUN", "holdfast --stack NAME approve RUN"],
        exit: DECIDED,
        environment: settings_and(&[DATA, LOG, STACK, USER]),
    }
    .render()
}

/// Returns the sections of `holdfast reject`.
pub fn reject() -> String {
    Sections {
        examples: &[
            "holdfast reject RUN --reason \"The fix belongs in the parser\"",
            "holdfast --stack NAME reject RUN --reason TEXT",
        ],
        exit: DECIDED,
        environment: settings_and(&[DATA, LOG, STACK, USER]),
    }
    .render()
}

/// Returns the sections of `holdfast cancel`.
pub fn cancel() -> String {
    Sections {
        examples: &["holdfast cancel RUN", "holdfast --stack NAME cancel RUN"],
        exit: &[
            (0, "stopped, and its effects are undone"),
            (2, "usage or configuration error, or the run has succeeded"),
            (3, "stopped, but the undo failed: run the command again"),
        ],
        environment: settings_and(&[DATA, LOG, STACK]),
    }
    .render()
}

/// Returns the sections of `holdfast redrive`.
pub fn redrive() -> String {
    Sections {
        examples: &["holdfast redrive RUN", "holdfast --stack NAME redrive RUN"],
        exit: &[
            REVIEWED,
            FOUND,
            (2, "usage or configuration error, or the run is in flight or complete"),
            PARTIAL,
        ],
        environment: settings_and(&[DATA, LOG, STACK, ("others", &TERMINAL)]),
    }
    .render()
}

/// Returns the sections of `holdfast audit`.
pub fn audit() -> String {
    Sections {
        examples: &[
            "holdfast audit",
            "holdfast audit | jq 'select(.run == \"RUN\")'",
            "holdfast --stack NAME audit",
        ],
        exit: &[(0, "printed"), USAGE, (3, "the decisions couldn't be read")],
        environment: vec![DATA, LOG, STACK],
    }
    .render()
}

/// Returns the sections of `holdfast sweep`.
pub fn sweep() -> String {
    Sections {
        examples: &["holdfast sweep", "holdfast --stack NAME sweep"],
        exit: &[
            (0, "nothing is left to clean"),
            USAGE,
            (3, "a run still needs cleaning; stderr names it"),
        ],
        environment: settings_and(&[DATA, LOG, STACK]),
    }
    .render()
}

/// Returns the sections of `holdfast replay`.
pub fn replay() -> String {
    Sections {
        examples: &[
            "holdfast replay RUN",
            "holdfast replay RUN --from AggregateFindings",
            "holdfast replay RUN --format json",
        ],
        exit: &[
            (0, "the same outcome"),
            (1, "the outcome differs"),
            (2, "usage error, or no such run or state"),
            (3, "the replay couldn't be completed: an answer isn't recorded"),
        ],
        environment: vec![DATA, LOG],
    }
    .render()
}

/// Returns the sections of `holdfast check`.
pub fn check() -> String {
    Sections {
        examples: &[
            "holdfast check",
            "holdfast check .holdfast-rules",
            "holdfast check path/to/machine.asl.json",
        ],
        exit: &[(0, "no problem"), (2, "the file has problems, or can't be read")],
        environment: vec![LOG],
    }
    .render()
}

/// Returns the sections of `holdfast doctor`.
pub fn doctor() -> String {
    Sections {
        examples: &["holdfast doctor", "holdfast doctor --format json"],
        exit: &[
            (0, "everything works"),
            USAGE,
            (
                3,
                "something that is configured doesn't work, or the App lacks something",
            ),
        ],
        environment: settings_and(&[LOG]),
    }
    .render()
}

/// Returns the sections of `holdfast backup`.
pub fn backup() -> String {
    Sections {
        examples: &[
            "holdfast backup /backups/holdfast-2026-01-31",
            "holdfast runs --data /backups/holdfast-2026-01-31",
        ],
        exit: &[OK, (2, "usage error, no data, or DIR isn't empty or writable")],
        environment: vec![DATA, LOG],
    }
    .render()
}

/// Returns the sections of `holdfast init`.
pub fn init() -> String {
    Sections {
        examples: &["holdfast init", "holdfast init --print"],
        exit: &[
            OK,
            (2, "usage error, there is a file already, or DIR is in no work tree"),
        ],
        environment: vec![LOG],
    }
    .render()
}

/// Returns the sections of `holdfast fix`.
pub fn fix() -> String {
    Sections {
        examples: &[
            "holdfast fix",
            "holdfast fix --all",
            "holdfast fix --print | git apply --index",
        ],
        exit: &[
            (0, "every suggestion is in the files, or there is none"),
            (1, "some suggestions are not applied"),
            USAGE,
            (3, "the run or the terminal couldn't be read"),
        ],
        environment: vec![DATA, LOG],
    }
    .render()
}

/// Returns the sections of `holdfast completions`.
pub fn completions() -> String {
    Sections {
        examples: &[
            "holdfast completions bash > ~/.local/share/bash-completion/completions/holdfast",
            "holdfast completions fish > ~/.config/fish/completions/holdfast.fish",
        ],
        exit: &[OK, USAGE],
        environment: vec![LOG],
    }
    .render()
}

/// Returns the sections of `holdfast man`.
pub fn man() -> String {
    Sections {
        examples: &["holdfast man ~/.local/share/man/man1", "man holdfast-review"],
        exit: &[OK, (2, "usage error, or DIR can't be written")],
        environment: vec![LOG],
    }
    .render()
}

#[cfg(test)]
#[path = "help_tests.rs"]
mod tests;
