//! The approval page. GET and HEAD change nothing; a POST needs a form that this server made, and an identity.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use holdfast_console::field;
use holdfast_console::page;
use holdfast_console::view::{
    ApprovalView, Decision, Frame, Identity, Notice, NoticeView, PostForm, PullRequest, Question as Asked,
    Refusal as Shown, WebAddress, shown_and_folded,
};
use holdfast_console::{editable, href};
use holdfast_core::approval::{
    Barred, Link, Question, Refusal, check_code, decide, deliver, find_link, find_open, missing_approvals,
    refuse_early, stored_content,
};
use holdfast_core::model::approval::{Approval, Ballot, Edit, KnownBy, Person, Verdict};
use holdfast_core::model::change::Change;
use holdfast_core::model::key;
use holdfast_core::model::policy::Policy;
use holdfast_core::model::report::Report;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{AnswerTask, KeepRows, ReadError, ReadPermission, StoreArtifact};
use holdfast_core::stage::{StageError, find_artifact, find_change_of, read_artifact};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::form::{Form, Seal, Session};
use crate::reply::Reply;
use crate::sign_in::sign_in_at;

/// The ports of the approval page.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Stores requests for approval.
    pub rows: &'a dyn KeepRows,
    /// Resumes the workflow.
    pub tasks: &'a dyn AnswerTask,
    /// Stores artifacts.
    pub store: &'a dyn StoreArtifact,
    /// Reads permissions and team memberships. `None` if only a signed-in person can read them.
    pub permission: Option<&'a dyn ReadPermission>,
}

/// One request for a page.
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The time, in ms since 1970.
    pub now_ms: i64,
    /// 32 random hex digits.
    pub fresh: &'a str,
    /// The frame of the page.
    pub frame: Frame,
    /// Whether sign-in is set up.
    pub may_sign_in: bool,
}

impl Request<'_> {
    /// Returns the address of a sign-in that returns to a page, if sign-in is set up.
    fn sign_in_at(&self, page: &str) -> Option<String> {
        self.may_sign_in.then(|| sign_in_at(page))
    }
}

/// The reference by which an approval page is opened.
#[derive(Clone, Copy)]
pub enum QuestionRef<'a> {
    /// The opaque id in a mail.
    Link(&'a str),
    /// The run, from the console.
    Run(&'a RunName),
}

impl QuestionRef<'_> {
    /// Returns the page's path.
    pub fn action(&self) -> String {
        match self {
            Self::Link(id) => href::approval(id),
            Self::Run(run) => href::action(run.as_str(), "decide"),
        }
    }
}

/// Shows the review to decide on, or why it can't be decided.
pub async fn show(reference: QuestionRef<'_>, request: Request<'_>, seal: &Seal, ports: Ports<'_>) -> Reply {
    match try_show(reference, &request, seal, ports).await {
        Ok(reply) => reply,
        Err(refusal) => refused(&refusal, &reference.action(), &request, ports.store).await,
    }
}

async fn try_show(
    reference: QuestionRef<'_>,
    request: &Request<'_>,
    seal: &Seal,
    ports: Ports<'_>,
) -> Result<Reply, Refusal> {
    let (question, link) = find(reference, ports.rows).await?;
    refuse_early(ports.rows, &question, request.now_ms).await?;
    let approval = &question.approval;
    let report = report(approval, ports.store).await?;
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    let change = find_change_of(&approval.run, &found, ports.store).await?;
    let session = seal.session(request.headers, request.now_ms);
    let identity = match (signed_in_person(session, &question, ports).await?, link) {
        (Some(person), _) => Identity::SignedIn { name: person.name },
        (None, Some(link)) => by_mail(link, request, &reference.action()),
        (None, None) => Identity::SignInFirst {
            sign_in_at: sign_in_at(&reference.action()),
        },
    };
    let (visit, cookie) = seal.visit(request.headers, request.fresh);
    let action = reference.action();
    let (diffs, folded) = shown_and_folded(&report.findings, approval.rest_is_published, change.as_ref());
    let view = ApprovalView {
        frame: request.frame.clone(),
        question: Asked {
            run: approval.run.to_string(),
            repository: approval.target.repository(),
            pull_request: pull_request(&question, &report, change.as_ref()),
            author: approval.author.clone(),
            head: approval.target.head().to_string(),
            asked_by: "Holdfast".to_owned(),
            asked_ms: approval.asked_ms,
            expires_ms: approval.expires_ms,
            round: approval.round,
            worst: approval.worst,
            rest_is_published: approval.rest_is_published,
            page_version: approval.content.clone(),
        },
        form: PostForm {
            csrf: seal.nonce(&visit, &action),
            action,
        },
        identity,
        diffs,
        folded,
        summary: report.summary.clone(),
        notes: report.notes.clone(),
        unreviewed: count_unreviewed(&report),
    };
    let reply = Reply::page(StatusCode::OK, page::approval::page(&view));
    Ok(match cookie {
        Some(cookie) => reply.with(http::header::SET_COOKIE, &cookie),
        None => reply,
    })
}

