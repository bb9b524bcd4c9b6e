//! Corrects unambiguous deviations from JSON: comments, a trailing comma, raw control characters in a string, half a
//! surrogate pair. It never completes, closes or quotes anything: that would be a guess.

/// Rewrites a text that begins with a JSON value: removes comments and commas before `}` or `]`, and escapes line
/// breaks and tabs in strings.
pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    // A comma and the blanks behind it, until the next character decides about them.
    let mut pending: Option<String> = None;
    while let Some(char) = chars.next() {
        if in_string {
            match char {
                '\\' => {
                    out.push(char);
                    out.extend(chars.next());
                    continue;
                }
                '"' => in_string = false,
                '\n' => {
                    out.push_str("\\n");
                    continue;
                }
                '\r' => {
                    out.push_str("\\r");
                    continue;
                }
                '\t' => {
                    out.push_str("\\t");
                    continue;
                }
                _ => {}
            }
            out.push(char);
            continue;
        }
        match (char, chars.peek()) {
            ('/', Some('/')) => while chars.next_if(|next| *next != '\n').is_some() {},
            ('/', Some('*')) => {
                chars.next();
                let mut last = ' ';
                for next in chars.by_ref() {
                    if (last, next) == ('*', '/') {
                        break;
                    }
                    last = next;
                }
            }
            (',', _) => {
                // Two commas in a row stay an error.
                out.push_str(&pending.take().unwrap_or_default());
                pending = Some(",".to_owned());
            }
            (blank, _) if blank.is_whitespace() => match &mut pending {
                Some(pending) => pending.push(blank),
                None => out.push(blank),
            },
            (other, _) => {
                let held = pending.take().unwrap_or_default();
                match other {
                    '}' | ']' => out.push_str(held.trim_start_matches(',')),
                    _ => out.push_str(&held),
                }
                in_string = other == '"';
                out.push(other);
            }
        }
    }
    out.push_str(&pending.unwrap_or_default());
    out
}

/// Replaces each `\uXXXX` that is half a surrogate pair by `\ufffd`; the text keeps its length.
pub fn mend_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let taken = match (surrogate(from), from.get(6..).and_then(surrogate)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(_), _) => {
                out.push_str("\\ufffd");
                rest = &from[6..];
                continue;
            }
            // A backslash and the escaped character, which may be a backslash.
            (None, _) => 1 + from.chars().nth(1).map_or(0, char::len_utf8),
        };
        out.push_str(&from[..taken]);
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

/// Returns the surrogate at the start of a text, if the text starts with its escape.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    (0xd800..=0xdfff).contains(&code).then_some(code)
}
