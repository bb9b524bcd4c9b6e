//! Deciding: who may, while it counts, and which of two is first.

use std::collections::BTreeSet;

use crate::claim;
use crate::error::StageError;
use crate::model::approval::{Ballot, Identity, KnownBy, Person, Verdict, Vote};
use crate::model::error_name::ErrorName;
use crate::model::repository_name::RepositoryName;
use crate::port::KeepRows;
use crate::rows::{self, Update};

use super::{Link, Question, link_key, newest_question, question_key, sha256};

/// Wrong codes after which a link takes no more of them.
const MAX_WRONG_CODES: u32 = 8;
/// Longest reason, in characters.
const REASON_CHARS: usize = 2_000;
/// Longest title and body of an edited finding, in characters.
const EDIT_CHARS: (usize, usize) = (300, 10_000);

/// Why a decision was not taken. Each says what is true instead.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such question.
    #[error("there is no such question")]
    Unknown,
    /// It is settled already.
    #[error("it is decided already: {} by {}", .0.decided.map_or("", Verdict::as_str), .0.last_vote().map_or("", |vote| vote.by.name.as_str()))]
    Decided(Box<Question>),
    /// This person has voted, and others have to as well.
    #[error("you have voted already; others have to decide as well")]
    Voted(Box<Question>),
    /// The time is over.
    #[error("the time to decide is over")]
    Expired(Box<Question>),
    /// A newer run or head has taken over, or the run was cancelled.
    #[error("the review that was asked about is not current any more: {why}")]
    Superseded {
        /// The question that can't be decided any more.
        question: Box<Question>,
        /// The run that holds the pull request now, where it is another one.
        newer_run: Option<String>,
        /// Which run has taken over, or that this one was withdrawn.
        why: String,
    },
    /// What the person has seen is not what would be published.
    #[error("what you have seen is not what would be published now: look at it again")]
    Changed,
    /// The stored review is not the one that was asked about.
    #[error(
        "the stored review is not the one that was asked about: it was altered, and can't be decided on; cancel the run and start a new review"
    )]
    Altered,
    /// The code is not the one in the mail.
    #[error("this is not the code from the mail; {} left", crate::count::counted(*left, "try"))]
    WrongCode {
        /// How often it may still be tried.
        left: u32,
    },
    /// Too many wrong codes.
    #[error("too many wrong codes: this link takes no more of them")]
    Locked,
    /// This person may not decide.
    #[error(transparent)]
    NotAllowed(#[from] Barred),
    /// The answer lacks something, or has too much.
    #[error("{0}")]
    Invalid(String),
    /// The table or the store failed.
    #[error(transparent)]
    Failed(#[from] StageError),
}

/// Why a person may not decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// Nobody decides on their own change.
    #[error("{0} wrote the change: someone else has to decide")]
    IsAuthor(String),
    /// No write permission.
    #[error("{login} may not write to {repository}")]
    MayNotWrite {
        /// Who.
        login: String,
        /// Where.
        repository: RepositoryName,
    },
    /// In none of the policy's teams.
    #[error("{0} is in none of the teams that may decide")]
    InNoTeam(String),
    /// The mail's address names no login, so its code doesn't tell who typed it.
    #[error("{0} names no GitHub login, so a code is not enough: sign in with GitHub, or configure it as LOGIN={0}")]
    NeedsSignIn(String),
    /// Whether the person is in one of the policy's teams could not be checked.
    #[error("whether {0} is in one of the teams that may decide could not be checked: sign in with GitHub instead")]
    TeamsUnknown(String),
    /// Nobody has signed in.
    #[error("sign in with an account that may write to the repository")]
    Unknown,
}

/// Where a mailed link leads. Errors: [`Refusal::Unknown`]; what the table says.
pub async fn find_link(rows: &dyn KeepRows, id: &str) -> Result<(Link, Question), Refusal> {
    let link: Link = rows::find(rows, &link_key(id)).await?.ok_or(Refusal::Unknown)?.value;
    let question = rows::find(rows, &question_key(&link.run, link.round)).await?;
    Ok((link, question.ok_or(Refusal::Unknown)?.value))
}

