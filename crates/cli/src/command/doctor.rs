//! `holdfast doctor`: checks the settings, calls each configured model once, checks the account on GitHub and the mail
//! server, lists the tools of this machine, and reports the result.

use std::fmt::Write;

use holdfast_github::{AppReport, GithubAppGrants, Lack, TokenReport};
use holdfast_models::ModelReport;
use serde_json::json;

use crate::cli::{DoctorArgs, ListFormat};
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::mail_report::{MailReport, examine_mail};
use holdfast_ops::models;
use holdfast_ops::otlp::TraceExport;
use holdfast_ops::tools::{ToolState, Tools};

/// Runs the command.
///
/// # Errors
/// The settings are invalid.
pub async fn run(args: &DoctorArgs) -> Result<Exit, Failure> {
    let settings = machine::read_settings()?;
    let router = models::model(&settings)?;
    TraceExport::of(&settings, env!("CARGO_PKG_VERSION"))?;
    machine::check_models(&settings)?;
    let mut reports = Vec::new();
    for model in settings.models() {
        let report = router.examine(model, settings.model_tokens).await;
        reports.push(report.map_err(Failure::usage)?);
    }
    let app = match GithubAppGrants::of(&settings).map_err(Failure::usage)? {
        Some(app) => Some(app.examine().await),
        None => None,
    };
    let token = TokenReport::examine(&settings).await.map_err(Failure::usage)?;
    let mail = examine_mail(&settings).await?;
    let tools = Tools::default();
    let (tool_states, isolated) = (tools.states().await, tools.is_isolated().await);
    let works = reports.iter().all(|report| report.works)
        && app.as_ref().is_none_or(|app| app.works)
        && token.as_ref().is_none_or(|token| token.works)
        && mail.as_ref().is_none_or(|mail| mail.works);
    let warnings = settings.limits_without_a_price();
    let (languages, missing_languages) = holdfast_ops::languages();
    let printed = match args.format {
        ListFormat::Text => {
            let github = match (&app, &token) {
                (None, Some(token)) => token_text(token),
                (app, _) => app_text(app.as_ref()),
            };
            let warned: String = (warnings.iter())
                .map(|line| format!("Warning: {}\n", output::plain(line)))
                .collect();
            format!(
                "Settings: valid\n{warned}{}{github}{}{}{}",
                text(&reports),
                mail_text(mail.as_ref()),
                tools_text(&tool_states, isolated),
                languages_text(&languages, &missing_languages)
            )
        }
        ListFormat::Json => {
            let document = json!({
                "version": 1, "works": works, "models": reports, "github_app": app, "github_token": token, "mail": mail,
                "warnings": warnings, "tools": tool_states, "tools_isolated": isolated,
                "languages": languages, "missing_languages": missing_languages,
            });
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
        return "No GitHub App and no GITHUB_TOKEN is configured: only public pull requests can be reviewed, and nothing is \
                published.\nSet GITHUB_TOKEN, or create an App with holdfast setup.\n"
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
    for lack in &report.lacks {
        write_row(&mut out, &format!("lacks {}", lack.kind), &lack_text(lack));
    }
    write_problem(&mut out, report.problem.as_deref(), report.remedy.as_deref());
    out
}

fn token_text(report: &TokenReport) -> String {
    let mut out = match (report.works, &report.login) {
        (false, _) => "GITHUB_TOKEN: does not work\n".to_owned(),
        (true, Some(login)) => format!("GITHUB_TOKEN: works, with the account {}\n", output::name(login)),
        (true, None) => {
            "GITHUB_TOKEN: works; GitHub doesn't show its account to it, as for a workflow's token\n".to_owned()
        }
    };
    write_problem(&mut out, report.problem.as_deref(), report.remedy.as_deref());
    out
}

fn mail_text(report: Option<&MailReport>) -> String {
    let Some(report) = report else {
        return "No mail server is configured: mails are files in the data directory's folder outbox.\nSet HOLDFAST_SMTP_URL \
                and HOLDFAST_MAIL_FROM to send them.\n"
            .to_owned();
    };
    let state = if report.works {
        "works; no mail was sent"
    } else {
        "does not work"
    };
    let mut out = format!("Mail server {}: {state}\n", output::name(&report.server));
    write_row(&mut out, "sender", &report.sender);
    let approvers = match report.approvers {
        0 => "none in HOLDFAST_APPROVERS: mails go to the approvers in a repository's .holdfast.yml".to_owned(),
        number => format!("{number} in HOLDFAST_APPROVERS"),
    };
    write_row(&mut out, "approvers", &approvers);
    write_problem(&mut out, report.problem.as_deref(), report.remedy.as_deref());
    out
}

fn tools_text(states: &[ToolState], isolated: bool) -> String {
    let mut out = "Tools that a repository's settings can name (evidence.tools):\n".to_owned();
    for state in states {
        let value = match (state.found, &state.version) {
            (true, Some(version)) => version.clone(),
            (true, None) => "found, without a version".to_owned(),
            (false, _) => format!("not found: {}", state.install),
        };
        write_row(&mut out, state.name, &value);
    }
    if !isolated {
        write_row(
            &mut out,
            "network",
            "not taken from tools: they don't run for pull requests from forks",
        );
    }
    out
}

fn languages_text(read: &[&str], missing: &[&str]) -> String {
    let mut out = format!("Rules read {}\n", read.join(", "));
    if !missing.is_empty() {
        let _infallible = writeln!(
            out,
            "  This build doesn't read {}: --features all-languages adds them",
            missing.join(", ")
        );
    }
    out
}

fn write_row(out: &mut String, name: &str, value: &str) {
    let _infallible = writeln!(out, "  {name:<18} {}", output::plain(value));
}

fn write_problem(out: &mut String, problem: Option<&str>, remedy: Option<&str>) {
    for (name, text) in [("problem", problem), ("remedy", remedy)] {
        if let Some(text) = text {
            write_row(out, name, text);
        }
    }
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
