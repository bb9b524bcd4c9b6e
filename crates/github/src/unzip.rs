//! Reads the SARIF files in a zip archive that a stranger may have made. Bytes are counted while they are read, whatever
//! the archive states; names are only compared, and nothing is written to a disk.

use std::io::{Cursor, Read};

use holdfast_core::count::{counted, is_or_are, size};
use holdfast_core::evidence::{Evidence, MAX_SARIF_FILES, Places, read_sarif};
use zip::ZipArchive;

/// Maximum number of entries of an archive: each costs memory before its name is known.
const MAX_ENTRIES: usize = 10_000;
/// Maximum number of tools that an archive names.
const MAX_TOOLS: usize = 200;
/// The bytes that each entry of an archive's directory begins with.
const ENTRY: [u8; 4] = *b"PK\x01\x02";

/// The reports of an archive's SARIF files.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub evidence: Evidence,
    /// What is not read, for people.
    pub problems: Vec<String>,
    /// The number of bytes that were unpacked.
    pub unpacked: u64,
}

/// Limits of unpacked bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of one file.
    pub file: u64,
    /// Of all files together.
    pub all: u64,
}

/// Reads the files whose names end in `.sarif` or `.sarif.json`.
pub(super) fn read(archive: &[u8], places: &Places, limits: Limits) -> Contents {
    let mut contents = Contents::default();
    if archive.windows(ENTRY.len()).filter(|bytes| *bytes == ENTRY).count() > MAX_ENTRIES {
        contents.problems.push(format!("it has more than {MAX_ENTRIES} files"));
        return contents;
    }
    let Ok(mut archive) = ZipArchive::new(Cursor::new(archive)) else {
        contents.problems.push("it is a damaged zip archive".to_owned());
        return contents;
    };
    let names = (0..archive.len()).map(|index| (index, archive.name_for_index(index)));
    let is_sarif = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.ends_with(".sarif") || name.ends_with(".sarif.json")
    };
    let files: Vec<usize> = names
        .filter(|(_, name)| matches!(name, Some(Ok(name)) if is_sarif(name)))
        .map(|(index, _)| index)
        .collect();
    let mut unread = Unread {
        beyond: files.len().saturating_sub(MAX_SARIF_FILES),
        ..Unread::default()
    };
    for index in files.iter().copied().take(MAX_SARIF_FILES) {
        let most = limits.file.min(limits.all - contents.unpacked);
        let mut bytes = Vec::new();
        let read = match archive.by_index(index) {
            Ok(file) => file.take(most + 1).read_to_end(&mut bytes).is_ok(),
            Err(_) => false,
        };
        let length = bytes.len() as u64;
        contents.unpacked += length.min(most);
        if length > most {
            match most == limits.file {
                true => unread.large += 1,
                false => unread.without_room += 1,
            }
        } else if !read {
            unread.damaged += 1;
        } else if let Ok(read) = read_sarif(&bytes, places) {
            contents.evidence.add(read);
            contents.evidence.tools.truncate(MAX_TOOLS);
        } else {
            unread.other += 1;
        }
    }
    match files.is_empty() {
        true => contents
            .problems
            .push("it has no file whose name ends in .sarif or .sarif.json".to_owned()),
        false => contents.problems = unread.problems(limits.file),
    }
    contents
}

/// The numbers of files that are not read.
#[derive(Default)]
struct Unread {
    large: usize,
    damaged: usize,
    other: usize,
    beyond: usize,
    without_room: usize,
}

