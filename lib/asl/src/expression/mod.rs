//! JSONata expressions and the templates that hold them, parsed once at load. Evaluation is in `session`, AWS's own
//! functions are in `functions`, the cost of an expression is in `weight`.

mod convert;
mod evaluation;
mod functions;
mod readable_data;
mod rewrite;
mod session;
mod syntax;
mod url;
mod weight;

use jsonata_core::ast::AstNode;
use serde_json::Value;

pub(crate) use convert::{from_json, is_too_deep};
pub use evaluation::{Evaluated, Evaluation, EvaluationFault};
pub(crate) use readable_data::ReadableData;
pub(crate) use session::{Answers, Fault, Session};

/// A parsed expression.
#[derive(Debug)]
pub(crate) struct Expression {
    /// The text between the delimiters, trimmed.
    pub source: String,
    /// True if it reads `$states.errorOutput`.
    reads_error_output: bool,
    /// True if it reads `$states.result`.
    reads_result: bool,
    /// The reason why AWS refuses it, if only AWS does.
    refused_on_aws: Option<String>,
    /// The upper bound of its cost, if it has one.
    weight: Option<u32>,
    ast: AstNode,
}

impl Expression {
    /// Returns the text between `{%` and `%}`; none if `text` is no expression.
    pub fn delimited(text: &str) -> Option<&str> {
        text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
    }

    /// Parses an expression's text.
    pub fn parse(source: &str) -> Result<Self, String> {
        let ast = jsonata_core::parser::parse(source)
            .map_err(|error| format!("not a JSONata expression: {}", error.display_message()))?;
        if let Some(problem) = syntax::refused(&ast) {
            return Err(problem);
        }
        Ok(Self {
            source: source.to_owned(),
            reads_error_output: syntax::reads_state_field(&ast, "errorOutput"),
            reads_result: syntax::reads_state_field(&ast, "result"),
            refused_on_aws: syntax::refused_on_aws(&ast),
            weight: weight::weight(&ast),
            ast: stacker::grow(syntax::STACK_BYTES, || rewrite::rewritten(ast, source))?,
        })
    }

    /// Returns the reasons against the expression in a field with this readable data.
    fn refusals(&self, readable: Readable) -> impl Iterator<Item = Refusal> {
        let no_error = self.reads_error_output && !readable.error_output;
        let no_result = self.reads_result && !readable.result;
        let tolerated = |message| Refusal {
            message,
            tolerated: true,
        };
        let error = no_error.then(|| Refusal::of("`$states.errorOutput` is there in `Catch` only"));
        let result = no_result.then(|| {
            tolerated(
                "`$states.result` is there in `Assign` and `Output` of a Task, a Map or a Parallel only".to_owned(),
            )
        });
        let on_aws = self.refused_on_aws.clone().map(tolerated);
        error.into_iter().chain(result).chain(on_aws)
    }
}

/// The fields of `$states` that a field's expressions may read beside the input and the context.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Readable {
    /// `$states.errorOutput`
    pub error_output: bool,
    /// `$states.result`
    pub result: bool,
}

/// The reason against an expression in its field.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub message: String,
    /// True if only AWS refuses it: an execution that is stored with it continues.
    pub tolerated: bool,
}

impl Refusal {
    fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            tolerated: false,
        }
    }
}

/// A JSON value in which strings may be expressions.
#[derive(Debug)]
pub(crate) enum Template {
    /// A value without expressions.
    Literal(Value),
    /// One expression.
    Expression(Box<Expression>),
    /// An array that holds expressions.
    Array(Vec<Template>),
    /// An object that holds expressions.
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Parses a value; calls `report` with the place of each refused expression and the reason.
    pub fn parse(value: &Value, place: &str, readable: Readable, report: &mut dyn FnMut(&str, Refusal)) -> Self {
        match value {
            Value::String(text) => match Expression::delimited(text) {
                None => {
                    if text.starts_with("{%") {
                        report(place, Refusal::of("the expression has no closing `%}`"));
                    }
                    Self::Literal(value.clone())
                }
                Some(source) => match Expression::parse(source) {
                    Ok(expression) => {
                        for refusal in expression.refusals(readable) {
                            report(place, refusal);
                        }
                        Self::Expression(Box::new(expression))
                    }
                    Err(message) => {
                        report(place, Refusal::of(message));
                        Self::Literal(Value::Null)
                    }
                },
            },
            Value::Array(items) => {
                let parsed: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::parse(item, &format!("{place}[{index}]"), readable, report))
                    .collect();
                if parsed.iter().all(Self::is_literal) {
                    return Self::Literal(value.clone());
                }
                Self::Array(parsed)
            }
            Value::Object(fields) => {
                let parsed: Vec<(String, Self)> = fields
                    .iter()
                    .map(|(name, field)| {
                        (
                            name.clone(),
                            Self::parse(field, &format!("{place}.{name}"), readable, report),
                        )
                    })
                    .collect();
                if parsed.iter().all(|(_, field)| field.is_literal()) {
                    return Self::Literal(value.clone());
                }
                Self::Object(parsed)
            }
            other => Self::Literal(other.clone()),
        }
    }

    /// Returns true if it contains no expression.
    pub fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    /// Returns true if all of it can be evaluated at once: its cost has a low bound.
    pub fn is_light(&self) -> bool {
        self.weight().is_some_and(|weight| weight <= weight::MAX_WEIGHT)
    }

    fn weight(&self) -> Option<u32> {
        match self {
            Self::Literal(_) => Some(0),
            Self::Expression(expression) => expression.weight,
            Self::Array(items) => Self::sum(items.iter()),
            Self::Object(fields) => Self::sum(fields.iter().map(|(_, field)| field)),
        }
    }

    fn sum<'a>(mut parts: impl Iterator<Item = &'a Self>) -> Option<u32> {
        parts.try_fold(0, |sum: u32, part| sum.checked_add(part.weight()?))
    }

    /// Returns the value that it was parsed from.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => Value::String(format!("{{% {} %}}", expression.source)),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), field.to_value()))
                    .collect(),
            ),
        }
    }

    /// Returns its value if it contains no expression.
    pub fn literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }
}
