//! The actions on state machines: create, update, describe, list, delete, validate.

use holdfast_asl::StateMachine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::{self, MachineArn, Qualifier};
use super::error::ApiError;
use super::store::{Machine, Version};
use super::tags::{self, Tag};
use super::{Api, ProvidedMachine, diagnostic, now_ms, page, random_id, required, seconds, without_nulls};

/// Maximum size of a definition, in bytes.
pub const MAX_DEFINITION_BYTES: usize = 1_048_576;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    name: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    state_machine_arn: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfMachine {
    state_machine_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validate {
    definition: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    max_results: Option<i64>,
}

impl Api {
    pub(super) fn create_state_machine(&self, input: &Create) -> Result<Value, ApiError> {
        let name = required(input.name.as_ref(), "name")?;
        let definition = required(input.definition.as_ref(), "definition")?;
        let role_arn = required(input.role_arn.as_ref(), "roleArn")?;
        if !arn::is_name(name) {
            return Err(ApiError::invalid_name(name));
        }
        check_role(role_arn)?;
        check_kind(input.kind.as_deref())?;
        check_definition(definition)?;
        check_description(input.version_description.as_ref(), input.publish)?;
        let logging = input.logging_configuration.as_ref().map(Value::to_string);
        let tracing = input.tracing_configuration.as_ref().map(Value::to_string);
        // A different role doesn't count, like on AWS.
        let created_with = json!([input.publish, input.version_description]).to_string();
        let arn = self.machine_arn(name);
        let tags = tags::check_new(input.tags.as_ref(), &arn)?;
        let store = self.store();
        if let Some(machine) = store.machine(name)? {
            let is_same = machine.definition == definition
                && (&machine.logging, &machine.tracing) == (&logging, &tracing)
                && machine.created_with == created_with;
            if !is_same || machine.is_provided {
                return Err(ApiError::new(
                    "StateMachineAlreadyExists",
                    format!("State Machine Already Exists: '{arn}'"),
                ));
            }
            return Ok(created(&arn, machine.created_ms, input.publish.then_some(1)));
        }
        let now = now_ms();
        let mut machine = Machine {
            name: name.to_owned(),
            definition: definition.to_owned(),
            role_arn: role_arn.to_owned(),
            created_with,
            logging,
            tracing,
            created_ms: now,
            updated_ms: now,
            revision: None,
            last_version: 0,
            is_provided: false,
        };
        let version = input
            .publish
            .then(|| next_version(&mut machine, input.version_description.clone()));
        store.create_machine(&machine, version.as_ref(), &tags)?;
        Ok(created(&arn, now, input.publish.then_some(1)))
    }

    pub(super) fn update_state_machine(&self, input: &Update) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let changes = [&input.definition, &input.role_arn].iter().any(|field| field.is_some())
            || input.logging_configuration.is_some()
            || input.tracing_configuration.is_some();
        if !changes {
            return Err(ApiError::new(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
            ));
        }
        check_description(input.version_description.as_ref(), input.publish)?;
        if let Some(definition) = &input.definition {
            check_definition(definition)?;
        }
        if let Some(role) = &input.role_arn {
            check_role(role)?;
        }
        let store = self.store();
        let mut machine = self.unqualified_machine(&store, arn)?;
        check_changeable(&machine, arn)?;
        if let Some(definition) = &input.definition {
            machine.definition.clone_from(definition);
        }
        if let Some(role) = &input.role_arn {
            machine.role_arn.clone_from(role);
        }
        if let Some(logging) = &input.logging_configuration {
            machine.logging = Some(logging.to_string());
        }
        if let Some(tracing) = &input.tracing_configuration {
            machine.tracing = Some(tracing.to_string());
        }
        machine.revision = Some(random_id());
        machine.updated_ms = now_ms();
        let mut answer = json!({ "updateDate": seconds(machine.updated_ms), "revisionId": machine.revision });
        if input.publish {
            let version = next_version(&mut machine, input.version_description.clone());
            store.put_with_version(&machine, &version)?;
            answer["stateMachineVersionArn"] = json!(format!("{arn}:{}", version.number));
        } else {
            store.put_machine(&machine)?;
        }
        Ok(answer)
    }

    pub(super) fn describe_state_machine(&self, input: &OfMachine) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let parsed = arn::machine(arn)?;
        let store = self.store();
        let machine = self.machine_of(&store, &parsed, arn)?;
        let number = match parsed.qualifier {
            None => return Ok(described(arn, &machine, None)),
            Some(Qualifier::Version(number)) => number,
            Some(Qualifier::Alias(alias)) => {
                let alias = store
                    .alias(&machine.name, alias)?
                    .ok_or_else(|| ApiError::no_machine(arn))?;
                alias.routing.first().map_or(0, |(version, _)| *version)
            }
        };
        let version = store
            .version(&machine.name, number)?
            .ok_or_else(|| ApiError::no_machine(arn))?;
        Ok(described(
            &format!("{}:{number}", parsed.unqualified),
            &machine,
            Some(&version),
        ))
    }

    pub(super) fn list_state_machines(&self, input: &List) -> Result<Value, ApiError> {
        let machines = self.store().machines()?;
        let (machines, next) = page::slice(machines, "machines", input.max_results, input.next_token.as_deref())?;
        let listed: Vec<Value> = machines
            .iter()
            .map(|machine| {
                json!({
                    "stateMachineArn": self.machine_arn(&machine.name),
                    "name": machine.name,
                    "type": "STANDARD",
                    "creationDate": seconds(machine.created_ms),
                })
            })
            .collect();
        Ok(without_nulls(json!({ "stateMachines": listed, "nextToken": next })))
    }

    pub(super) fn delete_state_machine(&self, input: &OfMachine) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let store = self.store();
        // Deleting a missing one succeeds, like on AWS.
        if let Some(machine) = store.machine(arn::machine(arn)?.name)? {
            let machine_of_arn = self.unqualified_machine(&store, arn)?;
            check_changeable(&machine_of_arn, arn)?;
            store.delete_machine(&machine.name)?;
        }
        Ok(json!({}))
    }

    pub(super) fn validate(&self, input: &Validate) -> Result<Value, ApiError> {
        let definition = required(input.definition.as_ref(), "definition")?;
        check_kind(input.kind.as_deref())?;
        diagnostic::report(definition, input.max_results)
    }

    /// Stores the program's own state machine, if it is new or has changed.
    pub(super) fn provide(&self, provided: &ProvidedMachine) -> Result<(), ApiError> {
        let store = self.store();
        let before = store.machine(&provided.name)?;
        if before
            .as_ref()
            .is_some_and(|before| before.is_provided && before.definition == provided.definition)
        {
            return Ok(());
        }
        let now = now_ms();
        store.put_machine(&Machine {
            name: provided.name.clone(),
            definition: provided.definition.clone(),
            role_arn: self.engine.naming().role_arn(),
            created_with: String::new(),
            logging: None,
            tracing: None,
            created_ms: before.as_ref().map_or(now, |before| before.created_ms),
            updated_ms: now,
            revision: before.is_some().then(random_id),
            last_version: before.map_or(0, |before| before.last_version),
            is_provided: true,
        })
    }

    /// Returns the machine of an ARN without a version or an alias.
    pub(super) fn unqualified_machine(&self, store: &super::Store, arn: &str) -> Result<Machine, ApiError> {
        let parsed = arn::machine(arn)?;
        if parsed.qualifier.is_some() {
            return Err(ApiError::validation(format!(
                "'{arn}' names a version or an alias; the state machine's own ARN is needed"
            )));
        }
        self.machine_of(store, &parsed, arn)
    }

    pub(super) fn machine_of(
        &self,
        store: &super::Store,
        parsed: &MachineArn<'_>,
        arn: &str,
    ) -> Result<Machine, ApiError> {
        if self.machine_arn(parsed.name) != parsed.unqualified {
            return Err(ApiError::no_machine(arn));
        }
        store.machine(parsed.name)?.ok_or_else(|| ApiError::no_machine(arn))
    }
}

