//! `holdfast doctor`: calls each configured model once, checks the GitHub App, and reports the result.

use std::fmt::Write;

use holdfast_github::{AppReport, GithubAppGrants, Lack};
use holdfast_models::ModelReport;
use serde_json::json;

use crate::cli::{DoctorArgs, ListFormat};
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;

/// Runs the command.
///
/// # Errors
/// The settings are invalid.
pub async fn run(args: &DoctorArgs) -> Result<Exit, Failure> {
    let settings = machine::read_settings()?;
    let router = machine::model(&settings)?;
    let mut models = vec![&settings.model, &settings.model_light];
    models.retain(|model| !model.is_rules());
    models.dedup();
    machine::check_models(&settings)?;
    let mut reports = Vec::new();
    for model in models {
        let report = router.examine(model, settings.model_tokens).await;
        reports.push(report.map_err(Failure::usage)?);
    }
    let app = match GithubAppGrants::of(&settings).map_err(Failure::usage)? {
        Some(app) => Some(app.examine().await),
        None => None,
    };
    let works = reports.iter().all(|report| report.works) && app.as_ref().is_none_or(|app| app.works);
    let printed = match args.format {
        ListFormat::Text => text(&reports) + &app_text(app.as_ref()),
        ListFormat::Json => {
            let document = json!({ "version": 1, "works": works, "models": reports, "github_app": app });
            output::json(&document).map_err(Failure::incomplete)?
        }
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(if works { Exit::Clean } else { Exit::Incomplete })
}

fn text(reports: &[ModelReport]) -> String {
    if reports.is_empty() {
        return "No model is configured: findings come from static analysis only.\n\
                Set HOLDFAST_MODEL to anthropic/NAME, openai/NAME or bedrock/ID, and the provider's key.\n"
            .to_owned();
    }
    let mut out = String::new();
    for report in reports {
        let state = if report.works { "works" } else { "does not work" };
        let _infallible = writeln!(
            out,
            "{} at {}: {state} ({:.1} s)",
            report.model, report.server, report.seconds
        );
        let mut row = |name: &str, value: String| {
            let _infallible = writeln!(out, "  {name:<18} {value}");
        };
        row("reachable", yes(Some(report.reachable)));
        row("key accepted", yes(report.key_accepted));
        row(
            "structured output",
            report.structured_output.unwrap_or("unknown").replace('_', " "),
        );
        row(
            "output limit",
            match (report.output_limit, report.output_tokens) {
                (Some("none"), _) => "not sent: the server accepts no parameter for it".to_owned(),
                (Some(name), Some(tokens)) => format!("{tokens} tokens ({name})"),
                _ => "unknown".to_owned(),
            },
        );
        row(
            "context",
            report
                .context_tokens
                .map_or_else(|| "not stated".to_owned(), |tokens| format!("{tokens} tokens")),
        );
        row(
            "instructions",
            report.instructions.unwrap_or("unknown").replace('_', " "),
        );
        row(
            "usage",
            match report.input_tokens + report.output_tokens_counted {
                0 => "not reported".to_owned(),
                _ => format!(
                    "{} tokens in, {} out",
                    report.input_tokens, report.output_tokens_counted
                ),
            },
        );
        if let Some(problem) = &report.problem {
            row("problem", output::plain(problem));
        }
        for remedy in &report.remedies {
            row("remedy", remedy.clone());
        }
    }
    out
}

fn app_text(report: Option<&AppReport>) -> String {
    let Some(report) = report else {
        return "No GitHub App is configured, so its permissions and events are not checked: set HOLDFAST_GITHUB_APP_ID and \
                HOLDFAST_GITHUB_APP_KEY_FILE.\n"
            .to_owned();
    };
    let state = match (report.works, report.lacks.is_empty()) {
        (true, true) => "works, and has every permission and event of the manifest",
        (true, false) => "works",
        (false, true) => "does not work",
        (false, false) => "lacks what reviews need",
    };
    let slug = report.slug.as_deref().unwrap_or("of HOLDFAST_GITHUB_APP_ID");
    let mut out = format!("GitHub App {}: {state}\n", output::plain(slug));
    let mut row = |name: &str, value: &str| {
        let _infallible = writeln!(out, "  {name:<18} {}", output::plain(value));
    };
    for lack in &report.lacks {
        row(&format!("lacks {}", lack.kind), &lack_text(lack));
    }
    if let Some(problem) = &report.problem {
        row("problem", problem);
    }
    if let Some(remedy) = &report.remedy {
        row("remedy", remedy);
    }
    out
}

fn lack_text(lack: &Lack) -> String {
    let level = match (&lack.needs, &lack.has) {
        (Some(needs), Some(has)) => format!(": {needs} (has {has})"),
        (Some(needs), None) => format!(": {needs}"),
        (None, _) => String::new(),
    };
    format!("{}{level}; without it {}", lack.name, lack.without)
}

fn yes(known: Option<bool>) -> String {
    match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
    .to_owned()
}
