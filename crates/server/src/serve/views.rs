//! Builds the console's views from the data directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast_console::href;
use holdfast_console::view::{
    Attempt, AuditEntry, DayCount, Failure as Failed, Frame, Picture, PullRequest, Refresh, RunActions, RunHead,
    RunRow, RunView, RunsFilter, RunsView, Span, SpanEnd, SpanKind, TierUsage, Timeline, UnitEnd, UnitSummary,
    UnitView, WebAddress, file_rows, findings_in_diff,
};
use holdfast_core::approval::list_audit_of;
use holdfast_core::model::approval::KnownBy;
use holdfast_core::model::key;
use holdfast_core::model::plan::{Plan, Tier};
use holdfast_core::model::report::{NO_REASON, RunStatus};
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{RecordedAnswer, Run, Verdict};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{KeepRows, StoreArtifact};
use holdfast_core::stage::state;
use holdfast_core::stage::validate_findings::tier_of_attempt;

use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::run_details::{self, AttemptDetails, UnitDetails, states_taken, units_of};
use holdfast_ops::run_summary::{self, LocalRuns, ReadRuns, RunSummary};

/// Number of runs on one page.
const PAGE_RUNS: usize = 50;
/// Number of days in the chart above the runs.
const DAYS: i64 = 14;
const DAY_MS: i64 = 86_400_000;

/// Reads on a thread that may block: disks block, and the reader of histories can't move between threads.
pub async fn on_disk<T, F>(read: impl FnOnce() -> F + Send + 'static) -> Result<T, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>>,
{
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(read())).await;
    done.map_err(|error| Failure::incomplete(format!("a page's task ended early: {error}")))?
}

/// Returns the list of the given runs, which the visitor may see.
pub fn runs(records: &[RunSummary], frame: Frame, filter: RunsFilter, page: u32) -> RunsView {
    let matching: Vec<&RunSummary> = records.iter().filter(|record| lets_through(&filter, record)).collect();
    let pages = matching.len().div_ceil(PAGE_RUNS).max(1);
    let page = (page.max(1) as usize).min(pages);
    let shown = matching.iter().skip((page - 1) * PAGE_RUNS).take(PAGE_RUNS);
    let repositories: BTreeSet<String> = records.iter().map(repository).collect();
    let (days, statuses) = days(records, frame.now_ms);
    RunsView {
        rows: shown.map(|record| row(record)).collect(),
        matching: number(matching.len()),
        total: number(records.len()),
        page: u32::try_from(page).unwrap_or(u32::MAX),
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
        repositories: repositories.into_iter().collect(),
        days,
        statuses,
        frame,
        filter,
    }
}

/// Returns a run's page and the picture of its states, empty where it can't be drawn.
///
/// # Errors
/// The data can't be read.
pub async fn run(
    data: &Path,
    rows: &dyn KeepRows,
    frame: Frame,
    record: RunSummary,
    actions: RunActions,
    refresh: Refresh,
) -> Result<(RunView, String), Failure> {
    let name = &record.run;
    let runs = LocalRuns::with_rows(data, None)?;
    let shown = units_of(&runs, &record).await?;
    let plan: Option<Plan> = run_summary::read_json(&machine::artifacts(data), &key::plan(name)).await?;
    let states = states_taken(&runs.history(&record).await?);
    let is_open = !record.row.status.is_final();
    let report = run_summary::read_report(&record, runs.store()).await?;
    let change = run_summary::read_change(name, report.as_ref(), runs.store()).await?;
    let report = report.as_ref();
    let coverage = report.map(|report| report.coverage.clone()).unwrap_or_default();
    let findings = report.map(|report| report.findings.clone()).unwrap_or_default();
    let last = states.len().saturating_sub(1);
    let spans = states.iter().enumerate().map(|(place, taken)| Span {
        state: taken.state.clone(),
        entered_ms: taken.entered_ms,
        left_ms: taken
            .left_ms
            .or_else(|| (place != last || !is_open).then_some(taken.entered_ms)),
        until_ms: taken.until_ms,
        kind: kind_of(&taken.state),
        end: match taken.left_ms {
            Some(_) => SpanEnd::Passed,
            None if is_open && place == last => SpanEnd::Open,
            None if taken.failures > 0 => SpanEnd::Failed,
            None => SpanEnd::Passed,
        },
        tries: taken.failures + 1,
    });
    let timeline = Timeline {
        spans: spans.collect(),
        ended_ms: record.row.stopped.map(|at| at.0),
    };
    let summaries: Vec<UnitSummary> = summaries(plan.as_ref(), &shown);
    let svg = run_details::draw_picture(&runs, &record).await.unwrap_or_default();
    let (width, height) = size(&svg);
    let view = RunView {
        head: head(&record),
        refresh,
        actions,
        failure: record.row.error.clone().map(|error| Failed {
            cause: record.failure.clone().unwrap_or_default(),
            error,
        }),
        retried_until_ms: runs.retried_until_ms(name).await,
        picture: (width > 0).then(|| Picture {
            src: href::picture(name.as_str()),
            width,
            height,
        }),
        timeline,
        files: file_rows(&coverage, &summaries),
        diffs: findings_in_diff(&findings, change.as_ref()),
        tiers: started(&record).map_or_else(Vec::new, |run| tiers(&run, plan.as_ref(), &shown)),
        audit: audit(rows, &record, frame.now_ms).await?,
        report: report.cloned(),
        frame,
    };
    Ok((view, svg))
}

