//! A small language for token formats: literal text, and runs of characters of a class. Matching reads each byte at
//! most once: a run takes as many characters as it may, without backtracking.

/// The format of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Run { class: Class, least: usize, most: usize },
}

/// A set of ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class([bool; 128]);

impl Class {
    /// Parses one letter that names a class, or a set `[a-z_]`.
    fn parse(text: &str) -> Option<Self> {
        let set = match text {
            "d" => "0-9",
            "a" => "a-z",
            "A" => "A-Z",
            "x" => "0-9a-f",
            "h" => "0-9a-fA-F",
            "l" => "a-z0-9",
            "u" => "A-Z0-9",
            "n" => "A-Za-z0-9",
            "w" => "A-Za-z0-9_",
            "b" => "A-Za-z0-9_-",
            "t" => "A-Za-z0-9_.-",
            "=" => "A-Za-z0-9_=-",
            "s" => "A-Za-z0-9+/",
            "e" => "A-Za-z0-9+/=",
            other => other.strip_prefix('[')?.strip_suffix(']')?,
        };
        let mut members = [false; 128];
        let bytes = set.as_bytes();
        let mut at = 0;
        while let Some(&first) = bytes.get(at) {
            let last = match (bytes.get(at + 1), bytes.get(at + 2)) {
                (Some(b'-'), Some(&last)) => {
                    at += 2;
                    last
                }
                _ => first,
            };
            for byte in first..=last {
                *members.get_mut(usize::from(byte))? = true;
            }
            at += 1;
        }
        Some(Self(members))
    }

    fn holds(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or(false)
    }
}

impl Shape {
    /// Parses a format such as `ghp_{n:36-255}`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let at = rest.find('{').unwrap_or(rest.len());
            let (literal, from) = rest.split_at(at);
            if !literal.is_empty() {
                parts.push(Part::Text(literal.to_owned()));
            }
            let Some(inner) = from.strip_prefix('{') else { break };
            // A set may contain any character but `}`.
            let (inner, after) = inner.split_once('}')?;
            let (class, lengths) = inner.rsplit_once(':')?;
            let (least, most) = lengths.split_once('-').unwrap_or((lengths, lengths));
            let (least, most) = (least.parse().ok()?, most.parse().ok()?);
            let class = Class::parse(class)?;
            parts.push(Part::Run { class, least, most });
            rest = after;
        }
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// Returns the index of the format's keyword: the first part if it is long enough, else the longest.
    fn keyword_place(&self) -> Option<usize> {
        let length = |place: &usize| match self.parts.get(*place) {
            Some(Part::Text(text)) => text.len(),
            _ => 0,
        };
        if length(&0) >= 2 {
            return Some(0);
        }
        (0..self.parts.len())
            .max_by_key(length)
            .filter(|place| length(place) > 0)
    }

    /// Returns the keyword that locates the format.
    pub fn keyword(&self) -> Option<&str> {
        match self.parts.get(self.keyword_place()?)? {
            Part::Text(text) => Some(text.as_str()),
            Part::Run { .. } => None,
        }
    }

    /// Returns the start of the token whose keyword is at `at`, by the parts before the keyword.
    pub fn start(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let mut start = at;
        for part in self.parts.get(..self.keyword_place()?)?.iter().rev() {
            let before = bytes.get(..start)?;
            start -= match part {
                Part::Text(text) => before.ends_with(text.as_bytes()).then_some(text.len())?,
                Part::Run { class, least, most } => {
                    let rest = before.iter().rev().take(*most);
                    let run = rest.take_while(|byte| class.holds(**byte)).count();
                    (run >= *least).then_some(run)?
                }
            };
        }
        Some(start)
    }

    /// Returns whether a byte can't directly precede a token, because it would be part of it.
    pub fn extends_left(&self, byte: u8) -> bool {
        let first_run = self.parts.iter().find_map(|part| match part {
            Part::Run { class, .. } => Some(class),
            Part::Text(_) => None,
        });
        byte.is_ascii_alphanumeric()
            || (matches!(byte, b'-' | b'_') && first_run.is_some_and(|class| class.holds(byte)))
    }

    /// Returns the length of the token at the start of the bytes. Returns `None` if they start with no such token, or
    /// with a longer word.
    pub fn match_len(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        for part in &self.parts {
            let rest = bytes.get(at..)?;
            at += match part {
                Part::Text(text) => rest.starts_with(text.as_bytes()).then_some(text.len())?,
                Part::Run { class, least, most } => {
                    let run = rest.iter().take(*most).take_while(|byte| class.holds(**byte)).count();
                    (run >= *least).then_some(run)?
                }
            };
        }
        let goes_on = |byte: &u8| match self.parts.last() {
            Some(Part::Run { class, .. }) => class.holds(*byte) || byte.is_ascii_alphanumeric(),
            _ => false,
        };
        (!bytes.get(at).is_some_and(goes_on)).then_some(at)
    }

    /// Generates a token of this format. `next` chooses the characters (any numbers).
    pub fn example(&self, next: &mut dyn FnMut() -> u32) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Run { class, least, most } => {
                    let span = u32::try_from((most - least).min(24) + 1).unwrap_or(1);
                    let length = least + usize::try_from(next() % span).unwrap_or(0);
                    // Marks are rare in tokens, and no token ends with one.
                    let members: Vec<char> = (0_u8..128)
                        .filter(|byte| class.holds(*byte) && (byte.is_ascii_alphanumeric() || !class.holds(b'a')))
                        .map(char::from)
                        .collect();
                    let count = u32::try_from(members.len()).unwrap_or(1).max(1);
                    out.extend((0..length).filter_map(|_| members.get(usize::try_from(next() % count).unwrap_or(0))));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a form that cannot be read fails the test")]
    use super::*;

    #[test]
    fn a_format_matches_its_tokens_and_nothing_longer() {
        for (form, text, length) in [
            ("ab_{d:3}", "ab_123", Some(6)),
            ("ab_{d:3}", "ab_123 x", Some(6)),
            ("ab_{d:3}", "ab_1234", None),
            ("ab_{d:3}", "ab_12x", None),
            ("ab_{d:3}", "ab_123x", None),
            ("ab_{d:2-3}-{x:2}", "ab_123-ff", Some(9)),
            ("ab_{d:2-3}-{x:2}", "ab_1234-ff", None),
            ("{d:2-3}:AA", "123:AA", Some(6)),
            ("{[a-c_]:2}==", "c_==", Some(4)),
            ("ab", "abc", Some(2)),
        ] {
            assert_eq!(
                Shape::parse(form).unwrap().match_len(text.as_bytes()),
                length,
                "{form} on {text}"
            );
        }
        for wrong in ["", "{d}", "{d:x}", "{q:1}", "a{d:1"] {
            assert_eq!(Shape::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_may_begin_before_its_keyword() {
        let shape = Shape::parse("{d:2-3}:AA{n:2}").unwrap();
        assert_eq!(shape.keyword(), Some(":AA"));
        assert_eq!(shape.start(b"x 123:AAbc", 5), Some(2));
        assert_eq!(shape.start(b"x 1:AAbc", 3), None);
    }
}
