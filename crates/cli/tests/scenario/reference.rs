//! The reference documents against the program: commands and their options, exit statuses, settings, error names, HTTP
//! routes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::settings::Settings;
use serde_json::Value;

use crate::support::holdfast;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The beginning of docs/commands.md.
const COMMANDS_TITLE: &str = "# Commands\n\nThe help texts of `holdfast`, written by `UPDATE_EXPECT=1 cargo test -p holdfast-cli --test \
                              scenario reference`. Exit statuses in detail: [output.md](output.md#exit-status).\n";
/// Kinds of failures in `coverage` that aren't error names of the workflow.
const OTHER_FAILURES: [&str; 4] = ["AnswersInvalid", "ModelLimited", "Interrupted", "Unknown"];

fn read(path: &str) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns `holdfast ARGUMENTS --help`.
fn help(arguments: &[&str]) -> String {
    let output = holdfast(&[arguments, &["--help"]].concat()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Returns the commands that the program's help lists.
fn commands() -> Vec<String> {
    let text = help(&[]);
    let (_, list) = text.split_once("Commands:\n").unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Returns the cells of each row below the header that begins like this.
fn table(text: &str, header: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows: Vec<_> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect();
    assert!(!rows.is_empty(), "there is no table {header:?}");
    rows
}

/// Returns the code spans of a text in one line.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the Markdown files of the root and of `docs`.
fn documents() -> Vec<PathBuf> {
    let folders = ["", "docs"].map(|folder| fs::read_dir(Path::new(ROOT).join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect()
}

#[test]
fn each_command_is_documented_by_its_help() {
    let mut page = format!("{COMMANDS_TITLE}\n## holdfast\n\n```text\n{}```\n", help(&[]));
    for name in commands() {
        page += &format!("\n## holdfast {name}\n\n```text\n{}```\n", help(&[&name]));
    }
    expect_file![Path::new(ROOT).join("docs/commands.md")].assert_eq(&page);
}

#[test]
fn documents_name_only_commands_and_options_that_exist() {
    let helps: BTreeMap<String, String> = commands()
        .into_iter()
        .map(|name| (name.clone(), help(&[&name])))
        .collect();
    let mut problems = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for code in code(&text) {
            for problem in unknown_in(code, &helps) {
                problems.push(format!("{}: {problem}: {code}", path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn an_unknown_command_or_option_is_reported() {
    let helps = BTreeMap::from([("runs".to_owned(), "  --format <FORMAT>\n  --stack <NAME>\n".to_owned())]);
    for (code, is_known) in [
        ("holdfast runs --format json", true),
        ("A=1 holdfast --stack NAME runs", true),
        ("holdfast run", false),
        ("holdfast runs --formt json", false),
        ("holdfast serve", false),
        ("the program holdfast", true),
        ("holdfast RUN", true),
    ] {
        assert_eq!(unknown_in(code, &helps).is_empty(), is_known, "{code}");
    }
}

/// Returns the code of a document: spans, and the lines of fenced blocks.
fn code(text: &str) -> Vec<&str> {
    let mut is_fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced {
            found.push(line);
        } else {
            found.extend(spans(line));
        }
    }
    found
}

/// Returns the command or the options of `holdfast` in a line that don't exist.
fn unknown_in(line: &str, helps: &BTreeMap<String, String>) -> Vec<String> {
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| word.trim_matches([';', ',', '(', ')']))
        .collect();
    let Some(at) = words.iter().position(|word| *word == "holdfast") else {
        return Vec::new();
    };
    let mut words = words[at + 1..]
        .iter()
        .take_while(|word| !["|", "&&", "#", ">"].contains(*word))
        .peekable();
    while words.next_if(|word| **word == "--stack").is_some() {
        words.next();
    }
    let is_name = |word: &&&str| word.chars().all(|sign| sign.is_ascii_lowercase());
    let Some(command) = words.next().filter(is_name) else {
        return Vec::new();
    };
    let Some(help) = helps.get(*command) else {
        return vec![format!("there is no command {command}")];
    };
    let options = words.filter_map(|word| word.trim_start_matches('[').strip_prefix("--"));
    options
        .map(|option| option.split('=').next().unwrap_or_default().trim_end_matches(']'))
        .filter(|option| !option.is_empty() && !help.contains(&format!("--{option}")))
        .map(|option| format!("{command} has no option --{option}"))
        .collect()
}

#[test]
fn each_exit_status_is_documented() {
    let rows = table(&read("docs/output.md"), "| status | meaning |");
    let documented: BTreeSet<String> = rows.into_iter().map(|row| row[0].clone()).collect();
    let mut used = BTreeSet::new();
    for name in commands() {
        let help = help(&[&name]);
        let (_, statuses) = help.split_once("Exit status:\n").unwrap();
        for line in statuses.lines().take_while(|line| !line.is_empty()) {
            used.insert(line.split_whitespace().next().unwrap().to_owned());
        }
    }
    assert_eq!(used, documented, "docs/output.md");
}

#[test]
fn the_defaults_of_settings_are_documented() {
    let settings = Settings::read(&|_| None).unwrap();
    let rows = table(&read("docs/configuration.md"), "| name | default |");
    for (name, expected) in [
        ("HOLDFAST_MODEL", format!("`{}`", settings.model)),
        (
            "HOLDFAST_MODEL_OUTPUT_TOKENS",
            grouped(settings.model_tokens.output().into()),
        ),
        ("HOLDFAST_MAX_CONCURRENCY", settings.max_concurrency.to_string()),
        (
            "HOLDFAST_GITHUB_WRITES_PER_MINUTE",
            settings.github_writes_per_minute.to_string(),
        ),
        ("HOLDFAST_MAIL_FROM", format!("`{}`", settings.mail_from)),
    ] {
        let row = row_of(&rows, name);
        assert_eq!(row[1], expected, "docs/configuration.md, {name}");
    }
    assert_eq!(settings.model_light, settings.model);
    assert!(row_of(&rows, "HOLDFAST_MODEL_LIGHT")[1].contains("`HOLDFAST_MODEL`"));
}

fn row_of<'a>(rows: &'a [Vec<String>], name: &str) -> &'a [String] {
    let row = rows.iter().find(|row| spans(&row[0]).any(|span| span == name));
    row.unwrap_or_else(|| panic!("docs/configuration.md has no row for {name}"))
}

/// Returns a number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect();
    groups.join(",")
}

#[test]
fn the_ranges_of_settings_are_documented_and_enforced() {
    let rows = table(&read("docs/configuration.md"), "| name | default |");
    for (name, min, max) in [
        ("HOLDFAST_MODEL_TIMEOUT_SECONDS", 1, 900),
        ("HOLDFAST_MODEL_CONTEXT_TOKENS", 4_000, 100_000_000),
        ("HOLDFAST_MODEL_OUTPUT_TOKENS", 256, 1_000_000),
        ("HOLDFAST_MAX_CONCURRENCY", 1, 1_000),
        ("HOLDFAST_GITHUB_WRITES_PER_MINUTE", 1, 6_000),
    ] {
        for (value, is_allowed) in [(min, true), (max, true), (min - 1, false), (max + 1, false)] {
            let lookup = |asked: &str| (asked == name).then(|| value.to_string());
            assert_eq!(Settings::read(&lookup).is_ok(), is_allowed, "{name}={value}");
        }
        let range = format!("{} to {}", grouped(min), grouped(max));
        let row = row_of(&rows, name).join(" ");
        assert!(
            row.contains(&range),
            "docs/configuration.md, {name}: {range} is not in: {row}"
        );
    }
}

/// Returns the keys of a schema's object, such as `gate.paths[].severity`, with their defaults.
fn keys(schema: &Value, object: &Value, prefix: &str, found: &mut BTreeMap<String, Value>) {
    let resolved = |value: &Value| match value["$ref"].as_str() {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => value.clone(),
    };
    for (name, property) in object["properties"].as_object().unwrap() {
        let target = resolved(property);
        let items = resolved(&target["items"]);
        match (target["properties"].is_object(), items["properties"].is_object()) {
            (true, _) => keys(schema, &target, &format!("{prefix}{name}."), found),
            (_, true) => keys(schema, &items, &format!("{prefix}{name}[]."), found),
            _ => drop(found.insert(format!("{prefix}{name}"), property["default"].clone())),
        }
    }
}

#[test]
fn the_keys_of_repository_settings_and_their_defaults_are_documented() {
    let schema: Value = serde_json::from_str(&read("docs/holdfast.schema.json")).unwrap();
    let mut expected = BTreeMap::new();
    keys(&schema, &schema, "", &mut expected);
    let mut documented = BTreeMap::new();
    for row in table(&read("docs/configuration.md"), "| key | default |") {
        let mut prefix = String::new();
        for span in spans(&row[0]) {
            // `.text` behind `instructions[].path` means `instructions[].text`.
            let name = match span.starts_with('.') {
                true => format!("{prefix}{span}"),
                false => span.to_owned(),
            };
            prefix = name
                .rsplit_once('.')
                .map_or_else(String::new, |(before, _)| before.to_owned());
            documented.insert(name, row[1].clone());
        }
    }
    assert_eq!(
        documented.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "docs/configuration.md"
    );
    for (name, default) in expected {
        let shown = match default {
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("`{text}`"),
            Value::Bool(value) => format!("`{value}`"),
            _ => "empty".to_owned(),
        };
        assert_eq!(documented[&name], shown, "docs/configuration.md, {name}");
    }
}

#[test]
fn each_error_name_has_a_cause_and_a_remedy() {
    let workflow: Value = serde_json::from_str(&read("state-machine/review.asl.json")).unwrap();
    let mut names = BTreeSet::new();
    caught(&workflow, &mut names);
    names.remove("States.ALL");
    names.extend(ErrorName::ALL.iter().map(|name| name.as_str().to_owned()));
    names.extend(OTHER_FAILURES.map(str::to_owned));
    let page = read("docs/errors.md");
    let mut documented = BTreeSet::new();
    for section in page.split("\n### ").skip(1) {
        let (title, text) = section.split_once('\n').unwrap();
        assert!(
            text.starts_with("Cause: ") && text.contains("\nRemedy: "),
            "docs/errors.md, {title}"
        );
        for name in spans(title) {
            assert!(documented.insert(name.to_owned()), "docs/errors.md has {name} twice");
        }
    }
    assert_eq!(documented, names, "docs/errors.md");
}

/// Collects the error names of every Retry and Catch.
fn caught(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let errors = fields
                .get("ErrorEquals")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            names.extend(errors.filter_map(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| caught(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| caught(item, names)),
        _ => {}
    }
}

#[test]
fn each_http_route_is_documented() {
    let mut routes = BTreeSet::from([
        holdfast_web::sign_in::SIGN_IN.to_owned(),
        holdfast_web::sign_in::CALLBACK.to_owned(),
        holdfast_web::sign_in::SIGN_OUT.to_owned(),
    ]);
    for file in ["routes", "console", "sign_in"] {
        let source = read(&format!("crates/server/src/serve/{file}.rs"));
        for argument in source.split(".route(").skip(1) {
            let argument = argument.trim_start();
            if let Some(text) = argument.strip_prefix('"') {
                routes.extend(text.split('"').next().map(str::to_owned));
            }
        }
    }
    assert!(routes.len() > 10, "{routes:?}");
    let actions = ["cancel", "redrive", "clean", "replay"].map(|action| format!("/reviews/{{run}}/{action}"));
    routes.remove("/reviews/{run}/{action}");
    routes.extend(actions);
    let mut documented = BTreeSet::new();
    for row in table(&read("docs/serve.md"), "| route | ") {
        let mut prefix = String::new();
        for span in spans(&row[0]) {
            let path = span.rsplit(' ').next().unwrap_or(span);
            // `/redrive` behind `POST /reviews/{run}/cancel` means `/reviews/{run}/redrive`.
            let beside = format!("{prefix}{path}");
            let route = if routes.contains(path) { path.to_owned() } else { beside };
            prefix = route
                .rsplit_once('/')
                .map_or_else(String::new, |(before, _)| before.to_owned());
            documented.insert(route);
        }
    }
    assert_eq!(documented, routes, "docs/serve.md");
}

#[test]
fn the_settings_of_each_function_are_documented() {
    let template = read("infra/template.yaml");
    let mut functions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut current = None;
    for line in template.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("FunctionName: !Sub ${AWS::StackName}-") {
            current = Some(name);
            functions.entry(name).or_default();
        } else if let (Some(name), Some((setting, _))) = (current, line.split_once(": "))
            && setting.starts_with("HOLDFAST_")
        {
            functions.entry(name).or_default().insert(setting);
        }
    }
    assert!(functions.len() > 10, "{functions:?}");
    let rows = table(&read("docs/configuration.md"), "| name | needed by |");
    for setting in [
        "HOLDFAST_BUCKET",
        "HOLDFAST_TABLE",
        "HOLDFAST_STATE_MACHINE_ARN",
        "HOLDFAST_STATE_MACHINE_ALIAS",
        "HOLDFAST_TOPIC_ARN",
    ] {
        let row = row_of(&rows, setting);
        let named: BTreeSet<&str> = spans(&row[1]).collect();
        let documented = match row[1].starts_with("all except") {
            true => functions.keys().copied().filter(|name| !named.contains(name)).collect(),
            false => named,
        };
        let with_it = functions.iter().filter(|(_, settings)| settings.contains(setting));
        let expected: BTreeSet<&str> = with_it.map(|(name, _)| *name).collect();
        assert_eq!(documented, expected, "docs/configuration.md, {setting}");
    }
}
