//! Reads many files of one commit in a few requests, through GraphQL: one query for the kind of each path, then queries
//! for the texts of several files each. Unlike the recursive tree (up to 100,000 entries for a change of one file) and
//! the archive (the whole repository), its cost depends only on the wanted files, and their sizes are known before they
//! are read.
//!
//! GraphQL returns only texts, and converts encodings, so every text is checked against its blob's name. Texts that
//! differ, binary and large files come from the REST API, as does everything if GraphQL refuses or the connection has
//! no credentials.

use std::collections::HashMap;
use std::fmt::Write;

use futures::{StreamExt, TryStreamExt, stream};
use holdfast_core::model::sha::CommitSha;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::folders::Folders;
use super::read::{CONTENTS_READ, MAX_BLOB_BYTES, Place};

/// Maximum number of paths in one query.
const PATHS_PER_QUERY: usize = 100;
/// Limits of the texts in one query: their number and their bytes.
const TEXTS_PER_QUERY: usize = 50;
const BYTES_PER_QUERY: u64 = 2 * 1024 * 1024;
/// Maximum size of a text, in bytes: GraphQL truncates at 512,000.
const MAX_TEXT_BYTES: u64 = 500_000;
/// Maximum number of requests in flight for one call.
const CONCURRENT_REQUESTS: usize = 8;
/// The bits of a mode that are the file type, and their value for a regular file.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;

/// A blob to read: its name, and its size if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub name: String,
    pub bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Data<T> {
    repository: Option<T>,
}

#[derive(Deserialize)]
struct InRepository {
    object: Option<HashMap<String, Option<Entry>>>,
}

/// The entry of a path at a commit.
#[derive(Deserialize)]
struct Entry {
    mode: u32,
    size: u64,
    oid: String,
}

/// A blob's text; `None` for a binary blob and for other objects.
#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    text: Option<String>,
}

/// Returns the bytes of each path at a commit, in order; `None` for a path that isn't a file of at most
/// [`MAX_BLOB_BYTES`].
pub(super) async fn read_files(
    connection: &GithubConnection,
    folders: &Folders,
    place: Place<'_>,
    paths: &[&str],
    at: &CommitSha,
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut found: Vec<Option<Wanted>> = Vec::with_capacity(paths.len());
    for paths in paths.chunks(PATHS_PER_QUERY) {
        found.extend(find(connection, folders, place, paths, at).await?);
    }
    let wanted: Vec<Wanted> = found.iter().flatten().cloned().collect();
    let mut contents = read_blobs(connection, place, &wanted, MAX_BLOB_BYTES)
        .await?
        .into_iter();
    let content = |found: Option<Wanted>| found.and_then(|_| contents.next().flatten());
    Ok(found.into_iter().map(content).collect())
}

/// Returns the blob of each path that is a file of at most [`MAX_BLOB_BYTES`].
async fn find(
    connection: &GithubConnection,
    folders: &Folders,
    place: Place<'_>,
    paths: &[&str],
    at: &CommitSha,
) -> Result<Vec<Option<Wanted>>, Failure> {
    let mut found: Vec<Option<Option<Wanted>>> = paths.iter().map(|path| (!is_plain(path)).then_some(None)).collect();
    let (mut query, mut variables) = (String::new(), Map::new());
    for (index, path) in paths.iter().enumerate().filter(|(_, path)| is_plain(path)) {
        let _infallible = write!(query, " f{index}:file(path:$f{index}){{mode size oid}}");
        variables.insert(format!("f{index}"), json!(path));
    }
    if !variables.is_empty() {
        let declared = declare(&variables, "String!");
        variables.insert("at".to_owned(), json!(at.as_str()));
        let query = format!(
            "query($owner:String!,$name:String!,$at:GitObjectID!{declared}){{repository(owner:$owner,name:$name)\
             {{object(oid:$at){{...on Commit{{{query}}}}}}}}}"
        );
        let answer = query_repository::<InRepository>(connection, place, &query, variables).await?;
        if let Some((
            InRepository {
                object: Some(mut entries),
            },
            unknown,
        )) = answer
        {
            for (index, found) in found.iter_mut().enumerate() {
                let alias = format!("f{index}");
                if let Some(entry) = entries.remove(&alias).filter(|_| !unknown.contains(&alias)) {
                    *found = Some(entry.and_then(Entry::file));
                }
            }
        }
    }
    // The paths that GraphQL left open. A folder's list is read once for all files in it.
    let mut rest = Vec::new();
    for (found, path) in found.into_iter().zip(paths) {
        rest.push(find_otherwise(connection, folders, place, found, path, at));
    }
    stream::iter(rest).buffered(CONCURRENT_REQUESTS).try_collect().await
}

