//! Reads people's permissions from GitHub with a limit on requests: an answer is cached for a minute, and each login
//! has a maximum number of requests per minute. So a stranger who signs in and reloads pages causes a bounded number of
//! requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{Permission, ReadError, ReadPermission};

/// How long an answer is cached. A person whose permission was revoked can act for this long.
const CACHE_TIME: Duration = Duration::from_secs(60);
/// Maximum number of requests for one login in [`CACHE_TIME`].
const MAX_REQUESTS_PER_LOGIN: u32 = 60;
/// Maximum number of requests for all logins in [`CACHE_TIME`].
const MAX_REQUESTS: u32 = 600;
/// Maximum number of cached answers.
const MAX_ANSWERS: usize = 10_000;

/// Caches the answers of another reader, and limits its requests.
pub struct LimitedPermission {
    inner: Arc<dyn ReadPermission>,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    cache: Mutex<Cache>,
}

/// The answers of the last minute, and the number of requests in the current one.
#[derive(Default)]
struct Cache {
    permissions: HashMap<[String; 2], (Instant, Permission)>,
    members: HashMap<[String; 2], (Instant, bool)>,
    since: Option<Instant>,
    requests: u32,
    requests_by_login: HashMap<String, u32>,
}

impl LimitedPermission {
    /// Caches and limits `inner`.
    pub fn new(inner: Arc<dyn ReadPermission>) -> Self {
        Self::with_clock(inner, Instant::now)
    }

    fn with_clock(inner: Arc<dyn ReadPermission>, now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self {
            inner,
            now: Box::new(now),
            cache: Mutex::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Cache) -> T) -> T {
        act(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Cache {
    /// Counts a request.
    ///
    /// # Errors
    /// A limit was reached.
    fn count(&mut self, now: Instant, login: &str) -> Result<(), ReadError> {
        if self.since.is_none_or(|since| now.duration_since(since) >= CACHE_TIME) {
            self.since = Some(now);
            self.requests = 0;
            self.requests_by_login.clear();
        }
        let of_login = self.requests_by_login.entry(login.to_owned()).or_default();
        if *of_login >= MAX_REQUESTS_PER_LOGIN || self.requests >= MAX_REQUESTS {
            tracing::warn!(
                login,
                "too many permission requests in a minute: refused without calling GitHub"
            );
            return Err(ReadError::RateLimited {
                detail: "too many permission requests: try again in a minute".to_owned(),
                retry_after_s: Some(CACHE_TIME.as_secs()),
            });
        }
        *of_login += 1;
        self.requests += 1;
        Ok(())
    }
}

fn fresh<T: Copy>(kept: &HashMap<[String; 2], (Instant, T)>, now: Instant, key: &[String; 2]) -> Option<T> {
    let (at, answer) = kept.get(key)?;
    (now.duration_since(*at) < CACHE_TIME).then_some(*answer)
}

fn keep<T>(kept: &mut HashMap<[String; 2], (Instant, T)>, now: Instant, key: [String; 2], answer: T) {
    if kept.len() >= MAX_ANSWERS {
        kept.retain(|_, (at, _)| now.duration_since(*at) < CACHE_TIME);
    }
    if kept.len() < MAX_ANSWERS {
        kept.insert(key, (now, answer));
    }
}

fn key(place: &str, login: &str) -> [String; 2] {
    // GitHub's names are case-insensitive.
    [place, login].map(str::to_ascii_lowercase)
}

#[async_trait]
impl ReadPermission for LimitedPermission {
    async fn permission(&self, repository: &RepositoryName, login: &str) -> Result<Permission, ReadError> {
        let (now, key) = ((self.now)(), key(&repository.to_string(), login));
        if let Some(answer) = self.with(|kept| fresh(&kept.permissions, now, &key)) {
            return Ok(answer);
        }
        self.with(|kept| kept.count(now, &key[1]))?;
        let answer = self.inner.permission(repository, login).await?;
        self.with(|kept| keep(&mut kept.permissions, now, key, answer));
        Ok(answer)
    }

    async fn is_member(&self, team: &TeamName, login: &str) -> Result<bool, ReadError> {
        let (now, key) = ((self.now)(), key(&team.to_string(), login));
        if let Some(answer) = self.with(|kept| fresh(&kept.members, now, &key)) {
            return Ok(answer);
        }
        self.with(|kept| kept.count(now, &key[1]))?;
        let answer = self.inner.is_member(team, login).await?;
        self.with(|kept| keep(&mut kept.members, now, key, answer));
        Ok(answer)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicU32);

    #[async_trait]
    impl ReadPermission for Counting {
        async fn permission(&self, _: &RepositoryName, login: &str) -> Result<Permission, ReadError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(if login == "maintainer" {
                Permission::Write
            } else {
                Permission::None
            })
        }

        async fn is_member(&self, _: &TeamName, login: &str) -> Result<bool, ReadError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(login == "maintainer")
        }
    }

    fn repository(name: &str) -> RepositoryName {
        RepositoryName::new("o", name).unwrap()
    }

    #[tokio::test]
    async fn requests_per_login_are_limited() {
        let github = Arc::new(Counting::default());
        let requests = || github.0.load(Ordering::SeqCst);
        let later = Arc::new(AtomicU32::new(0));
        let (start, passed) = (Instant::now(), Arc::clone(&later));
        let clock = move || start + Duration::from_secs(passed.load(Ordering::SeqCst).into());
        let limited = LimitedPermission::with_clock(Arc::clone(&github) as _, clock);
        for _ in 0..100 {
            let may = limited.permission(&repository("r"), "stranger").await.unwrap();
            assert_eq!(may, Permission::None);
            assert!(!limited.is_member(&"o/team".parse().unwrap(), "Stranger").await.unwrap());
        }
        assert_eq!(requests(), 2, "answers are cached");
        for number in 0..500 {
            drop(limited.permission(&repository(&format!("r{number}")), "stranger").await);
        }
        assert_eq!(requests(), MAX_REQUESTS_PER_LOGIN);
        assert!(
            limited
                .permission(&repository("r"), "maintainer")
                .await
                .unwrap()
                .may_write()
        );
        assert_eq!(requests(), MAX_REQUESTS_PER_LOGIN + 1, "other logins are not affected");
        assert!(limited.permission(&repository("other"), "stranger").await.is_err());
        later.store(60, Ordering::SeqCst);
        assert!(limited.permission(&repository("other"), "stranger").await.is_ok());
        assert!(
            limited
                .permission(&repository("r"), "maintainer")
                .await
                .unwrap()
                .may_write()
        );
        assert_eq!(
            requests(),
            MAX_REQUESTS_PER_LOGIN + 3,
            "an answer is cached for a minute"
        );
    }

    #[tokio::test]
    async fn requests_of_all_logins_together_are_limited() {
        let github = Arc::new(Counting::default());
        let limited = LimitedPermission::new(Arc::clone(&github) as _);
        for number in 0..2 * MAX_REQUESTS {
            drop(limited.permission(&repository("r"), &format!("login{number}")).await);
        }
        assert_eq!(github.0.load(Ordering::SeqCst), MAX_REQUESTS);
    }
}
