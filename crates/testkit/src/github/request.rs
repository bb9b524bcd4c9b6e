//! One parsed request to the API, and its sender's permissions.

use super::identity::{Identity, Kind};
use super::reply::Reply;
use super::state::Repo;
use axum::http::Uri;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::form_urlencoded;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest {
    pub method: String,
    /// The path's parts, decoded.
    pub segments: Vec<String>,
    /// The sent path, without GitHub Enterprise Server's `/api/v3`, or `/api` before `/graphql`.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub accept: String,
    /// `null` when there is none.
    pub body: Value,
    pub caller: Caller,
    /// The API's own address.
    pub api: String,
}

/// The sender.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    /// The App, with its own JWT.
    App,
    Token(Identity),
}

impl ApiRequest {
    pub fn new(method: &str, uri: &Uri, accept: String, body: Value, caller: Caller, api: String) -> Self {
        let path = uri.path();
        // GraphQL has another prefix there.
        let prefix = if path == "/api/graphql" { "/api" } else { "/api/v3" };
        let path = path
            .strip_prefix(prefix)
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path)
            .to_owned();
        let parts = path.split('/').filter(|part| !part.is_empty());
        let segments = parts
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let query = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes())
            .into_owned()
            .collect();
        Self {
            method: method.into(),
            segments,
            path,
            query,
            accept,
            body,
            caller,
            api,
        }
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a text field of the body.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub fn wants_raw(&self) -> bool {
        self.accept.contains("raw")
    }

    /// Returns the request's address for another page.
    pub fn page_url(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().filter(|(name, _)| name != "page"));
        query.append_pair("page", &page.to_string());
        format!("{}{}?{}", self.api, self.path, query.finish())
    }

    /// Returns the sender.
    ///
    /// # Errors
    /// The request has no token, or an App's own: 401.
    pub fn identity(&self) -> Result<&Identity, Reply> {
        match &self.caller {
            Caller::Token(identity) => Ok(identity),
            Caller::Anonymous => Err(Reply::error(401, "Requires authentication")),
            Caller::App => Err(Reply::error(401, "Bad credentials")),
        }
    }

    /// Checks that the sender is the App itself.
    ///
    /// # Errors
    /// The sender isn't the App itself: 401.
    pub fn app(&self) -> Result<(), Reply> {
        match self.caller {
            Caller::App => Ok(()),
            _ => Err(Reply::error(401, "A JSON web token could not be decoded")),
        }
    }

    /// Checks that the sender may read `what` of `repo`.
    ///
    /// # Errors
    /// 401 for the App itself, 403 without the permission, 404 for a private repository without a token.
    pub fn may_read(&self, repo: &Repo, what: &str) -> Result<(), Reply> {
        match &self.caller {
            Caller::Anonymous if repo.is_private() => Err(Reply::not_found()),
            Caller::Anonymous => Ok(()),
            Caller::App => Err(Reply::error(401, "Bad credentials")),
            Caller::Token(identity) if identity.permission(what).is_some() => Ok(()),
            Caller::Token(identity) => Err(identity.refused()),
        }
    }

    /// Returns the sender if it may write `what`.
    ///
    /// # Errors
    /// 401 without a token, 403 without the permission.
    pub fn may_write(&self, what: &str) -> Result<&Identity, Reply> {
        let identity = self.identity()?;
        if identity.permission(what) == Some("write") {
            Ok(identity)
        } else {
            Err(identity.refused())
        }
    }

    /// Returns the sender if it is an App's installation that may write check runs.
    ///
    /// # Errors
    /// 401 without a token, 403 for a user or without the permission.
    pub fn may_write_checks(&self) -> Result<&Identity, Reply> {
        let identity = self.identity()?;
        if identity.kind == Kind::User {
            return Err(Reply::error(403, "You must authenticate via a GitHub App."));
        }
        self.may_write("checks")
    }
}
