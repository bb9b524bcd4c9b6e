//! Globs as people write them. A glob with a clear meaning matches what its author means. A glob that can't match what
//! it names is refused, with a message that shows the right form.

use std::sync::LazyLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::Regex;

use super::InvalidPolicy;

/// The problem with a glob, and the form to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct InvalidGlob(String);

impl From<&str> for InvalidGlob {
    fn from(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// A folder's or a file's whole name in brackets, as in the routers of web frameworks: `[id]`, `[...slug]`,
/// `[[lang]].tsx`. As a glob it would match one of these letters.
static ROUTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(\[{1,2})((?:\.\.\.)?[A-Za-z0-9_+=.-]{2,})(\]{1,2})(\.[^\[\]/]*)?$").ok());
/// Ranges such as `a-z`, `A-Z0-9`.
static RANGES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(?:.-.)+.?$").ok());

/// Compiles globs of a repository's settings, each as its author means it.
///
/// # Errors
///
/// A glob can't match what it names.
pub(super) fn meant_set<'a, I: IntoIterator<Item = &'a String>>(patterns: I) -> Result<GlobSet, InvalidPolicy> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // A stored policy was checked when it was parsed, possibly by another version.
        let meant = meant(pattern).unwrap_or_else(|_| pattern.clone());
        set.add(Glob::new(&meant).map_err(|error| InvalidPolicy(format!("bad glob: {error}")))?);
    }
    set.build().map_err(|error| InvalidPolicy(format!("globs: {error}")))
}

/// Returns the glob that matches what `pattern` names: `docs/`, `/docs`, `./docs` and `docs` are the folder with
/// everything in it.
///
/// # Errors
///
/// The glob is invalid; the message has the form to write.
pub(super) fn meant(pattern: &str) -> Result<String, InvalidGlob> {
    let trimmed = pattern.trim();
    if trimmed.is_empty() {
        return Err(InvalidGlob::from(
            "an empty glob matches nothing: write a path such as docs/**, or leave the entry out",
        ));
    }
    if trimmed != pattern {
        return Err(InvalidGlob(format!(
            "spaces around a glob match nothing: write {trimmed}"
        )));
    }
    if pattern.chars().any(char::is_control) {
        return Err(InvalidGlob::from("a glob can't have line breaks or control characters"));
    }
    if let Some(rest) = pattern.strip_prefix('!') {
        return Err(InvalidGlob(format!(
            "a glob has no negation: write {rest} under exclude instead of !{rest} under include, or the other way round"
        )));
    }
    if has_folder_backslash(pattern) {
        return Err(InvalidGlob(format!(
            "folders are separated by /: write {}",
            pattern.replace('\\', "/")
        )));
    }
    let segments: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if segments.contains(&"..") {
        return Err(InvalidGlob::from(
            "paths begin at the repository's root and can't have ..: write the path from there",
        ));
    }
    if segments.is_empty() {
        return Err(InvalidGlob::from("matches nothing: write ** for all files"));
    }
    if let Some(form) = literal_names(&segments) {
        return Err(InvalidGlob(format!(
            "brackets match one of the letters in them: write {form} for the names themselves, or {{a,b}} for one of several"
        )));
    }
    let path = segments.join("/");
    if pattern.ends_with('/') {
        return checked(format!("{path}/**"));
    }
    let is_name = |last: &&str| !last.contains(['*', '?', '[', ']', '{', '}', '\\']);
    match segments.last().is_some_and(is_name) && !path.contains(['{', '}']) {
        // A folder's name also means its content.
        true => checked(format!("{{{},{}/**}}", alternate(&path), alternate(&path))),
        false => checked(path),
    }
}

fn checked(glob: String) -> Result<String, InvalidGlob> {
    match Glob::new(&glob) {
        Ok(_) => Ok(glob),
        Err(error) => Err(InvalidGlob(format!("bad glob: {}", error.kind()))),
    }
}

/// Escapes a path for a list in braces, where a comma separates.
fn alternate(path: &str) -> String {
    path.replace(',', "[,]")
}

/// Returns whether a backslash separates folders, as on Windows: before a letter or `*`. Elsewhere it escapes the next
/// character.
fn has_folder_backslash(pattern: &str) -> bool {
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        if sign == '\\' && !signs.next().is_some_and(|next| "[]{}?!,\\".contains(next)) {
            return true;
        }
    }
    false
}

