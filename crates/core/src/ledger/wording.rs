//! The similarity of two findings' words. Words are compared by their stems, and by groups of words that name the same
//! thing in findings (`concepts.txt`).

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use crate::model::finding::Finding;

/// The maximum number of different words that count in one finding.
const MAX_WORDS: usize = 80;
/// The maximum length of a text that is read for its words, in bytes.
const MAX_TEXT_BYTES: usize = 1_000;
/// The weight of a word that names a kind of defect.
const KIND_WEIGHT: f64 = 2.0;
/// The factor for a word that is in the code's line: every finding on that line may use it.
const CODE_FACTOR: f64 = 0.6;
/// The factor for a word that only the body has.
const BODY_FACTOR: f64 = 0.5;

/// Words without meaning of their own in a finding.
const STOP_WORDS: &str = "a after again all already also although always an and another any are aren as at back be because \
    been before being both but by call called caller callers calls can cannot case check checked checks code consider could \
    did do does doesn done each either else end enough even every few first for found from function get gets give given \
    gives had has have here how however if in instead into is isn it its just last later line made make makes many may \
    method might more most much must need needed needs never new next no nor not nothing now of old on once one only or \
    other others otherwise our out over own part passed place possible possibly potential potentially put reader readers \
    reason result return returned returning returns same should since so some still such take taken takes than that the \
    their them then there these they thing this those though through time to too two under until up use used uses using \
    value values very via was way we well were what when where whether which while who whole why will with without won \
    would you your";

/// The stem of each word of the table, with the number of its group and whether the group names a kind of defect.
static CONCEPTS: LazyLock<HashMap<String, (usize, bool)>> = LazyLock::new(|| {
    let lines = include_str!("concepts.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let words = lines.enumerate().flat_map(|(group, line)| {
        let words = line.trim_start_matches('~').split(' ');
        let is_kind = !line.starts_with('~');
        words.map(move |word| (stem(word), (group, is_kind)))
    });
    words.collect()
});

static STOPS: LazyLock<HashMap<&'static str, ()>> =
    LazyLock::new(|| STOP_WORDS.split_whitespace().map(|word| (word, ())).collect());

/// The weighted words of a finding.
#[derive(Clone, Debug)]
pub struct Wording {
    /// The digest of each word, or of its group's number, with its weight; ordered.
    words: Vec<(u64, f64)>,
    sum: f64,
    /// The names of code in the title.
    names: Vec<String>,
    /// The numbers in the title.
    numbers: Vec<String>,
    /// The digest of the title: titles of signs and single letters have no words.
    title: u64,
}

impl Wording {
    /// Reads the words of a title and a body. `code` is the text of the finding's line.
    pub fn new(title: &str, body: &str, code: &str) -> Self {
        let [title, body, code] = [title, body, code].map(beginning);
        let mut in_code: HashMap<String, ()> = HashMap::new();
        each_word(code, &mut |word| {
            in_code.insert(stem(word), ());
        });
        let mut weights: BTreeMap<u64, f64> = BTreeMap::new();
        for (text, factor) in [(title, 1.0), (body, BODY_FACTOR)] {
            let mut add = |word: &str| {
                if STOPS.contains_key(word) || weights.len() >= MAX_WORDS {
                    return;
                }
                let stem = stem(word);
                let is_in_code = in_code.contains_key(&stem);
                let (key, weight) = match CONCEPTS.get(&stem) {
                    Some((group, is_kind)) => {
                        let weight = if *is_kind { KIND_WEIGHT } else { 1.0 };
                        (digest(&format!("#{group}")), weight)
                    }
                    None => (digest(&stem), weight_of(word)),
                };
                let weight = if is_in_code { weight * CODE_FACTOR } else { weight };
                let there = weights.entry(key).or_default();
                *there = there.max(weight * factor);
            };
            each_word(text, &mut add);
            // off-by-one is a word of its own.
            for word in text.split_whitespace().filter(|word| word.contains('-')) {
                add(&word.to_lowercase().replace(|char: char| !char.is_alphanumeric(), ""));
            }
        }
        let mut numbers = Vec::new();
        each_word(title, &mut |word| {
            if word.chars().all(char::is_numeric) {
                numbers.push(word.to_owned());
            }
        });
        let mut names = names(title);
        names.sort();
        names.dedup();
        Self {
            sum: weights.values().sum(),
            words: weights.into_iter().collect(),
            names,
            numbers,
            title: digest(&title.trim().to_lowercase()),
        }
    }

    /// Returns the words of a finding whose code isn't at hand.
    pub fn of_finding(finding: &Finding) -> Self {
        Self::new(&finding.title, &finding.body, "")
    }

    /// Returns the similarity of two findings' words, from 0 to 1. It is 0 if their titles have different numbers.
    pub fn similarity(&self, other: &Self) -> f64 {
        let has_numbers = !self.numbers.is_empty() && !other.numbers.is_empty();
        if has_numbers && !self.numbers.iter().any(|number| other.numbers.contains(number)) {
            return 0.0;
        }
        let (mut one, mut two) = (self.words.iter().peekable(), other.words.iter().peekable());
        let mut shared = 0.0;
        while let (Some((word, weight)), Some((other_word, other_weight))) = (one.peek(), two.peek()) {
            match word.cmp(other_word) {
                std::cmp::Ordering::Less => drop(one.next()),
                std::cmp::Ordering::Greater => drop(two.next()),
                std::cmp::Ordering::Equal => {
                    shared += weight.min(*other_weight);
                    one.next();
                    two.next();
                }
            }
        }
        let smaller = self.sum.min(other.sum);
        if smaller <= 0.0 {
            return if self.title == other.title { 1.0 } else { 0.0 };
        }
        let overlap = shared / smaller;
        let dice = 2.0 * shared / (self.sum + other.sum);
        ((overlap + dice) / 2.0).min(1.0)
    }

