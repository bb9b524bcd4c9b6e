//! What must hold for any bytes from a stranger: one function for each thing that reads them. Each says whether the
//! bytes were taken, and panics where something does not hold. The seeds are with the fuzz targets, in `fuzz/seeds`.

use holdfast_core::diff::{Hunk, hunk_of, parse_patch, render_hunks};
use holdfast_core::model::finding::Side;
use holdfast_core::model::policy::Policy;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::render::sanitize;
use holdfast_core::validate::{Shown, check_answer};
use holdfast_core::webhook::{WebhookEvent, parse};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The one file that answers are about.
pub const PATH: &str = "src/a.rs";
const PATCH: &str = "@@ -1,3 +1,4 @@ fn main\n one\n-two\n+zwei\n+drei\n four\n@@ -10 +11,0 @@\n-gone";

/// A patch's hunks: each side's lines are numbered one by one, and what was read can be shown.
pub fn patch(data: &[u8]) -> bool {
    let Ok(hunks) = parse_patch(&String::from_utf8_lossy(data)) else {
        return false;
    };
    for hunk in &hunks {
        for side in [Side::Left, Side::Right] {
            let numbers: Vec<u32> = hunk.lines.iter().filter_map(|line| line.number(side)).collect();
            assert!(
                numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])),
                "{numbers:?}"
            );
            assert_eq!(hunk.range(side), numbers.first().copied().zip(numbers.last().copied()));
        }
        assert!(hunk.header().starts_with("@@ -"));
    }
    let shown = render_hunks(PATH, None, &hunks);
    assert!(hunks.is_empty() || shown.contains(PATH));
    !hunks.is_empty()
}

/// Side, start and line (little endian), then a patch: where a place is found, one hunk holds both of its ends.
pub fn anchors(data: &[u8]) -> bool {
    let Some((head, patch)) = data.split_first_chunk::<9>() else {
        return false;
    };
    let Ok(hunks) = parse_patch(&String::from_utf8_lossy(patch)) else {
        return false;
    };
    let side = if head[0] % 2 == 0 { Side::Left } else { Side::Right };
    let start = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
    let line = u32::from_le_bytes([head[5], head[6], head[7], head[8]]);
    let Some(hunk) = hunk_of(&hunks, side, start, line) else {
        return false;
    };
    assert!(hunk.line(side, start).is_some() && hunk.line(side, line).is_some());
    true
}

/// Markdown made harmless: nothing invisible is left, and a second time nothing dangerous comes back.
pub fn sanitise(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let allowed = ["https://github.com/o/r/".to_owned()];
    let safe = sanitize(&text, &allowed);
    let is_hidden = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{0}'..='\u{8}');
    assert!(!safe.contains(is_hidden), "{safe:?}");
    assert_rendered_harmless(&safe);
    sanitize(&safe, &allowed);
    !safe.is_empty()
}

/// As a renderer of GitHub's Markdown sees it: outside of code there is no HTML, no link, nothing embedded, nobody mentioned.
fn assert_rendered_harmless(safe: &str) {
    let mut in_code = false;
    for event in Parser::new_ext(safe, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => panic!("HTML in {safe:?}"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("{dest_url} in {safe:?}"),
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => {
                let mut mentions = text.match_indices('@').map(|(at, _)| &text[at + 1..]);
                assert!(
                    mentions.all(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric())),
                    "{safe:?}"
                );
            }
            _ => {}
        }
    }
}

/// An event's name, a line break, a body: whatever it is, what is said of it is one short line.
pub fn webhook(data: &[u8]) -> bool {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let event = String::from_utf8_lossy(&data[..at]);
    let read = parse(&event, data.get(at + 1..).unwrap_or_default(), Some("holdfast[bot]"));
    match &read {
        WebhookEvent::Ignored { why: line } | WebhookEvent::Invalid { what: line } => {
            assert!(
                line.len() < 200 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line:?}"
            );
        }
        WebhookEvent::Review(trigger) => assert!(trigger.number > 0 && trigger.repository.id > 0),
        WebhookEvent::Command(command) => assert!(command.number > 0 && command.comment > 0),
        WebhookEvent::Installation(_) | WebhookEvent::Ping => {}
    }
    !matches!(read, WebhookEvent::Ignored { .. } | WebhookEvent::Invalid { .. })
}

/// A model's answer: only findings inside the hunks that were shown are accepted, at lines that hold their text, and a bad
/// answer has its reasons, none of them long.
pub fn answer(data: &[u8]) -> bool {
    let hunks: Vec<Hunk> = parse_patch(PATCH).unwrap_or_default();
    let recorded = RecordedAnswer {
        text: String::from_utf8_lossy(data).into_owned(),
        stop: Stop::Complete,
        model: "fuzz".to_owned(),
        input_tokens: 0,
        output_tokens: 0,
        cost_nano_usd: None,
        cached: false,
    };
    let shown = Shown {
        path: PATH,
        previous_path: None,
        hunks: &hunks,
    };
    let verdict = check_answer(&recorded, &shown);
    for finding in &verdict.accepted {
        assert_eq!(finding.path, PATH);
        assert!(finding.start_line <= finding.line);
        assert!(hunk_of(&hunks, finding.side, finding.start_line, finding.line).is_some());
    }
    assert_eq!(verdict.valid, verdict.problems.is_empty());
    assert!(verdict.problems.len() <= 21 && verdict.problems.iter().all(|problem| problem.chars().count() < 1_000));
    assert!(verdict.accepted.is_empty() || verdict.readable);
    assert!(verdict.summary.chars().count() <= 4_000);
    !verdict.accepted.is_empty()
}

/// A repository's settings: what is taken is in range, and its globs compile.
pub fn configuration(data: &[u8]) -> bool {
    let Ok(policy) = Policy::parse(&String::from_utf8_lossy(data)) else {
        return false;
    };
    assert!((1..=1_000).contains(&policy.max_findings) && (1..=10_000).contains(&policy.max_units));
    assert!(policy.globs().is_ok());
    true
}
