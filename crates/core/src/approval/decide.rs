//! Accepts decisions: checks who may decide and until when. Of two simultaneous decisions, one is first.

use std::collections::BTreeSet;

use crate::claim;
use crate::error::StageError;
use crate::model::approval::{Ballot, Identity, KnownBy, Person, Verdict, Vote};
use crate::model::error_name::ErrorName;
use crate::model::repository_name::RepositoryName;
use crate::model::run_name::RunName;
use crate::port::KeepRows;
use crate::rows::{self, Update};

use super::{Link, Question, link_key, newest_question, question_key, sha256};

/// Number of wrong codes after which a link is locked.
const MAX_WRONG_CODES: u32 = 8;
/// Maximum length of a reason, in characters.
const REASON_CHARS: usize = 2_000;
/// Maximum length of an edited finding's title, in characters.
pub const MAX_EDITED_TITLE_CHARS: usize = 300;
/// Maximum length of an edited finding's body, in characters.
pub const MAX_EDITED_BODY_CHARS: usize = 10_000;

/// The reason why a decision was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The question doesn't exist.
    #[error("the question does not exist")]
    Unknown,
    /// The question is decided already.
    #[error("it is decided already: {} by {}", .0.decided.map_or("", Verdict::as_str), .0.last_vote().map_or("", |vote| vote.by.name.as_str()))]
    Decided(Box<Question>),
    /// This person has voted already; others must vote too.
    #[error("you have voted already; others must decide too")]
    Voted(Box<Question>),
    /// The question has expired.
    #[error("the time to decide is over")]
    Expired(Box<Question>),
    /// A newer run has taken over, or the run was withdrawn.
    #[error("the review is no longer current: {why}")]
    Superseded {
        /// The question that can't be decided any more.
        question: Box<Question>,
        /// The run that now holds the pull request, if it is another one.
        newer_run: Option<RunName>,
        /// The reason: another run has taken over, or this one was withdrawn.
        why: String,
    },
    /// The person saw other content than would be published.
    #[error("the review has changed since you opened it: read it again")]
    Changed,
    /// The stored review is not the question's.
    #[error(
        "the stored review was altered after the question and can't be decided on; cancel the run and start a new review"
    )]
    Altered,
    /// The code is not the one in the mail.
    #[error("this is not the code from the mail; {} left", crate::count::counted(*left, "try"))]
    WrongCode {
        /// Number of tries left.
        left: u32,
    },
    /// Too many wrong codes.
    #[error("too many wrong codes: this link takes no more of them")]
    Locked {
        /// The question's round.
        round: u32,
    },
    /// This person may not decide.
    #[error(transparent)]
    NotAllowed(#[from] Barred),
    /// The ballot is incomplete, or too long.
    #[error("{0}")]
    Invalid(String),
    /// The table or the store failed.
    #[error(transparent)]
    Failed(#[from] StageError),
}

/// The reason why a person may not decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// The person wrote the change.
    #[error("{0} wrote the change: someone else must decide")]
    IsAuthor(String),
    /// The person has no write permission.
    #[error("{login} may not write to {repository}")]
    MayNotWrite {
        /// The person's login.
        login: String,
        /// The repository.
        repository: RepositoryName,
    },
    /// The person is in none of the policy's teams.
    #[error("{0} is in none of the teams that may decide")]
    InNoTeam(String),
    /// The mail's address has no login, so its code doesn't identify the person.
    #[error("{0} names no GitHub login, so a code is not enough: sign in with GitHub, or configure it as LOGIN={0}")]
    NeedsSignIn(String),
    /// The person's teams could not be read.
    #[error("whether {0} is in one of the teams that may decide could not be checked: sign in with GitHub instead")]
    TeamsUnknown(String),
    /// Nobody has signed in.
    #[error("sign in with an account that may write to the repository")]
    Unknown,
}

/// Returns a mailed link by its opaque id, and its question.
///
/// # Errors
///
/// [`Refusal::Unknown`]; the table fails.
pub async fn find_link(rows: &dyn KeepRows, id: &str) -> Result<(Link, Question), Refusal> {
    let link: Link = rows::find(rows, &link_key(id)).await?.ok_or(Refusal::Unknown)?.value;
    let question = rows::find(rows, &question_key(&link.run, link.round)).await?;
    Ok((link, question.ok_or(Refusal::Unknown)?.value))
}

