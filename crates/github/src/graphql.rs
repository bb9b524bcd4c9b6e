//! Answers of GitHub's GraphQL API. Its refusals come with status 200, beside the data that could be read.

use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::refusal::retry_after_s;

/// The request's name in errors.
const GRAPHQL: &str = "POST /graphql";

/// An answer: the data that could be read, and the refusals.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    pub data: Option<T>,
    #[serde(default)]
    pub errors: Vec<QueryError>,
}

/// One refusal.
#[derive(Deserialize)]
pub(super) struct QueryError {
    /// `FORBIDDEN`, `NOT_FOUND`, `RATE_LIMITED`, …; empty where GitHub fails.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The field that couldn't be read.
    #[serde(default)]
    pub path: Vec<Value>,
    #[serde(default)]
    message: String,
}

impl<T> Answer<T> {
    /// Returns the data of an answer without a refusal.
    ///
    /// # Errors
    /// A part was refused, or there is no data.
    pub fn complete(self, connection: &GithubConnection, needs: &str) -> Result<T, Failure> {
        match self.errors.first() {
            Some(error) => Err(error.failure(connection, needs)),
            None => self.data.ok_or_else(|| Failure::unreadable(GRAPHQL, "it has no data")),
        }
    }
}

impl QueryError {
    fn failure(&self, connection: &GithubConnection, needs: &str) -> Failure {
        let who = connection.credentials.name();
        Failure::from_query_error(GRAPHQL, needs, &self.kind, &self.message, who)
    }
}

impl GithubConnection {
    /// Sends a query or a mutation. Other refusals than the rate limit are in the answer.
    ///
    /// # Errors
    /// GitHub refuses the whole request or doesn't answer, or its rate limit is reached.
    pub(super) async fn graphql<T: DeserializeOwned>(&self, call: Call) -> Result<Answer<T>, Failure> {
        let (answer, headers): (Answer<T>, HeaderMap) = self.json_with_headers(call).await?;
        let mut failures = answer.errors.iter().map(|error| error.failure(self, ""));
        match failures.find(|failure| matches!(failure.kind, Kind::RateLimited(_))) {
            Some(limit) => Err(Failure::new(Kind::RateLimited(retry_after_s(&headers)), limit.line)),
            None => Ok(answer),
        }
    }
}