/// Returns the given result, or that of the REST API.
async fn find_otherwise(
    connection: &GithubConnection,
    folders: &Folders,
    place: Place<'_>,
    found: Option<Option<Wanted>>,
    path: &str,
    at: &CommitSha,
) -> Result<Option<Wanted>, Failure> {
    if let Some(found) = found {
        return Ok(found);
    }
    let parts: Vec<&str> = path.split('/').collect();
    let name = folders.find_blob(connection, place, &parts, at).await?;
    Ok(name.map(|name| Wanted { name, bytes: None }))
}

impl Entry {
    /// Returns the blob of a file; `None` for a link, a folder, a submodule, and a file that is too large.
    fn file(self) -> Option<Wanted> {
        let is_file = self.mode & MODE_KIND == MODE_FILE && self.size <= MAX_BLOB_BYTES as u64;
        is_file.then_some(Wanted {
            name: self.oid,
            bytes: Some(self.size),
        })
    }
}

/// Returns the bytes of each blob, in order; `None` for one that is missing or larger than `max_bytes`.
pub(super) async fn read_blobs(
    connection: &GithubConnection,
    place: Place<'_>,
    wanted: &[Wanted],
    max_bytes: usize,
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut queries = Vec::new();
    for batch in batches(wanted) {
        queries.push(read_texts(connection, place, wanted, batch));
    }
    let texts: Vec<HashMap<usize, Vec<u8>>> = stream::iter(queries)
        .buffered(CONCURRENT_REQUESTS)
        .try_collect()
        .await?;
    let mut texts: HashMap<usize, Vec<u8>> = texts.into_iter().flatten().collect();
    let mut contents = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        contents.push(read_otherwise(
            connection,
            place,
            texts.remove(&index),
            wanted,
            max_bytes,
        ));
    }
    stream::iter(contents).buffered(CONCURRENT_REQUESTS).try_collect().await
}

/// Returns the given text, or reads the blob through the REST API.
async fn read_otherwise(
    connection: &GithubConnection,
    place: Place<'_>,
    text: Option<Vec<u8>>,
    wanted: &Wanted,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    match text {
        Some(text) => Ok(Some(text)),
        None => read_blob(connection, place, &wanted.name, max_bytes).await,
    }
}

