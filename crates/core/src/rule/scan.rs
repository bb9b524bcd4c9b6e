//! Searches lines: runs each kind's own search at its keywords, then merges the results into one list without
//! overlaps.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::address::{find_behind_scheme, find_in_address, find_password_option, find_user_option};
use super::carried::{self, Carried};
use super::hidden::Visible;
use super::place::Form;
use super::private_key::{self, PRIVATE_KEY};
use super::{Certainty, SecretMatch, assignment, vendors};

/// Maximum length of a searched line, in bytes.
const MAX_LINE: usize = 4 << 20;

/// Parts of names that may suggest a secret, followed by the keywords of the other searches.
const WORDS: &[&str] = &[
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "pass",
    "psw",
    "pw",
    "secret",
    "token",
    "key",
    "cred",
    "auth",
    "pat",
    "sig",
    "jwt",
    "sas",
    "bearer",
    "dsn",
    "connection",
    "://",
    "bearer ",
    "basic ",
    "token ",
    "apikey ",
    " -u",
    "--user",
    "-proxy-user",
    "\"-u\"",
    "'-u'",
    " user",
    " -p",
    " -a ",
];
/// Index of the first entry of `WORDS` that isn't part of a name: it begins an address.
const ADDRESS: usize = 19;
/// Indices of the authorization schemes in `WORDS`.
const SCHEMES: std::ops::Range<usize> = 20..24;
/// Indices of the command-line options in `WORDS`.
const OPTIONS: std::ops::Range<usize> = 24..32;

static AUTOMATON: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).ok());

/// Finds secrets in one line, in order and without overlaps.
pub fn find_secrets(line: &str) -> Vec<SecretMatch> {
    find_in_lines(&[line], Form::Other).pop().unwrap_or_default()
}

/// Finds secrets in consecutive lines: for each line, in order and without overlaps.
pub(super) fn find_in_lines(lines: &[&str], form: Form) -> Vec<Vec<SecretMatch>> {
    let visible: Vec<Visible<'_>> = lines.iter().map(|line| Visible::new(bounded(line))).collect();
    let texts: Vec<&str> = visible.iter().map(|visible| visible.text.as_ref()).collect();
    let mut all: Vec<Vec<SecretMatch>> = Vec::with_capacity(lines.len());
    let mut carried: Option<Carried> = None;
    for text in &texts {
        let mut found = Vec::new();
        find_in_line(text, form, &mut found);
        carried = carried::find(text, carried, form, &mut found);
        all.push(found);
    }
    let mut block = None;
    for part in private_key::find(&texts) {
        // The first line of a key is known; the lines that follow belong to it.
        let certainty = match (part.is_marked, block == Some(part.block)) {
            (true, false) => Certainty::Known,
            (true, true) => Certainty::Likely,
            (false, _) => Certainty::Guess,
        };
        block = Some(part.block);
        if let Some(found) = all.get_mut(part.line) {
            let (start, end) = (part.range.start, part.range.end);
            found.push(SecretMatch::new(PRIVATE_KEY, certainty, start, end));
        }
    }
    for (found, visible) in all.iter_mut().zip(&visible) {
        *found = without_overlaps(std::mem::take(found));
        for secret in found {
            (secret.start, secret.end) = visible.original(secret.start, secret.end);
        }
    }
    all
}

fn bounded(line: &str) -> &str {
    &line[..line.floor_char_boundary(MAX_LINE)]
}

fn find_in_line(line: &str, form: Form, found: &mut Vec<SecretMatch>) {
    if line.len() < 8 {
        return;
    }
    vendors::find(line, found);
    let Some(automaton) = AUTOMATON.as_ref() else { return };
    let (mut word_end, mut has_option, mut read) = (0, false, 0);
    for hit in automaton.find_overlapping_iter(line) {
        match hit.pattern().as_usize() {
            ADDRESS => find_in_address(line, hit.start(), found),
            pattern if SCHEMES.contains(&pattern) => find_behind_scheme(line, hit.end() - 1, found),
            pattern if OPTIONS.contains(&pattern) => has_option = true,
            _ if hit.end() <= word_end => {}
            _ => {
                let (start, end) = assignment::word_around(line, hit.start(), hit.end());
                // Values may be nested: the total number of bytes read for all of them is bounded too.
                let is_spent = read > 8 * line.len() + 65_536;
                let most = if is_spent { 128 } else { assignment::MAX_VALUE };
                let value = assignment::find(line, (start, end), form, most, found);
                read += value.length;
                word_end = end.max(value.end);
            }
        }
    }
    if has_option {
        find_user_option(line, form, found);
        find_password_option(line, found);
    }
}

/// Merges overlapping secrets, so that no part of any stays. The one with the highest confidence names the result.
fn without_overlaps(mut found: Vec<SecretMatch>) -> Vec<SecretMatch> {
    found.retain(|secret| secret.start < secret.end);
    found.sort_by_key(|secret| (secret.start, std::cmp::Reverse(secret.certainty)));
    let mut kept: Vec<SecretMatch> = Vec::with_capacity(found.len());
    for secret in found {
        match kept.last_mut() {
            Some(last) if secret.start < last.end => {
                let end = last.end.max(secret.end);
                if secret.certainty > last.certainty {
                    *last = SecretMatch {
                        start: last.start,
                        ..secret
                    };
                }
                last.end = end;
            }
            _ => kept.push(secret),
        }
    }
    kept
}
