//! A repository's commits and files: from a real git repository, or by hand from a test.

use crate::git;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file, directory, symbolic link or submodule of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// git's mode, e.g. `100644`.
    pub mode: String,
    pub sha: String,
    /// The path from the repository's root.
    pub path: String,
}

/// A commit in the API's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub sha: String,
    pub parents: Vec<String>,
    pub author: String,
    pub email: String,
    /// RFC 3339.
    pub date: String,
    pub message: String,
    pub tree: String,
}

/// A store of objects. Clones share it.
#[derive(Clone, Debug)]
pub(crate) enum Objects {
    /// Each call runs git, and so sees later commits.
    Git(PathBuf),
    /// Contents by (commit, path).
    Memory(Arc<BTreeMap<(String, String), Vec<u8>>>),
}

impl Objects {
    /// Returns the commit of a branch, tag or (short) name.
    pub fn resolve(&self, revision: &str) -> Option<String> {
        match self {
            Self::Git(path) => {
                let commit = format!("{revision}^{{commit}}");
                git::text(path, &["rev-parse", "--quiet", "--verify", "--end-of-options", &commit]).ok()
            }
            Self::Memory(files) => files
                .keys()
                .find(|(commit, _)| commit == revision)
                .map(|(commit, _)| commit.clone()),
        }
    }

    /// Returns the entry at `path` of `commit`; the root is `""`, a directory.
    pub fn entry(&self, commit: &str, path: &str) -> Option<Entry> {
        match self {
            Self::Git(_) if path.is_empty() => Some(Entry {
                mode: "040000".into(),
                sha: commit.into(),
                path: String::new(),
            }),
            Self::Git(directory) => {
                let arguments = [
                    "--literal-pathspecs",
                    "ls-tree",
                    "-z",
                    "--full-tree",
                    commit,
                    "--",
                    path,
                ];
                entries(&git::output(directory, &arguments).ok()?)
                    .into_iter()
                    .find(|entry| entry.path == path)
            }
            Self::Memory(files) => match files.get(&(commit.to_owned(), path.to_owned())) {
                Some(bytes) => Some(Entry {
                    mode: "100644".into(),
                    sha: blob_name(bytes),
                    path: path.into(),
                }),
                None => (!self.directory(commit, path).is_empty()).then(|| Entry {
                    mode: "040000".into(),
                    sha: blob_name(path.as_bytes()),
                    path: path.into(),
                }),
            },
        }
    }

    /// Returns the entries directly in the directory `path` of `commit`.
    pub fn directory(&self, commit: &str, path: &str) -> Vec<Entry> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        match self {
            Self::Git(directory) => {
                let mut arguments = vec!["--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit];
                if !prefix.is_empty() {
                    arguments.extend(["--", &prefix]);
                }
                git::output(directory, &arguments)
                    .map(|bytes| entries(&bytes))
                    .unwrap_or_default()
            }
            Self::Memory(files) => {
                let inside = files.iter().filter(|((at, _), _)| at == commit);
                let direct = inside.filter(|((_, file), _)| {
                    file.strip_prefix(&prefix)
                        .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
                });
                direct
                    .map(|((_, file), bytes)| Entry {
                        mode: "100644".into(),
                        sha: blob_name(bytes),
                        path: file.clone(),
                    })
                    .collect()
            }
        }
    }

    /// Returns every file, symbolic link and submodule of `commit`.
    pub fn tree(&self, commit: &str) -> Vec<Entry> {
        match self {
            Self::Git(directory) => git::output(directory, &["ls-tree", "-r", "-z", "--full-tree", commit])
                .map(|bytes| entries(&bytes))
                .unwrap_or_default(),
            Self::Memory(files) => {
                let inside = files.iter().filter(|((at, _), _)| at == commit);
                inside
                    .map(|((_, path), bytes)| Entry {
                        mode: "100644".into(),
                        sha: blob_name(bytes),
                        path: path.clone(),
                    })
                    .collect()
            }
        }
    }

    /// Returns a blob's bytes.
    pub fn blob(&self, sha: &str) -> Option<Vec<u8>> {
        match self {
            Self::Git(path) if is_object_name(sha) => git::output(path, &["cat-file", "blob", sha]).ok(),
            Self::Git(_) => None,
            Self::Memory(files) => files.values().find(|bytes| blob_name(bytes) == sha).cloned(),
        }
    }

