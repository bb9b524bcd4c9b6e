//! The text of the picture: shapes, ways, style and words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::RunPath;
use super::graph::{Node, Shape};
use super::place::{GROUP_GAP, GROUP_HEAD, Layout, Line, Point};
use crate::definition::StateMachine;
use crate::event::StateKind;

/// Space around the picture.
const MARGIN: f64 = 20.0;
/// Colours by name, so that light and dark differ only here.
const STYLE: &str = include_str!("style.css");

/// Returns the picture's text.
pub(super) fn render(machine: &StateMachine, layout: &Layout, run: Option<&RunPath>) -> String {
    let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"asl-picture\" role=\"img\" \
         aria-labelledby=\"asl-picture-title asl-picture-desc\" viewBox=\"0 0 {width:.1} {height:.1}\" \
         width=\"{width:.1}\" height=\"{height:.1}\">\n\
         <title id=\"asl-picture-title\">{}</title>\n<desc id=\"asl-picture-desc\">{}</desc>\n\
         <style>\n{STYLE}</style>\n<defs>",
        escaped(title(machine)),
        escaped(&words(machine, run)),
    );
    for class in ["way", "caught", "gone"] {
        let _ = write!(
            svg,
            "<marker id=\"asl-picture-{class}\" class=\"tip {class}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
             markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
             <path d=\"M0 0.5 8 4 0 7.5z\"/></marker>"
        );
    }
    let _ = writeln!(
        svg,
        "</defs>\n<rect class=\"ground\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"12\"/>"
    );
    flow(&mut svg, layout, Point { x: MARGIN, y: MARGIN }, run);
    svg.push_str("</svg>\n");
    svg
}

/// Returns the first sentence of the machine's comment.
fn title(machine: &StateMachine) -> &str {
    let comment = machine.comment().unwrap_or("State machine");
    comment.split_once(". ").map_or(comment, |(first, _)| first)
}

/// Describes the picture in words: every state with its ways, and the run's states.
fn words(machine: &StateMachine, run: Option<&RunPath>) -> String {
    let states = machine.states();
    let mut words = format!("{} states, from {}.", states.len(), machine.flow.start_at);
    for state in &states {
        let _ = write!(words, " {} ({}", state.name, state.kind.as_str());
        if let Some(parent) = &state.parent {
            let _ = write!(words, " in {parent}");
        }
        words.push(')');
        let mut ways = Vec::new();
        for (prefix, targets) in [("", &state.next), ("on an error ", &state.caught_next)] {
            let mut targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            targets.dedup();
            if !targets.is_empty() {
                ways.push(format!("{prefix}to {}", targets.join(" or ")));
            }
        }
        match (ways.is_empty(), state.kind) {
            (false, _) => {
                let _ = write!(words, " leads {}.", ways.join(", "));
            }
            (true, StateKind::Fail) => words.push_str(" fails."),
            (true, _) => words.push_str(" ends."),
        }
    }
    if let Some(run) = run {
        for (what, states) in [("Passed", &run.taken), ("Failed", &run.failed), ("Now", &run.current)] {
            if !states.is_empty() {
                let names: Vec<&str> = states.iter().map(String::as_str).collect();
                let _ = write!(words, " {what}: {}.", names.join(", "));
            }
        }
    }
    words
}

fn flow(svg: &mut String, layout: &Layout, at: Point, run: Option<&RunPath>) {
    let _ = writeln!(svg, "<g transform=\"translate({:.1} {:.1})\">", at.x, at.y);
    for (node, place) in layout.nodes.iter().filter(|(node, _)| node.shape == Shape::Group) {
        self::node(svg, node, *place, run);
    }
    let mut drawn = BTreeSet::new();
    let gone = |line: &&Line| went(layout, line, run);
    for line in layout.lines.iter().filter(|line| !gone(line)) {
        self::line(svg, line, false, &mut drawn);
    }
    for line in layout.lines.iter().filter(gone) {
        self::line(svg, line, true, &mut drawn);
    }
    for (node, place) in layout.nodes.iter().filter(|(node, _)| node.shape != Shape::Group) {
        self::node(svg, node, *place, run);
    }
    svg.push_str("</g>\n");
}

/// Returns true if a run took this way.
fn went(layout: &Layout, line: &Line, run: Option<&RunPath>) -> bool {
    let (Some(run), Some((from, _)), Some((to, _))) = (run, layout.nodes.get(line.from), layout.nodes.get(line.to))
    else {
        return false;
    };
    let seen = |name: &str| {
        [&run.taken, &run.failed, &run.current]
            .iter()
            .any(|states| states.contains(name))
    };
    match (from.shape, to.shape) {
        (Shape::Start, _) => seen(&to.name),
        (_, Shape::End) => {
            run.taken.contains(&from.name) && !run.transitions.iter().any(|(left, _)| *left == from.name)
        }
        _ => run.transitions.contains(&(from.name.clone(), to.name.clone())),
    }
}

