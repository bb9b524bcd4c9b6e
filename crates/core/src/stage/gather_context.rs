//! GatherContext: writes a document for each unit: its hunks without secrets, the scopes around them, the file's
//! imports, and the rules' findings. The context of a unit has a limit in tokens, the reading of a whole change one in
//! time and bytes. The unit's context notes which limit left something out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::dependency::named_updates;
use crate::diff::{Hunk, parse_patch};
use crate::evidence::Evidence;
use crate::model::change::{ChangedFile, FileKind};
use crate::model::dependency::DependencyUpdates;
use crate::model::error_name::ErrorName;
use crate::model::finding::Finding;
use crate::model::key;
use crate::model::payer::Payer;
use crate::model::plan::{ContextPack, Plan, Scope, Unit};
use crate::model::policy::{Policy, PolicyGlobs, RuleLevel};
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;
use crate::model::silencing::Silencing;
use crate::port::{Deadline, ReadChange, SourceSyntax, StoreArtifact, SyntaxAnswer, SyntaxView};
use crate::prompt::{description_text, estimate_tokens};
use crate::rule::{redact_hunks, redacted, secret_findings};
use crate::silence::{Silencer, Trust};

use super::read_evidence::reads_artifacts;
use super::rule_findings::{rule_findings, team_syntax};
use super::silencing_trust::stored_trust;
use super::unit_document::{Ambient, UnitDocument, payer_of, repository_key};
use super::{AT_ONCE, StageError, find_artifact, read_artifact, read_change, write_artifact};

/// Maximum time for reading the syntax of one change; the adapter limits a single file.
const MAX_SYNTAX_TIME: Duration = Duration::from_mins(1);
/// Maximum total size of the files that are read for one change, in bytes.
const MAX_CONTENT_BYTES: u64 = 512 * 1024 * 1024;
/// Maximum number of files whose syntax is read at once.
const SYNTAX_AT_ONCE: usize = 4;
/// With less time than this left, the stage reads no more files and syntax and only writes the missing documents.
const WRITING_TIME: Duration = Duration::from_mins(1);

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
}

/// Counts for people who look at the execution.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Unit documents, one for each unit.
    pub packs: u64,
    /// Tokens of all context packs.
    pub tokens: u64,
}

/// Writes a document for each unit. Takes the change in chunks of files: reads their texts together, then their syntax,
/// then writes their documents. Documents that an earlier attempt wrote stay.
///
/// With less than a minute left it gathers no more context, and the documents note that. With no time left it fails,
/// and the retry writes the missing documents.
///
/// # Errors
/// A rule of the team's is invalid, or the settings name an unknown one; reading or the store fails; the time ran out before every document was written.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn gather_context(
    input: &Input,
    read: &dyn ReadChange,
    syntax: &dyn SourceSyntax,
    store: &dyn StoreArtifact,
    deadline: &dyn Deadline,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let change = read_change(&input.run, store).await?;
    let plan: Plan = read_artifact(store, &key::plan(&input.run)).await?;
    let policy: Policy = read_artifact(store, &key::policy(&input.run)).await?;
    let has_evidence = run.evidence.is_some() || !plan.tools.is_empty() || reads_artifacts(&run, &policy);
    let evidence = match has_evidence {
        true => read_artifact(store, &key::evidence(&input.run)).await?,
        false => Evidence::default(),
    };
    let of_team = team_syntax(&input.run, &policy, syntax, store).await?;
    let syntax = of_team.as_deref().unwrap_or(syntax);
    let mut units: HashMap<&str, Vec<&Unit>> = HashMap::new();
    for unit in &plan.units {
        units.entry(&unit.path).or_default().push(unit);
    }
    // Version 1 showed no description, and a run doesn't change its prompts halfway.
    let description = if run.version < 2 {
        ""
    } else {
        &change.header.description
    };
    let gathering = Gathering {
        payer: payer_of(&run, change.header.author.as_deref(), &policy),
        ambient: Ambient {
            title: change.header.title.clone(),
            description: description_text(description, run.tokens.description()),
        },
        globs: policy.globs()?,
        bounds: Mutex::new(Bounds {
            time_left: MAX_SYNTAX_TIME,
            bytes_left: MAX_CONTENT_BYTES,
        }),
        run: &run,
        head: &change.header.head,
        policy: &policy,
        evidence: &evidence,
        trust: stored_trust(&run, &change.header, store).await?,
        dependencies: &plan.dependencies,
        read,
        syntax,
        store,
        deadline,
    };
    let mut output = Output { packs: 0, tokens: 0 };
    for (chunk, range) in change.chunks().into_iter().enumerate() {
        let files = change.header.files.get(range).unwrap_or_default();
        let planned: Vec<&Unit> = files
            .iter()
            .filter_map(|file| units.get(file.path.as_str()))
            .flatten()
            .copied()
            .collect();
        let known = gathering.find_known(&planned).await?;
        for pack in known.values() {
            output.packs += 1;
            output.tokens += pack.context.tokens;
        }
        let missing: Vec<&Unit> = planned
            .into_iter()
            .filter(|unit| !known.contains_key(&unit.id))
            .collect();
        if missing.is_empty() {
            continue;
        }
        if deadline.is_over() {
            return Err(out_of_time(output.packs, plan.units.len()));
        }
        let files = change.read_files(&run.run, chunk, store).await?;
        for tokens in gathering.gather(&files, &missing).await? {
            output.packs += 1;
            output.tokens += tokens;
        }
    }
    let planned = u64::try_from(plan.units.len()).unwrap_or(u64::MAX);
    if output.packs < planned {
        let message = format!(
            "{} of {planned} units have no file in the change: start the review again",
            planned - output.packs
        );
        return Err(StageError::new(ErrorName::PayloadInvalid, message));
    }
    Ok(output)
}

