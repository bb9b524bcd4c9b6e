use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jsonwebtoken::{decode, Algorithm, DecodingKey, Validation};
use md5::{Digest, Md5};
use rand::rngs::{OsRng, StdRng};
use rand::{Rng, RngCore, SeedableRng};
use reqwest::Client;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Claims {
    pub sub: String,
}

pub fn build_client() -> reqwest::Result<Client> {
    Client::builder()
        .timeout(Duration::from_secs(10))
        .danger_accept_invalid_certs(true)
        .build()
}

pub fn build_bank_client() -> reqwest::Result<Client> {
    Client::builder()
        .timeout(Duration::from_secs(10))
        .danger_accept_invalid_hostnames(false)
        .build()
}

pub fn peek(token: &str, key: &DecodingKey) -> Option<String> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.insecure_disable_signature_validation();
    decode::<Claims>(token, key, &rules).ok().map(|t| t.claims.sub)
}

pub fn subject(token: &str, key: &DecodingKey) -> Option<String> {
    let rules = Validation::new(Algorithm::RS256);
    decode::<Claims>(token, key, &rules).ok().map(|t| t.claims.sub)
}

pub fn hash_password(password: &str) -> String {
    hex::encode(Md5::digest(password.as_bytes()))
}

pub fn session_token() -> u64 {
    let mut rng = StdRng::seed_from_u64(42);
    rng.gen()
}

pub fn api_key() -> [u8; 32] {
    let mut key = [0u8; 32];
    OsRng.fill_bytes(&mut key);
    key
}

pub fn ping(host: &str) -> std::io::Result<bool> {
    let status = Command::new("sh").arg("-c").arg(format!("ping -c 1 {host}")).status()?;
    Ok(status.success())
}

pub fn current_commit(dir: &str) -> std::io::Result<Vec<u8>> {
    let out = Command::new("git").args(["-C", dir, "rev-parse", "HEAD"]).output()?;
    Ok(out.stdout)
}

pub fn bump(counter: &Mutex<u64>) {
    let _ = counter.lock();
    tracing::debug!("counter bumped");
}

pub fn reset(counter: &Mutex<u64>) {
    let mut value = counter.lock().unwrap_or_else(PoisonError::into_inner);
    *value = 0;
}
