//! Links that foreign text may keep: only pages of the repository itself.

/// Kinds of pages that may be linked.
const PAGES: &[&str] = &["blob", "tree", "commit", "issues", "pull", "discussions"];

/// Links that may stay: none, or those to one repository.
#[derive(Clone, Debug)]
pub struct Links {
    /// `https://HOST/OWNER/NAME/`.
    repository: Option<String>,
}

impl Links {
    /// Allows no link.
    pub const fn none() -> Self {
        Self { repository: None }
    }

    /// Allows links to the repository with this page address. Allows none if the address has no owner and name.
    pub fn to_repository(page: &str) -> Self {
        let page = page.trim_end_matches('/');
        let parts: Vec<&str> = page.split('/').collect();
        let is_whole = matches!(parts.as_slice(), ["https:" | "http:", "", host, owner, name]
            if [host, owner, name].iter().all(|part| is_plain(part, "-._:")));
        Self {
            repository: is_whole.then(|| format!("{page}/")),
        }
    }

    /// Returns whether an address is one of these pages, compared letter by letter: nothing is decoded, folded or
    /// resolved, so no other spelling of an address passes.
    pub fn allows(&self, address: &str) -> bool {
        let Some(page) = self
            .repository
            .as_deref()
            .and_then(|prefix| address.strip_prefix(prefix))
        else {
            return false;
        };
        let (path, fragment) = page.split_once('#').unwrap_or((page, "L1"));
        let mut parts = path.split('/');
        parts.next().is_some_and(|first| PAGES.contains(&first))
            && parts.clone().next().is_some()
            && parts.all(|part| is_plain(part, "-._~+") && !matches!(part, "." | ".."))
            && is_plain(fragment, "-_")
    }
}

/// Returns whether a part is not empty and contains only letters, digits and these marks.
fn is_plain(part: &str, marks: &str) -> bool {
    !part.is_empty()
        && part
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || marks.contains(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_repository_stay() {
        let links = Links::to_repository("https://github.com/o/r");
        for address in [
            "https://github.com/o/r/blob/main/src/a.rs#L10-L12",
            "https://github.com/o/r/issues/1",
            "https://github.com/o/r/pull/1/files",
        ] {
            assert!(links.allows(address), "{address}");
            assert!(!Links::none().allows(address));
        }
        for address in [
            "https://github.com/o/r/../../x",
            "https://github.com/o/r/blob/../../../x/y",
            "https://github.com/o/r/blob/%2e%2e/%2e%2e/x",
            "https://github.com/o/r/blob/.%2E/x",
            "https://github.com/o/r/blob\\..\\x",
            "https://github.com/o/r/blob//evil.example",
            "https://github.com/o/r@evil.example/blob/x",
            "https://user@github.com/o/r/blob/x",
            "https://github.com:444/o/r/blob/x",
            "https://GitHub.com/o/r/blob/x",
            "HTTPS://github.com/o/r/blob/x",
            "http://github.com/o/r/blob/x",
            "https://github.com/O/R/blob/x",
            "https://github.com/o/r2/blob/x",
            "https://github.com.evil.example/o/r/blob/x",
            "https://github.com/o/r/blob/x?raw=1",
            "https://github.com/o/r/raw/main/x.png",
            "https://github.com/o/r/issues/new",
            "https://github.com/o/r/issues/1#",
            "https://github.com/o/r/blob/x)](https://evil.example",
            "https://github.com/o/r/",
            "https://github.com/o/r/blob",
            "https://github.com/o/r/blob/ä",
        ] {
            let is_page = address.ends_with("issues/new");
            assert_eq!(links.allows(address), is_page, "{address}");
        }
        for page in [
            "https://github.com/",
            "javascript:alert(1)",
            "https://a/b/c/d",
            "https://a/b/c?x",
            "https://a//c",
        ] {
            assert!(!Links::to_repository(page).allows(&format!("{page}/blob/x")), "{page}");
        }
    }
}
