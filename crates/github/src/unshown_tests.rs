//! The reasons why a file isn't searched for secrets: one for each cause.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use super::*;
use crate::GithubIdentity;
use holdfast_core::model::repository_name::RepositoryName;

fn file(path: &str, status: FileStatus) -> ChangedFile {
    ChangedFile {
        path: path.to_owned(),
        previous_path: None,
        status,
        kind: FileKind::Text,
        additions: 0,
        deletions: 0,
        patch: None,
        omitted: Some("binary".to_owned()),
        secrets: Vec::new(),
    }
}

/// Returns the reason that a file gets if nothing of it can be read.
async fn reason(file: ChangedFile, trees: Option<&Trees>) -> String {
    // No server listens there: a request fails the test.
    let url = "http://127.0.0.1:9".parse().unwrap();
    let connection = GithubConnection::new(Some(url), GithubIdentity::Anonymous).unwrap();
    let place = Place {
        repository: &RepositoryName::new("octo", "demo").unwrap(),
        number: "1",
    };
    let mut files = [file];
    fill(&connection, place, &mut files, trees).await.unwrap();
    let [file] = files;
    file.omitted.unwrap()
}

#[tokio::test]
async fn a_file_that_is_not_searched_has_the_reason() {
    let (small, large) = (1_000, MAX_FILE_BYTES + 1);
    type Listed<'a> = Option<(&'a [(&'a str, u64)], bool)>;
    let table: [(&str, FileStatus, Listed<'_>, Listed<'_>, &str); 7] = [
        ("no trees", FileStatus::Modified, None, None, UNLISTED),
        (
            "absent from a whole head",
            FileStatus::Modified,
            Some((&[("f", small)], true)),
            Some((&[], true)),
            MISSING,
        ),
        (
            "absent from a whole base",
            FileStatus::Modified,
            Some((&[], true)),
            Some((&[("f", small)], true)),
            MISSING,
        ),
        (
            "absent from a head that is cut off",
            FileStatus::Added,
            Some((&[], true)),
            Some((&[], false)),
            UNLISTED,
        ),
        (
            "absent from a base that is cut off",
            FileStatus::Modified,
            Some((&[], false)),
            Some((&[("f", small)], true)),
            UNLISTED,
        ),
        (
            "large at the head",
            FileStatus::Added,
            Some((&[], true)),
            Some((&[("f", large)], true)),
            "too large to search for secrets",
        ),
        (
            "large at the base",
            FileStatus::Modified,
            Some((&[("f", large)], true)),
            Some((&[("f", small)], true)),
            "too large to search for secrets",
        ),
    ];
    for (name, status, base, head, expected) in table {
        let trees = base.zip(head).map(|(base, head)| Trees {
            base: Tree::of(base.0, base.1),
            head: Tree::of(head.0, head.1),
        });
        let reason = reason(file("f", status), trees.as_ref()).await;
        assert_eq!(reason, format!("binary; {expected}"), "{name}");
    }
}
