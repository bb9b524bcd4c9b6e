//! Finds private keys that span lines: the whole block, also indented, commented, quoted, on one line with `\n`, or
//! cut by a diff.

use std::ops::Range;

use super::SecretKind;
use super::literal::bits_per_character;

/// A private key, or a line of one.
pub(super) const PRIVATE_KEY: SecretKind = SecretKind {
    rule: "private-key",
    title: "a private key",
};

/// The position of a part of a private key in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyPart {
    /// The line, from 0.
    pub line: usize,
    /// The byte range in the line.
    pub range: Range<usize>,
    /// Whether the block has a marker and is certainly a private key.
    pub is_marked: bool,
    /// The block's number, from 0. Parts with the same number belong together.
    pub block: usize,
}

/// Minimum number of base64 characters after a marker; fewer are only a mention of a key.
const MIN_BODY: usize = 16;
/// Lengths of full lines in keys: OpenSSL's and PGP's, OpenSSH's, MIME's.
const LINE_LENGTHS: [usize; 3] = [64, 70, 76];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Private,
    /// A certificate or a public key.
    Public,
}

/// Finds the parts of private keys in consecutive lines.
pub(super) fn find(lines: &[&str]) -> Vec<KeyPart> {
    let mut parts: Vec<KeyPart> = Vec::new();
    let mut inside = Inside::Nothing;
    let mut block = 0;
    for (number, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let mut push = |range: Range<usize>, is_marked| {
            if !range.is_empty() {
                parts.push(KeyPart {
                    line: number,
                    range,
                    is_marked,
                    block,
                });
            }
        };
        if let Some(begin) = begin_marker(line) {
            block += 1;
            let mut at = Some(begin);
            inside = Inside::Nothing;
            while let Some(marker) = at.take() {
                let rest_at = marker.end;
                let rest = line.get(rest_at..).unwrap_or_default();
                match end_marker(rest) {
                    Some(end) => {
                        let body = rest.get(..end.start).unwrap_or_default();
                        let end = rest_at + end.end;
                        if base64_count(body) >= MIN_BODY {
                            parts.push(KeyPart {
                                line: number,
                                range: marker.start..end,
                                is_marked: true,
                                block,
                            });
                        }
                        block += 1;
                        at = begin_marker(line.get(end..).unwrap_or_default())
                            .map(|next| next.start + end..next.end + end);
                    }
                    None => {
                        let body = body_run(rest);
                        let has_body = base64_count(rest.get(..body).unwrap_or_default()) >= MIN_BODY;
                        let next = lines
                            .get(number + 1..)
                            .unwrap_or_default()
                            .iter()
                            .take(6)
                            .find(|next| !is_header(next) && next.len() > 3);
                        let goes_on = next.is_some_and(|next| core(next).is_some_and(|core| core.len() >= 4));
                        let is_whole_line = core_of_marker(line).len() <= marker.len();
                        if has_body {
                            parts.push(KeyPart {
                                line: number,
                                range: marker.start..rest_at + body,
                                is_marked: true,
                                block,
                            });
                        } else if is_whole_line || goes_on {
                            parts.push(KeyPart {
                                line: number,
                                range: marker.clone(),
                                is_marked: true,
                                block,
                            });
                        }
                        inside = if has_body || is_whole_line || goes_on {
                            Inside::Private
                        } else {
                            Inside::Nothing
                        };
                    }
                }
            }
            continue;
        }
        if line.contains("-----BEGIN ") {
            inside = Inside::Public;
            continue;
        }
        if let Some(end) = end_marker(line) {
            let body = body_before(line, end.start);
            if inside == Inside::Private {
                push(body, true);
            } else {
                close_backwards(lines, number, block, &mut parts);
                if end.start - body.start >= MIN_BODY && !body.is_empty() {
                    parts.push(KeyPart {
                        line: number,
                        range: body,
                        is_marked: true,
                        block,
                    });
                }
            }
            inside = Inside::Nothing;
            continue;
        }
        if line.contains("-----END ") {
            inside = Inside::Nothing;
            continue;
        }
        if inside == Inside::Nothing && line.contains("Private-Lines:") {
            inside = Inside::Private;
            block += 1;
            continue;
        }
        match (inside, core(line)) {
            (Inside::Private, Some(core)) => push(core, true),
            (Inside::Private | Inside::Public, None) if is_header(line) || line.trim().is_empty() => {}
            (Inside::Private | Inside::Public, None) => inside = Inside::Nothing,
            (Inside::Nothing, Some(core)) if is_whole_body_line(line.get(core.clone()).unwrap_or_default()) => {
                push(core, false)
            }
            _ => {}
        }
    }
    parts.sort_by_key(|part| (part.line, part.range.start));
    parts.dedup_by(|next, kept| next.line == kept.line && next.range.start < kept.range.end);
    parts
}

