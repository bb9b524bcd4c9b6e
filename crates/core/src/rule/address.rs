//! Finds credentials in fixed positions: passwords in URLs, `curl -u`, and values after `Bearer` and `Basic`.

use super::literal::{Demand, could_be_secret, is_documented, is_template};
use super::place::Form;
use super::{Certainty, SecretKind, SecretMatch};

/// Maximum length of the user and the password in a URL, in bytes.
const MAX_USER_INFO: usize = 600;

/// A password in a URL.
pub(super) const URL_PASSWORD: SecretKind = SecretKind {
    rule: "url-password",
    title: "a password in an address",
};
/// A header or option that carries a credential.
pub(super) const AUTHORIZATION: SecretKind = SecretKind {
    rule: "authorization",
    title: "a credential for HTTP",
};

/// Default passwords of common programs. A URL with one of these is an example or a developer's local database.
const USUAL_PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "postgres",
    "mysql",
    "root",
    "admin",
    "guest",
    "user",
    "test",
    "example",
    "changeme",
    "mypassword",
    "token",
    "redis",
    "mongo",
    "minioadmin",
    "foobar",
    "foo",
    "bar",
    "hunter2",
    "sa",
    "oracle",
    "rabbitmq",
    "docker",
    "dev",
    "local",
    "s3cret",
    "p4ssw0rd",
    "passw0rd",
];

/// Finds the password of the URL whose `://` is at `at`.
pub(super) fn find_in_address(line: &str, at: usize, found: &mut Vec<SecretMatch>) {
    let start = at + 3;
    let rest = line.get(start..).unwrap_or_default();
    let is_end = |char: char| {
        char.is_whitespace()
            || matches!(
                char,
                '"' | '\'' | '`' | '<' | '>' | '/' | '?' | '#' | '\\' | '|' | ')' | ']'
            )
    };
    let length = rest
        .char_indices()
        .take_while(|(at, char)| *at <= MAX_USER_INFO && !is_end(*char))
        .map(|(at, char)| at + char.len_utf8())
        .last();
    let Some(authority) = length.and_then(|length| rest.get(..length)) else {
        return;
    };
    let Some((info, host)) = authority.rsplit_once('@') else {
        return;
    };
    let scheme_at = line
        .get(..at)
        .unwrap_or_default()
        .rfind(|char: char| !char.is_ascii_alphanumeric() && !"+-.".contains(char));
    let scheme = line.get(scheme_at.map_or(0, |at| at + 1)..at).unwrap_or_default();
    if host.is_empty() || scheme.is_empty() || host.contains("ingest.") || host.contains("sentry.") {
        return;
    }
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    let (value, offset) = if password.is_empty() || password == "x-oauth-basic" {
        // A token in the user's position.
        (user, 0)
    } else {
        (password, user.len() + 1)
    };
    let is_token = offset == 0;
    let demand = if is_token { Demand::High } else { Demand::Mild };
    let is_local = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "host.docker.internal"]
        .iter()
        .any(|local| host.starts_with(local));
    let decoded = value
        .replace("%40", "@")
        .replace("%21", "!")
        .replace("%23", "#")
        .replace("%24", "$");
    if is_usual(user, value) || is_template(&decoded) || !could_be_secret(&decoded, demand, true) {
        return;
    }
    let mut secret = SecretMatch::new(
        URL_PASSWORD,
        Certainty::Likely,
        start + offset,
        start + offset + value.len(),
    );
    let is_example = host.contains("example.") || host.ends_with(".test") || host.ends_with(".invalid");
    if is_local || is_example || !could_be_secret(&decoded, Demand::Usual, true) {
        secret.certainty = Certainty::Guess;
    }
    found.push(secret);
}

fn is_usual(user: &str, password: &str) -> bool {
    let lower = password.to_ascii_lowercase();
    lower == user.to_ascii_lowercase()
        || USUAL_PASSWORDS.contains(&lower.trim_end_matches(|char: char| char.is_ascii_digit()))
}

