//! The world of the actors: the table, the store, and a pull request on GitHub.

use crate::call::{Answer, Call, Check, Comment, Review};
use crate::replay::Text;

/// Everything outside the actors. Lists are ordered by their keys, so that equal worlds are equal values.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct World {
    /// The pull request's head, as the number of pushes.
    pub head: u8,
    pub rows: Vec<(Text, u64, Text)>,
    pub artifacts: Vec<(Text, Text)>,
    pub reviews: Vec<Review>,
    pub comments: Vec<Comment>,
    pub checks: Vec<Check>,
    /// The runs whose reviews were submitted, in this order.
    pub submitted: Vec<Text>,
    /// The runs that the engine must stop.
    pub stopped: Vec<Text>,
    /// The runs that ended without success, with their errors.
    pub failed: Vec<(Text, Text)>,
    /// The runs whose right to write was seen to end.
    pub closed: Vec<Text>,
    /// Hours since the approval was requested.
    pub hours: u64,
    /// The end of the task token: the sent decision, or the reason why none can be sent.
    pub token: Option<Text>,
    /// Issued ids, by their objects: an id does not depend on other runs.
    given: Vec<(Text, u64)>,
}

impl World {
    /// Serves one request, at once and completely.
    pub fn serve(&mut self, call: &Call) -> Answer {
        match call {
            Call::GetRow { key } => Answer::Row(self.row(key)),
            Call::PutRow { key, value, expect } => self.put_row(key, value, *expect),
            Call::DeleteRow { key, version } => match self.row(key) {
                Some(found) if found.0 != *version => Answer::Conflict(Some(found)),
                _ => {
                    self.rows.retain(|row| row.0 != *key);
                    Answer::Written(*version)
                }
            },
            Call::ListRows { prefix, most } => {
                let mut found: Vec<_> = self.rows.clone();
                found.retain(|row| row.0.as_str().starts_with(prefix.as_str()));
                found.sort_by(|one, two| one.0.as_str().cmp(two.0.as_str()));
                found.truncate(*most);
                Answer::Rows(found)
            }
            Call::GetArtifact { key } => Answer::Artifact(self.artifact(key)),
            Call::PutArtifact { key, value } => {
                match self.artifacts.binary_search_by(|known| known.0.cmp(key)) {
                    Ok(at) => self.artifacts[at].1 = value.clone(),
                    Err(at) => self.artifacts.insert(at, (key.clone(), value.clone())),
                }
                Answer::Done
            }
            Call::ReadHead => Answer::Head(self.head),
            Call::StopRun { run } => {
                if !self.stopped.contains(run) {
                    self.stopped.push(run.clone());
                    self.stopped.sort();
                }
                Answer::Done
            }
            Call::AskClock => Answer::Time(self.hours),
            Call::SendToken { .. } if self.token.is_some() => Answer::NotFound,
            Call::SendToken { decision } => {
                self.token = Some(decision.clone());
                Answer::Done
            }
            Call::ListFailedRuns => Answer::Failed(self.failed.clone()),
            _ => self.serve_request(call),
        }
    }

