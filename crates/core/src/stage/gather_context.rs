//! GatherContext: what encloses each hunk, the file's imports, and what the rules find; within a budget of tokens.

use serde::{Deserialize, Serialize};

use crate::diff::Hunk;
use crate::model::change::Change;
use crate::model::finding::{Finding, Side};
use crate::model::key;
use crate::model::plan::{ContextPack, Plan};
use crate::model::run::Run;
use crate::port::{ReadChange, SourceSyntax, StoreArtifact, SyntaxFinding, SyntaxView};
use crate::prompt::estimate_tokens;
use crate::rule::{redacted, secret_findings};

use super::shown::UnitView;
use super::{StageError, read_artifact, write_artifact};

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
    for planned in &plan.units {
        let view = UnitView::find(&plan, &change, &planned.id)?;
        let bytes = read.read_file(&run.target, &planned.path, &change.head).await?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let lines: Vec<u32> = view
            .hunks
            .iter()
            .flat_map(|hunk| hunk.added().filter_map(|line| line.new))
            .collect();
        let seen = text
            .as_deref()
            .and_then(|text| syntax.view(&planned.path, text, &lines))
            .unwrap_or_default();
        let pack = assemble(&planned.path, &view.hunks, seen, run.tokens.pack());
        output.packs += 1;
        output.tokens += pack.tokens;
        write_artifact(store, &key::context(&input.run, &planned.id), &pack).await?;
    }
    Ok(output)
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
                source: format!("rule:{}", found.rule),
                gated: false,
                folded: false,
                sources: Vec::new(),
            });
        }
    }
    findings
}
