//! The place of everything durable, unless `--data` names it: the user's state directory, with one data directory for
//! each work tree, and never inside a work tree, whose files others write.

mod check;
#[cfg(test)]
mod tests;

pub use check::{find, find_or_create};

use holdfast_core::model::run_name::RunName;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use holdfast_git::work_tree_root;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::find_run;
use crate::run_summary::{LocalRuns, ReadRuns};
use holdfast_engine::{EngineError, has_runs};

/// The default data directory of version 0.1, in the folder that the program was started in.
const OLD_DEFAULT: &str = ".holdfast";
/// The folder that holds the data directories of work trees.
const TREES: &str = "trees";
/// Maximum number of work trees whose runs are searched from outside of a work tree: those with the newest data.
const MAX_TREES: usize = 100;
/// Number of hexadecimal digits in the name of a work tree's data directory.
const TREE_DIGITS: usize = 32;

/// A data directory and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirectory {
    /// Its real path.
    pub path: PathBuf,
    /// Its kind.
    pub kind: Kind,
}

/// The kind of a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The directory that `--data` or `HOLDFAST_DATA` names.
    Given,
    /// The directory of the work tree around the current folder.
    WorkTree,
    /// The directory of another work tree.
    OtherTree,
    /// The directory of everything else.
    Server,
}

impl DataDirectory {
    /// Returns the directory's path and kind for people.
    pub fn title(&self) -> String {
        let path = self.path.display();
        match self.kind {
            Kind::Given => path.to_string(),
            Kind::WorkTree => format!("{path} (this work tree)"),
            Kind::OtherTree => format!("{path} (a work tree)"),
            Kind::Server => format!("{path} (server)"),
        }
    }
}

/// The parts of the environment that decide where data is.
pub struct Surroundings {
    state_home: Option<OsString>,
    home: Option<OsString>,
    current: PathBuf,
}

impl Surroundings {
    /// Reads them.
    pub fn read() -> Self {
        Self {
            state_home: std::env::var_os("XDG_STATE_HOME"),
            home: std::env::var_os("HOME"),
            current: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }

    /// Returns the parent folder of all data. Relative paths count as not set, as the XDG specification requires.
    fn root(&self) -> Result<PathBuf, Failure> {
        let absolute = |given: &Option<OsString>| given.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute(&self.state_home).or_else(|| absolute(&self.home).map(|home| home.join(".local/state")));
        state.map(|state| state.join("holdfast")).ok_or_else(|| {
            Failure::usage(
                "neither XDG_STATE_HOME nor HOME (environment) is an absolute path, so there is no place for data: name a \
                 directory with --data or HOLDFAST_DATA",
            )
        })
    }

    fn server(&self) -> Result<PathBuf, Failure> {
        Ok(self.root()?.join("server"))
    }

    /// Returns the data directory of a work tree, keyed by the tree's real path.
    fn of_tree(&self, tree: &Path) -> Result<PathBuf, Failure> {
        let hash = hex::encode(Sha256::digest(tree.as_os_str().as_bytes()));
        let place = self.root()?.join(TREES).join(&hash[..TREE_DIGITS]);
        let real = existing_ancestor(&place);
        match real.starts_with(tree) {
            true => Err(Failure::usage(format!(
                "{} lies in the work tree {} itself, where its authors may write: name a directory elsewhere with --data",
                place.display(),
                tree.display()
            ))),
            false => Ok(place),
        }
    }

    /// Returns the data directories of all work trees that hold runs, those with the newest data first. Notifies the
    /// operator of those that are left out.
    fn all_trees(&self, notify: Notify) -> Result<Vec<PathBuf>, Failure> {
        let entries = std::fs::read_dir(self.root()?.join(TREES)).into_iter().flatten();
        let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
        let mut trees: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| has_runs(path))
            .map(|path| (changed(&path), path))
            .collect();
        trees.sort_by(|one, other| other.cmp(one));
        if trees.len() > MAX_TREES {
            notify(&format!(
                "{} work trees have runs: only the {MAX_TREES} with the newest data are searched; --data names another one",
                trees.len()
            ));
        }
        let mut found = Vec::new();
        for (_, path) in trees.into_iter().take(MAX_TREES) {
            match find(&path) {
                Ok(tree) => found.extend(tree),
                Err(refusal) => notify(&refusal.message),
            }
        }
        Ok(found)
    }

