//! JSONata expressions and the templates that hold them, parsed once at load.
//! Evaluating them is in `session`; AWS's own functions are in `functions`; what an expression can cost is in `weight`.

mod convert;
mod evaluation;
mod functions;
mod sees;
mod session;
mod syntax;
mod weight;

use jsonata_core::ast::AstNode;
use serde_json::Value;

pub(crate) use convert::{from_json, is_too_deep};
pub use evaluation::{Evaluated, Evaluation, EvaluationFault};
pub(crate) use sees::Sees;
pub(crate) use session::{Answers, Fault, Session};

/// A parsed expression.
#[derive(Debug)]
pub(crate) struct Expression {
    /// The text between the delimiters, trimmed.
    pub source: String,
    /// Whether it reads `$states.errorOutput`.
    pub reads_error_output: bool,
    /// What it can cost at most, if that is known.
    weight: Option<u32>,
    ast: AstNode,
}

impl Expression {
    /// The text between `{%` and `%}`; none if `text` is no expression.
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
            reads_error_output: syntax::reads_error_output(&ast),
            weight: weight::weight(&ast),
            ast,
        })
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
    /// Parses a value; calls `report` with the place and the message of each bad expression. Only one that is
    /// `catching` may read `$states.errorOutput`.
    pub fn parse(value: &Value, place: &str, catching: bool, report: &mut dyn FnMut(&str, String)) -> Self {
        match value {
            Value::String(text) => match Expression::delimited(text) {
                None => {
                    if text.starts_with("{%") {
                        report(place, "the expression has no closing `%}`".to_owned());
                    }
                    Self::Literal(value.clone())
                }
                Some(source) => match Expression::parse(source) {
                    Ok(expression) => {
                        if expression.reads_error_output && !catching {
                            let message = "`$states.errorOutput` is there in `Catch` only";
                            report(place, message.to_owned());
                        }
                        Self::Expression(Box::new(expression))
                    }
                    Err(message) => {
                        report(place, message);
                        Self::Literal(Value::Null)
                    }
                },
            },
            Value::Array(items) => {
                let parsed: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::parse(item, &format!("{place}[{index}]"), catching, report))
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
                            Self::parse(field, &format!("{place}.{name}"), catching, report),
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

    /// Whether it holds no expression.
    pub fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    /// Whether all of it can be evaluated at once: what it can cost is known, and little.
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

    /// The value that it was parsed from.
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

    /// Its value, if it holds no expression.
    pub fn literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }
}