    /// Returns the bytes of the blobs that exist, by name.
    pub fn blobs(&self, names: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let Self::Git(path) = self else {
            let found = |name: &&str| Some(((*name).to_owned(), self.blob(name)?));
            return names.iter().filter_map(found).collect();
        };
        let names: Vec<&str> = names.iter().copied().filter(|name| is_object_name(name)).collect();
        let output = git::fed(path, &["cat-file", "--batch"], &names).unwrap_or_default();
        let (mut blobs, mut rest) = (BTreeMap::new(), output.as_slice());
        // `NAME TYPE SIZE\nBYTES\n`, or `NAME missing\n`.
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            let mut fields = line.split(' ');
            let (name, kind, size) = (fields.next(), fields.next(), fields.next());
            if let (Some(name), Some(kind), Some(Ok(size))) = (name, kind, size.map(str::parse::<usize>)) {
                if kind == "blob" {
                    blobs.insert(name.to_owned(), rest[..size].to_vec());
                }
                rest = &rest[size + 1..];
            }
        }
        blobs
    }

    /// Returns the commits of `head` that `base` does not have, oldest first.
    pub fn commits(&self, base: &str, head: &str) -> Vec<Commit> {
        self.log(&["--reverse", &format!("{base}..{head}")])
    }

    /// Returns one commit.
    pub fn commit(&self, sha: &str) -> Option<Commit> {
        self.log(&["--max-count=1", sha]).pop()
    }

    fn log(&self, arguments: &[&str]) -> Vec<Commit> {
        let Self::Git(path) = self else { return Vec::new() };
        let mut all = vec!["log", "-z", "--format=%H%x01%P%x01%an%x01%ae%x01%aI%x01%T%x01%B"];
        all.extend(arguments);
        let text = git::output(path, &all).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        text.unwrap_or_default().split('\0').filter_map(commit).collect()
    }

    /// Returns the number of commits only in `head`, and only in `base`.
    pub fn ahead_behind(&self, base: &str, head: &str) -> Option<(u64, u64)> {
        let Self::Git(path) = self else { return None };
        let range = format!("{base}...{head}");
        let counts = git::text(path, &["rev-list", "--left-right", "--count", &range]).ok()?;
        let (behind, ahead) = counts.split_once('\t')?;
        Some((ahead.parse().ok()?, behind.parse().ok()?))
    }

    /// Returns the last common commit.
    pub fn merge_base(&self, base: &str, head: &str) -> Option<String> {
        let Self::Git(path) = self else { return None };
        git::text(path, &["merge-base", base, head]).ok()
    }

    /// Returns the git repository's path, if it is one.
    pub fn git_directory(&self) -> Option<&Path> {
        match self {
            Self::Git(path) => Some(path),
            Self::Memory(_) => None,
        }
    }
}

/// Returns git's name of a blob.
pub(crate) fn blob_name(bytes: &[u8]) -> String {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", bytes.len()));
    digest.update(bytes);
    hex::encode(digest.finalize())
}

fn is_object_name(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads `ls-tree -z`: `MODE TYPE SHA\tPATH\0`.
fn entries(bytes: &[u8]) -> Vec<Entry> {
    let text = String::from_utf8_lossy(bytes);
    let entry = |line: &str| {
        let (meta, path) = line.split_once('\t')?;
        let mut meta = meta.split(' ');
        let (mode, _, sha) = (meta.next()?, meta.next()?, meta.next()?);
        Some(Entry {
            mode: mode.into(),
            sha: sha.into(),
            path: path.into(),
        })
    };
    text.split('\0').filter_map(entry).collect()
}

fn commit(record: &str) -> Option<Commit> {
    let mut fields = record.splitn(7, '\u{1}').map(str::to_owned);
    let sha = fields.next().filter(|sha| !sha.is_empty())?;
    let parents = fields
        .next()?
        .split(' ')
        .filter(|parent| !parent.is_empty())
        .map(str::to_owned)
        .collect();
    let (author, email, date, tree) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let message = fields.next()?.trim_end().to_owned();
    Some(Commit {
        sha,
        parents,
        author,
        email,
        date,
        message,
        tree,
    })
}
