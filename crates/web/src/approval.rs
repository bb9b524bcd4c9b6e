//! The page to decide on. GET and HEAD change nothing; a POST needs our own form and an identity.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use holdfast_console::field;
use holdfast_console::page;
use holdfast_console::view::{
    ApprovalView, Decision, Frame, Identity, Notice, NoticeView, PostForm, PullRequest, Question as Asked,
    Refusal as Shown, WebAddress, shown_and_folded,
};
use holdfast_console::{editable, href};
use holdfast_core::approval::{
    Barred, Link, Question, Refusal, check_code, decide, deliver, find_link, find_open, refuse_early, stored_content,
};
use holdfast_core::model::approval::{Approval, Ballot, Edit, KnownBy, Person, Verdict};
use holdfast_core::model::change::Change;
use holdfast_core::model::key;
use holdfast_core::model::policy::Policy;
use holdfast_core::model::report::{Outcome, Report};
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{AnswerTask, KeepRows, ReadError, ReadPermission, StoreArtifact};
use holdfast_core::stage::{StageError, find_artifact, find_change_of, read_artifact};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::form::{Form, Seal, Session};
use crate::reply::Reply;
use crate::sign_in::sign_in_at;

/// What the pages reach.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Keeps questions.
    pub rows: &'a dyn KeepRows,
    /// Tells the workflow.
    pub tasks: &'a dyn AnswerTask,
    /// Keeps artifacts.
    pub store: &'a dyn StoreArtifact,
    /// Reads what people may do, and who is in a team; none where only somebody who has signed in can read it.
    pub permission: Option<&'a dyn ReadPermission>,
}

/// One request to a page.
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The time, in ms since 1970.
    pub now_ms: i64,
    /// 32 random hex digits.
    pub fresh: &'a str,
    /// What is around the page.
    pub frame: Frame,
    /// Whether one can sign in.
    pub may_sign_in: bool,
}

impl Request<'_> {
    /// Where one signs in to come back to a page, if one can.
    fn sign_in_at(&self, page: &str) -> Option<String> {
        self.may_sign_in.then(|| sign_in_at(page))
    }
}

/// How a page was come to.
#[derive(Clone, Copy)]
pub enum Way<'a> {
    /// By the opaque id in a mail.
    Link(&'a str),
    /// From the console, by the run.
    Run(&'a str),
}

impl Way<'_> {
    /// The page's path.
    pub fn action(&self) -> String {
        match self {
            Self::Link(id) => href::approval(id),
            Self::Run(run) => href::action(run, "decide"),
        }
    }
}

/// Shows what is to be decided, or what became of it.
pub async fn show(way: Way<'_>, request: Request<'_>, seal: &Seal, ports: Ports<'_>) -> Reply {
    match try_show(way, &request, seal, ports).await {
        Ok(reply) => reply,
        Err(refusal) => refused(&refusal, &way.action(), &request),
    }
}

async fn try_show(way: Way<'_>, request: &Request<'_>, seal: &Seal, ports: Ports<'_>) -> Result<Reply, Refusal> {
    let (question, link) = find(way, ports.rows).await?;
    refuse_early(ports.rows, &question, request.now_ms).await?;
    let approval = &question.approval;
    let report = report(approval, ports.store).await?;
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    let change = find_change_of(&approval.run, &found, ports.store).await?;
    let session = seal.session(request.headers, request.now_ms);
    let identity = match (known(session, &question, ports).await?, link) {
        (Some(person), _) => Identity::SignedIn { name: person.name },
        (None, Some(link)) => by_mail(link, request, &way.action()),
        (None, None) => Identity::SignInFirst {
            sign_in_at: sign_in_at(&way.action()),
        },
    };
    let (visit, cookie) = seal.visit(request.headers, request.fresh);
    let action = way.action();
    let (diffs, folded) = shown_and_folded(&report.findings, change.as_ref());
    let view = ApprovalView {
        frame: request.frame.clone(),
        question: Asked {
            run: approval.run.clone(),
            repository: approval.target.repository(),
            pull_request: pull_request(&question, &report, change.as_ref()),
            author: approval.author.clone(),
            head: approval.target.head().to_string(),
            asked_by: "Holdfast".to_owned(),
            asked_ms: approval.asked_ms,
            expires_ms: approval.expires_ms,
            round: approval.round,
            worst: approval.worst,
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
        unreviewed: count(&report),
    };
    let reply = Reply::page(StatusCode::OK, page::approval::page(&view));
    Ok(match cookie {
        Some(cookie) => reply.with(http::header::SET_COOKIE, &cookie),
        None => reply,
    })
}

/// Takes a decision, stores it, and tells the workflow.
pub async fn submit(way: Way<'_>, request: Request<'_>, body: &[u8], seal: &Seal, ports: Ports<'_>) -> Reply {
    let action = way.action();
    let form = Form::parse(body);
    if !seal.is_ours(request.headers, &form, &action, field::CSRF) {
        return notice(&request, Notice::FormRefused { again_at: action }, None);
    }
    match try_submit(way, &request, &form, seal, ports).await {
        Ok((question, report)) => {
            let repository = question.approval.target.repository();
            let pull_request = Some((repository, pull_request(&question, &report, None)));
            notice(&request, Notice::DecisionTaken(decision(&question)), pull_request)
        }
        Err(refusal) => refused(&refusal, &action, &request),
    }
}

async fn try_submit(
    way: Way<'_>,
    request: &Request<'_>,
    form: &Form,
    seal: &Seal,
    ports: Ports<'_>,
) -> Result<(Question, Report), Refusal> {
    let (question, link) = find(way, ports.rows).await?;
    refuse_early(ports.rows, &question, request.now_ms).await?;
    let approval = &question.approval;
    let report = report(approval, ports.store).await?;
    let ballot = ballot(form, &report)?;
    let session = seal.session(request.headers, request.now_ms);
    let by = match (known(session, &question, ports).await?, way, link) {
        (Some(person), ..) => person,
        (None, Way::Link(id), Some(link)) => {
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
    let (run, round) = (approval.run.as_str(), approval.round);
    let decided = decide(ports.rows, run, round, &by, &ballot, request.now_ms).await?;
    // It is stored: should the workflow not be reached now, a sweep tells it.
    if let Err(error) = deliver(ports.rows, ports.tasks, run, round).await {
        tracing::error!(run, %error, "a decision is not delivered yet");
    }
    Ok((decided, report))
}

/// The question, and the mailed link that led to it, where one did.
async fn find(way: Way<'_>, rows: &dyn KeepRows) -> Result<(Question, Option<Link>), Refusal> {
    match way {
        Way::Link(id) => find_link(rows, id).await.map(|(link, question)| (question, Some(link))),
        Way::Run(run) => find_open(rows, run).await.map(|question| (question, None)),
    }
}

/// How somebody decides who has not signed in, and came by a mail's link.
fn by_mail(link: Link, request: &Request<'_>, page: &str) -> Identity {
    match (link.login, request.sign_in_at(page)) {
        (Some(login), sign_in_at) => Identity::Code { login, sign_in_at },
        (None, Some(sign_in_at)) => Identity::SignInFirst { sign_in_at },
        (None, None) => Identity::OperatorOnly,
    }
}

/// Holds whoever typed a code to the policy's teams, as a sign-in does. Errors: in none of them; that can't be checked here.
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
            tracing::warn!(%error, "the teams of somebody who typed a code can't be read");
            Err(unknown())
        }
    }
}

