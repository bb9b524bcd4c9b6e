use std::mem::MaybeUninit;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use regex::Regex;

static WORD: OnceLock<Regex> = OnceLock::new();

pub struct Ring {
    slots: Mutex<Vec<u8>>,
}

fn word() -> &'static Regex {
    WORD.get_or_init(|| Regex::new(r"^\w+$").expect("literal pattern compiles"))
}

pub fn read_frame(len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = Vec::with_capacity(len);
    unsafe { frame.set_len(len) };
    frame
}

pub fn zeroed_frame(len: usize) -> Vec<u8> {
    vec![0; len]
}

pub fn header() -> [u8; 16] {
    unsafe { MaybeUninit::uninit().assume_init() }
}

pub fn first(bytes: &[u8]) -> Option<u8> {
    if bytes.is_empty() {
        return None;
    }
    // SAFETY: the slice holds at least one byte, checked above.
    Some(unsafe { *bytes.get_unchecked(0) })
}

impl Ring {
    pub async fn drain(&self) {
        let mut slots = self.slots.lock().expect("ring lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
        slots.clear();
    }

    pub async fn size_later(&self) -> usize {
        let size = { self.slots.lock().map(|s| s.len()).unwrap_or(0) };
        tokio::time::sleep(Duration::from_millis(5)).await;
        size
    }

    pub async fn settle(&self) {
        std::thread::sleep(Duration::from_secs(1));
    }
}

pub fn countdown() -> Vec<u32> {
    let mut out = Vec::new();
    for n in 10..0 {
        out.push(n);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn words() {
        assert!(super::word().is_match("abc"));
        let n: u32 = "42".parse().unwrap();
        assert_eq!(n, 42);
        std::thread::sleep(super::Duration::from_millis(1));
    }
}
