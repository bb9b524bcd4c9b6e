//! The actions on versions and aliases of state machines, and the definition that a qualified ARN starts.

use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::{self, Qualifier};
use super::error::ApiError;
use super::machines::next_version;
use super::store::{Alias, Store};
use super::{Api, now_ms, page, required, seconds, without_nulls};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    state_machine_arn: Option<String>,
    revision_id: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutAlias {
    /// The name of a new alias.
    name: Option<String>,
    /// The ARN of an existing alias.
    state_machine_alias_arn: Option<String>,
    description: Option<String>,
    routing_configuration: Option<Vec<Route>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    state_machine_version_arn: Option<String>,
    weight: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfAlias {
    state_machine_alias_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfVersion {
    state_machine_version_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    state_machine_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The definition that an ARN starts.
pub struct Target {
    pub machine: String,
    pub definition: String,
    pub role_arn: String,
    pub version: Option<u32>,
    pub alias: Option<String>,
}

impl Api {
    pub(super) fn publish_version(&self, input: &Publish) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let store = self.store();
        let mut machine = self.unqualified_machine(&store, arn)?;
        let current = machine.revision.as_deref().unwrap_or("INITIAL");
        if input.revision_id.as_deref().is_some_and(|revision| revision != current) {
            return Err(ApiError::new(
                "ConflictException",
                format!(
                    "Failed to publish the State Machine version for revision {}. The current State Machine revision is \
                     {current}.",
                    input.revision_id.as_deref().unwrap_or_default()
                ),
            ));
        }
        let published = |number: u32, created_ms: i64| json!({ "creationDate": seconds(created_ms), "stateMachineVersionArn": format!("{arn}:{number}") });
        // A revision is published at most once.
        if let Some(last) = store.versions(&machine.name)?.first()
            && last.revision == machine.revision
            && last.definition == machine.definition
        {
            if input.description.is_some() && input.description != last.description {
                return Err(ApiError::new(
                    "ConflictException",
                    format!(
                        "The revision is published as '{arn}:{}' with another description",
                        last.number
                    ),
                ));
            }
            return Ok(published(last.number, last.created_ms));
        }
        let version = next_version(&mut machine, input.description.clone());
        store.put_with_version(&machine, &version)?;
        Ok(published(version.number, version.created_ms))
    }

    pub(super) fn delete_version(&self, input: &OfVersion) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_version_arn.as_ref(), "stateMachineVersionArn")?;
        let parsed = arn::machine(arn)?;
        let Some(Qualifier::Version(number)) = parsed.qualifier else {
            return Err(ApiError::validation(format!("'{arn}' is not the ARN of a version")));
        };
        let store = self.store();
        // Deleting a missing one succeeds, like on AWS.
        let machine = match self.machine_of(&store, &parsed, arn) {
            Err(error) if error.name == "StateMachineDoesNotExist" => return Ok(json!({})),
            machine => machine?,
        };
        let routes = |alias: &Alias| alias.routing.iter().any(|(version, _)| *version == number);
        let aliases = store.aliases(&machine.name)?.into_iter().filter(routes);
        let aliases: Vec<String> = aliases.map(|alias| alias.name).collect();
        if !aliases.is_empty() {
            return Err(ApiError::new(
                "ConflictException",
                format!(
                    "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this \
                     version: [{}]",
                    aliases.join(", ")
                ),
            ));
        }
        store.delete_version(&machine.name, number)?;
        Ok(json!({}))
    }

    pub(super) fn list_versions(&self, input: &List) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let store = self.store();
        let machine = self.unqualified_machine(&store, arn)?;
        let all = store.versions(&machine.name)?;
        let (versions, next) = page::slice(
            all,
            &format!("versions {arn}"),
            input.max_results,
            input.next_token.as_deref(),
        )?;
        let listed: Vec<Value> = versions
            .iter()
            .map(|version| {
                json!({
                    "stateMachineVersionArn": format!("{arn}:{}", version.number),
                    "creationDate": seconds(version.created_ms),
                })
            })
            .collect();
        Ok(without_nulls(
            json!({ "stateMachineVersions": listed, "nextToken": next }),
        ))
    }

    pub(super) fn create_alias(&self, input: &PutAlias) -> Result<Value, ApiError> {
        let name = required(input.name.as_ref(), "name")?;
        check_alias_name(name)?;
        let store = self.store();
        let (machine_arn, routing) = self.routing(&store, input)?;
        let machine = self.unqualified_machine(&store, &machine_arn)?.name;
        let now = now_ms();
        let (alias, created_ms) = match store.alias(&machine, name)? {
            Some(there) if there.routing == routing && there.description == input.description => {
                (None, there.created_ms)
            }
            Some(_) => {
                return Err(ApiError::new(
                    "ConflictException",
                    "Failed to create alias because an alias with the same name and a different routing configuration \
                     already exists.",
                ));
            }
            None => {
                let alias = Alias {
                    name: name.to_owned(),
                    description: input.description.clone(),
                    routing,
                    created_ms: now,
                    updated_ms: now,
                };
                (Some(alias), now)
            }
        };
        if let Some(alias) = alias {
            store.put_alias(&machine, &alias)?;
        }
        Ok(json!({
            "stateMachineAliasArn": format!("{machine_arn}:{name}"),
            "creationDate": seconds(created_ms),
        }))
    }

    pub(super) fn update_alias(&self, input: &PutAlias) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_alias_arn.as_ref(), "stateMachineAliasArn")?;
        let store = self.store();
        let (machine, mut alias) = self.alias(&store, arn)?;
        if input.routing_configuration.is_none() && input.description.is_none() {
            return Err(ApiError::validation(
                "description or routingConfiguration must be specified",
            ));
        }
        if input.routing_configuration.is_some() {
            let (machine_arn, routing) = self.routing(&store, input)?;
            if machine_arn != self.machine_arn(&machine) {
                return Err(ApiError::validation(format!(
                    "'{arn}' cannot route to versions of '{machine_arn}'"
                )));
            }
            alias.routing = routing;
        }
        if input.description.is_some() {
            alias.description.clone_from(&input.description);
        }
        alias.updated_ms = now_ms();
        store.put_alias(&machine, &alias)?;
        Ok(json!({ "updateDate": seconds(alias.updated_ms) }))
    }

    pub(super) fn describe_alias(&self, input: &OfAlias) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_alias_arn.as_ref(), "stateMachineAliasArn")?;
        let (machine, alias) = self.alias(&self.store(), arn)?;
        let machine_arn = self.machine_arn(&machine);
        let routing: Vec<Value> = alias
            .routing
            .iter()
            .map(|(version, weight)| json!({ "stateMachineVersionArn": format!("{machine_arn}:{version}"), "weight": weight }))
            .collect();
        Ok(without_nulls(json!({
            "stateMachineAliasArn": arn,
            "name": alias.name,
            "description": alias.description,
            "routingConfiguration": routing,
            "creationDate": seconds(alias.created_ms),
            "updateDate": seconds(alias.updated_ms),
        })))
    }

    pub(super) fn delete_alias(&self, input: &OfAlias) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_alias_arn.as_ref(), "stateMachineAliasArn")?;
        let (machine, name) = alias_of(arn)?;
        // Deleting a missing one succeeds, like on AWS.
        if format!("{}:{name}", self.machine_arn(machine)) == arn {
            self.store().delete_alias(machine, name)?;
        }
        Ok(json!({}))
    }

    pub(super) fn list_aliases(&self, input: &List) -> Result<Value, ApiError> {
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let parsed = arn::machine(arn)?;
        let store = self.store();
        let machine = self.machine_of(&store, &parsed, arn)?;
        let mut all = store.aliases(&machine.name)?;
        if let Some(Qualifier::Version(number)) = parsed.qualifier {
            all.retain(|alias| alias.routing.iter().any(|(version, _)| *version == number));
        }
        let (aliases, next) = page::slice(
            all,
            &format!("aliases {arn}"),
            input.max_results,
            input.next_token.as_deref(),
        )?;
        let listed: Vec<Value> = aliases
            .iter()
            .map(|alias| {
                json!({
                    "stateMachineAliasArn": format!("{}:{}", parsed.unqualified, alias.name),
                    "creationDate": seconds(alias.created_ms),
                })
            })
            .collect();
        Ok(without_nulls(
            json!({ "stateMachineAliases": listed, "nextToken": next }),
        ))
    }

    /// Returns the definition that a state machine's ARN starts, with or without a version or an alias.
    pub(super) fn target(&self, store: &Store, arn: &str) -> Result<Target, ApiError> {
        let parsed = arn::machine(arn)?;
        let machine = self.machine_of(store, &parsed, arn)?;
        let (number, alias) = match parsed.qualifier {
            None => {
                return Ok(Target {
                    machine: machine.name,
                    definition: machine.definition,
                    role_arn: machine.role_arn,
                    version: None,
                    alias: None,
                });
            }
            Some(Qualifier::Version(number)) => (number, None),
            Some(Qualifier::Alias(name)) => {
                let alias = store
                    .alias(&machine.name, name)?
                    .ok_or_else(|| ApiError::no_machine(arn))?;
                (routed(&alias.routing), Some(alias.name))
            }
        };
        let version = store
            .version(&machine.name, number)?
            .ok_or_else(|| ApiError::no_machine(arn))?;
        Ok(Target {
            machine: machine.name,
            definition: version.definition,
            role_arn: version.role_arn,
            version: Some(number),
            alias,
        })
    }

    fn alias(&self, store: &Store, arn: &str) -> Result<(String, Alias), ApiError> {
        let (machine, name) = alias_of(arn)?;
        let gone = || ApiError::new("ResourceNotFound", "Request references a resource that does not exist.");
        if format!("{}:{name}", self.machine_arn(machine)) != arn {
            return Err(gone());
        }
        let alias = store.alias(machine, name)?.ok_or_else(gone)?;
        Ok((machine.to_owned(), alias))
    }

    /// Returns the machine's ARN, and its versions with their weights. Fails unless they are one or two versions of one
    /// machine.
    fn routing(&self, store: &Store, input: &PutAlias) -> Result<(String, Vec<(u32, u32)>), ApiError> {
        let routes = input.routing_configuration.as_deref().unwrap_or_default();
        if routes.is_empty() || routes.len() > 2 {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value at 'routingConfiguration' failed to satisfy constraint: Member must have \
                 length {}",
                if routes.is_empty() {
                    "greater than or equal to 1"
                } else {
                    "less than or equal to 2"
                }
            )));
        }
        let received = || {
            let arns = routes
                .iter()
                .filter_map(|route| route.state_machine_version_arn.as_deref());
            arns.collect::<Vec<_>>().join(", ")
        };
        let mut machine_arn: Option<String> = None;
        let mut routing = Vec::new();
        for route in routes {
            let arn = required(route.state_machine_version_arn.as_ref(), "stateMachineVersionArn")?;
            let parsed = arn::machine(arn)?;
            let Some(Qualifier::Version(number)) = parsed.qualifier else {
                return Err(ApiError::validation(format!(
                    "Routing configuration must contain state machine version ARNs. Received: [{}]",
                    received()
                )));
            };
            if let Some(weight) = route.weight.filter(|weight| *weight > 100) {
                return Err(ApiError::validation(format!(
                    "1 validation error detected: Value '{weight}' at 'routingConfiguration.{}.member.weight' failed to \
                     satisfy constraint: Member must have value less than or equal to 100",
                    routing.len() + 1
                )));
            }
            let machine = self.machine_of(store, &parsed, arn).map_err(|error| match error.name {
                "StateMachineDoesNotExist" => ApiError::no_resource(arn),
                _ => error,
            })?;
            if machine_arn.as_ref().is_some_and(|other| other != parsed.unqualified) {
                return Err(ApiError::validation(
                    "routingConfiguration names versions of two state machines",
                ));
            }
            if store.version(&machine.name, number)?.is_none() {
                return Err(ApiError::no_resource(arn));
            }
            machine_arn = Some(parsed.unqualified.to_owned());
            routing.push((number, route.weight.unwrap_or_default()));
        }
        if let [(first, _), (second, _)] = routing.as_slice()
            && first == second
        {
            return Err(ApiError::validation(format!(
                "Routing configuration must contain distinct state machine version ARNs. Received: [{}]",
                received()
            )));
        }
        let weights: Vec<u32> = routing.iter().map(|(_, weight)| *weight).collect();
        if weights.iter().sum::<u32>() != 100 {
            return Err(ApiError::validation(format!(
                "Sum of routing configuration weights must equal 100. Received: {weights:?}"
            )));
        }
        Ok((machine_arn.unwrap_or_default(), routing))
    }
}

