//! Runs the installed tools that a repository's settings name, on a copy of the changed files. A tool gets no environment,
//! no network where the kernel allows that, and bounded time, memory and output. A tool that fails is a note.

mod folder;
mod process;
mod search_path;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use holdfast_core::count::counted;
use holdfast_core::evidence::{InstalledTool, ToolJob, ToolRequest, ToolRuns};
use holdfast_core::model::change::Target;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{FILES_PER_READ, ReadChange, ReadError};
use holdfast_core::rule::redacted;
use serde::Serialize;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout_at};

use folder::{Contents, Folder, settings_paths};
use process::{Limits, Printed, Stopped, Wrapper};
use search_path::SearchPath;

/// Maximum number of tools that run at the same time.
const MAX_PROCESSES: usize = 2;
/// Maximum time of all tools of a review, below that of the state PlanReview.
const MAX_TIME: Duration = Duration::from_secs(180);
/// Limits of a tool.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    output_bytes: 32 * 1024 * 1024,
};
/// Limits of a program that prints its version.
const VERSION_LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    output_bytes: 64 * 1024,
};
/// Maximum number of files of a tool.
const MAX_FILES: usize = 500;
/// Maximum size of all files of a review's tools, with their settings.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Maximum characters of a tool's error output in the log.
const MAX_LOGGED_CHARS: usize = 500;

/// Runs tools on this machine.
pub struct Tools {
    path: OsString,
    wrapper: OnceCell<Wrapper>,
    turns: Semaphore,
    limits: Limits,
}

impl Default for Tools {
    fn default() -> Self {
        Self::on(std::env::var_os("PATH").unwrap_or_default())
    }
}

/// A tool that a review could run on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolState {
    /// Its name.
    pub name: &'static str,
    /// Whether its program is installed.
    pub found: bool,
    /// Its version, where the program prints one.
    pub version: Option<String>,
    /// How to install it.
    pub install: &'static str,
}

impl Tools {
    /// Runs the programs of this `PATH`.
    fn on(path: OsString) -> Self {
        Self {
            path,
            wrapper: OnceCell::new(),
            turns: Semaphore::new(MAX_PROCESSES),
            limits: LIMITS,
        }
    }

    /// Returns whether tools run without a network.
    pub async fn is_isolated(&self) -> bool {
        self.wrapper().await.is_isolated
    }

    async fn wrapper(&self) -> &Wrapper {
        let search = SearchPath::outside_of(&self.path, None);
        self.wrapper
            .get_or_init(|| async move { Wrapper::probe(&search).await })
            .await
    }

    /// Returns every tool that settings can name, with its state on this machine.
    pub async fn states(&self) -> Vec<ToolState> {
        let search = SearchPath::outside_of(&self.path, None);
        let states = InstalledTool::ALL.into_iter().map(|tool| self.state(tool, &search));
        futures::future::join_all(states).await
    }

    async fn state(&self, tool: InstalledTool, search: &SearchPath) -> ToolState {
        let command = tool.command();
        let program = search.find(tool.name());
        let mut version = None;
        if let (Some(program), Ok(_turn), Ok(home)) = (&program, self.turns.acquire().await, tempfile::tempdir()) {
            let arguments: Vec<OsString> = command.version.iter().map(OsString::from).collect();
            let places = (home.path(), home.path());
            let wrapper = self.wrapper().await;
            let printed = wrapper
                .run(
                    program.as_os_str(),
                    &arguments,
                    places,
                    &search.joined(),
                    VERSION_LIMITS,
                )
                .await;
            version = printed.ok().and_then(|printed| version_of(&printed.output));
        }
        ToolState {
            name: tool.name(),
            found: program.is_some(),
            version,
            install: command.install,
        }
    }

    /// Runs the tools of a request, each on its files.
    ///
    /// # Errors
    /// The files can't be read.
    pub async fn run(
        &self,
        target: &Target,
        request: &ToolRequest,
        read: &dyn ReadChange,
    ) -> Result<ToolRuns, ReadError> {
        let tree = match target {
            Target::WorkTree { path, .. } => Some(Path::new(path)),
            Target::PullRequest { .. } => None,
        };
        let search = SearchPath::outside_of(&self.path, tree);
        let mut source = Source {
            read,
            target,
            bytes: 0,
            contents: BTreeMap::new(),
        };
        let (mut runs, mut ready) = (ToolRuns::default(), Vec::new());
        for job in &request.jobs {
            let prepared = match search.find(job.tool.name()) {
                None => Err(format!(
                    "it isn't installed beside Holdfast ({})",
                    job.tool.command().install
                )),
                Some(_) if job.files.len() > MAX_FILES => {
                    let files = counted(job.files.len(), "file");
                    Err(format!(
                        "the change has {files} for it, and at most {MAX_FILES} are read"
                    ))
                }
                Some(program) => source.prepare(job, request).await?.map(|folder| (program, folder)),
            };
            match prepared {
                Ok((program, folder)) => ready.push((job, program.into_os_string(), folder)),
                Err(why) => runs.notes.push(did_not_run(job.tool, &why)),
            }
        }
        drop(source);
        let (wrapper, path, end) = (self.wrapper().await, search.joined(), Instant::now() + MAX_TIME);
        let all = ready.iter().map(|(job, program, folder)| {
            let path = path.as_os_str();
            async move {
                let run = async {
                    let _turn = self.turns.acquire().await;
                    let places = (folder.files.as_path(), folder.home.as_path());
                    wrapper.run(program, &folder.arguments, places, path, self.limits).await
                };
                let printed = timeout_at(end, run).await;
                reports(job, folder, printed.unwrap_or(Err(Stopped::TimeUp(MAX_TIME))))
            }
        });
        for more in futures::future::join_all(all).await {
            runs.extend(more);
        }
        Ok(runs)
    }
}