/// Returns one unit's page, if the run has the unit.
///
/// # Errors
/// The data can't be read.
pub async fn unit(data: &Path, frame: Frame, record: &RunSummary, id: &str) -> Result<Option<UnitView>, Failure> {
    let name = &record.run;
    let runs = LocalRuns::with_rows(data, None)?;
    let store = machine::artifacts(data);
    let plan: Option<Plan> = run_summary::read_json(&store, &key::plan(name)).await?;
    let shown = units_of(&runs, record).await?;
    let planned = plan
        .as_ref()
        .and_then(|plan| plan.units.iter().find(|unit| unit.id == id));
    let Some(summary) = summaries(plan.as_ref(), &shown).into_iter().find(|unit| unit.id == id) else {
        return Ok(None);
    };
    let tier = planned.map_or(Tier::Strong, |unit| unit.tier);
    let (attempts, accepted) = attempts(&store, name, id, tier).await?;
    Ok(Some(UnitView {
        frame,
        run: name.to_string(),
        risk: planned.map_or(0, |unit| unit.risk),
        tier,
        accepted_attempt: accepted.filter(|_| summary.end == UnitEnd::Reviewed),
        unit: summary,
        attempts,
    }))
}

/// Reads a unit's attempts, each with the tier that answered, and the number of the last one with a good finding or a
/// valid answer.
async fn attempts(
    store: &dyn StoreArtifact,
    run: &RunName,
    unit: &str,
    planned: Tier,
) -> Result<(Vec<Attempt>, Option<u32>), Failure> {
    let mut attempts = Vec::new();
    let mut accepted = None;
    for number in 1_u32.. {
        let answer: Option<RecordedAnswer> = run_summary::read_json(store, &key::answer(run, unit, number)).await?;
        let prompt = run_summary::read_json(store, &key::prompt(run, unit, number)).await?;
        if answer.is_none() && prompt.is_none() {
            break;
        }
        let verdict: Option<Verdict> = run_summary::read_json(store, &key::verdict(run, unit, number)).await?;
        if verdict
            .as_ref()
            .is_some_and(|verdict| verdict.valid || !verdict.accepted.is_empty())
        {
            accepted = Some(number);
        }
        attempts.push(Attempt {
            number,
            tier: tier_of_attempt(planned, number),
            prompt,
            answer,
            verdict,
            took_ms: None,
        });
    }
    Ok((attempts, accepted))
}

/// Draws the picture of a run's states.
///
/// # Errors
/// The data can't be read.
pub async fn picture(data: &Path, record: &RunSummary) -> Result<String, Failure> {
    run_details::draw_picture(&LocalRuns::with_rows(data, None)?, record).await
}

/// Returns the repository of a run.
pub fn repository(record: &RunSummary) -> String {
    started(record).map_or_else(String::new, |run| run.target.repository())
}

