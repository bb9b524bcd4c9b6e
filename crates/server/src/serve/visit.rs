//! One request to a page: who visits, what they may see, and the answers.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use holdfast_console::view::{Frame, Notice, Person, PostForm, SignInMethod};
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::ReadPermission;
use holdfast_ops::failure::{Failure, FailureKind};
use holdfast_ops::machine;
use holdfast_ops::run_summary::{ReadRuns, RunSummary};
use holdfast_web::approval::{self, Request};
use holdfast_web::form::Session;
use holdfast_web::reply::Reply;

use super::console::on_records;
use super::routes::respond;
use super::{App, views};

/// One request to a page.
pub struct Visit<'a> {
    pub(super) app: &'a App,
    pub(super) headers: &'a HeaderMap,
    pub(super) fresh: String,
    /// The time, in ms since 1970.
    pub now_ms: i64,
    pub(super) session: Option<Session>,
}

impl<'a> Visit<'a> {
    /// Reads the request's session and the time.
    pub fn new(app: &'a App, headers: &'a HeaderMap) -> Self {
        let now_ms = machine::now_ms();
        Self {
            app,
            headers,
            fresh: machine::random_hex(),
            now_ms,
            session: app.seal.session(headers, now_ms),
        }
    }

    /// Returns the notice that the visitor has to sign in, with the available method.
    pub fn sign_in_first(&self) -> Notice {
        self.sign_in_at(holdfast_web::sign_in::SIGN_IN.to_owned())
    }

    pub(super) fn sign_in_at(&self, sign_in_at: String) -> Notice {
        let with = match self.app.with_github {
            Some(_) => SignInMethod::Github,
            None => SignInMethod::ConsoleKey,
        };
        Notice::SignIn { sign_in_at, with }
    }

    pub(super) fn name(&self) -> Option<String> {
        self.session.as_ref().map(|session| match session {
            Session::Operator => "operator".to_owned(),
            Session::Github { login } => login.clone(),
        })
    }

    pub(super) fn is_operator(&self) -> bool {
        matches!(self.session, Some(Session::Operator))
    }

    pub(super) fn frame(&self) -> Frame {
        let (visit, _) = self.app.seal.visit(self.headers, &self.fresh);
        Frame {
            now_ms: self.now_ms,
            deployment: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            person: self.name().map(|name| Person {
                name,
                sign_out: Some(self.form(&visit, "/sign-out".to_owned())),
            }),
            has_console: true,
            has_limits: self.is_operator(),
        }
    }

    pub(super) fn form(&self, visit: &str, action: String) -> PostForm {
        PostForm {
            csrf: self.app.seal.nonce(visit, &action),
            action,
        }
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request {
            headers: self.headers,
            now_ms: self.now_ms,
            fresh: &self.fresh,
            frame: self.frame(),
            may_sign_in: self.app.with_github.is_some(),
        }
    }

    pub(super) fn page(&self, html: String) -> Response {
        self.send(Reply::page(StatusCode::OK, html))
    }

    /// Sends the answer, with the cookie that its forms' nonces are bound to.
    pub(super) fn send(&self, reply: Reply) -> Response {
        respond(match self.app.seal.visit(self.headers, &self.fresh).1 {
            Some(cookie) => reply.with(axum::http::header::SET_COOKIE, &cookie),
            None => reply,
        })
    }

    /// Sends a page with one notice.
    pub fn notice(&self, notice: Notice) -> Response {
        self.send(approval::notice(&self.request(), notice, None))
    }

    /// Sends the result of a button's action.
    pub(super) fn answer(&self, did: Result<Notice, Failure>) -> Response {
        self.notice(did.unwrap_or_else(|failure| Notice::Failed {
            status: 409,
            message: failure.message,
            reference: None,
        }))
    }

    pub(super) fn failed(&self, failure: &Failure) -> Response {
        tracing::error!(%failure, "a page failed");
        self.notice(Notice::Failed {
            status: 500,
            message: "The page cannot be shown; the server's log has the reason".to_owned(),
            reference: None,
        })
    }

    /// Returns whether the visitor may see the runs of a repository. Without an answer from GitHub: no.
    pub(super) async fn may_see(&self, repository: Option<&RepositoryName>) -> bool {
        match &self.session {
            None => false,
            Some(Session::Operator) => true,
            Some(Session::Github { login }) => match repository {
                Some(repository) => self
                    .app
                    .page_permission
                    .permission(repository, login)
                    .await
                    .is_ok_and(|permission| permission.may_write()),
                None => false,
            },
        }
    }

    /// Returns the run of this name, if the visitor may see it; otherwise a page that explains the next step.
    pub(super) async fn find(&self, run: &str) -> Result<RunSummary, Response> {
        if self.session.is_none() {
            return Err(self.notice(self.sign_in_first()));
        }
        let unknown = || self.notice(Notice::Unknown { what: "run".to_owned() });
        let Ok(name) = run.parse::<RunName>() else {
            return Err(unknown());
        };
        let read = on_records(self.app, async move |records| Ok(records.read(&name).await));
        let record = match read.await {
            Ok(Ok(record)) => record,
            Ok(Err(failure)) if failure.kind == FailureKind::Usage => return Err(unknown()),
            Ok(Err(failure)) | Err(failure) => return Err(self.failed(&failure)),
        };
        match self.may_see(views::repository_name(&record).as_ref()).await {
            true => Ok(record),
            false => Err(unknown()),
        }
    }
}