/// Returns the open question of a run: the newest, if it is not decided.
///
/// # Errors
///
/// [`Refusal::Unknown`], [`Refusal::Decided`]; the table fails.
pub async fn find_open(rows: &dyn KeepRows, run: &RunName) -> Result<Question, Refusal> {
    match newest_question(rows, run).await? {
        None => Err(Refusal::Unknown),
        Some(question) if question.decided.is_some() => Err(Refusal::Decided(Box::new(question))),
        Some(question) => Ok(question),
    }
}

/// Checks a typed code against the one that was mailed with the link, and returns the recipient: the login that the
/// address is configured for.
///
/// # Errors
///
/// As [`Refusal`].
pub async fn check_code(rows: &dyn KeepRows, id: &str, code: &str) -> Result<Person, Refusal> {
    let typed: String = code.chars().filter(|char| char.is_ascii_alphanumeric()).collect();
    let typed = sha256(&typed.to_ascii_uppercase());
    let typed = typed.as_str();
    let key = link_key(id);
    let checked = rows::update(rows, &key, |found: Option<Link>| async move {
        let link = found.ok_or(Refusal::Unknown)?;
        if link.wrong_codes >= MAX_WRONG_CODES {
            return Err(Refusal::Locked { round: link.round });
        }
        // The comparison is of hashes, so its time reveals nothing about the code.
        if link.code_sha256 == typed {
            return Ok(Update::Keep(Ok(Person {
                name: link.login.unwrap_or_else(|| link.address.clone()),
                known_by: KnownBy::MailCode,
                address: Some(link.address),
            })));
        }
        let wrong_codes = link.wrong_codes + 1;
        let refusal = match MAX_WRONG_CODES - wrong_codes {
            0 => Refusal::Locked { round: link.round },
            left => Refusal::WrongCode { left },
        };
        Ok(Update::Write(Link { wrong_codes, ..link }, Err(refusal)))
    });
    checked.await?
}

/// Checks that a question can still be decided, whoever decides.
///
/// # Errors
///
/// As [`Refusal`].
pub async fn refuse_early(rows: &dyn KeepRows, question: &Question, now_ms: i64) -> Result<(), Refusal> {
    if question.decided.is_some() {
        return Err(Refusal::Decided(Box::new(question.clone())));
    }
    let approval = &question.approval;
    match claim::hold(rows, &approval.target, &approval.run).await {
        Err(error) if error.name == ErrorName::RunSuperseded => {
            let holder = claim::holder(rows, &approval.target).await?;
            return Err(Refusal::Superseded {
                question: Box::new(question.clone()),
                newer_run: holder.filter(|holder| *holder != approval.run),
                why: error.message,
            });
        }
        other => other?,
    }
    if question.closed || now_ms >= approval.expires_ms {
        return Err(Refusal::Expired(Box::new(question.clone())));
    }
    Ok(())
}

/// Stores a person's ballot and returns the question with it: decided, or with one more vote. Of two people who decide
/// at once, one is first and the other gets a refusal.
///
/// # Errors
///
/// As [`Refusal`].
pub async fn decide(
    rows: &dyn KeepRows,
    run: &RunName,
    round: u32,
    by: &Person,
    ballot: &Ballot,
    now_ms: i64,
) -> Result<Question, Refusal> {
    check(ballot)?;
    rows::update(rows, &question_key(run, round), |found: Option<Question>| async move {
        let mut question = found.ok_or(Refusal::Unknown)?;
        refuse_early(rows, &question, now_ms).await?;
        if ballot.content != question.approval.content {
            return Err(Refusal::Changed);
        }
        let identity = by.identity();
        refuse_person(&question, by, &identity)?;
        if question.votes.iter().any(|vote| vote.by.identity() == identity) {
            return Err(Refusal::Voted(Box::new(question)));
        }
        question.votes.push(Vote {
            by: by.clone(),
            at_ms: now_ms,
            ballot: ballot.clone(),
        });
        question.decided = settle(&question);
        Ok(Update::Write(question.clone(), question))
    })
    .await
}