/// Returns the GitHub repository of a run; `None` for a work tree.
pub fn repository_name(record: &RunSummary) -> Option<RepositoryName> {
    started(record)?.target.repository_name().cloned()
}

fn started(record: &RunSummary) -> Option<Run> {
    serde_json::from_value(record.row.input.clone()).ok()
}

fn head(record: &RunSummary) -> RunHead {
    let run = started(record);
    let header = &record.header;
    RunHead {
        run: record.run.to_string(),
        status: record.status,
        repository: repository(record),
        pull_request: pull_request(record),
        base: header.base.clone(),
        head: run
            .as_ref()
            .map_or_else(String::new, |run| run.target.head().to_string()),
        author: header.author.clone(),
        model: run.map(|run| run.model),
        started_ms: record.row.started.0,
        ended_ms: record.row.stopped.map(|at| at.0),
        needs_cleaning: record.needs_cleaning,
    }
}

/// Returns a run's row in a list.
pub fn row(record: &RunSummary) -> RunRow {
    let head = head(record);
    let report = record.header.report.as_ref();
    RunRow {
        run: head.run,
        status: head.status,
        repository: head.repository,
        pull_request: head.pull_request,
        head: head.head,
        worst: report.and_then(|report| report.gate.worst),
        findings: report.map(|report| report.findings),
        cost_usd: report.map(|report| report.usage.cost_usd).filter(|cost| *cost > 0.0),
        started_ms: head.started_ms,
        ended_ms: head.ended_ms,
        needs_cleaning: head.needs_cleaning,
    }
}

fn pull_request(record: &RunSummary) -> Option<PullRequest> {
    let target = started(record)?.target;
    Some(PullRequest {
        number: target.pull_request()?,
        title: record.header.title.clone(),
        address: record.header.url.as_deref().and_then(WebAddress::parse),
        page: Some(href::pull(&target.place())),
    })
}

fn lets_through(filter: &RunsFilter, record: &RunSummary) -> bool {
    let text = filter.text.trim().to_lowercase();
    let title = record.header.title.as_deref().map(str::to_lowercase);
    let head = head(record);
    let holds = |field: &str| field.to_lowercase().contains(&text);
    filter.status.is_none_or(|status| status == record.status)
        && filter
            .repository
            .as_ref()
            .is_none_or(|wanted| *wanted == head.repository)
        && (text.is_empty()
            || holds(&head.run)
            || holds(&head.repository)
            || holds(&head.head)
            || title.is_some_and(|title| title.contains(&text)))
}

/// Counts the runs of the last days, and their statuses. Both are empty where no run started in these days.
fn days(records: &[RunSummary], now_ms: i64) -> (Vec<DayCount>, Vec<(RunStatus, u64)>) {
    let today = now_ms.div_euclid(DAY_MS);
    let day = |day: i64| DayCount {
        day_ms: day * DAY_MS,
        well: 0,
        open: 0,
        troubled: 0,
    };
    let mut days: BTreeMap<i64, DayCount> = (today - DAYS + 1..=today).map(|number| (number, day(number))).collect();
    let mut statuses: Vec<(RunStatus, u64)> = Vec::new();
    for record in records {
        let Some(day) = days.get_mut(&record.row.started.0.div_euclid(DAY_MS)) else {
            continue;
        };
        match record.status {
            _ if !record.row.status.is_final() => day.open += 1,
            RunStatus::Failed | RunStatus::Partial => day.troubled += 1,
            _ => day.well += 1,
        }
        match statuses.iter_mut().find(|(status, _)| *status == record.status) {
            Some((_, count)) => *count += 1,
            None => statuses.push((record.status, 1)),
        }
    }
    match statuses.is_empty() {
        true => (Vec::new(), Vec::new()),
        false => (days.into_values().collect(), statuses),
    }
}

