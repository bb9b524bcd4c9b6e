//! Virtual time for futures: it passes only when no future can go on, and then jumps to the next end of a sleep.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;

/// A clock that jumps from sleep to sleep. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct VirtualTime(Arc<Mutex<Timers>>);

#[derive(Debug, Default)]
struct Timers {
    now: Duration,
    /// Numbers the sleeps, so that those with the same end wake in the order of their begin.
    begun: u64,
    ends: BinaryHeap<Reverse<(Duration, u64)>>,
    wakers: Vec<(u64, Waker)>,
}

impl VirtualTime {
    /// Returns the time since the start.
    pub fn now(&self) -> Duration {
        self.timers().now
    }

    /// Returns after `time`.
    pub fn sleep(&self, time: Duration) -> Sleep {
        let mut timers = self.timers();
        timers.begun += 1;
        let (end, number) = (timers.now + time, timers.begun);
        timers.ends.push(Reverse((end, number)));
        drop(timers);
        Sleep {
            time: self.clone(),
            end,
            number,
        }
    }

    /// Runs futures to their end.
    ///
    /// # Panics
    ///
    /// A future waits for something that nothing brings.
    #[expect(clippy::expect_used, reason = "the pool outlives its spawner")]
    pub fn run<T: 'static>(&self, futures: impl IntoIterator<Item = impl Future<Output = T> + 'static>) -> Vec<T> {
        let mut pool = LocalPool::new();
        let handles: Vec<_> = futures
            .into_iter()
            .map(|future| pool.spawner().spawn_local_with_handle(future).expect("the pool runs"))
            .collect();
        let mut all = Box::pin(futures::future::join_all(handles));
        loop {
            pool.run_until_stalled();
            let waker = futures::task::noop_waker();
            if let Poll::Ready(done) = all.as_mut().poll(&mut Context::from_waker(&waker)) {
                return done;
            }
            assert!(self.jump(), "every future waits, and none for the time");
        }
    }

    /// Jumps to the next end, and wakes its sleep. Returns false if none sleeps.
    fn jump(&self) -> bool {
        let mut timers = self.timers();
        let Some(Reverse((end, number))) = timers.ends.pop() else {
            return false;
        };
        timers.now = timers.now.max(end);
        let woken = timers.wakers.iter().position(|(of, _)| *of == number);
        let waker = woken.map(|at| timers.wakers.swap_remove(at).1);
        drop(timers);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sleep.
#[derive(Debug)]
pub struct Sleep {
    time: VirtualTime,
    end: Duration,
    number: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timers = self.time.timers();
        timers.wakers.retain(|(number, _)| *number != self.number);
        if timers.now >= self.end {
            return Poll::Ready(());
        }
        timers.wakers.push((self.number, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let number = self.number;
        let mut timers = self.time.timers();
        timers.wakers.retain(|(of, _)| *of != number);
        timers.ends.retain(|Reverse((_, of))| *of != number);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sleeps_end_in_order_without_waiting() {
        let (time, ended) = (VirtualTime::default(), Arc::new(Mutex::new(Vec::new())));
        let sleeper = |hours: u64| {
            let (time, ended) = (time.clone(), Arc::clone(&ended));
            async move {
                time.sleep(Duration::from_secs(3_600 * hours)).await;
                ended.lock().unwrap().push(hours);
                time.now()
            }
        };
        let ends = time.run([sleeper(3), sleeper(1), sleeper(2)]);
        assert_eq!(*ended.lock().unwrap(), [1, 2, 3]);
        assert_eq!(ends, [3, 1, 2].map(|hours| Duration::from_secs(3_600 * hours)));
    }
}
