//! A team's own rules: compiled once for a review, beside the rules of this program.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_bounded::run_blocking;
use holdfast_core::port::{SourceSyntax, SyntaxAnswer};
use holdfast_core::rule::secret_kinds;
use holdfast_core::team_rules::TeamRules;

use super::language::Language;
use super::rule::{Definition, RuleFault, RuleSet, check_cases, fault, read, rule_ids};
use super::{MAX_COMPILE_TIME, POOL, TreeSitterSyntax, view};

/// Maximum number of a team's rules.
const MAX_RULES: usize = 200;
/// Maximum number of regular expressions in a team's rules.
const MAX_REGEXES: usize = 1_000;
/// Time limit of checking a team's rules with their cases.
const MAX_CHECK_TIME: Duration = Duration::from_mins(5);

/// A team's rules.
pub(super) struct Team {
    ids: Vec<String>,
    sets: HashMap<Language, RuleSet>,
}

impl Team {
    /// Returns the rules on a language, if there are any.
    pub fn rules(&self, language: Language) -> Option<&RuleSet> {
        self.sets.get(&language)
    }

    /// Compiles the rules.
    ///
    /// # Errors
    /// All faults.
    fn compile(rules: &TeamRules) -> Result<(Self, Vec<Definition>), Vec<RuleFault>> {
        let (mut definitions, mut faults) = (Vec::new(), Vec::new());
        for file in &rules.files {
            let (mut of_file, mut wrong) = read(&file.path, &file.text);
            definitions.append(&mut of_file);
            faults.append(&mut wrong);
        }
        faults.extend(check_together(&definitions));
        let mut sets = HashMap::new();
        for language in Language::ALL
            .into_iter()
            .filter(|language| language.grammar().is_some())
        {
            let (set, mut wrong) = RuleSet::compile(language, &definitions);
            faults.append(&mut wrong);
            if !set.rules.is_empty() {
                sets.insert(language, set);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let ids = definitions.iter().map(|rule| rule.id.clone()).collect();
        Ok((Self { ids, sets }, definitions))
    }
}

/// Returns the faults of rules that each are right: too many, or two with one id.
fn check_together(rules: &[Definition]) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    if let Some(first) = rules.get(MAX_RULES) {
        let problem = format!("a team has at most {MAX_RULES} rules: remove some");
        faults.push(fault(&first.file, Some(&first.id), None, problem));
    }
    let regexes: usize = rules.iter().map(|rule| rule.regexes).sum();
    if let Some(last) = rules.last().filter(|_| regexes > MAX_REGEXES) {
        let problem =
            format!("a team's rules have at most {MAX_REGEXES} regular expressions, and these have {regexes}");
        faults.push(fault(&last.file, None, None, problem));
    }
    let built_in: HashSet<&str> = rule_ids().iter().copied().collect();
    let mut files: HashMap<&str, &str> = HashMap::new();
    for rule in rules {
        let file = *files.entry(&rule.id).or_insert(&rule.file);
        let is_secret = secret_kinds().iter().any(|kind| kind.rule == rule.id);
        let problem = if is_secret || built_in.contains(rule.id.as_str()) {
            "is the id of a rule of Holdfast: choose another one".to_owned()
        } else if file != rule.file {
            format!("is the id of a rule in {file} too: choose another one")
        } else {
            continue;
        };
        faults.push(fault(&rule.file, Some(&rule.id), Some("id"), problem));
    }
    faults
}

/// Returns the ids of a team's rules, and what is wrong with them and with their own cases, one line each.
pub fn check_team_rules(rules: &TeamRules) -> (Vec<String>, Vec<String>) {
    let rules = rules.clone();
    let check = move || match Team::compile(&rules) {
        Err(faults) => (Vec::new(), faults),
        Ok((team, definitions)) => {
            let mut faults = Vec::new();
            for rule in &definitions {
                let languages = rule.languages.iter().filter(|language| language.grammar().is_some());
                faults.extend(languages.flat_map(|language| check_cases(rule, *language).1));
            }
            (team.ids, faults)
        }
    };
    match run_blocking(MAX_CHECK_TIME, check) {
        Ok((ids, faults)) => (ids, lines(&faults)),
        Err(_) => (Vec::new(), vec![GIVEN_UP.to_owned()]),
    }
}

const GIVEN_UP: &str = ".holdfast-rules: compiling the rules took too long, or broke off: make them smaller";

fn lines(faults: &[RuleFault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// Reads syntax with a team's rules too.
#[derive(Clone)]
struct TeamSyntax(Arc<Team>);

impl fmt::Debug for TeamSyntax {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("TeamSyntax").field(&self.0.ids).finish()
    }
}

/// Returns syntax with a team's rules.
///
/// # Errors
/// All faults of the rules.
pub(super) async fn with_team_rules(rules: &TeamRules) -> Result<Box<dyn SourceSyntax>, Vec<String>> {
    let rules = rules.clone();
    let compiled = POOL.run(MAX_COMPILE_TIME, move || Team::compile(&rules)).await;
    match compiled {
        Ok(Ok((team, _))) => Ok(Box::new(TeamSyntax(Arc::new(team)))),
        Ok(Err(faults)) => Err(lines(&faults)),
        Err(_) => Err(vec![GIVEN_UP.to_owned()]),
    }
}

#[async_trait]
impl SourceSyntax for TeamSyntax {
    fn reads(&self, path: &str) -> bool {
        TreeSitterSyntax::new().reads(path)
    }

    fn rule_ids(&self) -> Vec<String> {
        let mut ids = TreeSitterSyntax::new().rule_ids();
        ids.extend(self.0.ids.iter().cloned());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    async fn view(&self, path: &str, text: &str, lines: &[u32]) -> SyntaxAnswer {
        view(path, text, lines, Some(Arc::clone(&self.0))).await
    }
}

#[cfg(test)]
#[path = "team_tests.rs"]
mod tests;