/// Returns the names of the machine and of the alias in an alias's ARN.
fn alias_of(arn: &str) -> Result<(&str, &str), ApiError> {
    let parsed = arn::machine(arn)?;
    match parsed.qualifier {
        Some(Qualifier::Alias(name)) => Ok((parsed.name, name)),
        _ => Err(ApiError::validation(format!("'{arn}' is not the ARN of an alias"))),
    }
}

fn check_alias_name(name: &str) -> Result<(), ApiError> {
    let constraint = if name.is_empty() {
        "Member must have length greater than or equal to 1"
    } else if name.len() > 80 {
        "Member must have length less than or equal to 80"
    } else if !arn::is_name(name) || name.bytes().all(|byte| byte.is_ascii_digit()) {
        "Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$"
    } else {
        return Ok(());
    };
    Err(ApiError::validation(format!(
        "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: {constraint}"
    )))
}

/// Chooses one of the versions by their weights.
fn routed(routing: &[(u32, u32)]) -> u32 {
    let (first, weight) = routing.first().copied().unwrap_or_default();
    let mut byte = [0; 4];
    // Without randomness, the first one is chosen.
    let drawn = getrandom::fill(&mut byte).map_or(0, |()| u32::from_le_bytes(byte) % 100);
    match routing.get(1) {
        Some((second, _)) if drawn >= weight => *second,
        _ => first,
    }
}
