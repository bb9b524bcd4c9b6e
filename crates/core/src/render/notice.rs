//! Texts of mails and alarms: requests for approval, and runs that need manual cleanup.

use std::fmt::Write;

use url::Url;

use crate::count::counted;
use crate::model::approval::{Approval, Invitation};
use crate::model::quality::Measure;
use crate::model::run_name::RunName;
use crate::port::{Alarm, Mail};
use crate::rule::redacted;
use crate::visible::visible_line;

/// The first line of a request for approval.
const LEAD: &str = "A review is waiting for a decision before it is published.";
/// The first line of a request for approval of a part.
const LEAD_OF_PART: &str = "Findings of a review are waiting for a decision before they are published. The rest of the \
                            review is published.";
/// Introduces the link to the approval page.
const LINK_TEXT: &str = "Read the review, then approve or reject it";

/// Returns the mail that requests approval: to one person with their link and code, or without an addressee if no
/// approver is configured.
pub fn question_mail(approval: &Approval, invitation: Option<(u32, &Invitation)>, base: Option<&Url>) -> Mail {
    let Approval {
        run, round, findings, ..
    } = approval;
    // A pull request's title is foreign text.
    let subject = redacted(&approval.subject);
    let again = if *round > 1 { " (second request)" } else { "" };
    let worst = approval.worst.as_str();
    let head = approval.target.head().short();
    let mut facts = vec![("Pull request", subject.clone()), ("Commit", head.to_owned())];
    facts.extend([("Worst severity", worst.to_owned()), ("Findings", findings.to_string())]);
    facts.push(("Decide within", hours(approval.expires_ms - approval.asked_ms)));
    facts.push(("Run", run.to_string()));
    let lead = match approval.rest_is_published {
        true => LEAD_OF_PART,
        false => LEAD,
    };
    let mut text = format!("{lead}\n\n");
    for (name, value) in &facts {
        let _infallible = writeln!(text, "{name}: {value}");
    }
    let link = invitation.zip(base).map(|((_, invitation), base)| {
        let path = format!("approvals/{}", invitation.id);
        (
            base.join(&path).map_or_else(|_| format!("{base}{path}"), String::from),
            invitation,
        )
    });
    let html = link
        .as_ref()
        .map(|(link, invitation)| question_html(lead, &facts, link, &how_to_decide(invitation, run)));
    match &link {
        Some((link, invitation)) => {
            let _infallible = write!(text, "\n{LINK_TEXT}:\n{link}\n");
            for line in how_to_decide(invitation, run) {
                let _infallible = write!(text, "\n{line}\n");
            }
        }
        None => {
            let _infallible = write!(
                text,
                "\nRead it:     holdfast show {run}\nPublish it:  holdfast approve {run}\nDiscard it:  holdfast reject \
                 {run} --reason TEXT\n"
            );
        }
    }
    let suffix = invitation.map_or_else(String::new, |(number, _)| format!("-{number}"));
    Mail {
        key: format!("{run}-{round}{suffix}"),
        to: invitation
            .map(|(_, invitation)| invitation.address.clone())
            .into_iter()
            .collect(),
        subject: format!("Holdfast: approval needed for {subject}{again}"),
        text,
        html,
    }
}

/// Returns how a person decides on the page: with their code, or by signing in if a code couldn't prove who they are.
fn how_to_decide(invitation: &Invitation, run: &RunName) -> [String; 2] {
    let opening = "Opening the link changes nothing.";
    match &invitation.login {
        Some(login) => [
            format!("Your code, to be typed there: {}", spaced(&invitation.code)),
            format!(
                "Keep the link and the code to yourself: anyone who has both can decide in the name of {login}. {opening}"
            ),
        ],
        None => [
            "Sign in with GitHub on that page. Your address was configured without a GitHub login, so a code could not prove \
             who you are. To get a code, have the address configured as LOGIN=ADDRESS."
                .to_owned(),
            format!(
                "If sign-in is not set up, the operator of Holdfast decides with: holdfast approve {run}. {opening}"
            ),
        ],
    }
}

fn question_html(lead: &str, facts: &[(&str, String)], link: &str, how: &[String]) -> String {
    let mut rows = String::new();
    for (name, value) in facts {
        let _infallible = write!(
            rows,
            "<tr><th align=\"left\" style=\"padding:2px 16px 2px 0\">{name}</th><td>{}</td></tr>",
            escape(value)
        );
    }
    let how: String = how.iter().map(|line| format!("<p>{}</p>", escape(line))).collect();
    format!(
        "<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif;line-height:1.5\">\
         <p>{lead}</p><table>{rows}</table>\
         <p><a href=\"{}\">{LINK_TEXT}</a></p>{how}</body></html>",
        escape(link)
    )
}

