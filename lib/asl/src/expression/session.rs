//! Evaluation of expressions: one session for one step of one state.

use std::collections::VecDeque;
use std::fmt::{Display, Formatter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::value::JValue;
use serde_json::{Map, Value, json};

use super::convert::{MAX_VALUE_BYTES, NotJson, back_to_json, from_json, to_json};
use super::evaluation::{Evaluated, Evaluation};
use super::functions::{self, Randomness};
use super::{Expression, Template};
use crate::event::Timestamp;
use crate::payload::payload_text;

/// The maximum wall-clock time of one expression, in milliseconds.
const MAX_TIME_MS: u64 = 5_000;
/// The maximum nesting of one evaluation.
const MAX_STACK_DEPTH: usize = 3_000;
/// The maximum length of a sequence that one evaluation builds.
const MAX_SEQUENCE_ITEMS: usize = 873_782;

/// The reason why an expression has no usable value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// The field, in AWS's form: `Arguments/Payload/unit`.
    pub location: String,
    /// The reason, as a sentence.
    pub detail: String,
    /// Present if the value of this evaluation is needed first: nothing has failed yet.
    pub unanswered: Option<Box<Evaluation>>,
}

/// The answers so far to a step's templates that are evaluated elsewhere, in order.
pub(crate) type Answers = VecDeque<Arc<Evaluated>>;

/// The place of a template; written out only for a fault.
enum Place<'a> {
    Field(&'a str),
    Inner(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Inner(place, name) => write!(f, "{place}/{name}"),
            Self::Item(place, index) => write!(f, "{place}[{index}]"),
        }
    }
}

/// Everything that the expressions of one step can read.
pub(crate) struct Session {
    bindings: Vec<(String, JValue)>,
    now: Timestamp,
    /// Present if expressions may use functions that are not JSONata's own.
    randomness: Option<Rc<Randomness>>,
    evaluator: Evaluator,
    /// Present if templates of unbounded cost are evaluated elsewhere.
    answers: Option<Answers>,
    /// The memory that the current template's values may still take.
    left_bytes: usize,
}

impl Session {
    /// Creates a session over the fields of `$states`, the variables in scope and one moment. It has AWS's own
    /// functions only with a `seed`.
    pub fn new<'a>(
        states: impl Iterator<Item = (&'static str, JValue)>,
        variables: impl Iterator<Item = (&'a String, &'a Value)>,
        now: Timestamp,
        seed: Option<[u8; 32]>,
    ) -> Self {
        let mut bindings: Vec<(String, JValue)> = variables
            .map(|(name, value)| (name.clone(), from_json(value)))
            .collect();
        let states = states.map(|(name, value)| (name.to_owned(), value)).collect();
        bindings.push(("states".to_owned(), JValue::object(states)));
        Self::bound(bindings, now, seed)
    }

    /// Creates a session over the bindings of another one.
    pub(super) fn of(bindings: &Map<String, Value>, now: Timestamp, seed: Option<[u8; 32]>) -> Self {
        let bindings = bindings.iter().map(|(name, value)| (name.clone(), from_json(value)));
        Self::bound(bindings.collect(), now, seed)
    }

    fn bound(bindings: Vec<(String, JValue)>, now: Timestamp, seed: Option<[u8; 32]>) -> Self {
        let randomness = seed.map(Randomness::new);
        let evaluator = evaluator_over(&bindings, now, randomness.as_ref());
        Self {
            bindings,
            now,
            randomness,
            evaluator,
            answers: None,
            left_bytes: MAX_VALUE_BYTES,
        }
    }

    /// Defers templates of unbounded cost: `answers` are their values so far.
    pub fn with_answers(mut self, answers: Option<Answers>) -> Self {
        self.answers = answers;
        self
    }

    /// Shows a map's item to the expressions that follow, as `$states.context.Map.Item`.
    pub fn set_item(&mut self, index: u64, value: &Value) {
        let item = from_json(&json!({ "Item": { "Index": index, "Value": value } }));
        let Some((_, JValue::Object(states))) = self.bindings.last_mut() else {
            return;
        };
        if let Some(JValue::Object(context)) = Rc::make_mut(states).get_mut("context") {
            Rc::make_mut(context).insert("Map".to_owned(), item);
        }
        self.evaluator = evaluator_over(&self.bindings, self.now, self.randomness.as_ref());
    }

    /// Returns the value of a template; `location` names the field for errors.
    pub fn evaluate(&mut self, template: &Template, location: &str) -> Result<Value, Fault> {
        if !template.is_light()
            && let Some(answers) = &mut self.answers
        {
            return match answers.pop_front() {
                Some(answer) => match &*answer {
                    Ok(value) => Ok(value.clone()),
                    Err(fault) => Err(fault.clone().into()),
                },
                None => Err(Fault {
                    location: location.to_owned(),
                    detail: "This expression is still being evaluated.".to_owned(),
                    unanswered: Some(Box::new(self.evaluation(template, location))),
                }),
            };
        }
        self.left_bytes = MAX_VALUE_BYTES;
        self.evaluate_at(template, &Place::Field(location))
    }

