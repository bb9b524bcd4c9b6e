//! The parts of the ARNs of state machines, executions and map runs.

use super::error::ApiError;

/// Maximum length of an ARN.
const LONGEST: usize = 1_024;

/// The parts of a state machine's ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineArn<'a> {
    /// The ARN without version or alias.
    pub unqualified: &'a str,
    /// The machine's name.
    pub name: &'a str,
    /// The version or alias.
    pub qualifier: Option<Qualifier<'a>>,
}

/// A version's number or an alias's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// A version.
    Version(u32),
    /// An alias.
    Alias(&'a str),
}

/// Parses a state machine's ARN.
pub fn machine(arn: &str) -> Result<MachineArn<'_>, ApiError> {
    let rest = resource(arn, "stateMachine")?;
    let (name, qualifier) = match rest.split_once(':') {
        None => (rest, None),
        Some((name, qualifier)) if is_name(qualifier) => (name, Some(qualifier)),
        Some(_) => return Err(ApiError::invalid_arn(arn)),
    };
    if !is_name(name) {
        return Err(ApiError::invalid_arn(arn));
    }
    Ok(MachineArn {
        unqualified: &arn[..arn.len() - qualifier.map_or(0, |qualifier| qualifier.len() + 1)],
        name,
        qualifier: qualifier.map(|text| text.parse().map_or(Qualifier::Alias(text), Qualifier::Version)),
    })
}

/// Returns the names of the machine and of the execution in an execution's ARN. For a map's child, the machine's name
/// contains the map's label.
pub fn execution(arn: &str) -> Result<(&str, &str), ApiError> {
    let (machine, name) = resource(arn, "execution")?
        .split_once(':')
        .ok_or_else(|| ApiError::invalid_arn(arn))?;
    let parts_are_names = machine.split('/').all(is_name);
    if parts_are_names && is_name(name) {
        Ok((machine, name))
    } else {
        Err(ApiError::invalid_arn(arn))
    }
}

/// Returns the machine's name in a map run's ARN.
pub fn map_run(arn: &str) -> Result<&str, ApiError> {
    resource(arn, "mapRun")?
        .split_once('/')
        .map(|(machine, _)| machine)
        .ok_or_else(|| ApiError::invalid_arn(arn))
}

/// Returns true for the ARN of a role.
pub fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "iam", _, _, role] if role.len() > "role/".len() && role.starts_with("role/"))
        && arn.len() <= 256
}

/// Returns true for a name whose characters and length the engine accepts.
pub fn is_name(name: &str) -> bool {
    (1..=80).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn resource<'a>(arn: &'a str, kind: &str) -> Result<&'a str, ApiError> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    match parts.as_slice() {
        ["arn", _, "states", _, _, found, rest] if *found == kind && arn.len() <= LONGEST => Ok(rest),
        _ => Err(ApiError::invalid_arn(arn)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart_or_refused() {
        let base = "arn:aws:states:local:000000000000:stateMachine:m";
        for (qualifier, expected) in [
            ("", None),
            (":12", Some(Qualifier::Version(12))),
            (":live", Some(Qualifier::Alias("live"))),
        ] {
            let arn = format!("{base}{qualifier}");
            let found = machine(&arn).map(|arn| (arn.unqualified, arn.name, arn.qualifier));
            assert_eq!(found, Ok((base, "m", expected)));
        }
        for wrong in [
            "",
            "m",
            &format!("{base}:a:b"),
            &base.replace(":m", ":"),
            &base.replace(":m", ":../m"),
        ] {
            assert_eq!(machine(wrong).map_err(|error| error.name), Err("InvalidArn"), "{wrong}");
        }
        let child = "arn:aws:states:local:000000000000:execution:m/Each:id";
        assert_eq!(execution(child), Ok(("m/Each", "id")));
        assert!(execution(base).is_err());
        assert_eq!(map_run("arn:aws:states:local:000000000000:mapRun:m/Each:id"), Ok("m"));
        assert!(is_role("arn:aws:iam::000000000000:role/r") && !is_role("arn:aws:iam::000000000000:user/r"));
    }
}
