//! Numbers with their nouns or units.

/// Returns a number with its noun: `1 file`, `2 files`.
pub fn counted<N: std::fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Returns a size with its unit: `812 bytes`, `1.5 MiB`.
pub fn size(bytes: u64) -> String {
    const UNIT: u64 = 1024;
    let (unit, name) = match bytes {
        0..UNIT => return counted(bytes, "byte"),
        bytes if bytes < UNIT * UNIT => (UNIT, "KiB"),
        bytes if bytes < UNIT * UNIT * UNIT => (UNIT * UNIT, "MiB"),
        _ => (UNIT * UNIT * UNIT, "GiB"),
    };
    // Rounded up, so that a size over a limit never reads as the limit.
    let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(unit));
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth => format!("{}.{tenth} {name}", tenths / 10),
    }
}

/// Returns the verb that agrees with a number: `is` for one, otherwise `are`.
pub fn is_or_are<N: PartialEq + From<u8>>(number: N) -> &'static str {
    if number == N::from(1) { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_its_unit_and_is_never_rounded_down() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1_023, "1023 bytes"),
            (1_024, "1 KiB"),
            (1_025, "1.1 KiB"),
            (16 * 1_048_576, "16 MiB"),
            (16 * 1_048_576 + 1, "16.1 MiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "17179869184 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn one_of_something_has_no_plural() {
        let cases = [(0_u64, "0 files", "are"), (1, "1 file", "is"), (2, "2 files", "are")];
        for (number, text, verb) in cases {
            assert_eq!((counted(number, "file").as_str(), is_or_are(number)), (text, verb));
        }
    }
}