/// Splits the code into two halves, which are easier to read and type.
fn spaced(code: &str) -> String {
    let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

fn hours(milliseconds: i64) -> String {
    let minutes = milliseconds.max(0) / 60_000;
    match minutes {
        0..=119 => counted(minutes, "minute"),
        _ => format!("{} hours", minutes / 60),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Returns the text of an alarm.
pub fn alarm_text(run: &RunName, alarm: &Alarm) -> String {
    match alarm {
        Alarm::Cleanup(what) => {
            let what = redacted(what);
            format!("Holdfast could not clean up after run {run}. A person has to do it.\n\n{what}\n")
        }
        Alarm::Unanswered { round, is_repeated } => {
            let next = if *is_repeated {
                "It is sent once again, with new links and codes."
            } else {
                "The findings at or above the gate's severity are not published."
            };
            format!("Nobody answered approval request {round} of run {run} in time. {next}\n")
        }
        Alarm::ModelRefused { model, message } => format!(
            "The provider of {model} refuses its calls: {}\n\nThe model reads no file until that is repaired. Run {run} met \
             it; check the settings with holdfast doctor.\n",
            redacted(message)
        ),
        Alarm::Degraded {
            model,
            prompt_version,
            measure,
            drop,
        } => {
            let what = match measure {
                Measure::Validity => "first answers passed all checks",
                Measure::Acceptance => "findings were fixed rather than dismissed",
            };
            format!(
                "{model}, prompt version {prompt_version}: {} % of the last {what}, {} % before. The last of them were \
                 counted with run {run}. Providers change models under the same name: compare with a fixed version of it.\n",
                drop.recent, drop.history
            )
        }
        Alarm::Spent {
            setting,
            of,
            percent,
            limit,
        } => {
            let limit = format!("{setting} of {} US dollars{}", dollars(*limit), of_whom(of.as_deref()));
            match percent {
                100.. => format!(
                    "The limit {limit} leaves no room for a call of run {run}. A model reviews no more files within it; \
                     each review lists those that it leaves out.\n"
                ),
                _ => format!(
                    "{percent} % of the limit {limit} are spent, with a call of run {run}. Reviews continue up to the \
                     limit.\n"
                ),
            }
        }
    }
}

/// Returns an amount in US dollars with cents, or with more places where it needs them, from billionths.
fn dollars(nano: u64) -> String {
    let (whole, part) = (nano / 1_000_000_000, nano % 1_000_000_000);
    match part % 10_000_000 {
        0 => format!("{whole}.{:02}", part / 10_000_000),
        _ => format!("{whole}.{:03}", part / 1_000_000),
    }
}

/// Returns the words that name the repository or the author of a limit.
fn of_whom(of: Option<&str>) -> String {
    of.map_or_else(String::new, |of| format!(" for {}", visible_line(of)))
}

/// Writes an alarm to the log.
pub fn log_alarm(run: &RunName, alarm: &Alarm) {
    let what = alarm_subject(run, alarm);
    let details = visible_line(&alarm_text(run, alarm));
    match alarm.is_early() {
        true => tracing::warn!(run = run.as_str(), details, "{what}"),
        false => tracing::error!(run = run.as_str(), details, "{what}"),
    }
}

/// Returns the subject of an alarm: one line.
pub fn alarm_subject(run: &RunName, alarm: &Alarm) -> String {
    match alarm {
        Alarm::Cleanup(_) => format!("Holdfast: run {run} needs manual cleanup"),
        Alarm::Unanswered { .. } => format!("Holdfast: nobody answered the approval request of run {run}"),
        Alarm::Degraded { model, measure, .. } => {
            format!("Holdfast: the {} of {model} has dropped", measure.as_str())
        }
        Alarm::ModelRefused { model, .. } => format!("Holdfast: the provider of {model} refuses the calls"),
        Alarm::Spent {
            setting, of, percent, ..
        } => {
            let limit = format!("{setting}{}", of_whom(of.as_deref()));
            match percent {
                100.. => format!("Holdfast: the limit {limit} is reached"),
                _ => format!("Holdfast: {percent} % of the limit {limit} are spent"),
            }
        }
    }
}
