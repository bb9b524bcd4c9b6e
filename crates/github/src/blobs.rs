//! Many files of one commit in few requests, through GraphQL: one query for what each path is, then queries for the texts,
//! several files each. Chosen over the recursive tree (up to 100,000 entries for a change of one file) and over the archive (the
//! whole repository): the cost depends only on the files that are wanted, and their sizes are known before they are read.
//!
//! GraphQL returns texts only, and converts encodings: every text is checked against its blob's name. What differs, is binary or
//! is too large comes from the REST API, as does everything where GraphQL refuses or the connection has no credentials.

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

/// Paths that one query looks up.
const PATHS_PER_QUERY: usize = 100;
/// Texts that one query reads, by count and by bytes.
const TEXTS_PER_QUERY: usize = 50;
const BYTES_PER_QUERY: u64 = 2 * 1024 * 1024;
/// GraphQL cuts texts off at 512,000 bytes.
const MAX_TEXT_BYTES: u64 = 500_000;
/// Requests for one call that are in flight at once.
const CONCURRENT_REQUESTS: usize = 8;
/// What a mode says beside permissions, and what it says of a regular file.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;

/// A blob to read: its name and its size; no size where that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub name: String,
    pub bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<Data<T>>,
    #[serde(default)]
    errors: Vec<QueryError>,
}

#[derive(Deserialize)]
struct Data<T> {
    repository: Option<T>,
}

#[derive(Deserialize)]
struct QueryError {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    path: Vec<Value>,
}

#[derive(Deserialize)]
struct InRepository {
    object: Option<HashMap<String, Option<Entry>>>,
}

/// What a path of a commit is.
#[derive(Deserialize)]
struct Entry {
    mode: u32,
    size: u64,
    oid: String,
}

/// A blob's text; none of a binary one, and of what is no blob.
#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    text: Option<String>,
}

/// Returns the bytes of each path at a commit, in order; `None` for what is no file of at most [`MAX_BLOB_BYTES`] bytes.
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

/// Returns the blob of each path that is a file of at most [`MAX_BLOB_BYTES`] bytes.
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
        let answer = ask::<InRepository>(connection, place, &query, variables).await?;
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
    // What GraphQL left open. A folder's list is read once for all files in it.
    let mut rest = Vec::new();
    for (found, path) in found.into_iter().zip(paths) {
        rest.push(find_otherwise(connection, folders, place, found, path, at));
    }
    stream::iter(rest).buffered(CONCURRENT_REQUESTS).try_collect().await
}

/// What was found, or what the REST API finds.
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
    /// The file's blob, unless it is a link, a folder, a submodule, or too large.
    fn file(self) -> Option<Wanted> {
        let is_file = self.mode & MODE_KIND == MODE_FILE && self.size <= MAX_BLOB_BYTES as u64;
        is_file.then_some(Wanted {
            name: self.oid,
            bytes: Some(self.size),
        })
    }
}

/// Returns the bytes of each blob, in order; `None` for one that is missing or larger than `most` bytes.
pub(super) async fn read_blobs(
    connection: &GithubConnection,
    place: Place<'_>,
    wanted: &[Wanted],
    most: usize,
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
        contents.push(read_otherwise(connection, place, texts.remove(&index), wanted, most));
    }
    stream::iter(contents).buffered(CONCURRENT_REQUESTS).try_collect().await
}

/// The text that was read, or what the REST API has.
async fn read_otherwise(
    connection: &GithubConnection,
    place: Place<'_>,
    text: Option<Vec<u8>>,
    wanted: &Wanted,
    most: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    match text {
        Some(text) => Ok(Some(text)),
        None => read_blob(connection, place, &wanted.name, most).await,
    }
}

/// Reads one blob through the REST API, whatever it holds; `None` where it is missing or larger than `most` bytes.
pub(super) async fn read_blob(
    connection: &GithubConnection,
    place: Place<'_>,
    blob: &str,
    most: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let call = connection.get_raw(&place.repository(&["git", "blobs", blob]), most, CONTENTS_READ);
    match connection.send(call).await {
        Ok(reply) => Ok(Some(reply.body)),
        Err(Failure {
            kind: Kind::NotFound | Kind::TooLong,
            ..
        }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The indices of the blobs that GraphQL can hold, in batches.
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

/// Reads one batch's texts by index. What is left out has to be read in another way.
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
    let answer = ask::<HashMap<String, Option<Text>>>(connection, place, &query, variables).await?;
    let Some((mut texts, _)) = answer else {
        return Ok(HashMap::new());
    };
    let text = |index: usize| {
        let text = texts.remove(&format!("b{index}")).flatten()?.text?;
        is_named(text.as_bytes(), &wanted[index].name).then(|| (index, text.into_bytes()))
    };
    Ok(batch.into_iter().filter_map(text).collect())
}

/// Whether git gives these bytes that name.
fn is_named(bytes: &[u8], name: &str) -> bool {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", bytes.len()));
    digest.update(bytes);
    hex::encode(digest.finalize()) == name
}

/// The variables' declarations, each behind a comma.
fn declare(variables: &Map<String, Value>, kind: &str) -> String {
    variables.keys().fold(String::new(), |mut all, name| {
        let _infallible = write!(all, ",${name}:{kind}");
        all
    })
}

/// Asks about the repository. Returns what it answered, and the aliases that it could not; `None` where the REST API has to be
/// asked instead.
///
/// # Errors
///
/// A limit of requests: other requests would meet it too.
async fn ask<T: DeserializeOwned>(
    connection: &GithubConnection,
    place: Place<'_>,
    query: &str,
    mut variables: Map<String, Value>,
) -> Result<Option<(T, Vec<String>)>, Failure> {
    if connection.is_anonymous() {
        return Ok(None);
    }
    variables.insert("owner".to_owned(), json!(place.owner));
    variables.insert("name".to_owned(), json!(place.repository));
    let call = connection.query(
        place.owner,
        place.repository,
        query,
        Value::Object(variables),
        CONTENTS_READ,
    );
    let answer = match connection.json::<Answer<T>>(call).await {
        Ok(answer) => answer,
        Err(failure) if matches!(failure.kind, Kind::RateLimited(_)) => return Err(failure),
        Err(failure) => {
            tracing::debug!(error = failure.line, "files are read one by one instead");
            return Ok(None);
        }
    };
    if answer.errors.iter().any(|error| error.kind == "RATE_LIMITED") {
        let line = "POST /graphql: GitHub limits requests (RATE_LIMITED)".to_owned();
        return Err(Failure::new(Kind::RateLimited(None), line));
    }
    // A path that is not there may come as an error of its own.
    let unknown = answer.errors.iter().filter(|error| error.kind != "NOT_FOUND");
    let unknown = unknown
        .filter_map(|error| error.path.last()?.as_str().map(str::to_owned))
        .collect();
    Ok(answer
        .data
        .and_then(|data| data.repository)
        .map(|found| (found, unknown)))
}

/// Whether a path can be in a repository, and means itself in an address.
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
