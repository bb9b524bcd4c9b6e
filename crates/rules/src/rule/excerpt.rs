//! The lines of a finding in SQL. The grammar doesn't read every dialect, so that one node may hold several statements:
//! the lines are those that an expression of the rule matches.

use regex::Regex;
use serde_json::Value;

use super::super::language::Language;

/// Maximum length of a text that is searched again for its lines, in bytes.
const MAX_BYTES: usize = 4_000;

/// The expressions that a rule has for its own node, not for other nodes around it.
#[derive(Default)]
pub(crate) struct Excerpts(Vec<Regex>);

impl Excerpts {
    /// Collects the expressions of a rule; none for other languages than SQL.
    pub fn of(language: Language, matcher: &Value) -> Self {
        let mut expressions = Vec::new();
        let mut open: Vec<&Value> = matcher.get("rule").into_iter().collect();
        while let Some(rule) = open.pop().filter(|_| language == Language::Sql) {
            for name in ["all", "any"] {
                open.extend(rule.get(name).and_then(Value::as_array).into_iter().flatten());
            }
            let text = rule.get("regex").and_then(Value::as_str);
            expressions.extend(text.and_then(|text| Regex::new(text).ok()));
        }
        Self(expressions)
    }

    /// Returns the first and the last line that an expression matches in a text of several lines, counted from 0; none
    /// if every match is as long as the text.
    pub fn lines(&self, text: &str) -> Option<(u32, u32)> {
        if self.0.is_empty() || text.len() > MAX_BYTES {
            return None;
        }
        let rows = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        let all = rows(text);
        let of_match = |expression: &Regex| {
            let found = expression.find(text)?;
            let trimmed = found.as_str().trim();
            let leading = found.as_str().find(trimmed)?;
            let first = rows(text.get(..found.start() + leading)?);
            Some((first, first + rows(trimmed))).filter(|(first, last)| !trimmed.is_empty() && last - first < all)
        };
        let matches = self.0.iter().filter_map(of_match);
        matches.min_by_key(|(first, last)| (last - first, *first))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_lines_are_those_of_the_shortest_match() {
        let rule = json!({"rule": {"all": [
            {"any": [{"regex": "(?s)^.{1,600}$"}, {"regex": r"\n\s*GRANT ALL[^;]*;"}]},
            {"not": {"regex": "SELECT"}},
        ]}});
        let excerpts = Excerpts::of(Language::Sql, &rule);
        assert_eq!(excerpts.lines("SELECT 1;\n\nGRANT ALL\nON t;\nSELECT 2;"), Some((2, 3)));
        assert_eq!(excerpts.lines("SELECT 1;\nSELECT 2;"), None);
        assert_eq!(excerpts.lines("\nGRANT ALL ON t;"), Some((1, 1)));
        assert_eq!(excerpts.lines(&"\nGRANT ALL ON t;".repeat(MAX_BYTES)), None);
        assert_eq!(Excerpts::of(Language::Java, &rule).lines("\nGRANT ALL ON t;"), None);
    }
}
