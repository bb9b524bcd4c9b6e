//! Reads a review's prompt as a model would: the files that it shows, and their added lines. Reads only the user's
//! turns, because instructions may quote the format.

/// One file in a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownFile {
    /// The path after `+++ b/`.
    pub path: String,
    /// Added lines: number in the head (from 1), and text without the `+`.
    pub added: Vec<(u32, String)>,
}

/// The files in a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The files, in the prompt's order, each path once.
    pub files: Vec<ShownFile>,
}

impl Prompt {
    /// Reads `+++ b/PATH` lines and, below each one's `@@` lines, added lines of the form `N +TEXT`.
    pub fn parse(text: &str) -> Self {
        let mut files: Vec<ShownFile> = Vec::new();
        let mut current: Option<usize> = None;
        let mut in_hunk = false;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("+++ b/") {
                let path = path.trim_end();
                let known = files.iter().position(|file| file.path == path);
                current = Some(known.unwrap_or_else(|| {
                    files.push(ShownFile {
                        path: path.into(),
                        added: Vec::new(),
                    });
                    files.len() - 1
                }));
                in_hunk = false;
            } else if line.starts_with("@@ ") {
                in_hunk = true;
            } else if let (true, Some(index), Some((number, added))) = (in_hunk, current, added_line(line)) {
                let shown = &mut files[index].added;
                if !shown.iter().any(|(known, _)| *known == number) {
                    shown.push((number, added.to_owned()));
                }
            }
        }
        Self { files }
    }

    /// Returns the paths, in the prompt's order.
    pub fn paths(&self) -> Vec<String> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Returns the file at `path`.
    pub fn file(&self, path: &str) -> Option<&ShownFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn added_line(line: &str) -> Option<(u32, &str)> {
    let line = line.trim_start_matches(' ');
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    let number = line[..digits].parse().ok()?;
    let added = line[digits..].trim_start_matches(' ').strip_prefix('+')?;
    // A space separates a number and its `+`: `1+1` is ordinary text.
    line[digits..].starts_with(' ').then_some((number, added))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_and_added_lines_and_nothing_else() {
        let prompt = Prompt::parse(concat!(
            "7 +before any file\n+++ b/src/a.rs\n3 +before any hunk\n@@ -1,2 +1,3 @@\n1  kept\n  2 +let x = 1;\n- gone\n",
            "1+1 is text\n11 ++++ b/not/a/file\n@@ -9 +12 @@\n12 +\n+++ b/src/a.rs\n@@ -1,2 +1,3 @@\n2 +let x = 1;\n",
            "+++ b/with space.txt\n@@ -0,0 +1 @@\n1 +one\n"
        ));
        assert_eq!(prompt.paths(), ["src/a.rs", "with space.txt"]);
        let lines = |path| prompt.file(path).map(|file| file.added.clone());
        let expected = vec![
            (2, "let x = 1;".to_owned()),
            (11, "+++ b/not/a/file".to_owned()),
            (12, String::new()),
        ];
        assert_eq!(lines("src/a.rs"), Some(expected));
        assert_eq!(lines("with space.txt"), Some(vec![(1, "one".to_owned())]));
        assert_eq!(lines("absent"), None);
    }
}
