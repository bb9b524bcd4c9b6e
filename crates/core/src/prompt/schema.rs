//! The JSON Schemas of answers. Requests send them for structured output, the checks use them, and corrections show
//! them.

use serde_json::{Value, json};

/// Returns the schema of a unit's answer. Our checks enforce `minLength` and the like; some providers ignore them.
pub fn answer_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["summary", "findings"],
        "properties": {
            "summary": { "type": "string", "maxLength": 4000 },
            "findings": {
                "type": "array",
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["path", "line", "severity", "category", "title", "body", "quote"],
                    "properties": {
                        "path": { "type": "string" },
                        "side": { "type": "string", "enum": ["LEFT", "RIGHT"] },
                        "start_line": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                        "line": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                        "severity": { "type": "string", "enum": ["critical", "high", "medium", "low", "info"] },
                        "category": { "type": "string", "enum":
                            ["security", "correctness", "performance", "maintainability", "testing", "documentation"] },
                        "title": { "type": "string", "minLength": 1, "maxLength": 300 },
                        "body": { "type": "string", "minLength": 1, "maxLength": 8000 },
                        "quote": { "type": "string", "minLength": 1, "maxLength": 4000 },
                        "suggestion": { "type": ["string", "null"], "maxLength": 10000 },
                        "confidence": { "type": "number", "minimum": 0, "maximum": 1 }
                    }
                }
            }
        }
    })
}

/// Returns the schema of the walkthrough's answer.
pub fn summary_schema() -> Value {
    json!({
        "type": "object",
        "required": ["summary"],
        "properties": { "summary": { "type": "string", "minLength": 1, "maxLength": 8000 } }
    })
}
