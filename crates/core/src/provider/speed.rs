//! The speed of a model's answers: whether they take much longer than usual.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Number of the last answers that are compared with the usual ones.
const RECENT: usize = 8;

/// Number of answers whose mean is the first usual time, and whose weight is the same.
const FIRST: u32 = 32;

/// The usual time follows each further answer by this part of the difference.
const INERTIA: u64 = 1024;

/// By how much the last answers take longer if the provider has become slow.
const SLOWER: u64 = 2;

/// An answer counts as this many usual times at most.
const MAX_TIMES: u64 = 4;

/// Added to the output tokens of an answer: the time before its first token.
const FIRST_TOKENS: u64 = 100;

/// The times of a model's answers for each thousand output tokens: a long answer isn't a slow one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Speed {
    /// The number of answers, up to [`FIRST`].
    answers: u32,
    /// The usual time in microseconds.
    usual_us: u64,
    /// The last answers' times in milliseconds, oldest first.
    last_ms: VecDeque<u32>,
}

impl Speed {
    /// Notes an answer, and returns whether half of the last ones took at least twice the usual time.
    pub fn note(&mut self, took_ms: u32, output_tokens: u64) -> bool {
        let us = u64::from(took_ms) * 1_000_000 / output_tokens.saturating_add(FIRST_TOKENS);
        self.last_ms.push_back(u32::try_from(us / 1000).unwrap_or(u32::MAX));
        if self.last_ms.len() > RECENT {
            self.last_ms.pop_front();
        }
        if self.answers < FIRST {
            let before = u64::from(self.answers);
            self.usual_us = (self.usual_us * before + us) / (before + 1);
            self.answers += 1;
            return false;
        }
        let counted_us = us.min(self.usual_us.max(1) * MAX_TIMES);
        self.usual_us = self.usual_us - self.usual_us / INERTIA + counted_us / INERTIA;
        self.median_ms() * 1000 >= self.usual_us.max(1) * SLOWER
    }

    fn median_ms(&self) -> u64 {
        let mut sorted: Vec<u32> = self.last_ms.iter().copied().collect();
        sorted.sort_unstable();
        // Of eight, the fourth: half of them took as long.
        sorted.get(sorted.len() / 2).copied().map_or(0, u64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slower(speed: &mut Speed, answers: u32, took_ms: u32, tokens: u64) -> u32 {
        (0..answers).map(|_| u32::from(speed.note(took_ms, tokens))).sum()
    }

    #[test]
    fn answers_that_take_twice_as_long_are_slower_until_they_are_usual() {
        let mut speed = Speed::default();
        assert_eq!(slower(&mut speed, 100, 2_000, 100), 0);
        assert_eq!(slower(&mut speed, 3, 6_000, 100), 0);
        assert_eq!(slower(&mut speed, 1, 6_000, 100), 1);
        // The usual time is half of the new one after a quarter of the difference: 1,024 × ln(4/3) answers.
        let more = slower(&mut speed, 400, 6_000, 100);
        assert!((260..320).contains(&more), "{more}");
        assert_eq!(slower(&mut speed, 400, 2_000, 100), 0);
    }

    #[test]
    fn a_little_longer_is_not_slower() {
        let mut speed = Speed::default();
        assert_eq!(slower(&mut speed, 100, 2_000, 100), 0);
        assert_eq!(slower(&mut speed, 100, 3_900, 100), 0);
    }

    #[test]
    fn a_long_answer_is_not_a_slow_one() {
        let mut speed = Speed::default();
        assert_eq!(slower(&mut speed, 32, 2_000, 100), 0);
        assert_eq!(slower(&mut speed, 32, 11_000, 1_000), 0);
    }

    #[test]
    fn the_first_answers_are_compared_with_nothing() {
        let mut speed = Speed::default();
        assert_eq!(slower(&mut speed, 8, 1, 0) + slower(&mut speed, 24, u32::MAX, 0), 0);
        assert_eq!(slower(&mut speed, 1, u32::MAX, u64::MAX), 0);
    }
}
