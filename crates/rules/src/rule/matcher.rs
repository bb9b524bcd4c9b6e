//! A rule compiled for a language, and all rules of a language by the kinds of nodes that they may match.

use std::collections::HashMap;
use std::error::Error;

use ast_grep_config::{DeserializeEnv, Fixer, RuleCore, RuleCoreError, SerializableRuleCore};
use ast_grep_core::Matcher as _;
use holdfast_core::model::finding::{Category, Severity};
use serde::Deserialize as _;
use serde_json::Value;

use super::super::language::Language;
use super::excerpt::Excerpts;
use super::file::{Definition, RuleFault, fault};

/// A rule compiled for a language.
pub(crate) struct Rule {
    pub id: String,
    pub severity: Severity,
    pub category: Category,
    pub cwe: Option<u32>,
    pub title: String,
    pub body: String,
    pub matcher: RuleCore,
    pub fix: Option<Fixer>,
    pub excerpts: Excerpts,
}

/// The rules of a language.
#[derive(Default)]
pub(crate) struct RuleSet {
    pub rules: Vec<Rule>,
    /// The rules that may match a node of a kind, by their index.
    by_kind: HashMap<u16, Vec<usize>>,
    /// The rules that may match any node.
    of_any_kind: Vec<usize>,
}

impl RuleSet {
    /// Compiles the rules of a language, and returns the faults of those that don't compile.
    pub fn compile<'a>(
        language: Language,
        definitions: impl IntoIterator<Item = &'a Definition>,
    ) -> (Self, Vec<RuleFault>) {
        let (mut set, mut faults) = (Self::default(), Vec::new());
        for definition in definitions
            .into_iter()
            .filter(|rule| rule.languages.contains(&language))
        {
            match compile(definition, language) {
                Ok(rule) => set.add(rule),
                Err(fault) => faults.push(fault),
            }
        }
        (set, faults)
    }

    fn add(&mut self, rule: Rule) {
        let index = self.rules.len();
        match rule.matcher.potential_kinds() {
            None => self.of_any_kind.push(index),
            Some(kinds) => {
                for kind in kinds.iter().filter_map(|kind| u16::try_from(kind).ok()) {
                    self.by_kind.entry(kind).or_default().push(index);
                }
            }
        }
        self.rules.push(rule);
    }

    /// Returns the rules that may match a node of this kind, with their indexes.
    pub fn of_kind(&self, kind: u16) -> impl Iterator<Item = (usize, &Rule)> {
        let of_kind = self.by_kind.get(&kind).map_or(&[][..], Vec::as_slice);
        let indexes = of_kind.iter().chain(&self.of_any_kind);
        indexes.filter_map(|index| self.rules.get(*index).map(|rule| (*index, rule)))
    }
}

/// Compiles a rule for a language.
///
/// # Errors
/// The matcher or the fix is wrong.
fn compile(rule: &Definition, language: Language) -> Result<Rule, RuleFault> {
    let wrong = |field: &str, problem: String| fault(&rule.file, Some(&rule.id), Some(field), problem);
    let core = SerializableRuleCore::deserialize(&rule.matcher).map_err(|error| wrong("rule", error.to_string()))?;
    let matcher = core
        .get_matcher(DeserializeEnv::new(language))
        .map_err(|error| wrong(field_of(&error), in_language(&error, language)))?;
    let mut fix = None;
    if let Some(value) = &rule.fix {
        if let Some(name) = undefined(value, &matcher) {
            let problem = format!("the rule has no ${name}: name a metavariable of its pattern");
            return Err(wrong("fix", problem));
        }
        let text = serde_json::from_value(value.clone()).map_err(|error| wrong("fix", error.to_string()))?;
        let fixes = Fixer::parse(&text, &matcher.get_env(language), &core.transform)
            .map_err(|error| wrong("fix", in_language(&error, language)))?;
        fix = fixes.into_iter().next();
    }
    Ok(Rule {
        id: rule.id.clone(),
        severity: rule.severity,
        category: rule.category,
        cwe: rule.cwe,
        title: rule.title.clone(),
        body: rule.body.clone(),
        matcher,
        fix,
        excerpts: Excerpts::of(language, &rule.matcher),
    })
}

/// Returns a metavariable of a fix that the rule doesn't define: it would become empty text.
fn undefined(fix: &Value, matcher: &RuleCore) -> Option<String> {
    let templates = match fix {
        Value::Array(fixes) => fixes.as_slice(),
        one => std::slice::from_ref(one),
    };
    let templates = templates.iter().map(|one| one.get("template").unwrap_or(one));
    let defined = matcher.defined_vars();
    let names = templates.filter_map(Value::as_str).flat_map(metavariables);
    let mut names = names.filter(|name| !defined.contains(name));
    names.next().map(str::to_owned)
}

/// Returns the names behind `$` in a template.
fn metavariables(template: &str) -> impl Iterator<Item = &str> {
    template.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|char: char| !(char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_'));
        let name = &rest[..end.unwrap_or(rest.len())];
        name.starts_with(|char: char| char.is_ascii_uppercase() || char == '_')
            .then_some(name)
    })
}

const fn field_of(error: &RuleCoreError) -> &'static str {
    match error {
        RuleCoreError::Utils(_) => "utils",
        RuleCoreError::Constraints(_) => "constraints",
        RuleCoreError::Transform(_) => "transform",
        RuleCoreError::UndefinedMetaVar(_, field) => field,
        RuleCoreError::Yaml(_) | RuleCoreError::Rule(_) => "rule",
    }
}

/// Returns the causes of an error in one line, the last one first in mind: the outer ones only name the field.
fn in_language(error: &dyn Error, language: Language) -> String {
    let mut causes = vec![error.to_string()];
    let mut error = error.source();
    while let Some(cause) = error {
        causes.push(cause.to_string());
        error = cause.source();
    }
    if causes.len() > 1 {
        causes.remove(0);
    }
    format!("{} ({})", causes.join(" ").replace('\n', " "), language.rule_name())
}
