//! The places that a tool names, as paths in the repository.

use percent_encoding::percent_decode_str;

/// Maximum length of an address, in bytes.
const MAX_BYTES: usize = 4_096;

/// The folders that absolute paths of a tool begin with: the root of the work tree, on the machine where the tool ran.
#[derive(Clone, Debug, Default)]
pub struct Places {
    roots: Vec<String>,
}

impl Places {
    /// Paths below these roots are paths in the repository.
    pub fn below<'a>(roots: impl IntoIterator<Item = &'a str>) -> Self {
        let roots = roots.into_iter().map(|root| root.trim_end_matches('/').to_owned());
        Self {
            roots: roots.filter(|root| is_rooted(root)).collect(),
        }
    }

    /// Paths below the folders in which GitHub's runners check out a repository with this name: on Linux, in a
    /// container, in an action with its own container, on macOS and on Windows.
    pub fn on_runners(repository: &str) -> Self {
        let of_work = ["/home/runner/work", "/__w", "/Users/runner/work", "C:/a", "D:/a"];
        let roots = of_work.map(|work| format!("{work}/{repository}/{repository}"));
        Self::below(roots.iter().map(String::as_str).chain(["/github/workspace"]))
    }

    /// Returns the repository's path of an address, `base` being that of its `uriBaseId`; none if it is elsewhere.
    pub fn path_of(&self, uri: &str, base: Option<&str>) -> Option<String> {
        let text = match base.filter(|_| !is_absolute(uri)) {
            Some(base) if is_absolute(base) => format!("{}/{uri}", base.trim_end_matches('/')),
            _ => uri.to_owned(),
        };
        if text.len() > MAX_BYTES {
            return None;
        }
        let text = match text.strip_prefix("file://") {
            // file://HOST/PATH: the host is this machine's.
            Some(rest) => rest.get(rest.find('/')?..)?.to_owned(),
            None if text.starts_with("file:/") => text.get("file:".len()..)?.to_owned(),
            None if has_scheme(&text) && !has_drive(&text) => return None,
            None => text,
        };
        let text = percent_decode_str(&text).decode_utf8().ok()?;
        // file:///D:/PATH
        let text = text.strip_prefix('/').filter(|rest| has_drive(rest)).unwrap_or(&text);
        let text = match has_drive(text) {
            true => text.replace('\\', "/"),
            false => text.to_owned(),
        };
        let inside = match is_rooted(&text) {
            false => text.as_str(),
            true => self.roots.iter().find_map(|root| below(root, &text))?,
        };
        let parts: Vec<&str> = inside.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let is_inside = !parts.is_empty() && !parts.contains(&"..");
        is_inside.then(|| parts.join("/"))
    }
}

/// Returns the part of a path below a root. Windows' letters have no case.
fn below<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    let (start, rest) = path.split_at_checked(root.len())?;
    let is_same = start == root || (has_drive(root) && start.eq_ignore_ascii_case(root));
    rest.strip_prefix('/').filter(|_| is_same)
}

fn is_absolute(uri: &str) -> bool {
    uri.starts_with('/') || has_scheme(uri)
}

/// Returns whether a path begins at the root of a file system.
fn is_rooted(path: &str) -> bool {
    path.starts_with('/') || has_drive(path)
}

/// Returns whether a path begins with a drive of Windows.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

/// Returns whether the text begins like `https:`, or with a drive of Windows.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '+' | '-' | '.');
    scheme.starts_with(|sign: char| sign.is_ascii_alphabetic()) && scheme.chars().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_paths_in_the_repository() {
        let places = Places::below(["/work/shop/", "relative"]);
        for (uri, base, expected) in [
            ("src/a.py", None, Some("src/a.py")),
            ("./src//a.py", None, Some("src/a.py")),
            ("src/a%20b.py", None, Some("src/a b.py")),
            ("/work/shop/src/a.py", None, Some("src/a.py")),
            ("file:///work/shop/src/a.py", None, Some("src/a.py")),
            ("file:/work/shop/src/a.py", None, Some("src/a.py")),
            ("file://host/work/shop/src/a.py", None, Some("src/a.py")),
            ("src/a.py", Some("file:///work/shop/"), Some("src/a.py")),
            ("a.py", Some("file:///work/shop/src/"), Some("src/a.py")),
            ("src/a.py", Some("%SRCROOT%"), Some("src/a.py")),
            ("src/a.py", Some("file:///elsewhere/"), None),
            ("/work/shop", None, None),
            ("/work/shopping/a.py", None, None),
            ("/etc/passwd", None, None),
            ("../a.py", None, None),
            ("src/../../a.py", None, None),
            ("/work/shop/../x", None, None),
            ("https://example.com/a.py", None, None),
            ("C:/shop/a.py", None, None),
            ("", None, None),
            ("%ff", None, None),
        ] {
            assert_eq!(places.path_of(uri, base).as_deref(), expected, "{uri} {base:?}");
        }
        assert_eq!(places.path_of(&"a".repeat(MAX_BYTES + 1), None), None);
    }

    #[test]
    fn the_folders_of_runners_are_the_work_tree() {
        let places = Places::on_runners("shop");
        for (uri, base, expected) in [
            ("/home/runner/work/shop/shop/src/a.py", None, Some("src/a.py")),
            ("file:///Users/runner/work/shop/shop/src/a.py", None, Some("src/a.py")),
            ("/__w/shop/shop/src/a.py", None, Some("src/a.py")),
            ("src/a.py", Some("file:///github/workspace/"), Some("src/a.py")),
            ("file:///D:/a/shop/shop/src/a.cs", None, Some("src/a.cs")),
            ("file:///d:/a/Shop/shop/src/A.cs", None, Some("src/A.cs")),
            ("D:\\a\\shop\\shop\\src\\a.cs", None, Some("src/a.cs")),
            ("D:/a/shop/shop/src/a.cs", None, Some("src/a.cs")),
            ("src/a.cs", Some("file:///D:/a/shop/shop"), Some("src/a.cs")),
            ("D:/a/shop/other/src/a.cs", None, None),
            ("D:a/shop/shop/src/a.cs", None, None),
            ("D:/a/shop/shop/../x", None, None),
            ("/home/runner/work/Shop/Shop/src/a.py", None, None),
            ("/home/runner/work/shop/shopping/a.py", None, None),
        ] {
            assert_eq!(places.path_of(uri, base).as_deref(), expected, "{uri} {base:?}");
        }
    }
}
