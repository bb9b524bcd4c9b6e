//! Numbers with their nouns.

/// Returns a number with its noun: `1 file`, `2 files`.
pub fn counted<N: std::fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Returns the verb that agrees with a number: `is` for one, otherwise `are`.
pub fn is_or_are<N: PartialEq + From<u8>>(number: N) -> &'static str {
    if number == N::from(1) { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_something_has_no_plural() {
        let cases = [(0_u64, "0 files", "are"), (1, "1 file", "is"), (2, "2 files", "are")];
        for (number, text, verb) in cases {
            assert_eq!((counted(number, "file").as_str(), is_or_are(number)), (text, verb));
        }
    }
}