    /// Returns a template with all data that it can read, for evaluation elsewhere.
    fn evaluation(&self, template: &Template, location: &str) -> Evaluation {
        let bindings = self.bindings.iter();
        Evaluation {
            bindings: bindings
                .map(|(name, value)| (name.clone(), back_to_json(value)))
                .collect(),
            now: self.now,
            seed: self.randomness.as_ref().map(|randomness| randomness.draw_seed()),
            template: template.to_value(),
            location: location.to_owned(),
        }
    }

    fn evaluate_at(&mut self, template: &Template, place: &Place<'_>) -> Result<Value, Fault> {
        match template {
            Template::Literal(value) => Ok(value.clone()),
            Template::Expression(expression) => self.expression(expression, place),
            Template::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.evaluate_at(item, &Place::Item(place, index)))
                .collect(),
            Template::Object(fields) => {
                let mut object = Map::with_capacity(fields.len());
                for (name, field) in fields {
                    let value = self.evaluate_at(field, &Place::Inner(place, name))?;
                    object.insert(name.clone(), value);
                }
                Ok(Value::Object(object))
            }
        }
    }

    /// Returns the value of a template, which must have a certain type.
    pub fn typed<T>(
        &mut self,
        template: &Template,
        location: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Fault> {
        let value = self.evaluate(template, location)?;
        read(&value).ok_or_else(|| Fault {
            location: location.to_owned(),
            detail: match template {
                Template::Expression(expression) => format!(
                    "The JSONata expression '{}' specified for the field '{location}' returned an unexpected \
                     result type. Expected '{expected}', but was '{}' for value: {}",
                    expression.source,
                    type_name(&value),
                    payload_text(&value),
                ),
                _ => format!(
                    "The value of the field '{location}' must be '{expected}', but was '{}': {}",
                    type_name(&value),
                    payload_text(&value),
                ),
            },
            unanswered: None,
        })
    }

    fn expression(&mut self, expression: &Expression, place: &Place<'_>) -> Result<Value, Fault> {
        let evaluator = &mut self.evaluator;
        let left_bytes = &mut self.left_bytes;
        // A panic in the evaluator fails only this expression.
        let evaluated = catch_unwind(AssertUnwindSafe(|| {
            evaluator.evaluate(&expression.ast, &JValue::Undefined)
        }));
        let evaluated = match evaluated {
            Ok(evaluated) => evaluated.map_err(|error| tail(error.message())),
            Err(_) => {
                self.evaluator = evaluator_over(&self.bindings, self.now, self.randomness.as_ref());
                Err(". The evaluator failed.".to_owned())
            }
        };
        let outcome = match evaluated {
            Ok(value) => to_json(&value, left_bytes).map_err(|problem| match problem {
                NotJson::TooLarge => {
                    "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive \
                     memory usage"
                        .to_owned()
                }
                NotJson::Undefined => "returned nothing (undefined).".to_owned(),
                NotJson::Function => "returned an unsupported result type: a function.".to_owned(),
                NotJson::NotFinite => "returned a number that JSON cannot hold.".to_owned(),
                NotJson::TooDeep => "returned a value that is nested too deep.".to_owned(),
            }),
            Err(tail) => Err(format!("threw an error during evaluation{tail}")),
        };
        outcome.map_err(|what| Fault {
            location: place.to_string(),
            detail: format!(
                "The JSONata expression '{}' specified for the field '{place}' {what}",
                expression.source
            ),
            unanswered: None,
        })
    }
}

/// Returns the end of AWS's sentence about a failed expression: JSONata's own code and message, or the limit that it
/// exceeded.
fn tail(message: &str) -> String {
    let limit = match message.get(..5) {
        Some("D1011") => {
            ": Stack overflow error: Check for non-terminating recursive function. Consider rewriting as \
             tail-recursive"
        }
        Some("D1012") => ": Expression evaluation timeout: Check for infinite loop",
        Some("D2014" | "D2015") => ": Expression evaluation memory limit exceeded: Check for excessive memory usage",
        _ => return format!(". {message}"),
    };
    limit.to_owned()
}

fn evaluator_over(bindings: &[(String, JValue)], now: Timestamp, randomness: Option<&Rc<Randomness>>) -> Evaluator {
    let mut context = Context::new();
    for (name, value) in bindings {
        context.bind(name.clone(), value.clone());
    }
    let options = EvaluatorOptions {
        timeout_ms: Some(MAX_TIME_MS),
        max_stack_depth: Some(MAX_STACK_DEPTH),
        max_sequence_length: Some(MAX_SEQUENCE_ITEMS),
        ..EvaluatorOptions::default()
    };
    let mut evaluator = Evaluator::with_options(context, options);
    if let Some(randomness) = randomness {
        functions::register(&mut evaluator, now, Rc::clone(randomness));
    }
    evaluator
}