    fn current_tree(&self) -> Option<PathBuf> {
        work_tree_root(&self.current).ok()
    }

    /// Notifies the operator of each `.holdfast` directory of version 0.1, which isn't read.
    fn note_old(&self, folders: &[Option<&Path>], notify: Notify) {
        let mut noted: Vec<PathBuf> = Vec::new();
        for folder in folders.iter().copied().flatten() {
            let old = folder.join(OLD_DEFAULT);
            let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
            if old.symlink_metadata().is_err() || noted.contains(&real) {
                continue;
            }
            notify(&format!(
                "{0} is not used: files in a work tree may come with the repository. If it is your own, use it with \
                 --data {0}",
                old.display()
            ));
            noted.push(real);
        }
    }
}

fn existing_ancestor(path: &Path) -> PathBuf {
    let mut ancestors = path.ancestors();
    ancestors
        .find_map(|ancestor| ancestor.canonicalize().ok())
        .unwrap_or_else(|| path.to_path_buf())
}

/// Shows one line to the operator at once. Operations print nothing themselves.
pub type Notify = fn(&str);

/// The work trees whose data directories are searched.
#[derive(Clone, Copy, Debug)]
enum Trees {
    /// The work tree of the current folder.
    Current,
    /// The work tree of the current folder; all work trees where the folder is in none.
    All,
}

/// The place where a command looks for data.
#[derive(Clone, Debug)]
pub struct DataPlace {
    /// The directory that `--data` or `HOLDFAST_DATA` names.
    pub given: Option<PathBuf>,
    /// Receives notes about directories that are used, and about those that aren't.
    pub notify: Notify,
}

impl DataPlace {
    /// Notes the directory that `what` is in, unless the caller named that directory.
    pub fn note(&self, directory: &DataDirectory, what: &str) {
        if directory.kind != Kind::Given {
            (self.notify)(&format!("{what} in {}", directory.title()));
        }
    }

