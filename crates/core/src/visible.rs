//! The visible part of an untrusted text. Invisible characters, control characters and overrides of direction are
//! removed, because they split words for the checks and make code read as something else (Trojan Source).

/// Breaks a word for linkers, bots and runners without changing its look (ZERO WIDTH SPACE). Only Holdfast writes it.
pub const BREAK: char = '\u{200b}';

/// Returns whether a character is invisible or changes the look of other text: control and format characters,
/// zero-width ones, fillers, variation selectors, tags, and overrides of direction. Tabs and line feeds are layout and
/// don't count.
pub fn is_invisible(char: char) -> bool {
    match char {
        '\t' | '\n' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' => true,
        '\u{13430}'..='\u{1345f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        char => char.is_control(),
    }
}

/// Returns the text that a reader sees, with a line feed at the end of each line.
pub fn visible(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|char| match char {
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            char => char,
        })
        .filter(|char| !is_invisible(*char))
        .collect()
}

/// Returns the text that a reader sees, in one line.
pub fn visible_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a name, such as a path, in one line. Invisible characters are written as escapes, so that different names
/// look different.
pub fn visible_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for char in name.chars() {
        if char == '\t' || char == '\n' || is_invisible(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Returns the visible text for a terminal or a log, without lines that GitHub Actions takes for commands.
pub fn terminal_text(text: &str) -> String {
    let text = visible(text);
    let lines: Vec<String> = text.split('\n').map(without_workflow_command).collect();
    lines.join("\n")
}

/// Returns a text in one line for a terminal or a log.
pub fn terminal_line(text: &str) -> String {
    without_workflow_command(&visible_line(text))
}

/// Returns a name, such as a path, in one line for a terminal or a log.
pub fn terminal_name(name: &str) -> String {
    without_workflow_command(&visible_name(name))
}

/// Breaks commands to runners: GitHub's `::name::` at a line's beginning, also after blanks, its `##[name]` anywhere, and
/// those of other runners, such as `##vso[name]` and `##teamcity[name]`.
pub fn without_workflow_command(line: &str) -> String {
    let mut broken = String::with_capacity(line.len());
    for char in line.chars() {
        if broken.ends_with("##") && begins_command(char) {
            broken.push(BREAK);
        }
        broken.push(char);
    }
    let mut line = broken;
    let start = line.len() - line.trim_start().len();
    if line[start..].starts_with("::") {
        line.insert(start + 1, BREAK);
    }
    line
}

/// Returns whether `##` with this character next to it may be a command to a runner.
fn begins_command(char: char) -> bool {
    char == '[' || char.is_ascii_alphabetic()
}

/// Returns JSON without characters that a terminal acts on or a reader doesn't see, and without lines that GitHub
/// Actions takes for commands. Such characters become escapes, so the document's values stay the same.
pub fn json_escaped(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut units = [0; 2];
    let is_command = |rest: &str| {
        rest.strip_prefix("##")
            .is_some_and(|rest| rest.starts_with(begins_command))
    };
    for (at, char) in document.char_indices() {
        // Outside of strings JSON has none of these but the line feeds of its layout.
        if is_invisible(char) || (char == '#' && is_command(&document[at..])) {
            for unit in char.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use super::*;

    #[test]
    fn invisible_characters_are_removed_or_escaped() {
        for (raw, text, name) in [
            ("a\u{202e}b\u{7}c", "abc", "a\\u{202e}b\\u{7}c"),
            ("x\r\ny\rz\u{2028}w", "x\ny\nz\nw", "x\\r\\ny\\rz\\u{2028}w"),
            (
                "AK\u{200b}IA\u{feff}\u{e0041}",
                "AKIA",
                "AK\\u{200b}IA\\u{feff}\\u{e0041}",
            ),
            ("\u{1b}[31mred\u{9b}2J", "[31mred2J", "\\u{1b}[31mred\\u{9b}2J"),
            ("Größe 日本 😀", "Größe 日本 😀", "Größe 日本 😀"),
        ] {
            assert_eq!(visible(raw), text, "{raw:?}");
            assert_eq!(visible_name(raw), name, "{raw:?}");
        }
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        for raw in [
            "::error file=a::b",
            "ok\n  ::set-output name=a::b",
            "ok\r::add-mask::x",
            "a ##[add-path]/tmp",
            "##\u{200b}[error]x",
            "##vso[task.setvariable variable=PATH]/evil",
            "x ###teamcity[buildStatus]",
            "\u{feff}::debug::x",
            ":\u{200d}:warning::x",
        ] {
            for text in [terminal_text(raw), terminal_line(raw), terminal_name(raw)] {
                for command in ["##[", "##vso", "##team"] {
                    assert!(!text.contains(command), "{text:?}");
                }
                assert!(
                    text.lines().all(|line| !line.trim_start().starts_with("::")),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({ "a##[b": "x\u{202e}y\u{9b}\u{7f}\u{e0041}\u{1b}##[error]##vso[z", "n": [1, 2.5, null] });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let escaped = json_escaped(&pretty);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
        assert!(
            !escaped.contains(is_invisible) && !escaped.contains("##[") && !escaped.contains("##v"),
            "{escaped}"
        );
    }
}