/// Returns AWS's name of a JSON type.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn evaluate(source: &str) -> Result<Value, Fault> {
        let states = [(
            "input",
            from_json(&json!({ "n": 2, "list": [1, 2, 3, 4, 5], "text": "{\"a\":[1]}" })),
        )];
        let variables = Map::from_iter([("attempt".to_owned(), json!(1))]);
        let mut session = Session::new(
            states.into_iter(),
            variables.iter(),
            Timestamp(86_400_000),
            Some([7; 32]),
        );
        let expression = Expression::parse(source).unwrap();
        session.evaluate(&Template::Expression(Box::new(expression)), "Output")
    }

    #[test]
    fn expressions_see_states_variables_and_functions() {
        let table = [
            ("$states.input.n + $attempt", json!(3)),
            ("$attempt < 3", json!(true)),
            ("$partition($states.input.list, 2)", json!([[1, 2], [3, 4], [5]])),
            ("$range(0, 10, 5)", json!([0, 5, 10])),
            ("$range(3, 1, -1)", json!([3, 2, 1])),
            ("$parse($states.input.text)", json!({ "a": [1] })),
            ("$hash('holdfast', 'MD5')", json!("dce38a1a984bc9108fccfe5a32fda9f7")),
            ("$length($uuid())", json!(36)),
            ("$uuid() != $uuid()", json!(true)),
            ("$random(42)", json!(0.727_563_680_032_868_1)),
            ("$random() < 1 and $random() >= 0", json!(true)),
            ("$now()", json!("1970-01-02T00:00:00.000Z")),
            ("$millis()", json!(86_400_000)),
            ("$now('[Y0001]')", json!("1970")),
            ("{'kept': 1, 'dropped': $nothing}", json!({ "kept": 1 })),
            ("1 / 4", json!(0.25)),
            ("$exists($nothing.a)", json!(false)),
            ("$encodeUrl('a b/é')", json!("a%20b/%C3%A9")),
            ("('a b/é').$encodeUrlComponent()", json!("a%20b%2F%C3%A9")),
            ("['a%20b', '%2f'].$decodeUrl()", json!(["a b", "%2f"])),
            ("'%2f' ~> $decodeUrlComponent", json!("/")),
            ("'%2f' ~> $decodeUrlComponent()", json!("/")),
            ("$map(['a b'], $encodeUrl)", json!("a%20b")),
            ("$exists($reduce([], function($a, $b){$a + $b}))", json!(false)),
            ("$exists([] ~> $reduce(function($a, $b){$a + $b}))", json!(false)),
            ("$reduce([], function($a, $b){$a + $b}, 7)", json!(7)),
            ("$reduce([1, 2], function($a, $b){$a + $b})", json!(3)),
            ("$substring('abc', 1)", json!("bc")),
            ("$substring('abc', 1e300)", json!("")),
            ("$substring('abc', -1e300, 2)", json!("ab")),
            ("$substring('abc', 1, $states.input.n * 1e300)", json!("bc")),
            ("'abc' ~> $substring(-1e300, 1e300)", json!("abc")),
            ("('abc').$substring($states.input.n)", json!("c")),
            ("['abc', 'de'].$substring(1e300)", json!(["", ""])),
            ("$exists($substring($nothing, 1))", json!(false)),
            ("[1, 2] ~> $reduce(function($a, $b){$a + $b})", json!(3)),
            (
                "$map([[1, 2], [], [3]], function($l){$reduce($l, function($a, $b){$a + $b})})",
                json!([3, 3]),
            ),
        ];
        for (source, expected) in table {
            assert_eq!(evaluate(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn faults_name_the_expression_and_the_field() {
        let table = [
            ("$nothing", "returned nothing (undefined)."),
            ("'a' + 1", "threw an error during evaluation. T2001"),
            ("function($x){$x}", "returned an unsupported result type"),
            (
                "($f := function($x){$f($x) + 1}; $f(1))",
                "threw an error during evaluation: Stack overflow error: ",
            ),
            (
                "$reduce([1..50000], function($all, $next){{'a': $all}}, 1)",
                "returned a value that is nested too deep.",
            ),
            ("$parse('{')", "threw an error during evaluation. "),
            ("$decodeUrl('%')", "threw an error during evaluation. D3140"),
            ("$partition([1], 0)", "threw an error during evaluation. "),
        ];
        for (source, expected) in table {
            let fault = evaluate(source).unwrap_err();
            let start = format!("The JSONata expression '{source}' specified for the field 'Output' {expected}");
            assert!(fault.detail.starts_with(&start), "{}", fault.detail);
        }
    }

    #[test]
    fn an_endless_expression_is_stopped() {
        let fault = evaluate("($f := function(){$f()}; $f())").unwrap_err();
        assert!(
            fault.detail.contains("evaluation: Expression evaluation timeout"),
            "{}",
            fault.detail
        );
    }

    #[test]
    fn eval_is_refused_when_parsed() {
        assert!(Expression::parse("$eval('1')").is_err());
        assert!(Expression::parse("($f := $eval; $f('1'))").is_err());
        assert!(Expression::parse("1 +").is_err());
    }
}
