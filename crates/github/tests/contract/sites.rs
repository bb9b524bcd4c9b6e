//! Counts the calls in the adapter's sources, so that a call without a test is noticed.

use std::collections::BTreeMap;
use std::path::Path;

/// Returns the number of calls in each file of the adapter.
pub(crate) fn call_sites() -> BTreeMap<String, usize> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sites = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let count = count(&std::fs::read_to_string(&path).unwrap());
        if count > 0 {
            sites.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), count);
        }
    }
    sites
}

/// Counts calls of `get`, `get_raw`, `write` and `query` with the connection's arguments: those of maps, slices and
/// headers have one, a parameter of an address has two.
fn count(source: &str) -> usize {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String = lines.collect::<Vec<_>>().join("\n");
    [(".get(", 2), (".get_raw(", 2), (".write(", 2), (".query(", 4)]
        .iter()
        .flat_map(|(name, least)| {
            code.match_indices(name)
                .map(move |(at, name)| (at + name.len(), *least))
        })
        .filter(|(at, least)| arguments(&code[*at..]) >= *least)
        .count()
}

/// Returns the number of arguments before the bracket that closes the call.
fn arguments(text: &str) -> usize {
    let (mut depth, mut commas, mut is_filled) = (0_usize, 0, false);
    for character in text.chars() {
        match character {
            ')' | ']' | '}' if depth == 0 => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            // A trailing comma begins no argument.
            ',' if depth == 0 => (commas, is_filled) = (commas + usize::from(is_filled), false),
            _ => {}
        }
        is_filled |= !(character.is_whitespace() || (character == ',' && depth == 0));
    }
    commas + usize::from(is_filled)
}

#[test]
fn only_calls_are_counted() {
    for (source, expected) in [
        ("connection.get(&place.pull(&[]), PULL_READ)", 1),
        (
            "connection\n    .get(\n        &place.repository(&[\"git\", \"trees\"]),\n        NEEDS,\n    )",
            1,
        ),
        ("self.connection.get_raw(&segments, MOST, NEEDS)", 1),
        (
            "connection.write(Method::PATCH, &path, json!({ \"a\": 1, \"b\": 2 }), NEEDS)",
            1,
        ),
        ("connection.query(repository, EDITOR, &page.node_id, NEEDS)", 1),
        ("call.query(\"page\", &number.to_string())", 0),
        ("tokens.get(slug)", 0),
        ("names.get(\n    key,\n)", 0),
        ("list.get(sent.min(a.len())..)", 0),
        ("// connection.get(&a, B)", 0),
        ("fn f() {}\n#[cfg(test)]\nmod tests { connection.get(&a, B) }", 0),
    ] {
        assert_eq!(count(source), expected, "{source}");
    }
}
