//! The languages as the matchers know them: numbers of kinds and fields, and patterns of code.

use std::borrow::Cow;
use std::time::Duration;

use ast_grep_core::Pattern;
use ast_grep_core::matcher::{PatternBuilder, PatternError};

use super::deadline::TimeLimit;
use super::flat::FlatDoc;
use super::language::Language;
use super::parse;

/// Time limit of parsing a pattern.
const MAX_PATTERN_TIME: Duration = Duration::from_secs(1);

impl ast_grep_core::Language for Language {
    fn pre_process_pattern<'q>(&self, query: &'q str) -> Cow<'q, str> {
        match self.variable_sign() {
            '$' => Cow::Borrowed(query),
            sign => Cow::Owned(with_sign(query, sign)),
        }
    }

    fn expando_char(&self) -> char {
        self.variable_sign()
    }

    fn kind_to_id(&self, kind: &str) -> u16 {
        self.grammar().map_or(0, |grammar| grammar.id_for_node_kind(kind, true))
    }

    fn field_to_id(&self, field: &str) -> Option<u16> {
        let id = self.grammar()?.field_id_for_name(field)?;
        Some(id.get())
    }

    fn build_pattern(&self, builder: &PatternBuilder<'_>) -> Result<Pattern, PatternError> {
        builder.build(|text| {
            let deadline = TimeLimit::after(MAX_PATTERN_TIME);
            let tree = parse(text, *self, deadline).ok_or("parsing took too long")?;
            let doc = FlatDoc::copy(&tree, text, *self, deadline);
            doc.ok_or_else(|| "the pattern is too large".to_owned())
        })
    }
}

/// Replaces the `$` of variables (`$A`, `$$$ARGS`, `$$$`) by a sign that names of the language may have.
fn with_sign(pattern: &str, sign: char) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut dollars = 0;
    for next in pattern.chars().map(Some).chain([None]) {
        if next == Some('$') {
            dollars += 1;
            continue;
        }
        let is_variable = dollars == 3 || next.is_some_and(|next| next.is_ascii_uppercase() || next == '_');
        text.extend(std::iter::repeat_n(if is_variable { sign } else { '$' }, dollars));
        dollars = 0;
        text.extend(next);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_of_a_variable_is_replaced_and_other_dollars_stay() {
        for (pattern, text) in [
            ("f($A, $$$ARGS)", "f(µA, µµµARGS)"),
            ("f($$$)", "f(µµµ)"),
            ("$$$", "µµµ"),
            ("$a + $1 $", "$a + $1 $"),
        ] {
            assert_eq!(with_sign(pattern, 'µ'), text, "{pattern}");
        }
    }
}