/// Draws a way. Ways to one target share passages: they are drawn once from the place where they meet.
fn line(svg: &mut String, line: &Line, gone: bool, drawn: &mut BTreeSet<String>) {
    let kind = if line.caught { "caught" } else { "way" };
    let class = if gone { format!("{kind} gone") } else { kind.to_owned() };
    let mut path = String::new();
    let mut whole = true;
    if let (true, [from, to, ..]) = (line.own, line.points.as_slice()) {
        let far = from.x + 24.0;
        let _ = write!(
            path,
            "M{:.1} {:.1}C{far:.1} {:.1} {far:.1} {:.1} {:.1} {:.1}",
            from.x, from.y, from.y, to.y, to.x, to.y
        );
    }
    for pair in line.points.windows(2).filter(|_| !line.own) {
        let [from, to] = pair else { continue };
        if from == to {
            continue;
        }
        let part = if (from.x - to.x).abs() < 0.05 {
            format!("V{:.1}", to.y)
        } else {
            let middle = f64::midpoint(from.y, to.y);
            format!(
                "C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}",
                from.x, to.x, to.x, to.y
            )
        };
        if !drawn.insert(format!("{class} {:.1} {:.1} {part}", from.x, from.y)) {
            whole = false;
            break;
        }
        if path.is_empty() {
            let _ = write!(path, "M{:.1} {:.1}", from.x, from.y);
        }
        path.push_str(&part);
    }
    if path.is_empty() {
        return;
    }
    let _ = write!(svg, "<path class=\"{class}\" d=\"{path}\"");
    if whole {
        let tip = if gone { "gone" } else { kind };
        let _ = write!(svg, " marker-end=\"url(#asl-picture-{tip})\"");
    }
    if line.why.is_empty() {
        svg.push_str("/>\n");
    } else {
        let _ = writeln!(svg, "><title>{}</title></path>", escaped(&line.why));
    }
}

fn node(svg: &mut String, node: &Node, place: Point, run: Option<&RunPath>) {
    let Node { width, height, .. } = *node;
    let (x, y) = (place.x - width / 2.0, place.y);
    let (mark, class) = match run {
        Some(run) if run.failed.contains(&node.name) => ("✕", " failed"),
        Some(run) if run.current.contains(&node.name) => ("●", " current"),
        Some(run) if run.taken.contains(&node.name) => ("✓", " taken"),
        _ => ("", ""),
    };
    match node.shape {
        Shape::Start | Shape::End => {
            let name = if node.shape == Shape::Start { "start" } else { "end" };
            let (cx, cy) = (place.x, y + height / 2.0);
            let _ = write!(svg, "<circle class=\"{name}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"6\"/>");
            if node.shape == Shape::End {
                let _ = write!(svg, "<circle class=\"start\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\"/>");
            }
            svg.push('\n');
            return;
        }
        _ => {}
    }
    let kind = node.kind.map_or("", StateKind::as_str).to_lowercase();
    let _ = write!(svg, "<g class=\"state {kind}{class}\">");
    if node.shape == Shape::Choice {
        let (right, middle, bottom) = (x + width, y + height / 2.0, y + height);
        let _ = write!(
            svg,
            "<path class=\"shape\" d=\"M{x:.1} {middle:.1} {:.1} {y:.1}H{:.1}L{right:.1} {middle:.1} {:.1} \
             {bottom:.1}H{:.1}z\"/>",
            x + 14.0,
            right - 14.0,
            right - 14.0,
            x + 14.0
        );
    } else {
        let round = match node.shape {
            Shape::Pill => height / 2.0,
            Shape::Group => 12.0,
            _ => 8.0,
        };
        let _ = write!(
            svg,
            "<rect class=\"shape\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             rx=\"{round:.1}\"/>"
        );
    }
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"caption\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        place.x,
        y + 20.0,
        escaped(&node.name),
        place.x,
        y + 36.0,
        escaped(&node.caption)
    );
    if !mark.is_empty() {
        let _ = write!(
            svg,
            "<text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">{mark}</text>",
            x + width - 16.0,
            y + 19.0
        );
    }
    svg.push_str("</g>\n");
    let inside: f64 = node.flows.iter().map(|flow| flow.width + GROUP_GAP).sum::<f64>() - GROUP_GAP;
    let mut left = place.x - inside / 2.0;
    for inner in &node.flows {
        let at = Point {
            x: left,
            y: y + GROUP_HEAD,
        };
        flow(svg, inner, at, run);
        left += inner.width + GROUP_GAP;
    }
}

/// Escapes a text for XML. Characters that XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {}
            plain => escaped.push(plain),
        }
    }
    escaped
}
