//! The one comment that shows where a pull request's review is: the state of a run that is not published, above the
//! summary of the last published run. Each part ends in its signed marker, and is there only while it is true.

use holdfast_core::model::marker::MarkerKind;
use holdfast_core::model::run_name::RunName;

use super::bot_client::{BotClient, words};
use super::comments;
use super::failure::{Failure, Kind};

/// Maximum length of a comment, in characters.
const MAX_CHARS: usize = 65_536;
/// The subject of the marker of a state that waits for a maintainer. It isn't the name of a run.
const MAINTAINER: &str = "(maintainer)";
/// The text between the two parts. Without the empty line, the summary's beginning would belong to the marker above it.
const BETWEEN: &str = "\n\n";

/// One of Holdfast's comments with a state or a summary.
struct Found {
    id: u64,
    body: String,
    parts: Parts,
}

/// The parts of the comment.
#[derive(Default)]
struct Parts {
    state: Option<Part>,
    summary: Option<Part>,
}

/// One part.
#[derive(Clone)]
struct Part {
    /// The run that wrote it, or [`MAINTAINER`].
    run: String,
    /// Its text, and its marker below.
    text: String,
}

impl Part {
    fn new(client: &BotClient<'_>, kind: MarkerKind, run: &str, body: &str) -> Self {
        let marker = client.marker(kind, run);
        Self {
            run: run.to_owned(),
            text: format!("{}\n{marker}", body.trim_end()),
        }
    }
}

impl Parts {
    /// Splits a comment at the first marker of a state. Only a line with a valid signature counts.
    fn read(client: &BotClient<'_>, body: &str) -> Self {
        let lines: Vec<&str> = body.lines().map(str::trim_end).collect();
        let text = |lines: &[&str]| lines.join("\n").trim().to_owned();
        let mut numbered = lines.iter().enumerate();
        let end = numbered.find_map(|(index, line)| Some((index + 1, client.subject(MarkerKind::Announcement, line)?)));
        let (above, below) = lines.split_at(end.as_ref().map_or(0, |(lines, _)| *lines));
        let below = text(below);
        Self {
            state: end.map(|(_, run)| Part { run, text: text(above) }),
            summary: client
                .subject(MarkerKind::Summary, &below)
                .map(|run| Part { run, text: below }),
        }
    }

    /// Returns the comment's text.
    fn text(&self) -> String {
        let parts: Vec<&str> = [&self.state, &self.summary]
            .into_iter()
            .flatten()
            .map(|part| part.text.as_str())
            .collect();
        parts.join(BETWEEN)
    }

    /// Returns the runs of both parts.
    fn runs(&self) -> [Option<&str>; 2] {
        [&self.state, &self.summary].map(|part| part.as_ref().map(|part| part.run.as_str()))
    }
}

/// Writes above the last summary that the pull request waits for a maintainer, in place of any earlier state.
pub(super) async fn await_maintainer(client: &BotClient<'_>, body: &str) -> Result<(), Failure> {
    announce(client, MAINTAINER, body).await
}

/// Writes a run's state above the last summary, in place of any earlier state.
pub(super) async fn announce(client: &BotClient<'_>, run: &str, body: &str) -> Result<(), Failure> {
    let found = find(client).await?;
    let summary = found.iter().find_map(|found| found.parts.summary.clone());
    let kind = MarkerKind::Announcement;
    let mut parts = Parts {
        state: Some(Part::new(client, kind, run, body)),
        summary,
    };
    // A summary may be as long as a comment: then the state is cut, which is shown for a short time only.
    let over = parts.text().chars().count().saturating_sub(MAX_CHARS);
    if over > 0 {
        let kept = body.trim_end().chars().count().saturating_sub(over);
        let cut: String = body.chars().take(kept).collect();
        parts.state = Some(Part::new(client, kind, run, &cut));
    }
    write(client, found, &parts).await
}

/// Replaces the whole comment with a run's summary.
pub(super) async fn summarize(client: &BotClient<'_>, run: &RunName, body: &str) -> Result<(), Failure> {
    let parts = Parts {
        state: None,
        summary: Some(Part::new(client, MarkerKind::Summary, run.as_str(), body)),
    };
    write(client, find(client).await?, &parts).await
}

/// Returns true if the summary is the run's own.
pub(super) async fn is_published(client: &BotClient<'_>, run: &RunName) -> Result<bool, Failure> {
    let found = find(client).await?;
    Ok(found.iter().any(|found| found.parts.runs()[1] == Some(run.as_str())))
}

/// Deletes a run's state, and the comment if it has no summary.
pub(super) async fn withdraw(client: &BotClient<'_>, run: &RunName) -> Result<(), Failure> {
    for Found { id, parts, .. } in find(client).await? {
        match parts.summary {
            _ if parts.state.is_none_or(|state| *run != state.run.as_str()) => {}
            Some(summary) => {
                edit(client, id, &summary.text).await?;
            }
            None => comments::delete(client, id).await?,
        }
    }
    Ok(())
}

/// Gives the oldest comment these parts, or posts one. Deletes the others: duplicates that a lost answer left behind, and
/// those of version 0.1, which had one for each run.
async fn write(client: &BotClient<'_>, found: Vec<Found>, parts: &Parts) -> Result<(), Failure> {
    let text = parts.text();
    let mut is_written = false;
    for Found { id, body, .. } in found {
        if is_written {
            comments::delete(client, id).await?;
        } else {
            is_written = words(&body) == words(&text) || edit(client, id, &text).await?;
        }
    }
    if is_written {
        return Ok(());
    }
    match comments::post(client, &text).await {
        // The answer is lost; the comment may exist.
        Err(failure) if failure.kind == Kind::Unavailable => match find(client).await {
            Ok(found) if found.iter().any(|found| found.parts.runs() == parts.runs()) => Ok(()),
            Ok(_) | Err(_) => Err(failure),
        },
        posted => posted,
    }
}

/// Replaces a comment's text. Returns false if it is gone: a person deleted it, or the list was an old one.
async fn edit(client: &BotClient<'_>, id: u64, text: &str) -> Result<bool, Failure> {
    match comments::edit(client, id, text).await {
        Ok(()) => Ok(true),
        Err(failure) if failure.kind == Kind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Finds Holdfast's comments with a state or a summary, oldest first. Other accounts' comments are ignored: anyone can
/// copy a marker.
async fn find(client: &BotClient<'_>) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for comment in comments::list(client).await? {
        let body = comment.body.unwrap_or_default();
        let parts = Parts::read(client, &body);
        let is_marked = parts.runs().iter().any(Option::is_some);
        if is_marked && client.is_own(comment.user.as_ref()).await? {
            let id = comment.id;
            found.push(Found { id, body, parts });
        }
    }
    Ok(found)
}