fn summaries(plan: Option<&Plan>, shown: &[UnitDetails]) -> Vec<UnitSummary> {
    let planned = plan.map(|plan| plan.units.as_slice()).unwrap_or_default();
    let of = |unit: &holdfast_core::model::plan::Unit| {
        let begun = shown.iter().find(|shown| shown.unit == unit.id);
        UnitSummary {
            id: unit.id.clone(),
            path: unit.path.clone(),
            end: match begun.map(|shown| shown.status) {
                None | Some("queued") => UnitEnd::Queued,
                Some("reviewed") => UnitEnd::Reviewed,
                Some("running") => UnitEnd::Running,
                Some(_) => UnitEnd::Unreviewed(begun.and_then(|shown| shown.reason.clone()).unwrap_or_else(no_reason)),
            },
            attempts: begun.map_or(0, |shown| u32::try_from(shown.attempts.len()).unwrap_or(u32::MAX)),
            started_ms: begun
                .and_then(|shown| shown.states.first())
                .map(|taken| taken.entered_ms),
            ended_ms: begun
                .filter(|shown| shown.status != "running")
                .and_then(|shown| shown.states.last())
                .map(|taken| taken.left_ms.unwrap_or(taken.entered_ms)),
        }
    };
    planned.iter().map(of).collect()
}

fn no_reason() -> String {
    NO_REASON.to_owned()
}

/// Returns the usage of each tier that answered. Empty without a model.
fn tiers(run: &Run, plan: Option<&Plan>, shown: &[UnitDetails]) -> Vec<TierUsage> {
    if run.is_rules_only() {
        return Vec::new();
    }
    let mut tiers: Vec<TierUsage> = Vec::new();
    for unit in shown {
        let planned = plan.and_then(|plan| plan.units.iter().find(|planned| planned.id == unit.unit));
        let planned = planned.map_or(Tier::Strong, |planned| planned.tier);
        for (attempt, number) in unit.attempts.iter().zip(1..) {
            book(&mut tiers, run, tier_of_attempt(planned, number), attempt);
        }
    }
    tiers
}

/// Adds an attempt to its tier's usage.
fn book(tiers: &mut Vec<TierUsage>, run: &Run, tier: Tier, attempt: &AttemptDetails) {
    let place = tiers.iter().position(|usage| usage.tier == tier).unwrap_or_else(|| {
        tiers.push(TierUsage {
            tier,
            model: tier.choose(&run.model, &run.model_light).to_string(),
            calls: 0,
            cache_hits: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_usd: Some(0.0),
        });
        tiers.len() - 1
    });
    let Some(usage) = tiers.get_mut(place) else { return };
    if attempt.cached {
        usage.cache_hits += 1;
        return;
    }
    usage.calls += 1;
    usage.input_tokens += attempt.input_tokens;
    usage.output_tokens += attempt.output_tokens;
    // One call without a known price makes the sum unknown.
    usage.cost_usd = usage.cost_usd.zip(attempt.cost_usd).map(|(sum, cost)| sum + cost);
}

async fn audit(rows: &dyn KeepRows, record: &RunSummary, now_ms: i64) -> Result<Vec<AuditEntry>, Failure> {
    let since_start_ms = now_ms - record.row.started.0;
    let entries = list_audit_of(rows, &record.run, since_start_ms).await;
    let of_run = entries.map_err(Failure::incomplete)?.into_iter();
    Ok(of_run
        .map(|entry| AuditEntry {
            at_ms: entry.vote.at_ms,
            who: entry.vote.by.name,
            did: entry.vote.ballot.verdict.as_str().to_owned(),
            reason: entry.vote.ballot.reason,
            known_by: match entry.vote.by.known_by {
                KnownBy::Github => "GitHub sign-in",
                KnownBy::MailCode => "code from the mail",
                KnownBy::Terminal => "command line or console key",
            }
            .to_owned(),
            page_version: Some(entry.vote.ballot.content),
        })
        .collect())
}

fn kind_of(state: &str) -> SpanKind {
    match state {
        state::REQUEST_APPROVAL => SpanKind::Wait,
        waiting if state::waits_for_service(waiting) => SpanKind::Wait,
        _ if state::is_route(state) => SpanKind::Step,
        _ => SpanKind::Work,
    }
}

/// Reads the picture's width and height from its root element.
fn size(svg: &str) -> (u32, u32) {
    let number = |name: &str| {
        let (_, rest) = svg.split_once(&format!(" {name}=\""))?;
        rest.split('"').next()?.split('.').next()?.parse().ok()
    };
    (number("width").unwrap_or(0), number("height").unwrap_or(0))
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
