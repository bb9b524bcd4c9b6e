//! The places that a tool names, as paths in the repository.

use percent_encoding::percent_decode_str;

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
            roots: roots.filter(|root| root.starts_with('/')).collect(),
        }
    }

    /// Returns the repository's path of an address, `base` being that of its `uriBaseId`; none if it is elsewhere.
    pub fn path_of(&self, uri: &str, base: Option<&str>) -> Option<String> {
        let text = match base.filter(|_| !is_absolute(uri)) {
            Some(base) if is_absolute(base) => format!("{}/{uri}", base.trim_end_matches('/')),
            _ => uri.to_owned(),
        };
        let text = match text.strip_prefix("file://") {
            // file://HOST/PATH: the host is this machine's.
            Some(rest) => rest.get(rest.find('/')?..)?.to_owned(),
            None if text.starts_with("file:/") => text.get("file:".len()..)?.to_owned(),
            None if has_scheme(&text) => return None,
            None => text,
        };
        let text = percent_decode_str(&text).decode_utf8().ok()?;
        let inside = match text.strip_prefix('/') {
            None => text.as_ref(),
            Some(_) => self
                .roots
                .iter()
                .find_map(|root| text.strip_prefix(root.as_str())?.strip_prefix('/'))?,
        };
        let parts: Vec<&str> = inside.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let is_inside = !parts.is_empty() && !parts.contains(&"..");
        is_inside.then(|| parts.join("/"))
    }
}

fn is_absolute(uri: &str) -> bool {
    uri.starts_with('/') || has_scheme(uri)
}

/// Returns whether the text begins like `https:`; a letter and a colon are a drive of Windows, which is elsewhere too.
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
    }
}
