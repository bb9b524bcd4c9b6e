//! A process with limits: of time and output here, of memory, files and network by programs of util-linux in front of it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::search_path::SearchPath;

/// Maximum bytes of the error output.
const MAX_ERROR_BYTES: u64 = 1024 * 1024;
/// Limits of each process: seconds of processor time, bytes of memory, of files that it writes, and open files. A tool
/// only prints, so it writes no file at all.
const RESOURCES: [&str; 5] = [
    "--cpu=60",
    "--data=2147483648",
    "--fsize=0",
    "--core=0",
    "--nofile=1024",
];
/// A network without any interface, and processes that all end with the first one.
const NAMESPACES: [&str; 7] = [
    "--user",
    "--map-root-user",
    "--net",
    "--ipc",
    "--pid",
    "--fork",
    "--kill-child",
];

/// The limits that this module enforces itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) output_bytes: u64,
}

/// The reason why a process has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error("it can't be started: {0}")]
    NotStarted(#[source] io::Error),
    #[error("it took longer than {} s", .0.as_secs())]
    TimeUp(Duration),
    #[error("it printed more than {} MiB", .0 / 1024 / 1024)]
    TooMuchOutput(u64),
    #[error("its output can't be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// The result of a process.
#[derive(Debug)]
pub(super) struct Printed {
    /// None if a signal ended it.
    pub(super) exit_code: Option<i32>,
    pub(super) output: Vec<u8>,
    pub(super) errors: Vec<u8>,
}

/// The arguments in front of a program that limit it.
#[derive(Clone, Debug, Default)]
pub(super) struct Wrapper {
    arguments: Vec<OsString>,
    /// Whether the process has no network.
    pub(super) is_isolated: bool,
}

impl Wrapper {
    /// Returns the strictest wrapper that works on this machine.
    pub(super) async fn probe(search: &SearchPath) -> Self {
        let (Some(limit), Some(nothing)) = (search.find("prlimit"), search.find("true")) else {
            return Self::default();
        };
        let limited: Vec<OsString> = std::iter::once(limit.into_os_string())
            .chain(RESOURCES.iter().chain(&["--"]).map(OsString::from))
            .collect();
        let mut wrappers = Vec::new();
        if let Some(unshare) = search.find("unshare") {
            let isolated = std::iter::once(unshare.into_os_string());
            let isolated = isolated.chain(NAMESPACES.iter().chain(&["--"]).map(OsString::from));
            wrappers.push(Self {
                arguments: isolated.chain(limited.iter().cloned()).collect(),
                is_isolated: true,
            });
        }
        wrappers.push(Self {
            arguments: limited,
            is_isolated: false,
        });
        let limits = Limits {
            time: Duration::from_secs(10),
            output_bytes: 1024,
        };
        for wrapper in wrappers {
            let root = Path::new("/");
            let printed = wrapper
                .run(nothing.as_os_str(), &[], (root, root), &search.joined(), limits)
                .await;
            if printed.is_ok_and(|printed| printed.exit_code == Some(0)) {
                return wrapper;
            }
        }
        Self::default()
    }

    /// Returns whether nothing limits a process but this module.
    #[cfg(test)]
    pub(super) const fn arguments_are_missing(&self) -> bool {
        self.arguments.is_empty()
    }

    /// Runs a program in a folder, with nothing in its environment but `path`, a home and a language. At a limit, or if the
    /// caller stops waiting, its whole process group is killed.
    pub(super) async fn run(
        &self,
        program: &OsStr,
        arguments: &[OsString],
        (folder, home): (&Path, &Path),
        path: &OsStr,
        limits: Limits,
    ) -> Result<Printed, Stopped> {
        let mut line = self.arguments.iter().map(OsString::as_os_str).chain([program]);
        let mut child = Command::new(line.next().unwrap_or(program))
            .args(line)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("LANG", "C.UTF-8")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Stopped::NotStarted)?;
        let _group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Stopped::Unreadable(io::ErrorKind::BrokenPipe.into()));
        };
        let work = async {
            let (output, errors) = tokio::try_join!(read(output, limits.output_bytes), read(errors, MAX_ERROR_BYTES))?;
            let status = child.wait().await.map_err(Stopped::Unreadable)?;
            Ok::<_, Stopped>(Printed {
                exit_code: status.code(),
                output,
                errors,
            })
        };
        let ended = tokio::time::timeout(limits.time, work).await;
        ended.unwrap_or(Err(Stopped::TimeUp(limits.time)))
    }
}

/// A process group that ends when it is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that all of its processes have ended.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read(from: impl AsyncRead + Unpin, most: u64) -> Result<Vec<u8>, Stopped> {
    let mut bytes = Vec::new();
    let read = from.take(most + 1).read_to_end(&mut bytes).await;
    read.map_err(Stopped::Unreadable)?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        true => Ok(bytes),
        false => Err(Stopped::TooMuchOutput(most)),
    }
}