/// Finds the value after a `Bearer`, `Basic` or `token` that ends at `end`: one word that looks random.
pub(super) fn find_behind_scheme(line: &str, end: usize, found: &mut Vec<SecretMatch>) {
    let rest = line.get(end..).unwrap_or_default();
    let value_start = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let value = rest.get(value_start..).unwrap_or_default();
    let length = value
        .bytes()
        .take(4_097)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=_.~-".contains(byte))
        .count();
    let value = value.get(..length).unwrap_or_default();
    if value_start > 0
        && value.len() >= 12
        && could_be_secret(value.trim_end_matches('='), Demand::Usual, false)
        && !is_documented(value)
    {
        let start = end + value_start;
        found.push(SecretMatch::new(
            AUTHORIZATION,
            Certainty::Guess,
            start,
            start + value.len(),
        ));
    }
}

/// Finds `user:password` after the option `-u` or `--user` on a line that calls curl or a similar program.
pub(super) fn find_user_option(line: &str, form: Form, found: &mut Vec<SecretMatch>) {
    let lower = line.to_ascii_lowercase();
    if !["curl", "http ", "https ", "wget", "-auth", "lftp", "smbclient", "svn "]
        .iter()
        .any(|program| lower.contains(program))
        && form != Form::Settings
    {
        return;
    }
    for option in [" -u", " --user", " --proxy-user", "\"-u\"", "'-u'", " -U", " user"] {
        for (at, _) in line.match_indices(option) {
            let behind = at + option.len();
            let rest = line.get(behind..).unwrap_or_default();
            let skipped = rest.len() - rest.trim_start_matches([' ', '=', '"', '\'', ',', '\\']).len();
            let value = rest.get(skipped..).unwrap_or_default();
            let is_end = |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '`' | ',' | '\\');
            let length: usize = value
                .chars()
                .take(MAX_USER_INFO)
                .take_while(|char| !is_end(*char))
                .map(char::len_utf8)
                .sum();
            let Some((user, password)) = value.get(..length).and_then(|value| value.split_once(':')) else {
                continue;
            };
            let is_user = !user.is_empty()
                && user
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"@._-+".contains(&byte));
            if is_user && skipped <= 6 && !is_usual(user, password) && could_be_secret(password, Demand::Mild, true) {
                let start = behind + skipped + user.len() + 1;
                found.push(SecretMatch::new(
                    AUTHORIZATION,
                    Certainty::Guess,
                    start,
                    start + password.len(),
                ));
            }
        }
    }
}

/// Finds the password after the short option of a program that takes a password that way.
pub(super) fn find_password_option(line: &str, found: &mut Vec<SecretMatch>) {
    const PROGRAMS: &[(&str, &str)] = &[
        ("docker login", " -p"),
        ("podman login", " -p"),
        ("oc login", " -p"),
        ("az login", " -p"),
        ("sshpass", " -p"),
        ("mysql", " -p"),
        ("mariadb", " -p"),
        ("redis-cli", " -a "),
    ];
    for (_, option) in PROGRAMS.iter().filter(|(program, _)| line.contains(program)) {
        for (at, _) in line.match_indices(option) {
            let behind = at + option.len();
            let rest = line.get(behind..).unwrap_or_default();
            let skipped = rest.len() - rest.trim_start_matches([' ', '=', '"', '\'']).len();
            let value = rest.get(skipped..).unwrap_or_default();
            let is_end = |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '`' | ',' | '\\');
            let length: usize = value
                .chars()
                .take(MAX_USER_INFO)
                .take_while(|char| !is_end(*char))
                .map(char::len_utf8)
                .sum();
            let password = value.get(..length).unwrap_or_default();
            if !is_usual("", password) && could_be_secret(password, Demand::Mild, true) {
                let start = behind + skipped;
                found.push(SecretMatch::new(AUTHORIZATION, Certainty::Guess, start, start + length));
            }
        }
    }
}