impl Unread {
    /// Returns a text for each number.
    fn problems(&self, most: u64) -> Vec<String> {
        let texts = [
            (self.large, format!("larger than {}", size(most))),
            (self.damaged, "damaged or encrypted".to_owned()),
            (self.other, "not SARIF 2.1.0".to_owned()),
            (self.beyond, format!("left out: at most {MAX_SARIF_FILES} are read")),
            (
                self.without_room,
                "left out: the files before are too large together".to_owned(),
            ),
        ];
        let texts = texts.into_iter().filter(|(number, _)| *number > 0);
        texts
            .map(|(number, text)| format!("{} {} {text}", counted(number, "file"), is_or_are(number)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::io::Write;

    use serde_json::json;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    fn sarif(tool: &str, path: &str) -> Vec<u8> {
        let place = json!({ "artifactLocation": { "uri": path }, "region": { "startLine": 3 } });
        let result =
            json!({ "ruleId": "R1", "message": { "text": "Bad." }, "locations": [{ "physicalLocation": place }] });
        let run = json!({ "tool": { "driver": { "name": tool } }, "results": [result] });
        json!({ "version": "2.1.0", "runs": [run] }).to_string().into_bytes()
    }

    fn zip(files: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let options = SimpleFileOptions::default().compression_method(method);
            archive.start_file(*name, options).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn deflated(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        zip(files, CompressionMethod::Deflated)
    }

    /// Reads an archive with files of at most 50 KiB.
    fn read_all(archive: &[u8]) -> Contents {
        let limits = Limits {
            file: 50 * 1024,
            all: u64::MAX,
        };
        read(archive, &Places::on_runners("demo"), limits)
    }

    fn tools(contents: &Contents) -> Vec<&str> {
        contents.evidence.tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    #[test]
    fn files_that_end_in_sarif_are_read_whatever_the_rest_of_their_names() {
        for method in [CompressionMethod::Deflated, CompressionMethod::Stored] {
            let files = [
                ("a.sarif", sarif("one", "a.py")),
                ("deep/er/B.SARIF.json", sarif("two", "/home/runner/work/demo/demo/b.py")),
                ("../../../etc/cron.d/x.sarif", sarif("three", "c.py")),
                ("/absolute.sarif", sarif("four", "d.py")),
                ("C:\\x\u{0}\n.sarif", sarif("five", "e.py")),
                ("a.json", sarif("no", "f.py")),
                ("a.sarif.txt", sarif("no", "g.py")),
                ("sarif", sarif("no", "h.py")),
            ];
            let contents = read_all(&zip(&files, method));
            assert_eq!(tools(&contents), ["one", "two", "three", "four", "five"]);
            let paths: Vec<&String> = contents.evidence.reports.keys().collect();
            assert_eq!(paths, ["a.py", "b.py", "c.py", "d.py", "e.py"]);
            assert_eq!(contents.problems, Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_not_read_is_named_by_number_only() {
        let damaged = || {
            let mut bytes = deflated(&[("@everyone.sarif", sarif("lost", "a.py"))]);
            // Behind the header of 30 bytes and the name.
            bytes[30 + "@everyone.sarif".len() + 4] ^= 0xff;
            bytes
        };
        let mut encrypted = deflated(&[("a.sarif", sarif("lost", "a.py"))]);
        let directory = encrypted.windows(4).position(|bytes| bytes == ENTRY).unwrap();
        encrypted[directory + 8] |= 1;
        let many: Vec<(String, Vec<u8>)> = (0..23)
            .map(|number| (format!("{number}.sarif"), sarif("t", "a.py")))
            .collect();
        let many: Vec<(&str, Vec<u8>)> = many
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        for (archive, expected) in [
            (b"PK".to_vec(), "it is a damaged zip archive"),
            (Vec::new(), "it is a damaged zip archive"),
            (deflated(&[]), "it has no file whose name ends in .sarif or .sarif.json"),
            (damaged(), "1 file is damaged or encrypted"),
            (encrypted, "1 file is damaged or encrypted"),
            (
                deflated(&[("a.sarif", b"{}".to_vec()), ("b.sarif", vec![0; 9])]),
                "2 files are not SARIF 2.1.0",
            ),
            (deflated(&many), "3 files are left out: at most 20 are read"),
            (ENTRY.repeat(MAX_ENTRIES + 1), "it has more than 10000 files"),
        ] {
            assert_eq!(read_all(&archive).problems, [expected]);
        }
    }

    #[test]
    fn a_bomb_is_read_up_to_the_limit_whatever_it_states() {
        let file = |tool: &str, bytes: usize| {
            let mut file = sarif(tool, "a.py");
            file.resize(bytes, b' ');
            file
        };
        let bomb = deflated(&[
            ("a.sarif", file("huge", 2_000_000)),
            ("b.sarif", file("more", 50 * 1024 + 1)),
            ("c.sarif", file("most", 50 * 1024)),
        ]);
        assert!(bomb.len() < 10_000);
        let contents = read_all(&bomb);
        assert_eq!(tools(&contents), ["most"]);
        assert_eq!(contents.problems, ["2 files are larger than 50 KiB"]);
        assert_eq!(contents.unpacked, 3 * 50 * 1024);
        // It states a size of 9 bytes in its directory.
        let mut liar = deflated(&[("a.sarif", file("liar", 20_000))]);
        let directory = liar.windows(4).position(|bytes| bytes == ENTRY).unwrap();
        liar[directory + 24..directory + 28].copy_from_slice(&9_u32.to_le_bytes());
        let contents = read_all(&liar);
        assert_eq!(contents.problems, ["1 file is damaged or encrypted"]);
        assert_eq!(contents.evidence, Evidence::default());
    }

    #[test]
    fn all_files_together_are_bounded() {
        let file = sarif("one", "a.py");
        let limits = Limits {
            file: u64::MAX,
            all: file.len() as u64 + 10,
        };
        let archive = deflated(&[
            ("a.sarif", file),
            ("b.sarif", sarif("two", "b.py")),
            ("c.sarif", sarif("three", "c.py")),
        ]);
        let contents = read(&archive, &Places::default(), limits);
        assert_eq!(tools(&contents), ["one"]);
        assert_eq!(
            contents.problems,
            ["2 files are left out: the files before are too large together"]
        );
        assert_eq!(contents.unpacked, limits.all);
    }
}
