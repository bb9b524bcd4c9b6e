//! Decides from both versions of a changed file whether it is text with a patch, text that is only searched for
//! secrets, or binary. Every source of changes uses it.

use crate::count::size;
use crate::diff::{Content, content_of, each_added_piece, unified, without_nul};
use crate::model::change::{ChangedFile, FileKind};
use crate::model::finding::Finding;
use crate::rule::secret_findings;

/// Largest version of a file that is shown to a model, in bytes. Larger texts are only searched for secrets.
pub const MAX_SHOWN_BYTES: usize = 1024 * 1024;

/// Maximum number of stored secrets of a file that is not reviewed.
const MAX_SECRETS: usize = 1_000;

/// Fills in the kind, the counts, and the patch or the reason why there is none. A missing version is empty.
///
/// A text of ordinary size gets its patch and is reviewed. For other texts (too large, with NUL bytes) only the secrets
/// in added lines are stored, whatever the size. A binary file keeps its source's reason. Returns whether the patch is
/// coarse: a part was not searched for equal lines.
pub fn fill_content(file: &mut ChangedFile, before: &[u8], after: &[u8]) -> bool {
    let largest = before.len().max(after.len());
    match content_of(before, after) {
        Content::Binary => file.kind = FileKind::Binary,
        Content::TextWithNul => {
            file.kind = FileKind::Binary;
            file.omitted = Some("has NUL bytes".to_owned());
            search(file, &without_nul(before), &without_nul(after));
        }
        Content::Text => {
            if file.kind == FileKind::Binary {
                file.kind = FileKind::Text;
            }
            if largest > MAX_SHOWN_BYTES {
                file.omitted = Some(format!("too large to show: {}", size(largest as u64)));
                search(file, before, after);
            } else {
                let patch = unified(before, after);
                (file.additions, file.deletions) = (patch.additions, patch.deletions);
                file.omitted = None;
                file.patch = Some(patch.text).filter(|text| !text.is_empty());
                return patch.is_coarse;
            }
        }
    }
    false
}

