//! The operator's sign-in on this machine: an address in the data directory that works once. Sessions and forms are
//! sealed with two separate keys in separate files; neither key is ever part of an address.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use holdfast_web::form::Seal;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use holdfast_ops::failure::Failure;
use holdfast_ops::machine::random_key;
use holdfast_storage::file::{self, FileError};

/// The file with the sign-in address, mode 0600.
pub const FILE: &str = "console.url";
/// The file with the key that seals sessions.
const SESSION_FILE: &str = "session.key";
/// The file with the key that seals forms.
const FORM_FILE: &str = "form.key";
/// Number of hexadecimal digits in the address's token. Tokens of version 0.1 had 64 and never expired.
const TOKEN_DIGITS: usize = 48;
/// The content of the address's file after the address was used.
const USED: &str =
    "The address was used. Start holdfast serve with --new-console-key for a new one; it ends all sessions.";

/// The console's secrets.
pub struct ConsoleKeys {
    /// Seals sessions and forms.
    pub seal: Seal,
    /// The sign-in address.
    pub entry: Entry,
}

/// The address that signs in once.
pub struct Entry {
    file: PathBuf,
    token: Mutex<Option<SecretString>>,
}

/// The result of an attempt to sign in.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    /// The address is correct. It can't be used again.
    Yes,
    /// The address is wrong, or was used before.
    No,
    /// The address is correct, but its use can't be stored, so the attempt is refused.
    NotNow,
}

/// Reads or creates the console's secrets, and writes the address with the current `public` URL. With `renew`, all
/// three are created again: sessions end, and there is a new address. The caller holds the data directory's lock.
///
/// # Errors
/// A file can't be read or written.
pub fn console_keys(data: &Path, public: &Url, renew: bool) -> Result<ConsoleKeys, Failure> {
    let path = |name: &str| data.join(name);
    let is_first = file::read_text(&path(SESSION_FILE)).map_err(unusable)?.is_none();
    if renew {
        for name in [SESSION_FILE, FORM_FILE] {
            file::write(&path(name), line(&random_key()).as_bytes()).map_err(unusable)?;
        }
    }
    let kept = file::read_text(&path(FILE)).map_err(unusable)?.unwrap_or_default();
    let token = match token_of(&kept) {
        Some(token) if !renew && !is_first => Some(token),
        None if !renew && !is_first && kept == USED => None,
        _ => Some(random_key()[..TOKEN_DIGITS].to_owned()),
    };
    if let Some(token) = &token {
        let address = public.join(&format!("sign-in/{token}")).map_err(Failure::usage)?;
        file::write(&path(FILE), line(address.as_str()).as_bytes()).map_err(unusable)?;
    }
    // The session's key is written last: while it's missing, this version hasn't handed out an address.
    let form = file::read_or_create(&path(FORM_FILE), random_key).map_err(unusable)?;
    let session = file::read_or_create(&path(SESSION_FILE), random_key).map_err(unusable)?;
    for (name, key) in [(FORM_FILE, &form), (SESSION_FILE, &session)] {
        if key.len() < 32 {
            return Err(Failure::usage(format!(
                "{} is shorter than 32 bytes, so it is not a key: delete it and rerun for a new one",
                path(name).display()
            )));
        }
    }
    Ok(ConsoleKeys {
        seal: Seal::with_keys(session.into(), form.into(), public.origin().ascii_serialization()),
        entry: Entry {
            file: path(FILE),
            token: Mutex::new(token.map(SecretString::from)),
        },
    })
}

fn unusable(error: FileError) -> Failure {
    Failure::usage(format!("{error}. Or choose another directory with --data"))
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

fn token_of(text: &str) -> Option<String> {
    let (_, token) = text.rsplit_once("/sign-in/")?;
    let is_token = token.len() == TOKEN_DIGITS && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| token.to_owned())
}

impl Entry {
    /// Returns whether the address can still be used.
    pub fn is_open(&self) -> bool {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Signs in with the address, if `given` is its token. The address then stops working.
    pub fn enter(&self, given: &str) -> Entered {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        // Hashes are compared, so the duration reveals nothing about the token.
        let is_right = token
            .as_ref()
            .is_some_and(|token| Sha256::digest(given.as_bytes()) == Sha256::digest(token.expose_secret().as_bytes()));
        if !is_right {
            return Entered::No;
        }
        if let Err(error) = file::write(&self.file, line(USED).as_bytes()) {
            tracing::error!(file = %self.file.display(), %error, "sign-in refused: the use of the address cannot be stored");
            return Entered::NotNow;
        }
        *token = None;
        Entered::Yes
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::fs;

    use super::*;

    fn open(data: &Path, renew: bool) -> ConsoleKeys {
        console_keys(data, &Url::parse("http://127.0.0.1:8080/").unwrap(), renew).unwrap()
    }

    fn token(data: &Path) -> Option<String> {
        token_of(fs::read_to_string(data.join(FILE)).unwrap().trim())
    }

    #[test]
    fn the_address_works_once_and_survives_restarts() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        let keys = open(data, false);
        let first = token(data).unwrap();
        assert_eq!(keys.entry.enter("0"), Entered::No);
        assert_eq!(keys.entry.enter(""), Entered::No);
        drop(keys);
        let keys = open(data, false);
        assert_eq!(
            token(data).as_ref(),
            Some(&first),
            "unused, it is the same after a restart"
        );
        assert_eq!(keys.entry.enter(&first), Entered::Yes);
        assert_eq!(keys.entry.enter(&first), Entered::No);
        assert_eq!(token(data), None);
        let keys = open(data, false);
        assert!(
            !keys.entry.is_open() && keys.entry.enter(&first) == Entered::No,
            "used, it stays used"
        );
        let keys = open(data, true);
        let second = token(data).unwrap();
        assert!(second != first && keys.entry.is_open());
        assert_eq!(keys.entry.enter(&second), Entered::Yes);
    }

    #[test]
    fn the_three_secrets_differ_and_are_renewed_together() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        let secrets = || [SESSION_FILE, FORM_FILE, FILE].map(|name| fs::read_to_string(data.join(name)).unwrap());
        drop(open(data, false));
        let before = secrets();
        for secret in &before[..2] {
            assert!(
                secret.trim().len() == 64 && !before[2].contains(secret.trim()),
                "{secret}"
            );
        }
        assert_ne!(before[0], before[1]);
        drop(open(data, false));
        assert_eq!(secrets(), before);
        drop(open(data, true));
        for (old, new) in before.iter().zip(&secrets()) {
            assert_ne!(old, new);
        }
    }

    #[test]
    fn a_file_without_a_key_is_named_with_the_remedy() {
        for name in [SESSION_FILE, FORM_FILE] {
            let data = tempfile::tempdir().unwrap();
            drop(open(data.path(), false));
            fs::write(data.path().join(name), "short").unwrap();
            let failure = console_keys(data.path(), &Url::parse("http://127.0.0.1/").unwrap(), false);
            let message = failure.err().unwrap().message;
            let expected = format!("{} is shorter than 32 bytes", data.path().join(name).display());
            assert!(
                message.starts_with(&expected) && message.contains("delete it"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_key_of_version_0_1_is_not_an_address() {
        let data = tempfile::tempdir().unwrap();
        let old = "a".repeat(64);
        fs::write(data.path().join(FILE), format!("http://127.0.0.1:8080/sign-in/{old}\n")).unwrap();
        let keys = open(data.path(), false);
        assert_eq!(keys.entry.enter(&old), Entered::No);
        assert_eq!(keys.entry.enter(&token(data.path()).unwrap()), Entered::Yes);
    }
}
