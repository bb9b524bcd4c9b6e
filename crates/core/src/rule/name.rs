//! What the name of a value says: whether a password, a token or a key is what it holds.

use std::collections::HashSet;
use std::sync::LazyLock;

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// A password, which people choose.
    Password,
    /// A token, a secret, a key of an API, which machines make.
    Token,
    /// Some key.
    Key,
}

type Words = LazyLock<HashSet<&'static str>>;

macro_rules! words {
    ($list:literal) => {
        LazyLock::new(|| $list.split_whitespace().collect())
    };
}

/// Words whose value is something about a secret, when they come last.
static ABOUT: Words = words!(
    "name names id ids url urls uri endpoint path paths file files filename type types length len size count \
     expiry expires expiration exp ttl timeout header headers prefix suffix field fields column label title hint \
     policy rule rules regex pattern format version ref refs arn hash hashed digest sha sha1 sha256 sha512 md5 \
     checksum fingerprint thumbprint algorithm algo alg provider manager store service class env var variable \
     placeholder description desc message msg error errors enabled required issuer iss audience aud scope scopes \
     kind index limit max min strength reset changed at date time rotation days hours seconds ms address host \
     hostname port user username login param params parameter attr attribute input form selector page view dialog \
     screen mode status state bytes location region dir directory mount volume template parser generator \
     validator function handler role owner group namespace source target usage used engine backend model schema \
     command cmd script link button icon color style css element event action prompt question text copy help \
     tooltip caption alias aliases slug kid comment note notes info grant exchange method domain subject sub \
     stream lock slot table bucket queue topic project account org hasher encoder encoding spec stdin expired func fn proc callback \
     strategy"
);

/// Words that only say which one, when they come last.
static WHICH: Words = words!(
    "value val default prod production dev development staging stage live test new old current previous primary \
     secondary base64 b64 raw plain plaintext str string const a b main backup local hex here data v base"
);

/// Words beside which nothing is a secret.
static NEVER: Words = words!(
    "public pub csrf xsrf pagination continuation cursor nextpage page tokenizer idempotency publishable sitekey \
     anon forgot translation i18n locale syntax lexer semantic design eos bos pad cls sep"
);

/// Words that make a key no secret.
static OTHER_KEYS: Words = words!(
    "primary foreign partition sort cache index row object map dict hash lookup unique composite group routing \
     shard node react item hot shortcut keyboard color site host registry storage local query search s3 json yaml \
     i18n message event feature flag meta config setting tag label metric trace dedup dedupe doc verify \
     verification validator"
);

const PASSWORD_ENDS: &[&str] = &["password", "passwd", "passphrase", "passcode", "passwort", "pwd"];
static PASSWORDS: Words = words!("pass pw psw pswd passw");
const TOKEN_ENDS: &[&str] = &[
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "credential",
    "credentials",
    "creds",
    "signingkey",
    "encryptionkey",
    "accountkey",
    "masterkey",
    "sharedkey",
    "servicekey",
    "deploykey",
    "licensekey",
    "storagekey",
    "appkey",
];
static TOKENS: Words = words!("pat sig auth authorization secrets jwt bearer sas dsn");
static SECRET_KEYS: Words = words!(
    "api access secret private auth authorization signing signature encryption encrypt crypto cipher aes account \
     master shared service deploy license session cookie jwt hmac app application client consumer integration \
     webhook server admin root rest write ssh gpg pgp function functions subscription ingest ingestion security \
     instrumentation validation machine storage"
);

