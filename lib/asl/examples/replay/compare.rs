//! The comparison of two histories, which finds their first difference.

use serde_json::Value;

use crate::normal;
use crate::placeholder::Bindings;

/// Returns the first difference of two histories, if they differ.
pub fn histories(recorded: &[Value], found: &[Value], mut bindings: Bindings) -> Option<String> {
    let recorded: Vec<Value> = recorded.iter().map(normal::event).collect();
    let found: Vec<Value> = found.iter().map(normal::event).collect();
    let mut taken = vec![false; found.len()];
    // Recordings of concurrent branches hold their events without numbers, in any order.
    let (numbered, loose): (Vec<&Value>, Vec<&Value>) = recorded.iter().partition(|event| event["id"].is_u64());
    for (place, event) in numbered.iter().enumerate() {
        let id = event["id"].as_u64().unwrap_or_default();
        let position = if loose.is_empty() {
            place
        } else {
            usize::try_from(id.saturating_sub(1)).unwrap_or(usize::MAX)
        };
        let Some(other) = found.get(position) else {
            return Some(format!("{}: never happened here", label(event)));
        };
        if event["type"] != other["type"] {
            return Some(format!("{}: here it is {}", label(event), label(other)));
        }
        if let Err(difference) = same(event, other, &mut bindings, "") {
            return Some(format!("{}: {difference}", label(event)));
        }
        taken[position] = true;
    }
    for event in &loose {
        let fits = |position: &usize| !taken[*position] && loosely(event, &found[*position], &bindings).is_some();
        let Some(position) = (0..found.len()).find(fits) else {
            return Some(format!("{}: has no equal here", label(event)));
        };
        if let Some(extended) = loosely(event, &found[position], &bindings) {
            bindings = extended;
        }
        taken[position] = true;
    }
    // A loose recording may lack the closing events of its section, but not more than its numbers skip.
    let last = numbered.last().and_then(|event| event["id"].as_u64());
    let skipped = match last.and_then(|last| usize::try_from(last).ok()) {
        Some(last) if !loose.is_empty() => last.saturating_sub(recorded.len()),
        _ => 0,
    };
    let left: Vec<&Value> = found
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| !**taken)
        .map(|(event, _)| event)
        .collect();
    match left.first() {
        Some(event) if left.len() > skipped => Some(format!("{}: only happened here", label(event))),
        _ => None,
    }
}

/// Returns the bindings extended by a match that ignores numbers.
fn loosely(recorded: &Value, found: &Value, bindings: &Bindings) -> Option<Bindings> {
    let strip = |event: &Value| {
        let mut event = event.clone();
        if let Some(fields) = event.as_object_mut() {
            fields.remove("id");
            fields.remove("previousEventId");
        }
        event
    };
    let mut extended = bindings.clone();
    same(&strip(recorded), &strip(found), &mut extended, "")
        .is_ok()
        .then_some(extended)
}

/// Checks that a found value equals a recorded one.
pub fn same(recorded: &Value, found: &Value, bindings: &mut Bindings, at: &str) -> Result<(), String> {
    let differs = || Err(format!("{at}: recorded {}, here {}", short(recorded), short(found)));
    match (recorded, found) {
        (Value::Object(left), Value::Object(right)) => {
            for (name, value) in left {
                match right.get(name) {
                    Some(other) => same(value, other, bindings, &format!("{at}/{name}"))?,
                    None => return Err(format!("{at}/{name}: recorded {}, absent here", short(value))),
                }
            }
            match right.iter().find(|(name, _)| !left.contains_key(*name)) {
                Some((name, value)) => Err(format!("{at}/{name}: not recorded, here {}", short(value))),
                None => Ok(()),
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                same(value, other, bindings, &format!("{at}/{index}"))?;
            }
            Ok(())
        }
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => Ok(()),
        (Value::String(left), Value::String(right)) => {
            if bindings.fits(left, right) || is_time(right) && (is_time(left) || names_time(left)) {
                return Ok(());
            }
            differs()
        }
        // A placeholder may replace a value that is not a text.
        (Value::String(left), Value::Number(_) | Value::Bool(_)) if bindings.fits(left, &found.to_string()) => Ok(()),
        _ if recorded == found => Ok(()),
        _ => differs(),
    }
}

fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

/// Returns true if a recording replaced a time stamp by a word.
fn names_time(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("time") || text.contains("date")
}

fn label(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap_or("?");
    match event["id"].as_u64() {
        Some(id) => format!("event {id} {kind}"),
        None => format!("event {kind}"),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