/// Handles an end marker without a begin marker: the base64 lines right before it are the key, whose beginning the
/// diff leaves out.
fn close_backwards(lines: &[&str], end: usize, block: usize, parts: &mut Vec<KeyPart>) {
    let mut cut_off = Vec::new();
    for number in (0..end).rev() {
        let Some(line) = lines.get(number) else { break };
        let Some(core) = core(line).filter(|core| core.len() >= 4) else {
            break;
        };
        if core.len() < 40 && number + 1 != end {
            break;
        }
        while parts.last().is_some_and(|part| part.line >= number) {
            parts.pop();
        }
        cut_off.push(KeyPart {
            line: number,
            range: core,
            is_marked: true,
            block,
        });
    }
    parts.extend(cut_off.into_iter().rev());
}

/// Finds a marker such as `-----BEGIN RSA PRIVATE KEY-----`.
fn begin_marker(line: &str) -> Option<Range<usize>> {
    marker(line, "BEGIN ")
}

fn end_marker(line: &str) -> Option<Range<usize>> {
    marker(line, "END ")
}

fn marker(line: &str, word: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = line.get(from..)?.find("PRIVATE KEY") {
        let at = from + found;
        let window = at.saturating_sub(40);
        let before = line.as_bytes().get(window..at)?;
        let place = before.windows(word.len()).rposition(|part| part == word.as_bytes());
        if let Some(place) = place {
            let dashes = before
                .get(..place)?
                .iter()
                .rev()
                .take_while(|byte| matches!(byte, b'-' | b' '))
                .count();
            let kinds = before.get(place + word.len()..)?;
            if dashes >= 2
                && kinds
                    .iter()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ')
            {
                let behind = line.as_bytes().get(at + 11..)?;
                let tail = behind.strip_prefix(b" BLOCK").map_or(0, |_| 6);
                let closing = behind
                    .get(tail..)?
                    .iter()
                    .take(6)
                    .take_while(|byte| matches!(byte, b'-' | b' '))
                    .count();
                return Some(window + place - dashes..at + 11 + tail + closing);
            }
        }
        from = at + 11;
    }
    None
}

/// Counts the base64 characters, without escaped line ends.
fn base64_count(text: &str) -> usize {
    let bare = text.replace("\\r", "").replace("\\n", "");
    bare.bytes()
        .filter(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
        .count()
}

/// Returns how far base64 extends, including escaped line ends and blanks.
fn body_run(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=\\ \t".contains(byte))
        .count()
}

/// Returns the base64 right before a position in a line.
fn body_before(line: &str, end: usize) -> Range<usize> {
    let before = line.as_bytes().get(..end).unwrap_or_default();
    let run = before
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=\\".contains(byte))
        .count();
    end - run..end
}

/// Returns a marker's line without quotes, comment marks, blanks and escaped line ends.
fn core_of_marker(line: &str) -> &str {
    let mut text = line.trim_matches(|char: char| char.is_whitespace() || "\"'`,+;#/*>|%!".contains(char));
    while let Some(shorter) = text.strip_suffix("\\n").or_else(|| text.strip_suffix("\\r")) {
        text = shorter.trim_end_matches(['"', '\'', '\\']);
    }
    text
}

/// Returns the range of a line's base64 if the line contains nothing else but quotes, comment marks, blanks and
/// escaped line ends.
fn core(line: &str) -> Option<Range<usize>> {
    let is_around = |char: char| char.is_whitespace() || "\"'`,;#*>|%!()".contains(char);
    let mut text = line.trim_start_matches(is_around);
    text = text
        .strip_prefix("//")
        .map_or(text, |rest| rest.trim_start_matches(is_around));
    text = text.strip_prefix("-- ").unwrap_or(text);
    let start = line.len() - text.len();
    // A plus between literals joins them; inside a literal it is base64.
    let is_joined = |text: &str| text.ends_with("\" +") || text.ends_with("' +") || text.ends_with("\"+");
    text = text.trim_end();
    if is_joined(text) {
        text = text.trim_end_matches('+');
    }
    loop {
        let shorter = text.trim_end_matches(is_around).trim_end_matches('\\');
        let shorter = shorter
            .strip_suffix("\\n")
            .or_else(|| shorter.strip_suffix("\\r"))
            .unwrap_or(shorter);
        if shorter.len() == text.len() {
            break;
        }
        text = shorter;
    }
    let is_body = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    let bare = text.replace("\\n", "").replace("\\r", "");
    (!text.is_empty() && is_body(&bare)).then(|| start..start + text.len())
}

/// Matches `Proc-Type: 4,ENCRYPTED` and similar headers.
fn is_header(line: &str) -> bool {
    let trimmed = line.trim_start_matches([' ', '\t', '#', '/', '*', '"', '\'', '>']);
    trimmed.split_once(": ").is_some_and(|(name, _)| {
        name.len() <= 24
            && name.starts_with(|char: char| char.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Matches a line of a key's full length that only looks random: the diff may leave out both markers.
fn is_whole_body_line(core: &str) -> bool {
    let has = |test: fn(&u8) -> bool| core.bytes().any(|byte| test(&byte));
    LINE_LENGTHS.contains(&core.len())
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && bits_per_character(core) >= 4.5
}
