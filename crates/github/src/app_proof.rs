//! The token with which a GitHub App identifies itself: a JSON Web Token (RFC 7519), signed with the App's private key.
//! It proves the App itself; installations have their own tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::SecretString;
use serde_json::json;

/// A token is issued in the past, because GitHub's clock may be behind this one.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);
/// GitHub accepts at most ten minutes.
const LIFETIME: SignedDuration = SignedDuration::from_mins(9);

/// An App's private key.
pub(super) struct AppKey(RsaKeyPair);

impl AppKey {
    /// Reads an RSA key of 2,048 to 4,096 bits in PEM: PKCS #1, as GitHub makes it, or PKCS #8. Returns nothing for
    /// another text.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return None,
        };
        key.ok().map(Self)
    }

    /// Returns the token of an App, valid for nine minutes. Returns nothing if the key can't sign.
    pub fn proof(&self, app_id: u64, now: Timestamp) -> Option<SecretString> {
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let claims = json!({
            "iss": app_id,
            "iat": (now - CLOCK_TOLERANCE).as_second(),
            "exp": (now + LIFETIME).as_second(),
        });
        let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .ok()?;
        Some(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::fs;
    use std::process::Command;

    use secrecy::ExposeSecret as _;

    use super::*;

    /// Runs openssl in a folder and returns its standard output.
    fn openssl(folder: &std::path::Path, args: &[&str]) -> String {
        let done = Command::new("openssl").args(args).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    #[test]
    fn openssl_accepts_the_signature_by_keys_of_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let traditional = openssl(at, &["genrsa", "-traditional", "2048"]);
        fs::write(at.join("key.pem"), &traditional).unwrap();
        openssl(at, &["rsa", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
        let pkcs8 = openssl(at, &["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem"]);
        for pem in [traditional, pkcs8] {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let token = AppKey::from_pem(&pem).unwrap().proof(12, now).unwrap();
            let parts: Vec<&str> = token.expose_secret().split('.').collect();
            let [header, claims, signature] = parts[..] else {
                panic!("{} parts", parts.len());
            };
            let text = |part: &str| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
            assert_eq!(text(header), r#"{"alg":"RS256","typ":"JWT"}"#);
            assert_eq!(text(claims), r#"{"iss":12,"iat":1799999940,"exp":1800000540}"#);
            fs::write(at.join("signed"), format!("{header}.{claims}")).unwrap();
            fs::write(at.join("signature"), BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
            let verify = [
                "dgst",
                "-sha256",
                "-verify",
                "public.pem",
                "-signature",
                "signature",
                "signed",
            ];
            assert_eq!(openssl(at, &verify).trim(), "Verified OK");
        }
    }

    #[test]
    fn a_short_key_another_kind_of_key_and_other_text_are_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let short = openssl(folder.path(), &["genrsa", "-traditional", "1024"]);
        let curve = openssl(folder.path(), &["genpkey", "-algorithm", "ed25519"]);
        for text in [
            short.as_str(),
            curve.as_str(),
            "",
            "-----BEGIN RSA PRIVATE KEY-----\nAA==\n",
        ] {
            assert!(AppKey::from_pem(text).is_none(), "{text}");
        }
    }
}
