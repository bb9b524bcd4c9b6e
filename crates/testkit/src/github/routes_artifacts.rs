//! Artifacts of workflow runs. Their content is on another host, as GitHub's is: a second server, which refuses requests
//! with a token.

use super::FakeGithub;
use super::reply::{Answered, Reply, page_of};
use super::request::ApiRequest;
use super::state::{Repo, State};
use crate::error::TestkitError;
use crate::loopback::Loopback;
use axum::Router;
use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zip::write::SimpleFileOptions;

type At<'a> = (&'a str, &'a str);

/// An artifact of a workflow run.
#[derive(Clone, Debug, Default)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// The run's id.
    pub run: u64,
    /// The head of the run.
    pub head: String,
    /// Its zip archive.
    pub archive: Vec<u8>,
    /// Whether GitHub has deleted its content.
    pub is_expired: bool,
    /// The size that the list states. Default: the archive's.
    pub stated_bytes: Option<u64>,
    /// The address that a download is redirected to. Default: the second server.
    pub location: Option<String>,
}

/// Returns a zip archive of files.
///
/// # Errors
/// A file is too large, or a name too long.
pub fn zip_of(files: &[(&str, &[u8])]) -> Result<Vec<u8>, TestkitError> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default())?;
        archive.write_all(content).map_err(zip::result::ZipError::Io)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// An artifact with its id and the address of its content, which only the second server has.
#[derive(Debug)]
pub(crate) struct StoredArtifact {
    id: u64,
    artifact: Artifact,
    bytes: u64,
    location: String,
}

/// The second server.
#[derive(Debug)]
pub(crate) struct Storage {
    server: Loopback,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    archives: BTreeMap<String, Vec<u8>>,
    /// The status of all answers.
    failure: Option<StatusCode>,
    /// Whether each request had a token.
    requests: Vec<bool>,
}

impl Storage {
    fn start() -> Result<Self, TestkitError> {
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let server = Loopback::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), router)?;
        Ok(Self { server, shared })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, id: u64, archive: Vec<u8>) -> String {
        let path = format!("/{id}.zip");
        self.shared().archives.insert(path.clone(), archive);
        format!("http://{}{path}?sig=secret", self.server.address())
    }
}

async fn handle(Extract(shared): Extract<Arc<Mutex<Shared>>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let has_token = headers.contains_key(header::AUTHORIZATION);
    shared.requests.push(has_token);
    let is_signed = uri.query() == Some("sig=secret");
    let found = shared
        .archives
        .get(uri.path())
        .filter(|_| is_signed && !has_token)
        .cloned();
    let (status, body) = match (shared.failure, found) {
        (Some(failure), _) => (failure, Vec::new()),
        (None, Some(archive)) => (StatusCode::OK, archive),
        (None, None) => (StatusCode::FORBIDDEN, b"<Error/>".to_vec()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

impl FakeGithub {
    /// Adds an artifact and returns its id. A later one is newer.
    ///
    /// # Errors
    /// The second server cannot listen.
    pub fn add_artifact(&self, slug: &str, mut artifact: Artifact) -> Result<u64, TestkitError> {
        if self.storage.get().is_none() {
            // Another thread may have started one meanwhile.
            let _ = self.storage.set(Storage::start()?);
        }
        let mut world = self.shared.world();
        let id = world.state.id();
        let archive = std::mem::take(&mut artifact.archive);
        let bytes = artifact.stated_bytes.unwrap_or(archive.len() as u64);
        let stored = self.storage.get().map(|storage| storage.store(id, archive));
        let location = artifact.location.clone().or(stored).unwrap_or_default();
        if let Some(repo) = world.state.repos.get_mut(slug) {
            repo.artifacts.push(Arc::new(StoredArtifact {
                id,
                artifact,
                bytes,
                location,
            }));
        }
        Ok(id)
    }

    /// Makes the second server answer with this status from now on.
    pub fn fail_storage(&self, status: Option<u16>) {
        if let Some(storage) = self.storage.get() {
            storage.shared().failure = status.and_then(|status| StatusCode::from_u16(status).ok());
        }
    }

    /// Returns the requests to the second server: whether each had a token.
    pub fn storage_requests(&self) -> Vec<bool> {
        let storage = self.storage.get();
        storage
            .map(|storage| storage.shared().requests.clone())
            .unwrap_or_default()
    }
}

/// Lists the artifacts of a repository, the newest first.
pub(crate) fn list(state: &State, request: &ApiRequest, at: At) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "actions")?;
    let has_name =
        |stored: &&Arc<StoredArtifact>| request.query("name").is_none_or(|name| stored.artifact.name == name);
    let all: Vec<Value> = repo
        .artifacts
        .iter()
        .rev()
        .filter(has_name)
        .map(|stored| entry(&request.api, repo, stored))
        .collect();
    let (range, link) = page_of(request, all.len());
    let body = json!({ "total_count": all.len(), "artifacts": all[range] });
    Ok(Reply::json(200, &body).linked(link))
}

fn entry(api: &str, repo: &Repo, stored: &StoredArtifact) -> Value {
    let StoredArtifact {
        id, artifact, bytes, ..
    } = stored;
    let url = format!("{api}/repos/{}/actions/artifacts/{id}", repo.slug);
    // Dates have whole seconds: a later one is never older.
    let at = format!("2026-01-01T{:02}:{:02}:{:02}Z", id / 3_600 % 24, id / 60 % 60, id % 60);
    json!({
        "id": id, "node_id": "MDg6QXJ0aWZhY3Q1", "name": artifact.name,
        "size_in_bytes": bytes, "url": url,
        "archive_download_url": format!("{url}/zip"), "expired": artifact.is_expired, "created_at": at,
        "expires_at": "2026-04-01T00:00:00Z", "updated_at": at, "digest": null,
        "workflow_run": {
            "id": artifact.run, "repository_id": repo.id, "head_repository_id": repo.id, "head_branch": "change",
            "head_sha": artifact.head,
        },
    })
}

/// Redirects to the content.
pub(crate) fn download(state: &State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.identity()?;
    request.may_read(repo, "actions")?;
    let stored = repo.artifacts.iter().find(|stored| stored.id.to_string() == id);
    let stored = stored.ok_or_else(Reply::not_found)?;
    if stored.artifact.is_expired {
        return Err(Reply::error(410, "Artifact has expired"));
    }
    let mut reply = Reply::no_content();
    reply.status = 302;
    reply.headers.push(("location", stored.location.clone()));
    Ok(reply)
}