/// Returns the path with its names in brackets escaped, if there are any.
fn literal_names(segments: &[&str]) -> Option<String> {
    let mut is_changed = false;
    let written: Vec<String> = segments
        .iter()
        .map(
            |segment| match ROUTE.as_ref().and_then(|route| route.captures(segment)) {
                Some(found) if is_name(&found[1], &found[2]) => {
                    is_changed = true;
                    segment.replace('[', "[[]")
                }
                _ => (*segment).to_owned(),
            },
        )
        .collect();
    is_changed.then(|| written.join("/"))
}

fn is_name(opening: &str, inner: &str) -> bool {
    let same_letter = |text: &str| {
        let mut letters = text.chars().map(|letter| letter.to_ascii_lowercase());
        let first = letters.next();
        letters.all(|letter| Some(letter) == first)
    };
    let is_range = RANGES.as_ref().is_some_and(|ranges| ranges.is_match(inner));
    opening == "[[" || inner.starts_with("...") || !(is_range || same_letter(inner))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_clear_pattern_matches_as_its_author_expects() {
        for (pattern, matching, other) in [
            (
                "docs/",
                &["docs/a.md", "docs/a/b.md"][..],
                &["src/docs/a.md", "docs2/a.md"][..],
            ),
            ("docs", &["docs", "docs/a.md"], &["docs.md", "a/docs"]),
            ("/docs/**", &["docs/a.md"], &["src/docs/a.md"]),
            ("./docs/**", &["docs/a.md"], &["src/docs/a.md"]),
            ("././/docs//api/", &["docs/api/a"], &["docs/a"]),
            ("a/./b.rs", &["a/b.rs"], &["a/c.rs"]),
            ("a,b", &["a,b", "a,b/c"], &["a", "b"]),
            ("**/vendor", &["vendor/a", "x/vendor/a/b"], &["vendored/a"]),
            ("src/{api,web}/", &["src/api/a", "src/web/b/c"], &["src/x/a"]),
            ("*.rs", &["a.rs", "a/b.rs"], &["a.rst"]),
            ("[Mm]akefile", &["Makefile", "makefile"], &["akefile"]),
            ("v[0-9]/**", &["v1/a"], &["v/a"]),
            ("[a-z]/x", &["b/x"], &["B/x"]),
            ("src/*.[ch]", &["src/a.c", "src/a.h"], &["src/a.o"]),
            ("app/[[]id]/**", &["app/[id]/page.tsx"], &["app/i/page.tsx"]),
            (r"app/\[id\]/**", &["app/[id]/page.tsx"], &["app/i/page.tsx"]),
            (
                "app/[[][[]...slug]]/page.tsx",
                &["app/[[...slug]]/page.tsx"],
                &["app/s/page.tsx"],
            ),
        ] {
            let set = meant_set([&pattern.to_owned()]).unwrap();
            for path in matching {
                assert!(set.is_match(path), "{pattern} matches {path}: {:?}", meant(pattern));
            }
            for path in other {
                assert!(
                    !set.is_match(path),
                    "{pattern} does not match {path}: {:?}",
                    meant(pattern)
                );
            }
            meant(pattern).unwrap();
        }
    }

    #[test]
    fn a_pattern_that_could_not_match_is_refused_with_the_form_to_write() {
        for (pattern, form) in [
            ("", "docs/**"),
            ("  ", "docs/**"),
            (" docs/**", "write docs/**"),
            ("!x", "write x under exclude"),
            ("/", "**"),
            ("./", "**"),
            (".", "**"),
            ("../x", "from there"),
            ("a/../x", "from there"),
            (r"docs\**", "write docs/**"),
            (r"src\api\*.rs", "write src/api/*.rs"),
            ("a\nb", "line breaks"),
            ("app/[id]/**", "write app/[[]id]/**"),
            ("app/[id]", "write app/[[]id]"),
            ("app/[user-id]/page.tsx", "write app/[[]user-id]/page.tsx"),
            ("pages/[id].tsx", "write pages/[[]id].tsx"),
            ("pages/[...slug].tsx", "write pages/[[]...slug].tsx"),
            ("app/[[...slug]]/**", "write app/[[][[]...slug]]/**"),
            ("a[", "bad glob"),
            ("a{b", "bad glob"),
        ] {
            let problem = meant(pattern).unwrap_err().to_string();
            assert!(problem.contains(form), "{pattern:?}: {problem}");
        }
    }

    #[test]
    fn the_form_to_write_is_accepted() {
        for pattern in [
            "app/[id]/**",
            "app/[[...slug]]/x",
            "pages/[id].tsx",
            r"src\api\*.rs",
            " docs/**",
        ] {
            let problem = meant(pattern).unwrap_err().to_string();
            let form = problem.split("write ").nth(1).unwrap().split(" for ").next().unwrap();
            meant(form).unwrap();
        }
    }
}