    /// Returns whether both titles name code and have no name in common.
    pub fn names_other_code(&self, other: &Self) -> bool {
        !self.names.is_empty() && !other.names.is_empty() && !self.shares_a_name(other)
    }

    /// Returns whether both titles name the same code.
    pub fn shares_a_name(&self, other: &Self) -> bool {
        self.names.iter().any(|name| other.names.contains(name))
    }
}

/// Returns the part of a text that is read.
fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default()
}

/// Returns the weight of a word outside of the table: long words are rarer.
fn weight_of(word: &str) -> f64 {
    match word.chars().count() {
        0..=4 => 0.8,
        5..=7 => 1.0,
        _ => 1.25,
    }
}

/// Returns the names of code in a text: between backticks, or written as only code is.
fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, piece) in text.split('`').enumerate() {
        let is_quoted = index % 2 == 1;
        for word in piece.split(|char: char| !char.is_alphanumeric() && char != '_') {
            let is_code = word.contains('_') || word.chars().skip(1).any(char::is_uppercase);
            let has_letter = word.chars().any(char::is_alphabetic);
            if has_letter && (is_quoted || is_code) && found.len() < MAX_WORDS {
                found.push(word.to_lowercase());
            }
        }
    }
    found
}

/// Calls `take` with each word in lower case; a name of several words is also divided.
pub(super) fn each_word(text: &str, take: &mut dyn FnMut(&str)) {
    for word in text.split(|char: char| !char.is_alphanumeric() && char != '_') {
        let mut part = String::new();
        let mut parts = 0;
        let mut was_lower = false;
        for char in word.chars() {
            let is_border = char == '_' || (char.is_uppercase() && was_lower);
            if is_border && !part.is_empty() {
                take(&part);
                part.clear();
                parts += 1;
            }
            was_lower = char.is_lowercase() || char.is_numeric();
            if char != '_' {
                part.extend(char.to_lowercase());
            }
        }
        if parts > 0 && part.chars().count() > 1 {
            take(&part);
            take(&word.to_lowercase());
        } else if part.chars().count() > 1 || part.chars().any(char::is_numeric) {
            take(&part);
        }
    }
}

/// Returns the FNV-1a digest of a word: words are compared often, and a rare collision only makes two texts more similar.
pub(super) fn digest(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns a word without its usual English endings.
fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    if !word.is_ascii() || word.len() < 4 {
        return word;
    }
    const ENDINGS: [(&str, &str); 17] = [
        ("ations", ""),
        ("ation", ""),
        ("ating", ""),
        ("ated", ""),
        ("ates", ""),
        ("ate", ""),
        ("ments", ""),
        ("ions", ""),
        ("ion", ""),
        ("ies", "y"),
        ("ied", "y"),
        ("ings", ""),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("ly", ""),
        ("s", ""),
    ];
    let mut stem = word.clone();
    for (ending, replacement) in ENDINGS {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.len() + replacement.len() >= 3
            && !(ending == "s" && rest.ends_with('s'))
        {
            stem = format!("{rest}{replacement}");
            break;
        }
    }
    if let Some(rest) = stem.strip_suffix('e')
        && rest.len() >= 3
    {
        stem = rest.to_owned();
    }
    let bytes = stem.as_bytes();
    if let [.., one, two] = bytes
        && one == two
        && stem.len() > 3
        && !matches!(two, b'l' | b's')
    {
        stem.pop();
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_by_stem_and_group() {
        for (one, other) in [
            ("allocates", "allocation"),
            ("dropped", "drops"),
            ("copies", "copy"),
            ("validating", "validated"),
            ("overflows", "overflow"),
            ("unchecked_add", "unchecked_add"),
        ] {
            assert_eq!(stem(one), stem(other), "{one} {other}");
        }
        let code = "let first = items[0];";
        let wording = |title: &str| Wording::new(title, "", code);
        let panic = wording("`items[0]` panics on an empty list");
        let crash = wording("Indexing crashes when `items` is empty");
        let other = wording("Variable name `first` is misleading");
        assert!(panic.similarity(&crash) > 0.6, "{}", panic.similarity(&crash));
        assert!(panic.similarity(&other) < 0.2, "{}", panic.similarity(&other));
        assert!(panic.names_other_code(&other) && panic.shares_a_name(&crash));
    }

    #[test]
    fn texts_without_words_are_not_similar() {
        for text in ["", "the of and", "!!!", "§ ☃"] {
            assert!(Wording::new(text, "", "").similarity(&Wording::new(text, "", "")) <= 1.0);
        }
        assert!(
            Wording::new("", "", "")
                .similarity(&Wording::new("Overflow", "", ""))
                .abs()
                < f64::EPSILON
        );
    }
}