/// Stores the secrets in added lines without making a patch, which could be as large as both versions.
fn search(file: &mut ChangedFile, before: &[u8], after: &[u8]) {
    let mut secrets: Vec<Finding> = Vec::new();
    let path = file.path.clone();
    let counts = each_added_piece(before, after, |hunk, lines| {
        if secrets.len() < MAX_SECRETS {
            let found = secret_findings(&path, std::slice::from_ref(hunk));
            secrets.extend(found.into_iter().filter(|finding| lines.contains(&finding.line)));
        }
    });
    if secrets.len() >= MAX_SECRETS {
        secrets.truncate(MAX_SECRETS);
        if let Some(reason) = &mut file.omitted {
            reason.push_str(&format!("; only its first {MAX_SECRETS} secrets are listed"));
        }
    }
    file.patch = None;
    (file.additions, file.deletions, file.secrets) = (counts.0, counts.1, secrets);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::FileStatus;

    const TOKEN: [&str; 3] = ["ghp_", "Zk3", "Qp9Xv7Lm2Rt8Wn4Bc6Yd1Hs5Gf0Jk3Ab9Ce7Eu2"];

    fn filled(path: &str, before: &[u8], after: &[u8]) -> ChangedFile {
        let mut file = ChangedFile {
            path: path.to_owned(),
            previous_path: None,
            status: FileStatus::Modified,
            kind: FileKind::Text,
            additions: 0,
            deletions: 0,
            patch: None,
            omitted: None,
            secrets: Vec::new(),
        };
        fill_content(&mut file, before, after);
        file
    }

    #[test]
    fn a_text_of_one_mib_is_shown_and_a_longer_one_is_not() {
        let text = |bytes: usize| filled("f.txt", b"", &vec![b'\n'; bytes]);
        assert_eq!(text(1_048_576).omitted, None);
        assert!(text(1_048_577).omitted.is_some());
    }

    #[test]
    fn each_content_has_its_outcome() {
        let token = format!("token = \"{}\"\n", TOKEN.concat());
        let filler = "a line of a table\n";
        let many = filler.repeat(MAX_SHOWN_BYTES / filler.len());
        let huge = filler.repeat(6 * MAX_SHOWN_BYTES / filler.len());
        let lines = |text: &str| u32::try_from(text.lines().count()).unwrap_or_default();
        let picture: Vec<u8> = (0..2_000_u32).map(|n| (n * 7 % 256) as u8).collect();
        type Case<'a> = (&'a str, Vec<u8>, Vec<u8>, FileKind, Option<&'a str>, bool, Vec<u32>);
        let table: [Case<'_>; 8] = [
            ("new", vec![], b"a\n".to_vec(), FileKind::Text, None, true, vec![]),
            (
                "shown",
                vec![],
                token.clone().into(),
                FileKind::Text,
                None,
                true,
                vec![],
            ),
            ("picture", vec![], picture, FileKind::Binary, None, false, vec![]),
            (
                "nul",
                b"a\n".to_vec(),
                format!("a\n# \0\n{token}").into(),
                FileKind::Binary,
                Some("has NUL bytes"),
                false,
                vec![3],
            ),
            (
                "large, changed at its end",
                many.clone().into(),
                format!("{many}{token}").into(),
                FileKind::Text,
                Some("too large to show"),
                false,
                vec![lines(&many) + 1],
            ),
            (
                "large, with the secret in an unchanged line",
                format!("{token}{many}").into(),
                format!("{token}{many}x\n").into(),
                FileKind::Text,
                Some("too large to show"),
                false,
                vec![],
            ),
            (
                "a patch of several MiB",
                vec![],
                format!("{token}{huge}{token}{huge}{token}").into(),
                FileKind::Text,
                Some("too large to show"),
                false,
                vec![1, lines(&huge) + 2, 2 * lines(&huge) + 3],
            ),
            (
                "deleted",
                format!("{many}{token}").into(),
                vec![],
                FileKind::Text,
                Some("too large to show"),
                false,
                vec![],
            ),
        ];
        for (name, before, after, kind, omitted, has_patch, secrets) in table {
            let file = filled("f.txt", &before, &after);
            assert_eq!(file.kind, kind, "{name}");
            let reason = file.omitted.as_deref();
            assert!(
                reason.is_some() == omitted.is_some()
                    && reason.unwrap_or_default().starts_with(omitted.unwrap_or_default()),
                "{name}: {reason:?}"
            );
            assert_eq!(file.patch.is_some(), has_patch, "{name}");
            let found: Vec<u32> = file.secrets.iter().map(|secret| secret.line).collect();
            assert_eq!(found, secrets, "{name}");
        }
    }

    #[test]
    fn a_secret_on_the_border_of_two_pieces_is_found_once() {
        let token = format!("token = \"{}\"\n", TOKEN.concat());
        let secret_at = [
            1_usize, 9_898, 9_899, 9_900, 9_901, 9_999, 10_000, 10_001, 19_800, 19_950, 80_000,
        ];
        let text: String = (1..=80_000)
            .map(|line| {
                if secret_at.contains(&line) {
                    token.as_str()
                } else {
                    "a line of a table\n"
                }
            })
            .collect();
        let file = filled("f.txt", b"", text.as_bytes());
        let found: Vec<usize> = file.secrets.iter().map(|secret| secret.line as usize).collect();
        assert_eq!(found, secret_at);
        assert_eq!((file.additions, file.patch), (80_000, None));
    }

    #[test]
    fn the_secrets_of_one_file_are_bounded() {
        let token = format!("token = \"{}\"\n", TOKEN.concat());
        let file = filled("f.txt", b"", token.repeat(30_000).as_bytes());
        assert_eq!(file.secrets.len(), MAX_SECRETS);
        assert!(file.omitted.is_some_and(|reason| reason.contains("first 1000 secrets")));
    }
}