/// Stores a decision and resumes the workflow.
pub async fn submit(
    reference: QuestionRef<'_>,
    request: Request<'_>,
    body: &[u8],
    seal: &Seal,
    ports: Ports<'_>,
) -> Reply {
    let action = reference.action();
    let form = Form::parse(body);
    if !seal.is_ours(request.headers, &form, &action, field::CSRF) {
        return notice(&request, Notice::FormRefused { again_at: action }, None);
    }
    match try_submit(reference, &request, &form, seal, ports).await {
        Ok((question, report)) => {
            let repository = question.approval.target.repository();
            let pull_request = Some((repository, pull_request(&question, &report, None)));
            let taken = match question.decided {
                Some(_) => Notice::DecisionTaken(decision(&question)),
                None => vote_recorded(&question, false),
            };
            notice(&request, taken, pull_request)
        }
        Err(refusal) => refused(&refusal, &action, &request, ports.store).await,
    }
}

async fn try_submit(
    reference: QuestionRef<'_>,
    request: &Request<'_>,
    form: &Form,
    seal: &Seal,
    ports: Ports<'_>,
) -> Result<(Question, Report), Refusal> {
    let (question, link) = find(reference, ports.rows).await?;
    refuse_early(ports.rows, &question, request.now_ms).await?;
    let approval = &question.approval;
    let report = report(approval, ports.store).await?;
    let ballot = ballot(form, &report)?;
    let session = seal.session(request.headers, request.now_ms);
    let by = match (signed_in_person(session, &question, ports).await?, reference, link) {
        (Some(person), ..) => person,
        (None, QuestionRef::Link(id), Some(link)) => {
            if link.login.is_none() {
                return Err(Barred::NeedsSignIn(link.address).into());
            }
            let person = check_code(ports.rows, id, form.get(field::CODE).unwrap_or_default()).await?;
            check_teams_of_code(&person.name, &question, ports).await?;
            person
        }
        (None, ..) => {
            return Err(Barred::Unknown.into());
        }
    };
    let (run, round) = (&approval.run, approval.round);
    let decided = decide(ports.rows, run, round, &by, &ballot, request.now_ms).await?;
    // The decision is stored: if the workflow can't be reached now, a sweep delivers it.
    if let Err(error) = deliver(ports.rows, ports.tasks, run, round).await {
        tracing::error!(run = run.as_str(), %error, "a decision is stored but could not be delivered to the workflow yet");
    }
    Ok((decided, report))
}

/// Returns the request for approval, and the mailed link that the reader followed, if any.
async fn find(reference: QuestionRef<'_>, rows: &dyn KeepRows) -> Result<(Question, Option<Link>), Refusal> {
    match reference {
        QuestionRef::Link(id) => find_link(rows, id).await.map(|(link, question)| (question, Some(link))),
        QuestionRef::Run(run) => find_open(rows, run).await.map(|question| (question, None)),
    }
}

/// Returns how a person who followed a mail's link and isn't signed in can decide.
fn by_mail(link: Link, request: &Request<'_>, page: &str) -> Identity {
    match (link.login, request.sign_in_at(page)) {
        (Some(login), sign_in_at) => Identity::Code { login, sign_in_at },
        (None, Some(sign_in_at)) => Identity::SignInFirst { sign_in_at },
        (None, None) => Identity::OperatorOnly,
    }
}

/// Requires that the owner of a code is in one of the policy's teams, if it names any, as for a sign-in. Fails if they
/// are in none, or if this can't be checked here.
async fn check_teams_of_code(login: &str, question: &Question, ports: Ports<'_>) -> Result<(), Refusal> {
    let teams = teams(question, ports.store).await?;
    if teams.is_empty() {
        return Ok(());
    }
    let unknown = || Refusal::from(Barred::TeamsUnknown(login.to_owned()));
    let permission = ports.permission.ok_or_else(unknown)?;
    match is_in_a_team(&teams, login, permission).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Barred::InNoTeam(login.to_owned()).into()),
        Err(error) => {
            tracing::warn!(%error, login, "the team memberships of a code's owner can't be read");
            Err(unknown())
        }
    }
}