/// Returns the notes of a request that is refused: without isolation, the files of strangers are in no tool.
pub fn refused(request: &ToolRequest) -> ToolRuns {
    let why = "this machine can't take the network from it, which pull requests from forks require";
    let notes = request.jobs.iter().map(|job| did_not_run(job.tool, why));
    ToolRuns {
        notes: notes.collect(),
        ..ToolRuns::default()
    }
}

fn did_not_run(tool: InstalledTool, why: &str) -> String {
    format!("{tool} did not run: {why}")
}

/// Returns the reports of a tool that ended, or the note.
fn reports(job: &ToolJob, folder: &Folder, printed: Result<Printed, Stopped>) -> ToolRuns {
    let tool = job.tool;
    let mut runs = ToolRuns::default();
    let failed = |why: &str| ToolRuns {
        notes: vec![format!("{tool} failed: {why}")],
        ..ToolRuns::default()
    };
    let printed = match printed {
        Ok(printed) => printed,
        Err(stopped @ (Stopped::TimeUp(_) | Stopped::TooMuchOutput(_))) => return failed(&stopped.to_string()),
        Err(error) => {
            tracing::warn!(%tool, %error, "a tool failed");
            return failed("the log has the reason");
        }
    };
    let is_complete = printed
        .exit_code
        .is_some_and(|code| tool.command().exit_codes.contains(&code));
    let root = folder.files.to_string_lossy();
    let read = match is_complete {
        true => runs.add(job, &printed.output, &root).map_err(|error| error.to_string()),
        false => Err("not a complete run".to_owned()),
    };
    if let Err(error) = read {
        let text: String = String::from_utf8_lossy(&printed.errors)
            .chars()
            .take(MAX_LOGGED_CHARS)
            .collect();
        let code = printed.exit_code;
        tracing::warn!(%tool, ?code, error, errors = ?redacted(&text), "a tool failed");
        return failed(&match printed.exit_code {
            Some(code) if !is_complete => format!("it ended with exit code {code}"),
            Some(_) => "its output has another form than expected".to_owned(),
            None => "a signal or a limit of memory or time ended it".to_owned(),
        });
    }
    if folder.unwritten > 0 {
        let files = counted(folder.unwritten, "file");
        runs.notes.push(format!(
            "{tool} did not read {files}: larger than 1 MiB, or with a name that can't be written"
        ));
    }
    runs
}

/// Returns the first word that is a version.
fn version_of(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let word = text.split_whitespace().find(|word| {
        let digits = word.trim_start_matches('v');
        digits.starts_with(|sign: char| sign.is_ascii_digit()) && digits.contains('.')
    })?;
    let is_plain = |sign: &char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | '+');
    Some(
        word.trim_start_matches('v')
            .chars()
            .take_while(is_plain)
            .take(40)
            .collect(),
    )
}

/// Paths with their contents; none for a path without a regular file of at most 1 MiB.
type Read = Vec<(String, Option<Vec<u8>>)>;

/// The files of a review's tools, each read once.
struct Source<'a> {
    read: &'a dyn ReadChange,
    target: &'a Target,
    bytes: usize,
    contents: BTreeMap<String, Option<Vec<u8>>>,
}

impl Source<'_> {
    /// Writes a tool's folder; the inner error tells why the tool can't run.
    async fn prepare(&mut self, job: &ToolJob, request: &ToolRequest) -> Result<Result<Folder, String>, ReadError> {
        let too_large = || {
            let most = MAX_BYTES / 1024 / 1024;
            Ok(Err(format!("the files of all tools are larger than {most} MiB")))
        };
        let new: Vec<String> = (job.files.iter())
            .filter(|path| !self.contents.contains_key(*path))
            .cloned()
            .collect();
        let Some(files) = self.read_all(&new, &request.head).await? else {
            return too_large();
        };
        self.contents.extend(files);
        let Some(settings) = self.read_all(&settings_paths(job), &request.settings).await? else {
            return too_large();
        };
        let present = |(path, bytes): (String, Option<Vec<u8>>)| Some((path, bytes?));
        let settings: Contents = settings.into_iter().filter_map(present).collect();
        let of_job = job.files.iter().filter_map(|path| {
            let bytes = self.contents.get(path)?.clone()?;
            Some((path.clone(), bytes))
        });
        let (owned_job, contents): (ToolJob, Contents) = (job.clone(), of_job.collect());
        let written = tokio::task::spawn_blocking(move || Folder::write(&owned_job, &contents, &settings)).await;
        Ok(match written {
            Ok(Ok(folder)) => Ok(folder),
            Ok(Err(error)) => {
                tracing::warn!(tool = %job.tool, %error, "a tool's folder can't be written");
                Err("its folder can't be written".to_owned())
            }
            Err(_) => Err("its folder can't be written".to_owned()),
        })
    }

    /// Reads files; none if there is no room for them.
    async fn read_all(&mut self, paths: &[String], at: &CommitSha) -> Result<Option<Read>, ReadError> {
        let mut all = Vec::with_capacity(paths.len());
        for chunk in paths.chunks(FILES_PER_READ) {
            let names: Vec<&str> = chunk.iter().map(String::as_str).collect();
            let contents = self.read.read_files(self.target, &names, at).await?;
            self.bytes += contents.iter().flatten().map(Vec::len).sum::<usize>();
            if self.bytes > MAX_BYTES {
                return Ok(None);
            }
            all.extend(chunk.iter().cloned().zip(contents));
        }
        Ok(Some(all))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
