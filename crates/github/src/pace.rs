//! Limits the requests of one process to GitHub: how many are in flight, and how many writes it sends in a minute.
//! `turns` limits those that create content in all processes together. GitHub refuses more than 100 requests in flight and 80 writes in a minute, for all users of an identity together,
//! and recommends a second between writes.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

/// Maximum number of requests in flight.
const MAX_IN_FLIGHT: usize = 20;
/// Maximum number of writes that are sent without a pause. Later writes then wait until the rate is kept on average.
const BURST: u32 = 10;
/// Maximum wait for a write here. Beyond it, the workflow waits, with nothing running.
const MAX_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Pace {
    in_flight: Semaphore,
    writes: Option<Writes>,
}

#[derive(Debug)]
struct Writes {
    /// The time from one write to the next at the permitted rate.
    every: Duration,
    /// The time at which the counted writes would end, if each took `every`.
    busy_until: Mutex<Instant>,
}

impl Pace {
    /// Returns a pace that doesn't limit writes.
    pub fn unlimited() -> Self {
        Self {
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            writes: None,
        }
    }

    /// Returns a pace of `writes_per_minute` writes in a minute, at least one, after a first burst.
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

    /// Waits until a write may be sent.
    ///
    /// # Errors
    /// The wait would be longer than [`MAX_WAIT`]: fails at once with that wait.
    pub async fn write(&self) -> Result<(), Duration> {
        if let Some(writes) = &self.writes {
            sleep(writes.wait(Instant::now())?).await;
        }
        Ok(())
    }

    /// Waits for a place among the requests in flight. Dropping the permit frees the place.
    pub async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.in_flight.acquire().await.ok()
    }
}

impl Writes {
    /// Counts one more write and returns its wait. Fails with the wait, and doesn't count it, if that is too long.
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
    fn a_burst_of_writes_needs_no_wait_and_the_others_are_a_second_apart() {
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
