//! Reads lock files line by line: a name, then its version. So a part of a file, such as a hunk, can be read too.

use std::collections::{BTreeMap, BTreeSet};

/// The longest name that is read, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// The longest version that is read, in bytes.
const MAX_VERSION_BYTES: usize = 64;

/// The versions of each package.
pub type Packages = BTreeMap<String, BTreeSet<String>>;

/// The format of a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `name = "…"`, then `version = "…"`: Cargo, Poetry, uv, PDM.
    Toml,
    /// `"node_modules/NAME": {`, then `"version": "…"`.
    Npm,
    /// `"name": "…"`, then `"version": "…"`.
    Composer,
    /// `"NAME": {`, then `"version": "==…"`.
    Pipenv,
    /// `"NAME": {`, then `"resolved": "…"`.
    NuGet,
    /// `NAME@RANGE:`, then the version.
    Yarn,
    /// `NAME@VERSION:`.
    Pnpm,
    /// `MODULE VERSION`.
    Go,
    /// `    NAME (VERSION)`.
    Bundler,
    /// `GROUP:NAME:VERSION=`.
    Gradle,
}

impl Format {
    /// Returns the format of a path; none for other files.
    pub fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit('/').next().unwrap_or_default() {
            "Cargo.lock" | "poetry.lock" | "uv.lock" | "pdm.lock" => Self::Toml,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "composer.lock" => Self::Composer,
            "Pipfile.lock" => Self::Pipenv,
            "packages.lock.json" => Self::NuGet,
            "yarn.lock" => Self::Yarn,
            "pnpm-lock.yaml" => Self::Pnpm,
            "go.mod" | "go.sum" => Self::Go,
            "Gemfile.lock" | "gems.locked" => Self::Bundler,
            "gradle.lockfile" | "buildscript-gradle.lockfile" => Self::Gradle,
            _ => return None,
        })
    }

    /// Adds the packages of consecutive lines.
    pub fn read<'a>(self, lines: impl Iterator<Item = &'a str>, packages: &mut Packages) {
        let mut name: Option<String> = None;
        for line in lines {
            let line = line.trim_end();
            let version = match self {
                Self::Toml => {
                    if let Some(value) = line.strip_prefix("name = ") {
                        name = Some(unquoted(value).to_owned());
                    } else if line.is_empty() || line.starts_with('[') {
                        name = None;
                    }
                    line.strip_prefix("version = ")
                }
                Self::Npm | Self::Pipenv | Self::NuGet => {
                    if let Some(key) = opened_key(line) {
                        name = self.package_of(key).map(str::to_owned);
                    }
                    member(line, if self == Self::NuGet { "resolved" } else { "version" })
                }
                Self::Composer => {
                    if let Some(value) = member(line, "name") {
                        name = Some(value.to_owned()).filter(|name| name.contains('/'));
                    } else if line.ends_with('{') {
                        name = None;
                    }
                    member(line, "version")
                }
                Self::Yarn => {
                    if !line.starts_with([' ', '#']) {
                        name = line.strip_suffix(':').and_then(yarn_name).map(str::to_owned);
                    }
                    let value = line.strip_prefix("  version");
                    value.map(|value| value.trim_start_matches([':', ' ']))
                }
                Self::Pnpm | Self::Go | Self::Bundler | Self::Gradle => {
                    if let Some((name, version)) = self.whole_line(line) {
                        insert(packages, name, version);
                    }
                    continue;
                }
            };
            if let Some(version) = version
                && let Some(name) = name.take()
            {
                insert(packages, &name, unquoted(version).trim_start_matches('='));
            }
        }
    }

    /// Returns the package of a key in JSON; none for a key that names none.
    fn package_of(self, key: &str) -> Option<&str> {
        match self {
            Self::Npm => match key.rfind("node_modules/") {
                Some(at) => key.get(at + "node_modules/".len()..),
                // Version 1 of the format; a path is a package of the repository.
                None => Some(key).filter(|key| key.starts_with('@') || !key.contains('/')),
            },
            _ => Some(key),
        }
    }

    /// Returns the name and the version of a line that has both.
    fn whole_line(self, line: &str) -> Option<(&str, &str)> {
        match self {
            Self::Pnpm => {
                let key = line.strip_prefix("  ").filter(|key| !key.starts_with(' '))?;
                let key = key.strip_suffix(" {}").unwrap_or(key).strip_suffix(':')?;
                let key = key.trim_matches('\'').trim_start_matches('/');
                let key = key.split('(').next().unwrap_or(key);
                let (name, version) = match split_at_sign(key) {
                    Some(found) => found,
                    None => key.rsplit_once('/')?,
                };
                let version = version.split('_').next().unwrap_or(version);
                Some((name, version)).filter(|(_, version)| version.starts_with(|char: char| char.is_ascii_digit()))
            }
            Self::Go => {
                let mut words = line.split_ascii_whitespace().skip_while(|word| *word == "require");
                let (name, version) = (words.next()?, words.next()?);
                let version = version.strip_suffix("/go.mod").unwrap_or(version);
                let host = name.split('/').next().unwrap_or_default();
                (host.contains('.') && version.starts_with('v')).then_some((name, version))
            }
            Self::Bundler => {
                let entry = line.strip_prefix("    ").filter(|entry| !entry.starts_with(' '))?;
                let (name, version) = entry.strip_suffix(')')?.split_once(" (")?;
                Some((name, version)).filter(|(_, version)| version.starts_with(|char: char| char.is_ascii_digit()))
            }
            _ => {
                let (package, _) = line.split_once('=')?;
                package.rsplit_once(':').filter(|(name, _)| name.contains(':'))
            }
        }
    }
}

/// Adds a package, unless its name or its version has characters that no package manager allows.
fn insert(packages: &mut Packages, name: &str, version: &str) {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"@/._:+-".contains(&byte);
    let is_version = |byte: u8| byte.is_ascii_alphanumeric() || b".+~_-!".contains(&byte);
    let is_valid = (1..=MAX_NAME_BYTES).contains(&name.len())
        && (1..=MAX_VERSION_BYTES).contains(&version.len())
        && name.bytes().all(is_name)
        && version.bytes().all(is_version)
        && version.bytes().any(|byte| byte.is_ascii_digit());
    if is_valid {
        packages.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
}

fn unquoted(value: &str) -> &str {
    value.trim_end_matches(',').trim_matches('"')
}

/// Returns the key of a line `"KEY": {`.
fn opened_key(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix('"')?.strip_suffix("\": {")
}

/// Returns the text of a line `"KEY": "TEXT"`.
fn member<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line
        .trim_start()
        .strip_prefix('"')?
        .strip_prefix(key)?
        .strip_prefix("\": \"")?;
    rest.trim_end_matches(',').strip_suffix('"')
}

/// Returns the name of a line of Yarn with one or several ranges.
fn yarn_name(ranges: &str) -> Option<&str> {
    let first = ranges.split(", ").next()?.trim_matches('"');
    split_at_sign(first).map(|(name, _)| name)
}

/// Splits `NAME@REST`, where a name may begin with `@`.
fn split_at_sign(text: &str) -> Option<(&str, &str)> {
    let at = text.char_indices().skip(1).find(|(_, char)| *char == '@')?.0;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