/// Reads what a name promises; none where it is about a secret rather than one.
pub(super) fn promise_of(name: &str) -> Option<Promise> {
    let mut parts = split(name);
    if parts.iter().any(|part| NEVER.contains(part.as_str())) {
        return None;
    }
    while parts.len() > 1
        && parts
            .last()
            .is_some_and(|last| WHICH.contains(last.as_str()) || last.bytes().all(|byte| byte.is_ascii_digit()))
    {
        parts.pop();
    }
    let last = parts.last()?.as_str();
    if ABOUT.contains(last) || last.ends_with('s') && parts.len() > 1 && matches!(last, "tokens" | "keys" | "passwords")
    {
        return None;
    }
    let ends = |part: &str, ends: &[&str]| ends.iter().any(|end| part.ends_with(end));
    let is_password = |part: &String| {
        ends(part, PASSWORD_ENDS)
            || PASSWORDS.contains(part.as_str())
            || (part.starts_with("password") && part.len() < 11)
    };
    if parts.iter().any(is_password) {
        return Some(Promise::Password);
    }
    let is_secret_key = |pair: &[String]| matches!(pair, [which, key] if (key == "key" || key == "keys") && SECRET_KEYS.contains(which.as_str()));
    let is_token = parts.iter().any(|part| ends(part, TOKEN_ENDS))
        || TOKENS.contains(last)
        || parts.windows(2).any(is_secret_key)
        || parts
            .windows(2)
            .any(|pair| pair[0] == "connection" && pair[1] == "string");
    if is_token {
        return Some(Promise::Token);
    }
    let is_other = parts.iter().any(|part| OTHER_KEYS.contains(part.as_str()));
    (last == "key" && parts.len() > 1 && !is_other).then_some(Promise::Key)
}

/// `dbPassword_2` is `db`, `password`, `2`, and so is `dbPassword2` without the number.
fn split(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let bytes = name.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_alphanumeric = byte.is_ascii_alphanumeric();
        let previous = at
            .checked_sub(1)
            .and_then(|before| bytes.get(before))
            .copied()
            .unwrap_or(b'_');
        let next = bytes.get(at + 1).copied().unwrap_or(b'_');
        let begins = byte.is_ascii_uppercase()
            && (previous.is_ascii_lowercase() || (previous.is_ascii_uppercase() && next.is_ascii_lowercase()));
        if (!is_alphanumeric || begins) && parts.last().is_some_and(|last| !last.is_empty()) {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut().filter(|_| is_alphanumeric) {
            last.push(char::from(byte.to_ascii_lowercase()));
        }
    }
    parts.retain(|part| !part.is_empty());
    for part in &mut parts {
        // `token2` is a token; `sha256` and `v2` are what they are.
        let letters = part.trim_end_matches(|char: char| char.is_ascii_digit()).len();
        if letters >= 4 || letters == 1 {
            part.truncate(letters);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_promises_or_not() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "spring.datasource.password",
            "PGPASSWORD",
            "userPwd",
            "redis-pass",
            "PASSWORD_PROD",
            "passphrase",
        ] {
            assert_eq!(promise_of(name), Some(Promise::Password), "{name}");
        }
        for name in [
            "token",
            "API_KEY",
            "apiKey",
            "x-api-key",
            "clientSecret",
            "AccountKey",
            "_authToken",
            "Authorization",
            "SECRET_KEY_BASE",
            "JWT_SECRET",
            "signing_key_2",
        ] {
            assert_eq!(promise_of(name), Some(Promise::Token), "{name}");
        }
        for name in ["STRIPE_KEY", "maps-key"] {
            assert_eq!(promise_of(name), Some(Promise::Key), "{name}");
        }
        for name in [
            "token_url",
            "secret_name",
            "secretName",
            "passwordHash",
            "tokenType",
            "public_key",
            "max_tokens",
            "primary_key",
            "key",
            "monkey",
            "tokenizer",
            "csrf_token",
            "nextPageToken",
            "secret_arn",
            "password_reset_url",
            "compass",
            "secretary",
            "passenger",
            "keyboard",
            "X-Auth-Token-Header",
            "api_key_id",
            "tokens_used",
            "author",
        ] {
            assert_eq!(promise_of(name), None, "{name}");
        }
    }
}
