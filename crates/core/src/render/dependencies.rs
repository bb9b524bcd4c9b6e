//! Renders the dependencies that a change updates.

use std::fmt::Write;

use crate::count::counted;
use crate::model::dependency::DependencyUpdates;
use crate::rule::redacted;
use crate::safe_text::path;

use super::markdown::within;

/// Maximum number of characters of the list.
const MAX_LIST_CHARS: usize = 6_000;

/// Returns the updates as a folded list, or nothing if there are none.
pub(super) fn dependency_section(all: &DependencyUpdates) -> String {
    if all.is_empty() {
        return String::new();
    }
    let lines = all.updates.iter().map(|update| {
        let (text, file) = (redacted(&update.to_string()), redacted(&update.path));
        format!("- {} in {}\n", path(&text), path(&file))
    });
    let lines: Vec<String> = lines.collect();
    let mut list = within(String::new(), lines.into_iter(), "dependency update", MAX_LIST_CHARS);
    if all.left_out > 0 {
        let _infallible = writeln!(list, "- and {}", counted(all.left_out, "more dependency update"));
    }
    for file in &all.unread {
        let _infallible = writeln!(list, "- not read: {}", path(&redacted(file)));
    }
    format!(
        "\n<details><summary>{}</summary>\n\n{list}\n</details>\n",
        counted(all.total(), "dependency update")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::DependencyUpdate;

    #[test]
    fn updates_are_listed_and_the_rest_is_counted() {
        let text = |versions: &[&str]| versions.iter().map(|version| (*version).to_owned()).collect();
        let update = |name: &str, before: &[&str], after: &[&str]| DependencyUpdate {
            path: "Cargo.lock".to_owned(),
            name: name.to_owned(),
            before: text(before),
            after: text(after),
        };
        let all = DependencyUpdates {
            updates: vec![
                update("serde", &["1.0.96"], &["1.0.128"]),
                update("syn", &["1.0.1", "2.0.1"], &["2.0.9"]),
                update("rand", &[], &["0.9.0"]),
                update("log", &["0.4.1"], &[]),
            ],
            left_out: 3,
            unread: vec!["web/yarn.lock".to_owned()],
        };
        assert_eq!(
            dependency_section(&all),
            "\n<details><summary>7 dependency updates</summary>\n\n\
             - `serde 1.0.96 → 1.0.128` in `Cargo.lock`\n- `syn 1.0.1, 2.0.1 → 2.0.9` in `Cargo.lock`\n\
             - `rand 0.9.0 added` in `Cargo.lock`\n- `log 0.4.1 removed` in `Cargo.lock`\n\
             - and 3 more dependency updates\n- not read: `web/yarn.lock`\n\n</details>\n"
        );
        assert_eq!(dependency_section(&DependencyUpdates::default()), "");
    }
}