/// Refuses the author of the change, and a person who may be the author.
fn refuse_person(question: &Question, by: &Person, identity: &Identity) -> Result<(), Barred> {
    let author = question.approval.author.as_deref();
    match identity {
        Identity::Address(address) => Err(Barred::NeedsSignIn(address.clone())),
        Identity::Login(login) if author.is_some_and(|author| author.eq_ignore_ascii_case(login)) => {
            Err(Barred::IsAuthor(by.name.clone()))
        }
        Identity::Login(_) | Identity::Operator => Ok(()),
    }
}

/// Closes a question that the workflow no longer waits for. Returns the decision with its reason, if one was stored
/// before. A repeated call returns the same.
///
/// # Errors
///
/// The table fails.
pub async fn close_question(
    rows: &dyn KeepRows,
    run: &RunName,
    round: u32,
) -> Result<Option<(Verdict, String)>, StageError> {
    rows::update(rows, &question_key(run, round), |found: Option<Question>| async move {
        let Some(question) = found.filter(|question| !question.closed || question.decided.is_some()) else {
            return Ok(Update::Keep(None));
        };
        if let Some(verdict) = question.decided {
            let reason = question.last_vote().and_then(|vote| vote.ballot.reason.clone());
            return Ok(Update::Keep(Some((verdict, reason.unwrap_or_default()))));
        }
        let closed = Question {
            closed: true,
            ..question
        };
        Ok(Update::Write(closed, None))
    })
    .await
}

/// Returns the decision: rejected by any one vote, approved by as many different people as the question needs.
fn settle(question: &Question) -> Option<Verdict> {
    let is_rejected = question
        .votes
        .iter()
        .any(|vote| vote.ballot.verdict == Verdict::Rejected);
    if is_rejected {
        return Some(Verdict::Rejected);
    }
    (missing_approvals(question) == 0).then_some(Verdict::Approved)
}

/// Returns the number of people who still have to approve.
pub fn missing_approvals(question: &Question) -> usize {
    let approvals = question
        .votes
        .iter()
        .filter(|vote| vote.ballot.verdict == Verdict::Approved);
    // A vote by a mere address is from an earlier version and may be anybody's.
    let people: BTreeSet<Identity> = approvals
        .map(|vote| vote.by.identity())
        .filter(|identity| !matches!(identity, Identity::Address(_)))
        .collect();
    (question.approval.needed as usize).saturating_sub(people.len())
}

fn check(ballot: &Ballot) -> Result<(), Refusal> {
    let invalid = |what: String| Err(Refusal::Invalid(what));
    let reason = ballot.reason.as_deref().unwrap_or_default().trim();
    if ballot.verdict == Verdict::Rejected && reason.is_empty() {
        return invalid("a rejection needs a reason, which the check's summary shows".to_owned());
    }
    if reason.chars().count() > REASON_CHARS {
        return invalid(format!("the reason has more than {REASON_CHARS} characters"));
    }
    for (id, edit) in &ballot.edited {
        if edit.title.trim().is_empty() {
            return invalid(format!("finding {id} has no title; drop the finding instead"));
        }
        for (name, text, limit) in [
            ("title", &edit.title, MAX_EDITED_TITLE_CHARS),
            ("body", &edit.body, MAX_EDITED_BODY_CHARS),
        ] {
            if text.chars().count() > limit {
                return invalid(format!("the {name} of finding {id} has more than {limit} characters"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::approval::Edit;

    /// Returns whether a ballot is valid whose reason, new title and new body have so many characters.
    fn is_valid(reason: usize, title: usize, body: usize) -> bool {
        let edit = Edit {
            title: "t".repeat(title),
            body: "b".repeat(body),
        };
        let ballot = Ballot {
            verdict: Verdict::Rejected,
            reason: Some("ä".repeat(reason)),
            content: "seen".to_owned(),
            dropped: Vec::new(),
            edited: [("id".to_owned(), edit)].into(),
        };
        check(&ballot).is_ok()
    }

    #[test]
    fn texts_have_their_limits() {
        for ((reason, title, body), expected) in [
            ((1, 1, 0), true),
            ((2_000, 300, 10_000), true),
            ((2_001, 300, 10_000), false),
            ((2_000, 301, 10_000), false),
            ((2_000, 300, 10_001), false),
            ((0, 1, 0), false),
            ((1, 0, 0), false),
        ] {
            assert_eq!(is_valid(reason, title, body), expected, "{reason}, {title}, {body}");
        }
    }
}