/// Returns the failure of a call whose time ran out. The workflow retries it.
fn out_of_time(written: u64, planned: usize) -> StageError {
    let message = format!(
        "the time for GatherContext ran out with {written} of {planned} unit documents written; a retry writes the rest"
    );
    StageError::new(ErrorName::StageTimedOut, message)
}

/// The rest of the change's time and bytes.
struct Bounds {
    time_left: Duration,
    bytes_left: u64,
}

/// A file of the change with its missing units and its text.
struct OpenFile<'a> {
    file: &'a ChangedFile,
    units: Vec<&'a Unit>,
    /// The text. Bytes that aren't UTF-8 are replaced, and lines keep their numbers.
    text: Option<String>,
    /// True if its syntax is read: its language is known, and it isn't a link, whose text is a path.
    is_source: bool,
}

/// The inputs, ports and limits of one call.
struct Gathering<'a> {
    run: &'a Run,
    head: &'a CommitSha,
    policy: &'a Policy,
    evidence: &'a Evidence,
    trust: Trust,
    dependencies: &'a DependencyUpdates,
    globs: &'a PolicyGlobs,
    payer: Payer,
    ambient: Ambient,
    read: &'a dyn ReadChange,
    syntax: &'a dyn SourceSyntax,
    store: &'a dyn StoreArtifact,
    deadline: &'a dyn Deadline,
    bounds: Mutex<Bounds>,
}

