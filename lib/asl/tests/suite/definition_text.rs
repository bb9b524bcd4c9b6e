//! Definitions as texts: the lines of problems, the names that expressions may read, and the query language.

use holdfast_asl::StateMachine;
use serde_json::{Value, json};

use crate::bench::{invoke, machine};
use crate::definition::problems;

// https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html: the data of an expression.
#[test]
fn expressions_may_read_items_and_a_catchs_error() {
    // Names inside a path, a predicate, a sort or a function belong to an item, not to the top level.
    let table = [
        "$states.input.phone.number",
        "$states.input.list[n > 1]",
        "$states.input.list^(n).{ 'a': n }",
        "$map($states.input.list, function($item) { $item.n })",
        "($found := $states.input.a; $found.b)",
        "$states.input.list{ kind: $sum(n) }",
    ];
    for source in table {
        let state = json!({ "Type": "Pass", "Output": format!("{{% {source} %}}"), "End": true });
        assert_eq!(problems(&machine(json!({ "S": state }))), [""; 0], "{source}");
    }
    let catch = json!([{
        "ErrorEquals": ["States.ALL"], "Next": "T",
        "Assign": { "why": "{% $states.errorOutput.Cause %}" }, "Output": "{% $states.errorOutput %}",
    }]);
    let caught = invoke(json!({}), json!({ "Catch": catch, "End": true }));
    assert_eq!(problems(&machine(json!({ "T": caught }))), [""; 0]);
}

// https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html: QueryLanguage of machine and state;
// nested states take the machine's.
#[test]
fn in_a_machine_of_another_language_every_state_must_name_jsonata() {
    let inner = |language: Value| {
        let mut inner = json!({ "Type": "Pass", "End": true });
        inner
            .as_object_mut()
            .unwrap()
            .extend(language.as_object().unwrap().clone());
        json!({ "QueryLanguage": "JSONPath", "StartAt": "P", "States": { "P": {
            "Type": "Parallel", "QueryLanguage": "JSONata", "End": true,
            "Branches": [{ "StartAt": "In", "States": { "In": inner } }],
        } } })
    };
    assert_eq!(problems(&inner(json!({ "QueryLanguage": "JSONata" }))), [""; 0]);
    let found = problems(&inner(json!({})));
    assert_eq!(
        found,
        [
            "|QueryLanguage|must be JSONata, or every state must have a QueryLanguage of JSONata: 1 do not, the first is `In`"
        ]
    );
}

#[test]
fn problems_name_their_line() {
    let text = r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "First",
  "TimeoutSeconds": 0,
  "States": {
    "First": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke",
      "Arguments": {
        "FunctionName": "worker",
        "Payload": { "a": [1, "{% 1 + %}"] }
      },
      "Retry": [
        { "ErrorEquals": ["A"] },
        { "ErrorEquals": ["States.ALL", "B"] }
      ],
      "Next": "Gone"
    },
    "Second": {
      "Type": "Pass",
      "Comment": "one",
      "Comment": "two",
      "End": true
    }
  }
}"#;
    let errors = StateMachine::parse(text).unwrap_err();
    let found: Vec<(usize, &str)> = errors
        .problems
        .iter()
        .map(|problem| (problem.line, problem.field.as_deref().unwrap_or_default()))
        .collect();
    let expected = [
        (4, "TimeoutSeconds"),
        (11, "Arguments.Payload.a[1]"),
        (15, "Retry[1].ErrorEquals"),
        (17, "Next"),
        (19, ""),
        (22, ""),
    ];
    assert_eq!(found, expected, "{errors}");
    let shown = errors.to_string();
    assert!(
        shown.contains("\n  - line 17: state `First`, field `Next`: there is no state `Gone`"),
        "{shown}"
    );
    assert_eq!(StateMachine::parse("{\n\n  \"a\": }").unwrap_err().problems[0].line, 3);
}