/// Returns the next version, with the machine's current definition and role.
pub fn next_version(machine: &mut Machine, description: Option<String>) -> Version {
    machine.last_version += 1;
    Version {
        number: machine.last_version,
        definition: machine.definition.clone(),
        role_arn: machine.role_arn.clone(),
        description,
        revision: machine.revision.clone(),
        created_ms: now_ms(),
    }
}

fn created(arn: &str, created_ms: i64, version: Option<u32>) -> Value {
    let version = version.map(|number| format!("{arn}:{number}"));
    without_nulls(json!({
        "stateMachineArn": arn,
        "creationDate": seconds(created_ms),
        "stateMachineVersionArn": version,
    }))
}

fn described(arn: &str, machine: &Machine, version: Option<&Version>) -> Value {
    let (definition, role_arn, revision, created_ms) = match version {
        Some(version) => (
            &version.definition,
            &version.role_arn,
            &version.revision,
            version.created_ms,
        ),
        None => (
            &machine.definition,
            &machine.role_arn,
            &machine.revision,
            machine.created_ms,
        ),
    };
    without_nulls(json!({
        "stateMachineArn": arn,
        "name": machine.name,
        "status": "ACTIVE",
        "definition": definition,
        "roleArn": role_arn,
        "type": "STANDARD",
        "creationDate": seconds(created_ms),
        "loggingConfiguration": configuration(machine.logging.as_deref(), json!({ "level": "OFF", "includeExecutionData": false })),
        "tracingConfiguration": configuration(machine.tracing.as_deref(), json!({ "enabled": false })),
        "revisionId": revision,
        "description": version.and_then(|version| version.description.as_ref()),
    }))
}

/// Returns a configuration unchanged. It is stored because clients compare it; it has no effect here.
fn configuration(text: Option<&str>, usual: Value) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(usual)
}

fn check_changeable(machine: &Machine, arn: &str) -> Result<(), ApiError> {
    if machine.is_provided {
        return Err(ApiError::new(
            "ConflictException",
            format!("'{arn}' is provided by this program and only changes with it"),
        ));
    }
    Ok(())
}

fn check_definition(definition: &str) -> Result<(), ApiError> {
    let invalid =
        |what: String| ApiError::new("InvalidDefinition", format!("Invalid State Machine Definition: {what}"));
    if definition.len() > MAX_DEFINITION_BYTES {
        return Err(invalid(format!("it has more than {MAX_DEFINITION_BYTES} bytes")));
    }
    StateMachine::parse(definition).map_err(|report| invalid(report.to_string()))?;
    Ok(())
}

fn check_description(version_description: Option<&String>, publish: bool) -> Result<(), ApiError> {
    if version_description.is_some() && !publish {
        return Err(ApiError::validation(
            "Version description can only be set when publish is true",
        ));
    }
    Ok(())
}

/// Checks that an ARN names a role.
pub fn check_role(arn: &str) -> Result<(), ApiError> {
    if arn::is_role(arn) {
        Ok(())
    } else {
        Err(ApiError::new("InvalidArn", format!("Invalid Role Arn: '{arn}'")))
    }
}

fn check_kind(kind: Option<&str>) -> Result<(), ApiError> {
    match kind {
        None | Some("STANDARD") => Ok(()),
        Some(other) => Err(ApiError::new(
            "StateMachineTypeNotSupported",
            format!("State machines of type {other} are not supported; STANDARD is"),
        )),
    }
}