impl Gathering<'_> {
    /// Returns the documents that an earlier attempt of this state wrote. If the first one is missing it looks for no
    /// others: they are written again with the same content.
    async fn find_known(&self, units: &[&Unit]) -> Result<HashMap<String, UnitDocument>, StageError> {
        let mut known = HashMap::new();
        let Some((first, rest)) = units.split_first() else {
            return Ok(known);
        };
        let Some(document) = self.find(first).await? else {
            return Ok(known);
        };
        known.insert(first.id.clone(), document);
        let finds: Vec<_> = rest.iter().map(|unit| self.find(unit)).collect();
        let found: Vec<_> = futures::stream::iter(finds).buffered(AT_ONCE).collect().await;
        for (unit, document) in rest.iter().zip(found) {
            if let Some(document) = document? {
                known.insert(unit.id.clone(), document);
            }
        }
        Ok(known)
    }

    async fn find(&self, unit: &Unit) -> Result<Option<UnitDocument>, StageError> {
        find_artifact(self.store, &key::unit(&self.run.run, &unit.id)).await
    }

    /// Gathers the context of these units and writes their documents. Returns the tokens of each context.
    async fn gather(&self, files: &[ChangedFile], units: &[&Unit]) -> Result<Vec<u64>, StageError> {
        let mut by_path: HashMap<&str, Vec<&Unit>> = HashMap::new();
        for unit in units {
            by_path.entry(&unit.path).or_default().push(unit);
        }
        let open = files.iter().filter_map(|file| {
            let units = by_path.remove(file.path.as_str())?;
            Some(OpenFile {
                file,
                units,
                text: None,
                is_source: file.kind != FileKind::Symlink && self.syntax.reads(&file.path),
            })
        });
        let mut open: Vec<OpenFile<'_>> = open.collect();
        self.read_texts(&mut open).await?;
        let reads: Vec<_> = open.into_iter().map(|file| self.make_documents(file)).collect();
        let mut made = futures::stream::iter(reads).buffered(SYNTAX_AT_ONCE);
        let mut documents = Vec::new();
        while let Some(of_file) = made.next().await {
            documents.extend(of_file?);
        }
        drop(made);
        let writes: Vec<_> = documents.iter().map(|document| self.write(document)).collect();
        let mut written = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
        while let Some(written) = written.next().await {
            written?;
        }
        drop(written);
        Ok(documents.iter().map(|document| document.context.tokens).collect())
    }

    async fn write(&self, document: &UnitDocument) -> Result<(), StageError> {
        write_artifact(self.store, &key::unit(&self.run.run, &document.unit), document).await
    }

    /// Reads the texts of the files with known syntax, together.
    async fn read_texts(&self, files: &mut [OpenFile<'_>]) -> Result<(), StageError> {
        if self.limit_reached().is_some() {
            return Ok(());
        }
        let sources: Vec<&mut OpenFile<'_>> = files.iter_mut().filter(|file| file.is_source).collect();
        let paths: Vec<&str> = sources.iter().map(|file| file.file.path.as_str()).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let read = self.read.read_files(&self.run.target, &paths, self.head).await?;
        for (file, bytes) in sources.into_iter().zip(read) {
            let Some(bytes) = bytes else { continue };
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.change_bounds(|bounds| bounds.bytes_left = bounds.bytes_left.saturating_sub(length));
            file.text = Some(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(())
    }

    /// Makes the documents of a file's units.
    async fn make_documents(&self, open: OpenFile<'_>) -> Result<Vec<UnitDocument>, StageError> {
        let file = open.file;
        let patch = file.patch.as_deref().unwrap_or_default();
        let hunks = parse_patch(patch).map_err(|error| {
            // The path may be a secret: the first unit names the file.
            let unit = open.units.first().map_or("", |unit| unit.id.as_str());
            StageError::new(ErrorName::PayloadInvalid, format!("unit {unit}: {error}"))
        })?;
        let added = hunks.iter().flat_map(Hunk::added).filter_map(|line| line.new);
        let (seen, no_syntax) = if open.is_source {
            self.read_syntax(&file.path, open.text.as_deref(), added.collect())
                .await
        } else {
            (SyntaxView::default(), None)
        };
        let documents = open.units.iter().map(|unit| {
            let chosen = hunks.iter().enumerate().filter(|(index, _)| unit.hunks.contains(index));
            let hunks: Vec<Hunk> = chosen.map(|(_, hunk)| hunk.clone()).collect();
            let reported = self.evidence.findings(&file.path, &hunks);
            let silencer = Silencer::new(&file.path, &hunks, self.trust, self.globs);
            let rules = &self.policy.rules;
            let mut context = assemble(&silencer, &hunks, &seen, reported, rules, self.run.tokens.pack());
            context.no_syntax.clone_from(&no_syntax);
            self.document(unit, file, &hunks, context)
        });
        Ok(documents.collect())
    }

    fn document(&self, unit: &Unit, file: &ChangedFile, hunks: &[Hunk], context: ContextPack) -> UnitDocument {
        let instructions = self.globs.instructions.matches(&unit.path).into_iter();
        let instructions = instructions.filter_map(|index| self.policy.instructions.get(index));
        UnitDocument {
            version: self.run.version,
            unit: unit.id.clone(),
            repository: repository_key(self.run),
            payer: self.payer.clone(),
            model: self.run.model.clone(),
            model_light: self.run.model_light.clone(),
            tokens: self.run.tokens,
            path: unit.path.clone(),
            previous_path: file.previous_path.clone(),
            tier: unit.tier,
            tier_reason: unit.tier_reason.clone(),
            hunks: redact_hunks(&unit.path, hunks),
            instructions: instructions.map(|entry| entry.text.clone()).collect(),
            dependencies: named_updates(self.dependencies, &unit.path, &context.imports),
            context,
            ambient: self.ambient.clone(),
        }
    }

    /// Reads a file's syntax around these lines, once for all its units. Also returns the reason if it is missing or
    /// incomplete.
    async fn read_syntax(&self, path: &str, text: Option<&str>, lines: Vec<u32>) -> (SyntaxView, Option<String>) {
        if let Some(note) = self.limit_reached() {
            return (SyntaxView::default(), Some(note));
        }
        let answer = match text {
            None => SyntaxAnswer::default(),
            Some(text) => self.syntax.view(path, text, &lines).await,
        };
        self.change_bounds(|bounds| bounds.time_left = bounds.time_left.saturating_sub(answer.elapsed));
        let limit = answer.limit.map(|limit| limit.to_string());
        (answer.view.map(without_secrets).unwrap_or_default(), limit)
    }

    /// Returns a note if a limit was reached: the change's bytes or time, or this call's time.
    fn limit_reached(&self) -> Option<String> {
        if self.deadline.time_left() < WRITING_TIME {
            return Some("no syntax: the time for GatherContext was running out".to_owned());
        }
        let bound = self.change_bounds(|bounds| match bounds {
            Bounds { bytes_left: 0, .. } => Some("bytes"),
            Bounds { time_left, .. } if time_left.is_zero() => Some("time"),
            _ => None,
        });
        bound.map(|bound| format!("no syntax: the change's limit of {bound} for reading files was reached"))
    }

    fn change_bounds<T>(&self, change: impl FnOnce(&mut Bounds) -> T) -> T {
        change(&mut self.bounds.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Redacts the texts of a file's syntax, once for all its units.
fn without_secrets(mut seen: SyntaxView) -> SyntaxView {
    for scope in &mut seen.scopes {
        scope.signature = redacted(&scope.signature);
        scope.name = redacted(&scope.name);
    }
    for import in &mut seen.imports {
        *import = redacted(import);
    }
    seen
}

/// Chooses the context that fits the budget: first what rules and tools report, within a third of it; then the scopes that contain an added line of these hunks, outermost
/// first, then the file's imports in their order.
fn assemble(
    silencer: &Silencer<'_>,
    hunks: &[Hunk],
    seen: &SyntaxView,
    reported: Vec<Finding>,
    levels: &BTreeMap<String, RuleLevel>,
    max_tokens: u64,
) -> ContextPack {
    let path = silencer.path();
    let mut silencing = Silencing {
        without_rule: silencer.without_rule(),
        ..Silencing::default()
    };
    let mut by_rules = rule_findings(path, hunks, &seen.findings, levels);
    by_rules.extend(reported);
    let by_rules = silencer.apply(by_rules, &mut silencing);
    let (claims, tokens) = claims(&by_rules, max_tokens / 3);
    let mut rule_findings = silencer.apply(secret_findings(path, hunks), &mut silencing);
    rule_findings.extend(by_rules);
    let mut pack = ContextPack {
        rule_findings,
        silencing,
        claims,
        tokens,
        language: seen.language.map(str::to_owned),
        ..ContextPack::default()
    };
    let mut added: Vec<u32> = hunks.iter().flat_map(Hunk::added).filter_map(|line| line.new).collect();
    added.sort_unstable();
    let holds_an_added_line = |scope: &&Scope| {
        let next = added.partition_point(|line| *line < scope.start_line);
        added.get(next).is_some_and(|line| *line <= scope.end_line)
    };
    for scope in seen.scopes.iter().filter(holds_an_added_line) {
        let cost = estimate_tokens(&scope.signature) + 4;
        if pack.tokens + cost > max_tokens {
            pack.left_out += 1;
        } else {
            pack.tokens += cost;
            pack.scopes.push(scope.clone());
        }
    }
    for import in &seen.imports {
        let cost = estimate_tokens(import) + 1;
        if pack.tokens + cost > max_tokens {
            pack.left_out += 1;
        } else {
            pack.tokens += cost;
            pack.imports.push(import.clone());
        }
    }
    pack
}

/// Returns what rules and tools report, one line each, as far as it fits, and its tokens. The worst come first.
fn claims(findings: &[Finding], max_tokens: u64) -> (Vec<String>, u64) {
    let mut worst: Vec<&Finding> = findings.iter().collect();
    worst.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let (mut claims, mut tokens) = (Vec::new(), 0);
    for finding in worst {
        let lines = match finding.start_line == finding.line {
            true => finding.line.to_string(),
            false => format!("{}-{}", finding.start_line, finding.line),
        };
        let claim = format!("{lines} {}: {}", finding.source, finding.title);
        let cost = estimate_tokens(&claim) + 1;
        if tokens + cost > max_tokens {
            break;
        }
        tokens += cost;
        claims.push(claim);
    }
    (claims, tokens)
}

#[cfg(test)]
#[path = "gather_context_tests.rs"]
mod tests;
