//! What people are told apart from the review: a question for approval, an alarm.

use std::fmt::Write;

use url::Url;

use crate::count::counted;
use crate::model::approval::{Approval, Invitation};
use crate::port::Mail;
use crate::rule::redacted;

/// The mail of a question: to one person, with their link and code, or to nobody in particular where nobody was named.
pub fn question_mail(approval: &Approval, invitation: Option<(u32, &Invitation)>, base: Option<&Url>) -> Mail {
    let Approval {
        run, round, findings, ..
    } = approval;
    // A pull request's title is whatever its author wrote.
    let subject = redacted(&approval.subject);
    let again = if *round > 1 { " (asked again)" } else { "" };
    let worst = approval.worst.as_str();
    let head = approval.target.head().short();
    let mut facts = vec![("Where", subject.clone()), ("Commit", head.to_owned())];
    facts.extend([("Worst severity", worst.to_owned()), ("Findings", findings.to_string())]);
    facts.push(("Decide within", hours(approval.expires_ms - approval.asked_ms)));
    facts.push(("Run", run.clone()));
    let mut text = "A review waits for a decision before it is published.\n\n".to_owned();
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
        .map(|(link, invitation)| question_html(&facts, link, &how_to_decide(invitation, run)));
    match &link {
        Some((link, invitation)) => {
            let _infallible = write!(text, "\nLook at it, then approve or reject:\n{link}\n");
            for line in how_to_decide(invitation, run) {
                let _infallible = write!(text, "\n{line}\n");
            }
        }
        None => {
            let _infallible = write!(
                text,
                "\nLook at it:  holdfast show {run}\nPublish it:  holdfast approve {run}\nDiscard it:  holdfast reject \
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

/// What the person needs to decide on the page: their code, or a sign-in where a code would not tell who they are.
fn how_to_decide(invitation: &Invitation, run: &str) -> [String; 2] {
    let opening = "Opening the link changes nothing.";
    match &invitation.login {
        Some(login) => [
            format!("Your code, to be typed there: {}", spaced(&invitation.code)),
            format!(
                "The link and the code are yours alone: whoever has both decides in the name of {login}. {opening}"
            ),
        ],
        None => [
            "Sign in there with GitHub: this address was configured without a login, so a code would not show who you are. \
             LOGIN=ADDRESS gives it one."
                .to_owned(),
            format!("Where nobody can sign in, whoever runs Holdfast decides: holdfast approve {run}. {opening}"),
        ],
    }
}

fn question_html(facts: &[(&str, String)], link: &str, how: &[String]) -> String {
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
         <p>A review waits for a decision before it is published.</p><table>{rows}</table>\
         <p><a href=\"{}\">Look at it, then approve or reject</a></p>{how}</body></html>",
        escape(link)
    )
}

/// Two halves are easier to read and to type.
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

/// The text of an alarm.
pub fn alarm_text(run: &str, what: &str) -> String {
    let what = redacted(what);
    format!("Holdfast could not clean up after the run {run}. A person has to.\n\n{what}\n")
}

/// The subject of an alarm: one line.
pub fn alarm_subject(run: &str) -> String {
    format!("Holdfast: {run} needs cleaning by hand")
}
