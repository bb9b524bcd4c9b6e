//! GatherContext: what encloses each hunk, the file's imports, and what the rules find; within a budget of tokens for a
//! unit, and of time and bytes for the change. What a bound left out is noted in the unit's pack.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diff::Hunk;
use crate::model::change::{Change, FileKind, Target};
use crate::model::finding::{Finding, Side};
use crate::model::finding_source::FindingSource;
use crate::model::key;
use crate::model::plan::{ContextPack, Plan};
use crate::model::run::Run;
use crate::model::sha::CommitSha;
use crate::port::{ReadChange, SourceSyntax, StoreArtifact, SyntaxAnswer, SyntaxFinding, SyntaxLimit, SyntaxView};
use crate::prompt::estimate_tokens;
use crate::rule::{redacted, secret_findings};

use super::shown::UnitView;
use super::{StageError, read_artifact, write_artifact};

/// Time that reading syntax may take for one change; a single file's bound is the adapter's.
const CHANGE_SYNTAX_TIME_MOST: Duration = Duration::from_mins(1);
/// Bytes of files that are read for one change.
const CHANGE_CONTENT_BYTES_MOST: u64 = 512 * 1024 * 1024;

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: String,
}

/// How much was gathered.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Context packs written: one a unit.
    pub packs: u64,
    /// Tokens of all packs.
    pub tokens: u64,
}

/// Writes a context pack for each unit. Errors: what reading and the store say.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn gather_context(
    input: &Input,
    read: &dyn ReadChange,
    syntax: &dyn SourceSyntax,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let change: Change = read_artifact(store, &key::change(&input.run)).await?;
    let plan: Plan = read_artifact(store, &key::plan(&input.run)).await?;
    let mut output = Output { packs: 0, tokens: 0 };
    let mut reader = SyntaxReader::new(read, syntax, &run);
    for planned in &plan.units {
        let view = UnitView::find(&plan, &change, &planned.id)?;
        let lines: Vec<u32> = view
            .hunks
            .iter()
            .flat_map(|hunk| hunk.added().filter_map(|line| line.new))
            .collect();
        // A link's text is a path, whatever its own name ends with.
        let (seen, no_syntax) = if view.file.kind == FileKind::Symlink {
            (SyntaxView::default(), None)
        } else {
            reader.read_syntax(&planned.path, &change.head, &lines).await?
        };
        let mut pack = assemble(&planned.path, &view.hunks, seen, run.tokens.pack());
        pack.no_syntax = no_syntax;
        output.packs += 1;
        output.tokens += pack.tokens;
        write_artifact(store, &key::context(&input.run, &planned.id), &pack).await?;
    }
    Ok(output)
}

/// Reads files and their syntax within the change's bounds. Units of one file follow each other mostly: its bytes are kept
/// for the next one.
struct SyntaxReader<'a> {
    read: &'a dyn ReadChange,
    syntax: &'a dyn SourceSyntax,
    target: &'a Target,
    time_left: Duration,
    bytes_left: u64,
    last: Option<OpenFile>,
}

/// The file that was read last.
struct OpenFile {
    path: String,
    /// Lossy: bytes that are not UTF-8 are replaced, and lines keep their numbers.
    text: Option<String>,
    /// Why its syntax isn't read again for its next unit.
    given_up: Option<SyntaxLimit>,
}

impl<'a> SyntaxReader<'a> {
    fn new(read: &'a dyn ReadChange, syntax: &'a dyn SourceSyntax, run: &'a Run) -> Self {
        Self {
            read,
            syntax,
            target: &run.target,
            time_left: CHANGE_SYNTAX_TIME_MOST,
            bytes_left: CHANGE_CONTENT_BYTES_MOST,
            last: None,
        }
    }

    /// The syntax around the lines of a file, and why it is missing or incomplete.
    async fn read_syntax(
        &mut self,
        path: &str,
        head: &CommitSha,
        lines: &[u32],
    ) -> Result<(SyntaxView, Option<String>), StageError> {
        if self.time_left.is_zero() || self.bytes_left == 0 {
            let bound = if self.bytes_left == 0 { "bytes" } else { "time" };
            let note = format!("no syntax: the change's limit of {bound} for reading files was reached");
            return Ok((SyntaxView::default(), Some(note)));
        }
        if self.last.as_ref().is_none_or(|file| file.path != path) {
            let bytes = self.read.read_file(self.target, path, head).await?;
            let length = bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
            self.bytes_left = self.bytes_left.saturating_sub(length);
            self.last = Some(OpenFile {
                path: path.to_owned(),
                text: bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                given_up: None,
            });
        }
        let Some(file) = self.last.as_mut() else {
            return Ok(Default::default());
        };
        let answer = match (&file.text, file.given_up) {
            (None, _) => SyntaxAnswer::default(),
            (Some(_), Some(limit)) => SyntaxAnswer {
                limit: Some(limit),
                ..SyntaxAnswer::default()
            },
            (Some(text), None) => self.syntax.view(path, text, lines).await,
        };
        self.time_left = self.time_left.saturating_sub(answer.elapsed);
        if answer.view.is_none() {
            file.given_up = answer.limit;
        }
        Ok((
            answer.view.unwrap_or_default(),
            answer.limit.map(|limit| limit.to_string()),
        ))
    }
}

/// Chooses what fits the budget: scopes first, innermost last, then imports in their order.
fn assemble(path: &str, hunks: &[Hunk], seen: SyntaxView, most_tokens: u64) -> ContextPack {
    let mut pack = ContextPack {
        rule_findings: rule_findings(path, hunks, &seen.findings),
        language: seen.language.map(str::to_owned),
        ..ContextPack::default()
    };
    for mut scope in seen.scopes {
        scope.signature = redacted(&scope.signature);
        scope.name = redacted(&scope.name);
        let cost = estimate_tokens(&scope.signature) + 4;
        if pack.tokens + cost > most_tokens {
            pack.left_out += 1;
        } else {
            pack.tokens += cost;
            pack.scopes.push(scope);
        }
    }
    for import in seen.imports {
        let import = redacted(&import);
        let cost = estimate_tokens(&import) + 1;
        if pack.tokens + cost > most_tokens {
            pack.left_out += 1;
        } else {
            pack.tokens += cost;
            pack.imports.push(import);
        }
    }
    pack
}

/// Secrets in added lines, and rules on the tree where they touch an added line. Both lie inside a hunk.
fn rule_findings(path: &str, hunks: &[Hunk], syntax: &[SyntaxFinding]) -> Vec<Finding> {
    let mut findings = secret_findings(path, hunks);
    for hunk in hunks {
        let Some((first, last)) = hunk.range(Side::Right) else {
            continue;
        };
        for found in syntax.iter().filter(|found| {
            hunk.added().any(|line| {
                line.new
                    .is_some_and(|n| (found.start_line..=found.end_line).contains(&n))
            })
        }) {
            let (start_line, line) = (found.start_line.clamp(first, last), found.end_line.clamp(first, last));
            findings.push(Finding {
                path: path.to_owned(),
                side: Side::Right,
                start_line,
                line,
                severity: found.severity,
                category: found.category,
                title: found.title.clone(),
                body: found.body.clone(),
                suggestion: None,
                confidence: found.confidence,
                source: FindingSource::of_rule(found.rule),
                gated: false,
                folded: false,
                sources: Vec::new(),
            });
        }
    }
    findings
}

#[cfg(test)]
#[path = "gather_context_tests.rs"]
mod tests;
