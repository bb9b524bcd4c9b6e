//! A deterministic async function as an actor. Its state is the list of answers to its calls so far. It runs again from
//! its beginning over these answers, and its first call beyond them is its next step.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::call::{Answer, Call};

/// A text that hashes and compares by a number.
#[derive(Clone)]
pub struct Text {
    id: u64,
    text: Arc<str>,
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            id: id_of(&text),
            text: text.into(),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.id);
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

pub fn id_of(value: &impl Hash) -> u64 {
    // Its keys are fixed, so that a value has the same number in every run of the check.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The recorded answers for an actor's ports, in order; the next call stays without an answer.
pub struct Recorded {
    answers: Vec<Arc<Answer>>,
    at: Mutex<(usize, Option<Call>)>,
}

impl Recorded {
    pub async fn ask(&self, call: Call) -> Answer {
        let next = {
            let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
            let next = self.answers.get(at.0).cloned();
            match &next {
                Some(_) => at.0 += 1,
                None => {
                    assert!(at.1.is_none(), "one call at a time: {call:?}");
                    at.1 = Some(call);
                }
            }
            next
        };
        match next {
            Some(answer) => Answer::clone(&answer),
            None => futures::future::pending().await,
        }
    }
}

/// The next step of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<E> {
    Calls(Call),
    Ends(E),
}

/// An actor's place: its script and its answers so far.
pub struct Place<S, E> {
    id: u64,
    script: S,
    answers: Vec<Arc<Answer>>,
    pub step: Step<E>,
}

/// Every place that was reached. Each is computed once, because it does not depend on other actors.
pub struct Places<S, E> {
    known: Mutex<HashMap<u64, Arc<Place<S, E>>>>,
    play: Play<S, E>,
}

/// Runs a script over the recorded answers.
pub type Play<S, E> = Box<dyn for<'a> Fn(&'a S, &'a Recorded) -> BoxFuture<'a, E> + Send + Sync>;

impl<S: Clone + Hash, E> Places<S, E> {
    pub fn new(play: Play<S, E>) -> Self {
        Self {
            known: Mutex::default(),
            play,
        }
    }

    pub fn start(&self, script: &S) -> Arc<Place<S, E>> {
        self.reach(id_of(script), script, Vec::new)
    }

    pub fn next(&self, from: &Place<S, E>, answer: Answer) -> Arc<Place<S, E>> {
        self.reach(id_of(&(from.id, &answer)), &from.script, || {
            let mut answers = from.answers.clone();
            answers.push(Arc::new(answer));
            answers
        })
    }

    fn reach(&self, id: u64, script: &S, answers: impl FnOnce() -> Vec<Arc<Answer>>) -> Arc<Place<S, E>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.entry(id).or_insert_with(|| {
            let recorded = Recorded {
                answers: answers(),
                at: Mutex::default(),
            };
            let ended = (self.play)(script, &recorded).now_or_never();
            let (at, pending) = recorded.at.into_inner().unwrap_or_else(PoisonError::into_inner);
            assert_eq!(at, recorded.answers.len(), "the script is not deterministic");
            let step = match (ended, pending) {
                (Some(end), _) => Step::Ends(end),
                (None, Some(call)) => Step::Calls(call),
                (None, None) => panic!("the script waits for something that is not a port"),
            };
            Arc::new(Place {
                id,
                script: script.clone(),
                answers: recorded.answers,
                step,
            })
        });
        Arc::clone(place)
    }
}

impl<S, E> PartialEq for Place<S, E> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<S, E> Hash for Place<S, E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.id);
    }
}

impl<S, E: fmt::Debug> fmt::Debug for Place<S, E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} after {} answers", self.step, self.answers.len())
    }
}
