//! A strict reader of Prometheus's text format, version 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// The values by series, with labels in the text's order: `name{label="value"}`.
pub type Scrape = BTreeMap<String, f64>;

/// Reads a scrape.
///
/// # Panics
/// The text breaks a rule of the format, or a value can't be right.
pub fn read(text: &str) -> Scrape {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut values = Scrape::new();
    let mut families = BTreeSet::new();
    let (mut family, mut kind, mut has_help) = (String::new(), String::new(), false);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty(), "{line}");
            assert!(families.insert(name.to_owned()), "{name} is one group");
            (family, kind, has_help) = (name.to_owned(), String::new(), true);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, given) = rest.split_once(' ').unwrap();
            assert!(has_help && name == family && kind.is_empty(), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&given), "{line}");
            given.clone_into(&mut kind);
        } else {
            assert!(!kind.is_empty(), "{line} has no type");
            let (series, value) = sample(line);
            let name = series.split('{').next().unwrap();
            let suffix = name
                .strip_prefix(&family)
                .unwrap_or_else(|| panic!("{line} is in the group of {family}"));
            match kind.as_str() {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                _ => assert_eq!(suffix, "", "{line}"),
            }
            assert!(value.is_finite() && value >= 0.0, "{line}");
            let is_count = kind == "histogram" && suffix == "_count";
            assert!(values.insert(series, value).is_none(), "{line} is there twice");
            if is_count {
                check_histogram(&values, &family, value);
            }
        }
    }
    values
}

/// Returns the series and the value of a line.
fn sample(line: &str) -> (String, f64) {
    let name_end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, mut rest) = line.split_at(name_end);
    assert!(is_name(name), "{line}");
    let mut series = name.to_owned();
    if let Some(labels) = rest.strip_prefix('{') {
        let end = labels_end(labels).unwrap_or_else(|| panic!("{line}"));
        series += &rest[..end + 1];
        rest = &rest[end + 1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    assert!(!value.contains(' '), "{line} has a time");
    (series, value.parse().unwrap())
}

/// Returns the number of bytes of the labels with the closing brace.
fn labels_end(labels: &str) -> Option<usize> {
    let mut rest = labels;
    let mut names = BTreeSet::new();
    loop {
        let (name, value) = rest.split_once("=\"")?;
        assert!(is_name(name) && !name.contains(':') && names.insert(name), "{labels}");
        let mut signs = value.char_indices();
        let end = loop {
            match signs.next()? {
                (end, '"') => break end,
                (_, '\\') => assert!(matches!(signs.next()?.1, '\\' | '"' | 'n'), "{labels}"),
                _ => {}
            }
        };
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.starts_with('}').then(|| labels.len() - rest.len() + 1),
        }
    }
}

fn is_name(name: &str) -> bool {
    let of_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == ':';
    name.chars().all(of_name) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Checks a histogram without labels of its own: its buckets grow in order of their bounds, up to the count.
fn check_histogram(values: &Scrape, family: &str, count: f64) {
    let prefix = format!("{family}_bucket{{le=\"");
    let bound = |series: &str| -> Option<f64> { series.strip_prefix(&prefix)?.trim_end_matches("\"}").parse().ok() };
    let mut buckets: Vec<(f64, f64)> = values
        .iter()
        .filter_map(|(series, value)| Some((bound(series)?, *value)))
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(
        buckets.is_sorted_by(|one, other| one.1 <= other.1),
        "{family}: {buckets:?}"
    );
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{family}");
    assert!(values.contains_key(&format!("{family}_sum")), "{family}");
}

#[test]
fn invalid_texts_are_refused() {
    let head = "# HELP a x\n# TYPE a counter\n";
    assert_eq!(read(&format!("{head}a{{b=\"c\\\"}}d\"}} 1\n")).len(), 1);
    for (what, rest) in [
        ("no end", "a 1"),
        ("other group", "b 1\n"),
        ("twice", "a 1\na 1\n"),
        ("no value", "a\n"),
        ("negative", "a -1\n"),
        ("open label", "a{b=\"c} 1\n"),
        ("unknown escape", "a{b=\"\\x\"} 1\n"),
        ("no comma", "a{b=\"c\"d=\"e\"} 1\n"),
        ("label twice", "a{b=\"c\",b=\"e\"} 1\n"),
        ("group twice", "a 1\n# HELP a x\n"),
        ("no type", "# HELP b x\nb 1\n"),
        (
            "falling buckets",
            "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        ),
    ] {
        let text = format!("{head}{rest}");
        assert!(std::panic::catch_unwind(|| read(&text)).is_err(), "{what}");
    }
}