/// Reads one blob through the REST API, whatever it holds; `None` where it is missing or larger than `max_bytes`.
pub(super) async fn read_blob(
    connection: &GithubConnection,
    place: Place<'_>,
    blob: &str,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let call = connection.get_raw(&place.repository(&["git", "blobs", blob]), max_bytes, CONTENTS_READ);
    match connection.send(call).await {
        Ok(reply) => Ok(Some(reply.body)),
        Err(Failure {
            kind: Kind::NotFound | Kind::TooLong,
            ..
        }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Returns the indices of the blobs that GraphQL can return, in batches.
fn batches(wanted: &[Wanted]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut left = 0;
    for (index, wanted) in wanted.iter().enumerate() {
        let Some(bytes) = wanted.bytes.filter(|bytes| *bytes <= MAX_TEXT_BYTES) else {
            continue;
        };
        match batches.last_mut() {
            Some(batch) if batch.len() < TEXTS_PER_QUERY && bytes <= left => {
                batch.push(index);
                left -= bytes;
            }
            _ => {
                batches.push(vec![index]);
                left = BYTES_PER_QUERY.saturating_sub(bytes);
            }
        }
    }
    batches
}

/// Reads one batch's texts, by index. Missing ones have to be read in another way.
async fn read_texts(
    connection: &GithubConnection,
    place: Place<'_>,
    wanted: &[Wanted],
    batch: Vec<usize>,
) -> Result<HashMap<usize, Vec<u8>>, Failure> {
    let (mut query, mut variables) = (String::new(), Map::new());
    for index in &batch {
        let _infallible = write!(query, " b{index}:object(oid:$b{index}){{...on Blob{{text}}}}");
        variables.insert(format!("b{index}"), json!(wanted[*index].name));
    }
    let declared = declare(&variables, "GitObjectID!");
    let query =
        format!("query($owner:String!,$name:String!{declared}){{repository(owner:$owner,name:$name){{{query}}}}}");
    let answer = query_repository::<HashMap<String, Option<Text>>>(connection, place, &query, variables).await?;
    let Some((mut texts, _)) = answer else {
        return Ok(HashMap::new());
    };
    let text = |index: usize| {
        let text = texts.remove(&format!("b{index}")).flatten()?.text?;
        is_named(text.as_bytes(), &wanted[index].name).then(|| (index, text.into_bytes()))
    };
    Ok(batch.into_iter().filter_map(text).collect())
}

/// Returns true if git gives these bytes that name.
fn is_named(bytes: &[u8], name: &str) -> bool {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", bytes.len()));
    digest.update(bytes);
    hex::encode(digest.finalize()) == name
}

/// Returns the variables' declarations, each after a comma.
fn declare(variables: &Map<String, Value>, kind: &str) -> String {
    variables.keys().fold(String::new(), |mut all, name| {
        let _infallible = write!(all, ",${name}:{kind}");
        all
    })
}

/// Sends a query about the repository. Returns the answer, and the aliases that GitHub couldn't resolve; `None` if the
/// REST API has to be used instead.
///
/// # Errors
///
/// The rate limit: other requests would meet it too.
async fn query_repository<T: DeserializeOwned>(
    connection: &GithubConnection,
    place: Place<'_>,
    query: &str,
    mut variables: Map<String, Value>,
) -> Result<Option<(T, Vec<String>)>, Failure> {
    if connection.is_anonymous() {
        return Ok(None);
    }
    variables.insert("owner".to_owned(), json!(place.repository.owner()));
    variables.insert("name".to_owned(), json!(place.repository.name()));
    let call = connection.query(place.repository, query, Value::Object(variables), CONTENTS_READ);
    let answer = match connection.graphql::<Data<T>>(call).await {
        Ok(answer) => answer,
        Err(failure) if matches!(failure.kind, Kind::RateLimited(_)) => return Err(failure),
        Err(failure) => {
            tracing::debug!(error = failure.line, "GraphQL fails: files are read one by one");
            return Ok(None);
        }
    };
    // GraphQL may report a missing path as an error.
    let unknown = answer.errors.iter().filter(|error| error.kind != "NOT_FOUND");
    let unknown = unknown
        .filter_map(|error| error.path.last()?.as_str().map(str::to_owned))
        .collect();
    Ok(answer
        .data
        .and_then(|data| data.repository)
        .map(|found| (found, unknown)))
}

/// Returns true if a repository can have the path, and an address with it means the same path.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_what_graphql_returns_whole() {
        let wanted = |bytes: &[Option<u64>]| -> Vec<Wanted> {
            let name = |bytes: &Option<u64>| Wanted {
                name: String::new(),
                bytes: *bytes,
            };
            bytes.iter().map(name).collect()
        };
        let half_mb = Some(MAX_TEXT_BYTES);
        let table: [(Vec<Option<u64>>, Vec<usize>); 6] = [
            (vec![], vec![]),
            (vec![Some(1); 50], vec![50]),
            (vec![Some(1); 101], vec![50, 50, 1]),
            (vec![half_mb; 9], vec![4, 4, 1]),
            (vec![None, Some(MAX_TEXT_BYTES + 1), Some(0)], vec![1]),
            (vec![None], vec![]),
        ];
        for (bytes, sizes) in table {
            let batches = batches(&wanted(&bytes));
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{bytes:?}");
        }
    }

    #[test]
    fn a_text_is_checked_against_its_name() {
        // `printf 'a\n' | git hash-object --stdin`
        assert!(is_named(b"a\n", "78981922613b2afb6025042ff6bd878ac1994e85"));
        assert!(!is_named(b"b\n", "78981922613b2afb6025042ff6bd878ac1994e85"));
        assert!(is_named(b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"));
    }

    #[test]
    fn only_plain_paths_are_looked_up() {
        for (path, plain) in [
            ("a/b", true),
            ("", false),
            ("/a", false),
            ("a//b", false),
            ("a/../b", false),
            ("..", false),
        ] {
            assert_eq!(is_plain(path), plain, "{path}");
        }
    }
}