    fn serve_request(&mut self, call: &Call) -> Answer {
        match call {
            Call::ListReviews => Answer::Reviews(self.reviews.clone()),
            Call::GetReview { id } => {
                let found: Vec<Review> = self.reviews.iter().filter(|known| known.id == *id).cloned().collect();
                if found.is_empty() {
                    Answer::NotFound
                } else {
                    Answer::Reviews(found)
                }
            }
            // An account has at most one draft on a pull request.
            Call::PostReview { .. } if self.reviews.iter().any(|known| !known.is_submitted) => Answer::Rejected,
            Call::PostReview { run, head } => {
                let id = self.give_id("review", run);
                self.reviews.push(Review {
                    id,
                    run: run.clone(),
                    head: *head,
                    is_submitted: false,
                });
                self.reviews.sort_by_key(|known| known.id);
                Answer::Created(id)
            }
            Call::SubmitReview { id } => match self.reviews.iter_mut().find(|known| known.id == *id) {
                None => Answer::NotFound,
                Some(known) if known.is_submitted => Answer::Rejected,
                Some(known) => {
                    known.is_submitted = true;
                    self.submitted.push(known.run.clone());
                    Answer::Done
                }
            },
            Call::DeleteReview { id } => match self.reviews.iter().find(|known| known.id == *id) {
                None => Answer::NotFound,
                Some(known) if known.is_submitted => Answer::Rejected,
                Some(_) => {
                    self.reviews.retain(|known| known.id != *id);
                    Answer::Done
                }
            },
            Call::ListComments => Answer::Comments(self.comments.clone()),
            Call::PostComment { run, content } => {
                let id = self.give_id("comment", run);
                self.comments.push(Comment {
                    id,
                    content: content.clone(),
                });
                self.comments.sort_by_key(|known| known.id);
                Answer::Created(id)
            }
            Call::EditComment { id, content } => match self.comments.iter_mut().find(|known| known.id == *id) {
                None => Answer::NotFound,
                Some(known) => {
                    known.content = content.clone();
                    Answer::Done
                }
            },
            Call::DeleteComment { id } => {
                let before = self.comments.len();
                self.comments.retain(|known| known.id != *id);
                if self.comments.len() < before {
                    Answer::Done
                } else {
                    Answer::NotFound
                }
            }
            Call::ListChecks { run } => {
                Answer::Checks(self.checks.iter().filter(|known| known.run == *run).cloned().collect())
            }
            Call::GetCheck { id } => {
                Answer::Checks(self.checks.iter().filter(|known| known.id == *id).cloned().collect())
            }
            Call::PostCheck { run } => {
                let id = self.give_id("check", run);
                self.checks.push(Check {
                    id,
                    run: run.clone(),
                    closed_with: None,
                });
                self.checks.sort_by_key(|known| known.id);
                Answer::Created(id)
            }
            Call::CloseCheck { id, title } => match self.checks.iter_mut().find(|known| known.id == *id) {
                None => Answer::NotFound,
                Some(known) => {
                    known.closed_with = Some(title.clone());
                    Answer::Done
                }
            },
            other => panic!("{other:?} is not a request to GitHub"),
        }
    }

    pub fn row(&self, key: &Text) -> Option<(u64, Text)> {
        let (_, version, value) = self.rows.iter().find(|row| row.0 == *key)?;
        Some((*version, value.clone()))
    }

    fn artifact(&self, key: &Text) -> Option<Text> {
        let at = self.artifacts.binary_search_by(|known| known.0.cmp(key)).ok()?;
        Some(self.artifacts[at].1.clone())
    }

    fn put_row(&mut self, key: &Text, value: &Text, expect: Option<u64>) -> Answer {
        let found = self.row(key);
        if found.as_ref().map(|(version, _)| *version) != expect {
            return Answer::Conflict(found);
        }
        let version = expect.map_or(1, |version| version + 1);
        match self.rows.binary_search_by(|row| row.0.cmp(key)) {
            Ok(at) => self.rows[at] = (key.clone(), version, value.clone()),
            Err(at) => self.rows.insert(at, (key.clone(), version, value.clone())),
        }
        if let Some(run) = key.as_str().strip_prefix("run/")
            && value.as_str().contains("\"closed\":true")
            && !self.closed.contains(&run.into())
        {
            self.closed.push(run.into());
            self.closed.sort();
        }
        Answer::Written(version)
    }

    fn give_id(&mut self, what: &str, run: &Text) -> u64 {
        let key: Text = format!("{what}/{}", run.as_str()).as_str().into();
        let at = match self.given.binary_search_by(|known| known.0.cmp(&key)) {
            Ok(at) => at,
            Err(at) => {
                self.given.insert(at, (key, 0));
                at
            }
        };
        self.given[at].1 += 1;
        // The run's letter and a number, to be readable in a trace.
        let letter = run.as_str().bytes().next().map_or(0, u64::from);
        letter * 100 + self.given[at].1
    }
}
