//! The console's key: in the data directory, made once; whoever can read it may see and do everything.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::SecretString;
use url::Url;

use crate::failure::Failure;
use crate::machine;

/// The file that holds the address that signs in, 0600.
pub const FILE: &str = "console.url";
/// Digits of a key.
const DIGITS: usize = 64;

/// The key, and its address in the file as `public` has it now. Errors: the file cannot be read or written.
pub fn console_key(data: &Path, public: &Url) -> Result<SecretString, Failure> {
    let file = data.join(FILE);
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let found = match fs::read_to_string(&file) {
        Ok(text) => text.trim().rsplit('/').next().map(str::to_owned),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let is_key = |key: &String| key.len() == DIGITS && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = found
        .filter(is_key)
        .unwrap_or_else(|| machine::random_hex() + &machine::random_hex());
    let address = public.join(&format!("sign-in/{key}")).map_err(Failure::usage)?;
    let mut open = fs::OpenOptions::new();
    let mut written = open
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&file)
        .map_err(failed)?;
    writeln!(written, "{address}")
        .and_then(|()| written.sync_all())
        .map_err(failed)?;
    Ok(key.into())
}