/// The policy's teams. Errors: there is no policy; what the store says.
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

/// Who has signed in and may decide. Errors: they may not; GitHub does not say.
async fn known(session: Option<Session>, question: &Question, ports: Ports<'_>) -> Result<Option<Person>, Refusal> {
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
    // Only pull requests have approvals; a target that names no repository gives nobody a permission.
    let Some(repository) = question.approval.target.repository_name() else {
        return Err(Barred::Unknown.into());
    };
    let says = |error: ReadError| Refusal::Failed(StageError::from(error));
    let may_write = permission
        .permission(&repository, &login)
        .await
        .map_err(says)?
        .may_write();
    let teams = teams(question, ports.store).await?;
    if !teams.is_empty() {
        // Somebody outside the teams is told so first: a permission on the repository would not help them.
        match is_in_a_team(&teams, &login, permission).await {
            Ok(true) => {}
            Ok(false) => return Err(Barred::InNoTeam(login).into()),
            Err(error) if may_write => return Err(says(error)),
            Err(_) => {}
        }
    }
    if !may_write {
        return Err(Barred::MayNotWrite { login, repository }.into());
    }
    Ok(Some(Person {
        name: login,
        known_by: KnownBy::Github,
        address: None,
    }))
}

/// The report that was asked about, and no other.
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
        _ => return Err(Refusal::Invalid("choose to approve or to reject".to_owned())),
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

fn count(report: &Report) -> u64 {
    let unreviewed = report
        .coverage
        .iter()
        .filter(|entry| entry.outcome == Outcome::Unreviewed);
    u64::try_from(unreviewed.count()).unwrap_or(u64::MAX)
}

fn pull_request(question: &Question, report: &Report, change: Option<&Change>) -> PullRequest {
    let approval = &question.approval;
    let number = approval.target.pull_request().unwrap_or_default();
    PullRequest {
        number,
        title: change.map(|change| change.title.clone()),
        address: report.target.url.as_deref().and_then(WebAddress::parse),
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

/// What is true instead of what was asked for.
fn refused(refusal: &Refusal, action: &str, request: &Request<'_>) -> Reply {
    let again_at = action.to_owned();
    let barred = |why| Notice::NotAllowed {
        name: None,
        why,
        sign_in_at: request.sign_in_at(action),
    };
    let said = match refusal {
        Refusal::Unknown => Notice::Unknown {
            what: "approval".to_owned(),
        },
        Refusal::Decided(question) | Refusal::Voted(question) => Notice::AlreadyDecided(decision(question)),
        Refusal::Expired(question) => Notice::Expired {
            at_ms: question.approval.expires_ms,
            asked_again: question.approval.round == 1,
        },
        Refusal::Superseded {
            question, newer_run, ..
        } => Notice::Superseded {
            head: question.approval.target.head().to_string(),
            newer_run: newer_run.clone(),
        },
        Refusal::Changed => Notice::PageChanged { again_at },
        Refusal::WrongCode { left } => Notice::WrongCode {
            again_at,
            tries_left: *left,
        },
        Refusal::Locked => barred(Shown::TooManyCodes),
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
                message: "Something that this page needs does not answer: try again in a moment".to_owned(),
                reference: None,
            }
        }
    };
    notice(request, said, None)
}

/// A page that says one thing.
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
