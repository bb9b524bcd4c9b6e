//! How fast one process asks GitHub: how much at once, and how many writes in a minute. GitHub refuses more than 100 requests
//! at once and 80 writes in a minute, of all that use an identity, and asks for a second between many writes.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

/// Requests that are under way at once.
const AT_ONCE: usize = 20;
/// Writes that may follow each other without a pause, after as long a pause.
const BURST: u32 = 10;
/// Nobody waits longer for a write: the workflow does, with nothing running.
const MAX_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Pace {
    turns: Semaphore,
    writes: Option<Writes>,
}

#[derive(Debug)]
struct Writes {
    every: Duration,
    /// When the writes that were let through would be over, one after another.
    busy_until: Mutex<Instant>,
}

impl Pace {
    /// Writes are not held back.
    pub fn unlimited() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            writes: None,
        }
    }

    /// As many writes in a minute, at least one, and a few more at first.
    pub fn limited(writes_per_minute: u32) -> Self {
        let every = Duration::from_secs(60) / writes_per_minute.max(1);
        Self {
            writes: Some(Writes {
                every,
                busy_until: Mutex::new(Instant::now()),
            }),
            ..Self::unlimited()
        }
    }

    /// Waits until a write may go out. Errors: how long that would take, where it is too long.
    pub async fn write(&self) -> Result<(), Duration> {
        if let Some(writes) = &self.writes {
            sleep(writes.wait(Instant::now())?).await;
        }
        Ok(())
    }

    /// A turn among the requests that are under way; it lasts until it is dropped.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes the semaphore.
        self.turns.acquire().await.ok()
    }
}

impl Writes {
    /// How long one more waits. Errors: as long, where that is too long; it is not counted then.
    fn wait(&self, now: Instant) -> Result<Duration, Duration> {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = busy_until.saturating_duration_since(now);
        let wait = behind.saturating_sub(self.every * (BURST - 1));
        if wait > MAX_WAIT {
            return Err(wait);
        }
        *busy_until = (*busy_until).max(now) + self.every;
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_writes_go_at_once_and_the_others_one_a_second() {
        let Some(writes) = Pace::limited(60).writes else {
            panic!("limited");
        };
        let began = Instant::now() + Duration::from_secs(1);
        let waits = |count: usize, now: Instant| {
            let wait = |_| {
                writes
                    .wait(now)
                    .map(|wait| wait.as_secs())
                    .map_err(|wait| wait.as_secs())
            };
            (0..count).map(wait).collect::<Vec<_>>()
        };
        let at_once = (0..10).map(|_| Ok(0));
        let one_a_second = (1..=30).map(Ok);
        let refused = (0..3).map(|_| Err(31));
        assert_eq!(
            waits(43, began),
            at_once.chain(one_a_second).chain(refused).collect::<Vec<_>>()
        );
        let later = began + Duration::from_secs(5);
        assert_eq!(waits(6, later), [Ok(26), Ok(27), Ok(28), Ok(29), Ok(30), Err(31)]);
        let much_later = began + Duration::from_secs(3_600);
        assert_eq!(waits(11, much_later), [&[Ok(0); 10][..], &[Ok(1)]].concat());
    }

    #[test]
    fn a_faster_pace_waits_less() {
        for (per_minute, eleventh) in [(60, 1_000), (600, 100), (6_000, 10)] {
            let writes = Pace::limited(per_minute).writes.map(|writes| {
                let now = Instant::now() + Duration::from_secs(1);
                (0..11).map(|_| writes.wait(now)).last()
            });
            let expected = Duration::from_millis(eleventh);
            let waited = writes.flatten().map(|wait| wait.unwrap_or_else(|wait| wait));
            assert_eq!(waited, Some(expected), "{per_minute}");
        }
    }
}
