//! Reads people's permissions from GitHub with a limit on requests: an answer is cached for a minute, and each login has a
//! maximum number of requests per minute. So a stranger who signs in and reloads pages causes a bounded number of requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{Permission, ReadError, ReadPermission};

/// How long an answer is cached. A person whose permission was revoked can act for this long.
const KEEP: Duration = Duration::from_secs(60);
/// Maximum number of requests for one login in [`KEEP`].
const MAX_QUESTIONS_PER_LOGIN: u32 = 60;
/// Maximum number of requests for all logins in [`KEEP`].
const MAX_QUESTIONS: u32 = 600;
/// Maximum number of cached answers.
const MAX_ANSWERS: usize = 10_000;

/// Caches the answers of another reader, and limits its requests.
pub struct RarelyAsked {
    inner: Arc<dyn ReadPermission>,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    kept: Mutex<Kept>,
}

/// The answers of the last minute, and the number of requests in the current one.
#[derive(Default)]
struct Kept {
    permissions: HashMap<[String; 2], (Instant, Permission)>,
    members: HashMap<[String; 2], (Instant, bool)>,
    since: Option<Instant>,
    asked: u32,
    asked_for: HashMap<String, u32>,
}

impl RarelyAsked {
    /// Caches and limits `inner`.
    pub fn new(inner: Arc<dyn ReadPermission>) -> Self {
        Self::with_clock(inner, Instant::now)
    }

    fn with_clock(inner: Arc<dyn ReadPermission>, now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self {
            inner,
            now: Box::new(now),
            kept: Mutex::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    /// Counts a request.
    ///
    /// # Errors
    /// A limit was reached.
    fn count(&mut self, now: Instant, login: &str) -> Result<(), ReadError> {
        if self.since.is_none_or(|since| now.duration_since(since) >= KEEP) {
            self.since = Some(now);
            self.asked = 0;
            self.asked_for.clear();
        }
        let of_login = self.asked_for.entry(login.to_owned()).or_default();
        if *of_login >= MAX_QUESTIONS_PER_LOGIN || self.asked >= MAX_QUESTIONS {
            tracing::warn!(
                login,
                "too many questions about permissions in a minute: refused without asking GitHub"
            );
            return Err(ReadError::RateLimited {
                detail: "too many questions about permissions: try again in a minute".to_owned(),
                retry_after_s: Some(KEEP.as_secs()),
            });
        }
        *of_login += 1;
        self.asked += 1;
        Ok(())
    }
}

fn fresh<T: Copy>(kept: &HashMap<[String; 2], (Instant, T)>, now: Instant, key: &[String; 2]) -> Option<T> {
    let (at, answer) = kept.get(key)?;
    (now.duration_since(*at) < KEEP).then_some(*answer)
}

fn keep<T>(kept: &mut HashMap<[String; 2], (Instant, T)>, now: Instant, key: [String; 2], answer: T) {
    if kept.len() >= MAX_ANSWERS {
        kept.retain(|_, (at, _)| now.duration_since(*at) < KEEP);
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
impl ReadPermission for RarelyAsked {
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
    async fn a_login_costs_a_bounded_number_of_questions() {
        let github = Arc::new(Counting::default());
        let asked = || github.0.load(Ordering::SeqCst);
        let later = Arc::new(AtomicU32::new(0));
        let (start, passed) = (Instant::now(), Arc::clone(&later));
        let clock = move || start + Duration::from_secs(passed.load(Ordering::SeqCst).into());
        let rarely = RarelyAsked::with_clock(Arc::clone(&github) as _, clock);
        for _ in 0..100 {
            let may = rarely.permission(&repository("r"), "stranger").await.unwrap();
            assert_eq!(may, Permission::None);
            assert!(!rarely.is_member(&"o/team".parse().unwrap(), "Stranger").await.unwrap());
        }
        assert_eq!(asked(), 2, "answers are kept");
        for number in 0..500 {
            drop(rarely.permission(&repository(&format!("r{number}")), "stranger").await);
        }
        assert_eq!(asked(), MAX_QUESTIONS_PER_LOGIN);
        assert!(
            rarely
                .permission(&repository("r"), "maintainer")
                .await
                .unwrap()
                .may_write()
        );
        assert_eq!(asked(), MAX_QUESTIONS_PER_LOGIN + 1, "others are not held up");
        assert!(rarely.permission(&repository("other"), "stranger").await.is_err());
        later.store(60, Ordering::SeqCst);
        assert!(rarely.permission(&repository("other"), "stranger").await.is_ok());
        assert!(
            rarely
                .permission(&repository("r"), "maintainer")
                .await
                .unwrap()
                .may_write()
        );
        assert_eq!(asked(), MAX_QUESTIONS_PER_LOGIN + 3, "an answer counts for a minute");
    }

    #[tokio::test]
    async fn all_logins_together_are_bounded() {
        let github = Arc::new(Counting::default());
        let rarely = RarelyAsked::new(Arc::clone(&github) as _);
        for number in 0..2 * MAX_QUESTIONS {
            drop(rarely.permission(&repository("r"), &format!("login{number}")).await);
        }
        assert_eq!(github.0.load(Ordering::SeqCst), MAX_QUESTIONS);
    }
}
