//! Positions in a definition's text: the line of every field and list item, and duplicate keys. The caller has checked
//! that the text is JSON.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Separates the steps of a path. No valid definition holds it unescaped.
const SEPARATOR: char = '\u{1f}';

/// The lines of a text, by path.
#[derive(Debug, Default)]
pub(super) struct Lines {
    by_path: HashMap<String, usize>,
    /// Duplicate fields: the name and the line of each repetition.
    pub twice: Vec<(String, usize)>,
}

impl Lines {
    /// Finds the lines of a JSON text.
    pub fn of(text: &str) -> Self {
        let mut scan = Scan {
            text,
            at: 0,
            line: 1,
            lines: Self::default(),
        };
        scan.skip();
        scan.lines.by_path.insert(String::new(), scan.line);
        scan.value(String::new());
        scan.lines
    }

    /// Returns the line of a field, named as in problems (`Retry[0].ErrorEquals`), inside the object at a path. For a
    /// missing field, it is the line of the nearest object around it.
    pub fn line(&self, path: &str, field: &str) -> usize {
        let mut at = path.to_owned();
        let steps = field.split(['.', '[']).map(|step| step.trim_end_matches(']'));
        for step in steps.filter(|step| !step.is_empty()) {
            at = join(&at, step);
        }
        loop {
            if let Some(line) = self.by_path.get(&at) {
                return *line;
            }
            match at.rfind(SEPARATOR) {
                Some(end) => at.truncate(end),
                None => return 1,
            }
        }
    }
}

/// Returns the path extended by one step.
pub(super) fn join(path: &str, step: &str) -> String {
    format!("{path}{SEPARATOR}{step}")
}

/// Returns AWS's notation of a field's location.
pub(super) fn location(path: &str, field: &str) -> String {
    let path = path.replace(SEPARATOR, "/");
    match (path.is_empty(), field.is_empty()) {
        (true, true) => "/".to_owned(),
        (false, true) => path,
        (_, false) => format!("{path}/{}", field.replace('.', "/")),
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    lines: Lines,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn skip(&mut self) {
        while self.peek().is_some_and(|next| next.is_ascii_whitespace()) {
            self.step();
        }
    }

    /// Reads one value and notes the lines of its contents under its path.
    fn value(&mut self, path: String) {
        self.skip();
        match self.peek() {
            Some(b'{') => self.object(&path),
            Some(b'[') => self.array(&path),
            Some(b'"') => drop(self.string()),
            _ => {
                while self.peek().is_some_and(|next| !b",]} \t\r\n".contains(&next)) {
                    self.step();
                }
            }
        }
    }

    fn object(&mut self, path: &str) {
        self.step();
        loop {
            self.skip();
            match self.peek() {
                Some(b'"') => {
                    let line = self.line;
                    let name = self.string();
                    let inner = join(path, &name);
                    match self.lines.by_path.entry(inner.clone()) {
                        Entry::Vacant(place) => drop(place.insert(line)),
                        Entry::Occupied(_) => self.lines.twice.push((name, line)),
                    }
                    self.skip();
                    self.step();
                    self.value(inner);
                }
                Some(b',') => self.step(),
                _ => return self.step(),
            }
        }
    }

    fn array(&mut self, path: &str) {
        self.step();
        for index in 0_usize.. {
            self.skip();
            if self.peek() == Some(b',') {
                self.step();
                self.skip();
            }
            if matches!(self.peek(), Some(b']') | None) {
                return self.step();
            }
            let inner = join(path, &index.to_string());
            self.lines.by_path.insert(inner.clone(), self.line);
            self.value(inner);
        }
    }

    fn string(&mut self) -> String {
        let from = self.at;
        self.step();
        while let Some(next) = self.peek() {
            if next == b'\\' {
                self.step();
            }
            self.step();
            if next == b'"' {
                break;
            }
        }
        let raw = self.text.get(from..self.at).unwrap_or_default();
        serde_json::from_str(raw).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, join};

    #[test]
    fn every_field_and_item_has_its_line() {
        let text = "{\n \"a\\\"b\": {\"c\":\n [1,\n {\"d\": \"x\\n,]}\"}, []]},\n\n \"e\": {},\n \"e\": 2\n}";
        let lines = Lines::of(text);
        let inner = join("", "a\"b");
        let table = [
            ("", "", 1),
            ("", "a\"b", 2),
            (inner.as_str(), "c", 2),
            (inner.as_str(), "c[0]", 3),
            (inner.as_str(), "c[1].d", 4),
            (inner.as_str(), "c[1].missing", 4),
            (inner.as_str(), "c[2]", 4),
            ("", "e", 6),
            ("", "missing", 1),
        ];
        for (path, field, line) in table {
            assert_eq!(lines.line(path, field), line, "{field}");
        }
        assert_eq!(lines.twice, [("e".to_owned(), 7)]);
    }

    #[test]
    fn the_scan_of_invalid_json_ends() {
        for text in ["", "{", "[", "{\"a", "[1,,", "{\"a\":", "\"\\", "}", "{1}", "é["] {
            Lines::of(text);
        }
    }
}