/// Returns the policy's teams. Fails if the policy is missing or the store fails.
async fn teams(question: &Question, store: &dyn StoreArtifact) -> Result<Vec<TeamName>, StageError> {
    let policy: Policy = read_artifact(store, &key::policy(&question.approval.run)).await?;
    Ok(policy.gate.team_names())
}

async fn is_in_a_team(teams: &[TeamName], login: &str, permission: &dyn ReadPermission) -> Result<bool, ReadError> {
    for team in teams {
        if permission.is_member(team, login).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the signed-in person who may decide. Fails if they may not, or if GitHub doesn't answer.
async fn signed_in_person(
    session: Option<Session>,
    question: &Question,
    ports: Ports<'_>,
) -> Result<Option<Person>, Refusal> {
    let (Some(session), Some(permission)) = (session, ports.permission) else {
        return Ok(None);
    };
    let login = match session {
        Session::Operator => {
            return Ok(Some(Person {
                name: "operator".to_owned(),
                known_by: KnownBy::Terminal,
                address: None,
            }));
        }
        Session::Github { login } => login,
    };
    // Only pull requests have approvals. If the target names no repository, nobody has a permission.
    let Some(repository) = question.approval.target.repository_name() else {
        return Err(Barred::Unknown.into());
    };
    let failed = |error: ReadError| Refusal::Failed(StageError::from(error));
    let may_write = permission
        .permission(repository, &login)
        .await
        .map_err(failed)?
        .may_write();
    let teams = teams(question, ports.store).await?;
    if !teams.is_empty() {
        // A missing team is reported first: write permission would not help by itself.
        match is_in_a_team(&teams, &login, permission).await {
            Ok(true) => {}
            Ok(false) => return Err(Barred::InNoTeam(login).into()),
            Err(error) if may_write => return Err(failed(error)),
            Err(_) => {}
        }
    }
    if !may_write {
        let repository = repository.clone();
        return Err(Barred::MayNotWrite { login, repository }.into());
    }
    Ok(Some(Person {
        name: login,
        known_by: KnownBy::Github,
        address: None,
    }))
}

/// Returns the stored report if it is the one to approve.
async fn report(approval: &Approval, store: &dyn StoreArtifact) -> Result<Report, Refusal> {
    let key = key::report(&approval.run);
    let stored: Value = find_artifact(store, &key).await?.ok_or(Refusal::Unknown)?;
    if stored_content(&stored) != approval.content {
        return Err(Refusal::Altered);
    }
    Ok(read_artifact(store, &key).await?)
}

/// Reads the form against the report that it shows.
fn ballot(form: &Form, report: &Report) -> Result<Ballot, Refusal> {
    let verdict = match form.get(field::DECISION) {
        Some("approve") => Verdict::Approved,
        Some("reject") => Verdict::Rejected,
        _ => return Err(Refusal::Invalid("Choose to approve or to reject.".to_owned())),
    };
    let dropped_at: HashSet<usize> = form.all(field::DROP).filter_map(|index| index.parse().ok()).collect();
    let mut dropped = Vec::new();
    let mut edited = BTreeMap::new();
    for (index, finding) in report.findings.iter().enumerate() {
        if dropped_at.contains(&index) {
            dropped.push(finding.id());
            continue;
        }
        let given = |name: String| form.get(&name).map(|text| text.replace("\r\n", "\n"));
        let (title, body) = (given(field::title(index)), given(field::body(index)));
        let changed =
            |given: &Option<String>, shown: &str| given.as_ref().is_some_and(|given| *given != editable(shown));
        if changed(&title, &finding.title) || changed(&body, &finding.body) {
            let edit = Edit {
                title: title.unwrap_or_else(|| finding.title.clone()),
                body: body.unwrap_or_else(|| finding.body.clone()),
            };
            edited.insert(finding.id(), edit);
        }
    }
    let reason = form
        .get(field::REASON)
        .map(str::trim)
        .filter(|reason| !reason.is_empty());
    Ok(Ballot {
        verdict,
        reason: reason.map(str::to_owned),
        content: form.get(field::PAGE_VERSION).unwrap_or_default().to_owned(),
        dropped,
        edited,
    })
}

fn count_unreviewed(report: &Report) -> u64 {
    u64::try_from(report.unreviewed().count()).unwrap_or(u64::MAX)
}

fn pull_request(question: &Question, report: &Report, change: Option<&Change>) -> PullRequest {
    let approval = &question.approval;
    let number = approval.target.pull_request().unwrap_or_default();
    PullRequest {
        number,
        title: change.map(|change| change.title.clone()),
        address: report.target.url.as_deref().and_then(WebAddress::parse),
        page: None,
    }
}

fn decision(question: &Question) -> Decision {
    let vote = question.last_vote();
    let ballot = vote.map(|vote| &vote.ballot);
    let len = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    Decision {
        approved: ballot.is_some_and(|ballot| ballot.verdict == Verdict::Approved),
        who: vote.map(|vote| vote.by.name.clone()).unwrap_or_default(),
        at_ms: vote.map(|vote| vote.at_ms).unwrap_or_default(),
        reason: ballot.and_then(|ballot| ballot.reason.clone()),
        dropped: ballot.map_or(0, |ballot| len(ballot.dropped.len())),
        edited: ballot.map_or(0, |ballot| len(ballot.edited.len())),
    }
}

/// Returns the notice about an approval that isn't the last one needed.
fn vote_recorded(question: &Question, is_repeated: bool) -> Notice {
    Notice::VoteRecorded {
        missing: u64::try_from(missing_approvals(question)).unwrap_or(u64::MAX),
        is_repeated,
    }
}

/// Turns a refusal into a page.
async fn refused(refusal: &Refusal, action: &str, request: &Request<'_>, store: &dyn StoreArtifact) -> Reply {
    let again_at = action.to_owned();
    let barred = |why| Notice::NotAllowed {
        name: None,
        why,
        sign_in_at: request.sign_in_at(action),
    };
    let mut superseded = None;
    let shown = match refusal {
        Refusal::Unknown => Notice::Unknown {
            what: "approval".to_owned(),
        },
        Refusal::Decided(question) => Notice::AlreadyDecided(decision(question)),
        Refusal::Voted(question) => vote_recorded(question, true),
        Refusal::Expired(question) => Notice::Expired {
            at_ms: question.approval.expires_ms,
            asked_again: is_asked_again(question.approval.round),
        },
        Refusal::Superseded {
            question, newer_run, ..
        } => {
            // The reader has the request's link or may see its run, so this reveals nothing new to them.
            superseded = superseded_pull_request(question, store).await;
            Notice::Superseded {
                head: question.approval.target.head().to_string(),
                newer_run: newer_run.as_ref().map(RunName::to_string),
            }
        }
        Refusal::Changed => Notice::PageChanged { again_at },
        Refusal::WrongCode { left } => Notice::WrongCode {
            again_at,
            tries_left: *left,
        },
        Refusal::Locked { round } => barred(Shown::TooManyCodes {
            asked_again: is_asked_again(*round),
        }),
        Refusal::NotAllowed(why) => barred(match why {
            Barred::IsAuthor(_) => Shown::IsAuthor,
            Barred::InNoTeam(_) => Shown::InNoTeam,
            Barred::NeedsSignIn(_) => Shown::NeedsSignIn,
            Barred::TeamsUnknown(_) => Shown::TeamsUnknown,
            Barred::MayNotWrite { .. } | Barred::Unknown => Shown::NoWritePermission,
        }),
        Refusal::Altered => Notice::Failed {
            status: 409,
            message: refusal.to_string(),
            reference: None,
        },
        Refusal::Invalid(message) => Notice::Failed {
            status: 400,
            message: message.clone(),
            reference: None,
        },
        Refusal::Failed(error) => {
            tracing::error!(%error, "an approval page failed");
            Notice::Failed {
                status: 503,
                message: "A service that this page needs did not answer.".to_owned(),
                reference: None,
            }
        }
    };
    notice(request, shown, superseded)
}

/// Returns whether another request follows when nobody answers the one of this round.
const fn is_asked_again(round: u32) -> bool {
    round == 1
}

/// Returns the pull request of a superseded review, with its address from the stored report. `None` if the report can't
/// be read.
async fn superseded_pull_request(question: &Question, store: &dyn StoreArtifact) -> Option<(String, PullRequest)> {
    let report = find_artifact(store, &key::report(&question.approval.run))
        .await
        .ok()??;
    Some((
        question.approval.target.repository(),
        pull_request(question, &report, None),
    ))
}

/// Renders a notice as a page.
pub fn notice(request: &Request<'_>, notice: Notice, pull_request: Option<(String, PullRequest)>) -> Reply {
    let status = StatusCode::from_u16(notice.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let view = NoticeView {
        frame: request.frame.clone(),
        notice,
        run: None,
        pull_request,
    };
    Reply::page(status, page::notice::page(&view))
}
