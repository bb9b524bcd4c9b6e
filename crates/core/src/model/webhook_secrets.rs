//! Checks that a delivery was signed with one of the deployment's secrets. Nothing is parsed before that.

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The secrets that deliveries may be signed with: one, or two during a rotation. They do not print.
#[derive(Clone, Debug)]
pub struct WebhookSecrets(Vec<SecretString>);

/// The reason why a signature doesn't prove that a delivery is GitHub's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// `X-Hub-Signature-256` is missing.
    #[error("X-Hub-Signature-256 is missing: set the webhook's secret on GitHub")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("X-Hub-Signature-256 is not sha256= with 64 hexadecimal digits")]
    Malformed,
    /// The signature was made with another secret, or for another body.
    #[error("X-Hub-Signature-256 does not match: HOLDFAST_WEBHOOK_SECRET and the webhook's secret on GitHub differ")]
    Wrong,
}

/// A setting without usable secrets. It shows none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    /// A secret is empty.
    #[error("a secret is empty")]
    Empty,
    /// More than two secrets.
    #[error("{0} secrets; two at most, the new and the old")]
    TooMany(usize),
}

impl WebhookSecrets {
    /// Maximum number of secrets.
    const MAX_SECRETS: usize = 2;

    /// Parses `HOLDFAST_WEBHOOK_SECRET`: one secret, or two with a comma between them. White space around each is
    /// ignored.
    ///
    /// # Errors
    ///
    /// There is no secret, an empty one, or more than two. The message has none of them.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidSecrets> {
        let parts: Vec<&str> = text.expose_secret().split(',').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(InvalidSecrets::Empty);
        }
        if parts.len() > Self::MAX_SECRETS {
            return Err(InvalidSecrets::TooMany(parts.len()));
        }
        Ok(Self(parts.into_iter().map(SecretString::from).collect()))
    }

    /// Checks that an `X-Hub-Signature-256` header has the form of a signature, without the body.
    ///
    /// # Errors
    /// The header is missing, or doesn't have the form of a signature.
    pub fn check_form(header: Option<&str>) -> Result<(), SignatureError> {
        given(header).map(drop)
    }

    /// Checks the `X-Hub-Signature-256` header (`sha256=…`) over the received body, byte for byte. The comparison takes
    /// constant time, and every secret is tried.
    ///
    /// # Errors
    ///
    /// The header is missing or malformed, or no secret made the signature for this body.
    pub fn verify(&self, body: &[u8], header: Option<&str>) -> Result<(), SignatureError> {
        let given = given(header)?;
        let matching = self.0.iter().filter(|secret| is_signed(secret, body, &given)).count();
        if matching > 0 {
            Ok(())
        } else {
            Err(SignatureError::Wrong)
        }
    }
}

fn given(header: Option<&str>) -> Result<[u8; 32], SignatureError> {
    let digits = header.ok_or(SignatureError::Missing)?;
    let digits = digits.strip_prefix("sha256=").ok_or(SignatureError::Malformed)?;
    let mut given = [0; 32];
    hex::decode_to_slice(digits, &mut given).map_err(|_| SignatureError::Malformed)?;
    Ok(given)
}

fn is_signed(secret: &SecretString, body: &[u8], given: &[u8]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return false;
    };
    mac.chain_update(body).verify_slice(given).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;

    /// The example of GitHub's documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secrets(text: &str) -> WebhookSecrets {
        WebhookSecrets::parse(&text.into()).unwrap()
    }

    #[test]
    fn only_a_known_secret_over_the_same_bytes_is_accepted() {
        use SignatureError::{Malformed, Missing, Wrong};
        let both = format!("new, {SECRET}");
        let bare = SIGNATURE.trim_start_matches("sha256=");
        let other = SIGNATURE.replace("e17", "e18");
        let long = format!("{SIGNATURE}00");
        let table = [
            (SECRET, BODY, Some(SIGNATURE), Ok(())),
            (&both, BODY, Some(SIGNATURE), Ok(())),
            ("new,newer", BODY, Some(SIGNATURE), Err(Wrong)),
            (SECRET, b"Hello, World!\n", Some(SIGNATURE), Err(Wrong)),
            (SECRET, BODY, Some(&other), Err(Wrong)),
            (SECRET, BODY, None, Err(Missing)),
            (SECRET, BODY, Some(bare), Err(Malformed)),
            (SECRET, BODY, Some(""), Err(Malformed)),
            (SECRET, BODY, Some("sha256="), Err(Malformed)),
            (SECRET, BODY, Some("sha1=757107ea"), Err(Malformed)),
            (SECRET, BODY, Some(&long), Err(Malformed)),
            (SECRET, BODY, Some(&SIGNATURE[..70]), Err(Malformed)),
        ];
        for (secret, body, header, expected) in table {
            assert_eq!(secrets(secret).verify(body, header), expected, "{header:?}");
        }
    }

    #[test]
    fn secrets_are_one_or_two_and_do_not_print() {
        for text in ["", "a,", ",a", "a,b,c", " "] {
            assert!(WebhookSecrets::parse(&text.into()).is_err(), "{text:?}");
        }
        assert!(!format!("{:?}", secrets("hidden")).contains("hidden"));
    }
}