    /// Returns the directory that `--data` or `HOLDFAST_DATA` names; an empty name counts as not set.
    fn given(&self) -> Option<&Path> {
        self.given.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// Returns the directory for the review of a path in a work tree; creates it where it doesn't exist yet.
    ///
    /// # Errors
    /// There is no place for it, or it's refused.
    pub fn for_tree(&self, path: &Path) -> Result<DataDirectory, Failure> {
        if let Some(given) = self.given() {
            return of_kind(Kind::Given, find_or_create(given)?);
        }
        let surroundings = Surroundings::read();
        let tree = work_tree_root(path).map_err(Failure::usage)?;
        surroundings.note_old(&[Some(&tree), Some(&surroundings.current)], self.notify);
        of_kind(Kind::WorkTree, find_or_create(&surroundings.of_tree(&tree)?)?)
    }

    /// Returns the directory for everything but work trees; creates it where it doesn't exist yet.
    ///
    /// # Errors
    /// There is no place for it, or it's refused.
    pub fn for_server(&self) -> Result<DataDirectory, Failure> {
        if let Some(given) = self.given() {
            return of_kind(Kind::Given, find_or_create(given)?);
        }
        let surroundings = Surroundings::read();
        surroundings.note_old(&[Some(&surroundings.current)], self.notify);
        of_kind(Kind::Server, find_or_create(&surroundings.server()?)?)
    }

    /// Returns the directories that hold runs: the given one, or those of the current folder's work tree and of the
    /// server.
    ///
    /// # Errors
    /// No directory holds runs, or one is refused.
    pub fn existing(&self) -> Result<Vec<DataDirectory>, Failure> {
        self.search(Trees::Current)
    }

    /// Returns the directories whose runs are listed and searched by name: those of [`existing`](Self::existing), and
    /// outside of a work tree also those of all work trees.
    ///
    /// # Errors
    /// No directory holds runs, or one is refused.
    pub fn searched(&self) -> Result<Vec<DataDirectory>, Failure> {
        self.search(Trees::All)
    }

    fn search(&self, trees: Trees) -> Result<Vec<DataDirectory>, Failure> {
        if let Some(given) = self.given() {
            let path = find(given)?.filter(|path| has_runs(path));
            let path = path.ok_or_else(|| Failure::usage(no_data(given)))?;
            return Ok(vec![DataDirectory {
                path,
                kind: Kind::Given,
            }]);
        }
        let surroundings = Surroundings::read();
        let tree = surroundings.current_tree();
        surroundings.note_old(&[tree.as_deref(), Some(&surroundings.current)], self.notify);
        let mut places = Vec::new();
        let mut hint = "";
        match (&tree, trees) {
            (Some(tree), _) => places.extend(surroundings.of_tree(tree).map(|path| (Kind::WorkTree, path))),
            (None, Trees::All) => {
                let all = surroundings.all_trees(self.notify)?;
                places.extend(all.into_iter().map(|path| (Kind::OtherTree, path)));
            }
            (None, Trees::Current) => hint = ". For the runs of a work tree start the command in it",
        }
        places.push((Kind::Server, surroundings.server()?));
        let mut empty = Vec::new();
        let mut found = Vec::new();
        for (kind, path) in places {
            match find(&path)?.filter(|path| has_runs(path)) {
                Some(path) => found.push(DataDirectory { path, kind }),
                None => empty.push(DataDirectory { path, kind }.title()),
            }
        }
        match found.is_empty() {
            true => Err(Failure::usage(format!(
                "there are no runs in {}: no review was started there yet{hint}; --data names another directory",
                empty.join(" or ")
            ))),
            false => Ok(found),
        }
    }

    /// Returns the only directory that holds runs.
    ///
    /// # Errors
    /// No directory holds runs, both do, or one is refused.
    pub fn only(&self) -> Result<DataDirectory, Failure> {
        let mut found = self.existing()?;
        match (found.pop(), found.pop()) {
            (Some(only), None) => Ok(only),
            (second, first) => {
                let titles: Vec<String> = first.iter().chain(&second).map(DataDirectory::title).collect();
                Err(Failure::usage(format!(
                    "there is data in {}: choose one with --data",
                    titles.join(" and in ")
                )))
            }
        }
    }

    /// Finds the newest finished review of the work tree at `root`, and notes its name.
    ///
    /// # Errors
    /// There is none, or a directory can't be read.
    pub async fn find_newest_review(&self, root: &Path) -> Result<(DataDirectory, RunName), Failure> {
        let directories = self.existing()?;
        for directory in &directories {
            if let Some(name) = LocalRuns::open(&directory.path).await?.newest_review(root)? {
                (self.notify)(&format!(
                    "suggestions of run {name}, the newest review of {}",
                    root.display()
                ));
                return Ok((directory.clone(), name));
            }
        }
        let titles: Vec<String> = directories.iter().map(DataDirectory::title).collect();
        Err(Failure::usage(format!(
            "there is no finished review of {} in {}: start holdfast review, or name a run (holdfast runs lists them)",
            root.display(),
            titles.join(" or in ")
        )))
    }

    /// Finds a run by an unambiguous beginning of its name in all directories; notes its directory, unless `--data`
    /// names it.
    ///
    /// # Errors
    /// The name is empty; no run's name has this beginning, or several do.
    pub async fn find_run(&self, beginning: &str) -> Result<(DataDirectory, RunName), Failure> {
        find_run::check_beginning(beginning)?;
        let directories = self.searched()?;
        let mut found = Vec::new();
        for directory in &directories {
            let records = LocalRuns::open(&directory.path).await?;
            let names = records.names(beginning).await?;
            found.extend(names.into_iter().map(|name| (directory.clone(), name)));
        }
        // A run's whole name wins over the beginning of another run's name.
        if found.iter().any(|(_, name)| *name == beginning) {
            found.retain(|(_, name)| *name == beginning);
        }
        match found.as_slice() {
            [(directory, name)] => {
                self.note(directory, &format!("run {name} is"));
                Ok((directory.clone(), name.clone()))
            }
            [] => {
                let titles: Vec<String> = directories.iter().map(DataDirectory::title).collect();
                Err(Failure::usage(format!(
                    "there is no run {beginning:?} in {}; holdfast runs lists them",
                    titles.join(" or in ")
                )))
            }
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|(directory, name)| match directories.len() {
                        1 => name.to_string(),
                        _ => format!("{name} in {}", directory.title()),
                    })
                    .collect();
                Err(find_run::ambiguous(beginning, &names))
            }
        }
    }
}

fn of_kind(kind: Kind, path: PathBuf) -> Result<DataDirectory, Failure> {
    Ok(DataDirectory { path, kind })
}

fn no_data(directory: &Path) -> EngineError {
    EngineError::NoData {
        directory: directory.to_path_buf(),
    }
}