/// The open question of a run: the newest, if nothing is decided. Errors: [`Refusal::Unknown`], [`Refusal::Decided`].
pub async fn find_open(rows: &dyn KeepRows, run: &str) -> Result<Question, Refusal> {
    match newest_question(rows, run).await? {
        None => Err(Refusal::Unknown),
        Some(question) if question.decided.is_some() => Err(Refusal::Decided(Box::new(question))),
        Some(question) => Ok(question),
    }
}

/// Whether the code is the one that was mailed with the link: who typed it is who got that mail, and counts as the login that
/// the address was given for. Errors: as [`Refusal`].
pub async fn check_code(rows: &dyn KeepRows, id: &str, code: &str) -> Result<Person, Refusal> {
    let typed: String = code.chars().filter(|char| char.is_ascii_alphanumeric()).collect();
    let typed = sha256(&typed.to_ascii_uppercase());
    let typed = typed.as_str();
    let key = link_key(id);
    let checked = rows::update(rows, &key, |found: Option<Link>| async move {
        let link = found.ok_or(Refusal::Unknown)?;
        if link.wrong_codes >= MAX_WRONG_CODES {
            return Err(Refusal::Locked);
        }
        // Hashes are compared: how long that takes says nothing about the code.
        if link.code_sha256 == typed {
            return Ok(Update::Keep(Ok(Person {
                name: link.login.unwrap_or_else(|| link.address.clone()),
                known_by: KnownBy::MailCode,
                address: Some(link.address),
            })));
        }
        let wrong_codes = link.wrong_codes + 1;
        let refusal = match MAX_WRONG_CODES - wrong_codes {
            0 => Refusal::Locked,
            left => Refusal::WrongCode { left },
        };
        Ok(Update::Write(Link { wrong_codes, ..link }, Err(refusal)))
    });
    checked.await?
}

/// What keeps a question from being decided, whoever asks. Errors: as [`Refusal`].
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

/// Takes a person's answer, and gives the question with it: settled, or with a vote more. It is stored when this returns;
/// of two who decide at once one is first, and the other learns it. Errors: as [`Refusal`].
pub async fn decide(
    rows: &dyn KeepRows,
    run: &str,
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

/// Nobody decides on their own change, nor does somebody who may be its author.
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

/// Closes a question that the workflow has given up on; gives what was decided, with the reason, where that was stored
/// before. Done twice, it gives the same. Errors: what the table says.
pub async fn close_question(
    rows: &dyn KeepRows,
    run: &str,
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

/// One who rejects is enough; of those who approve, as many as are needed, each another person.
fn settle(question: &Question) -> Option<Verdict> {
    let says = |verdict| question.votes.iter().filter(move |vote| vote.ballot.verdict == verdict);
    if says(Verdict::Rejected).next().is_some() {
        return Some(Verdict::Rejected);
    }
    // A vote by an address alone is of an earlier version, and may be anybody's.
    let people: BTreeSet<Identity> = says(Verdict::Approved)
        .map(|vote| vote.by.identity())
        .filter(|identity| !matches!(identity, Identity::Address(_)))
        .collect();
    (people.len() >= question.approval.needed as usize).then_some(Verdict::Approved)
}

fn check(ballot: &Ballot) -> Result<(), Refusal> {
    let invalid = |what: String| Err(Refusal::Invalid(what));
    let reason = ballot.reason.as_deref().unwrap_or_default().trim();
    if ballot.verdict == Verdict::Rejected && reason.is_empty() {
        return invalid("a rejection needs a reason: it stands in the check's summary".to_owned());
    }
    if reason.chars().count() > REASON_CHARS {
        return invalid(format!("the reason has more than {REASON_CHARS} characters"));
    }
    for (id, edit) in &ballot.edited {
        if edit.title.trim().is_empty() {
            return invalid(format!("finding {id} has no title; drop the finding instead"));
        }
        for (name, text, most) in [("title", &edit.title, EDIT_CHARS.0), ("body", &edit.body, EDIT_CHARS.1)] {
            if text.chars().count() > most {
                return invalid(format!("the {name} of finding {id} has more than {most} characters"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::approval::Edit;

    /// Whether a ballot with a reason, and with a new title and body, of so many characters is valid.
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
