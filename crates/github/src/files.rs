//! Lists a pull request's changed files in pages. Once an answer has about 20,000 lines, GitHub leaves out counts and
//! patches of the rest of that page, without a mark; smaller pages have them. `classify` decides what kind each file
//! is.

use futures::{StreamExt, TryStreamExt, stream};

use super::connection::GithubConnection;
use super::failure::Failure;
use super::read::{PULL_READ, Place};
use super::wire::File;

/// GitHub lists at most this many files.
const MAX_FILES: usize = 3_000;
/// Page sizes. A smaller one is used where a larger page was cut off; each divides the one before.
const PAGE_SIZES: [usize; 3] = [100, 10, 1];
/// An answer with fewer patch lines and bytes counts as complete: this is far below GitHub's limits, which may change.
const WHOLE_LINES: usize = 2_000;
const WHOLE_BYTES: usize = 100 * 1024;

/// Maximum number of pages in flight.
const CONCURRENT_PAGES: usize = 8;

/// Lists all files that GitHub shows, in its order. `expected` is the pull request's own count: its pages are read at
/// the same time, and more only if the last one is full.
pub(super) async fn list(connection: &GithubConnection, place: Place<'_>, expected: u64) -> Result<Vec<File>, Failure> {
    let size = PAGE_SIZES[0];
    let most_pages = MAX_FILES.div_ceil(size);
    let expected = usize::try_from(expected).unwrap_or(MAX_FILES);
    let counted = expected.div_ceil(size).clamp(1, most_pages);
    let mut pages: Vec<Vec<File>> = read_pages(connection, place, size, (1..=counted).collect()).await?;
    while pages.len() < most_pages && pages.last().is_some_and(|last| last.len() == size) {
        let number = pages.len() + 1;
        pages.push(page(connection, place, size, number).await?);
    }
    let mut files = Vec::new();
    let mut suspects = Vec::new();
    for found in pages {
        let first = files.len();
        let is_last = found.len() < size;
        files.extend(found);
        suspects.extend(cut_off(&files, first, files.len()));
        if is_last {
            break;
        }
    }
    refill(connection, place, &mut files, suspects).await?;
    files.truncate(MAX_FILES);
    Ok(files)
}

/// Reads the files that were cut off at the ends of pages again, in smaller pages.
async fn refill(
    connection: &GithubConnection,
    place: Place<'_>,
    files: &mut [File],
    mut suspects: Vec<usize>,
) -> Result<(), Failure> {
    for size in &PAGE_SIZES[1..] {
        let mut left = Vec::new();
        let mut numbers: Vec<usize> = suspects.iter().map(|index| index / size).collect();
        numbers.dedup();
        let one_based = numbers.iter().map(|number| number + 1).collect();
        let pages = read_pages(connection, place, *size, one_based).await?;
        for (number, found) in numbers.into_iter().zip(pages) {
            let start = number * size;
            let end = (start + found.len()).min(files.len());
            let still: Vec<usize> = cut_off(&found, 0, found.len())
                .into_iter()
                .map(|index| index + start)
                .collect();
            left.extend(still.into_iter().filter(|index| suspects.contains(index)));
            for (known, found) in files[start..end].iter_mut().zip(found) {
                // Another name means that the head has moved meanwhile; the reader of the change notices that.
                if is_bare(known) && known.filename == found.filename {
                    *known = found;
                }
            }
        }
        suspects = left;
    }
    Ok(())
}

/// Reads the pages with these numbers, in that order.
async fn read_pages(
    connection: &GithubConnection,
    place: Place<'_>,
    size: usize,
    numbers: Vec<usize>,
) -> Result<Vec<Vec<File>>, Failure> {
    let mut pages = Vec::new();
    for number in numbers {
        pages.push(page(connection, place, size, number));
    }
    stream::iter(pages).buffered(CONCURRENT_PAGES).try_collect().await
}

/// Returns the files of one answer that may be cut off: bare ones at its end, after enough lines of patches.
fn cut_off(files: &[File], first: usize, end: usize) -> Vec<usize> {
    let answer = &files[first..end];
    let patches = || answer.iter().filter_map(|file| file.patch.as_deref());
    let lines: usize = patches()
        .map(|patch| patch.bytes().filter(|byte| *byte == b'\n').count() + 1)
        .sum();
    let bytes: usize = patches().map(str::len).sum();
    if lines < WHOLE_LINES && bytes < WHOLE_BYTES {
        return Vec::new();
    }
    let bare = answer.iter().rev().take_while(|file| is_bare(file)).count();
    (end - bare..end).collect()
}

/// Returns true for a file with neither counts nor patch: binary, empty, only renamed, or cut off.
fn is_bare(file: &File) -> bool {
    file.patch.is_none() && file.additions == 0 && file.deletions == 0
}

async fn page(
    connection: &GithubConnection,
    place: Place<'_>,
    size: usize,
    number: usize,
) -> Result<Vec<File>, Failure> {
    let call = connection.get(&place.pull(&["files"]), PULL_READ);
    connection
        .json(
            call.query("per_page", &size.to_string())
                .query("page", &number.to_string()),
        )
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: usize) -> File {
        File {
            filename: "f".into(),
            previous_filename: None,
            status: "modified".into(),
            additions: lines as u64,
            deletions: 0,
            patch: (lines > 0).then(|| vec!["+x"; lines].join("\n")),
        }
    }

    #[test]
    fn only_bare_files_at_the_end_of_a_long_answer_are_suspect() {
        let table: [(&[usize], &[usize]); 6] = [
            (&[1_999, 0, 0], &[]),
            (&[2_000, 0, 0], &[1, 2]),
            (&[2_000, 0, 5, 0], &[3]),
            (&[2_000, 0, 5], &[]),
            (&[0, 0, 0], &[]),
            (&[], &[]),
        ];
        for (lines, expected) in table {
            let files: Vec<File> = lines.iter().map(|lines| file(*lines)).collect();
            assert_eq!(cut_off(&files, 0, files.len()), expected, "{lines:?}");
        }
    }
}
