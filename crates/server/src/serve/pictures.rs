//! Cache of pictures of runs' states. A page draws the picture because it needs its size, and the browser requests the
//! same picture next.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_core::model::run_name::RunName;

/// Maximum number of cached pictures.
const MAX_PICTURES: usize = 16;

/// Drawn pictures by run, the oldest first. Each is returned only once, because a run's path grows.
#[derive(Debug, Default)]
pub struct Pictures(Mutex<VecDeque<(RunName, String)>>);

impl Pictures {
    /// Stores a run's picture for the request that follows its page.
    pub fn keep(&self, run: &RunName, svg: String) {
        let mut kept = self.lock();
        kept.retain(|(name, _)| name != run);
        if kept.len() == MAX_PICTURES {
            kept.pop_front();
        }
        kept.push_back((run.clone(), svg));
    }

    /// Removes and returns a run's picture, if there is one.
    pub fn take(&self, run: &RunName) -> Option<String> {
        let mut kept = self.lock();
        let place = kept.iter().position(|(name, _)| name == run)?;
        kept.remove(place).map(|(_, svg)| svg)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(RunName, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;

    #[test]
    fn the_newest_pictures_are_returned_once() {
        let pictures = Pictures::default();
        let name = |text: &str| text.parse::<RunName>().unwrap();
        pictures.keep(&name("a"), "old".to_owned());
        pictures.keep(&name("a"), "new".to_owned());
        assert_eq!(pictures.take(&name("a")).as_deref(), Some("new"));
        assert_eq!(pictures.take(&name("a")), None);
        for number in 0..=MAX_PICTURES {
            pictures.keep(&name(&number.to_string()), String::new());
        }
        assert_eq!(pictures.take(&name("0")), None);
        assert!(pictures.take(&name("1")).is_some() && pictures.take(&name("16")).is_some());
    }
}
