//! ARNs and names in AWS's form. Derived names are the same after a restart.

use sha2::{Digest, Sha256};

/// The parts of ARNs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The region in ARNs. Default `local`.
    pub region: String,
    /// The account in ARNs: 12 digits. Default `000000000000`.
    pub account: String,
    /// The state machine's name. Default `review`.
    pub state_machine: String,
}

impl Default for Naming {
    fn default() -> Self {
        Self {
            region: "local".into(),
            account: "000000000000".into(),
            state_machine: "review".into(),
        }
    }
}

/// A state machine other than the engine's own. Names of executions are unique per state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherMachine {
    /// Its name.
    pub name: String,
    /// The role that the histories of its executions show.
    pub role_arn: String,
}

impl Naming {
    /// Returns the ARN of a state machine.
    pub fn machine_arn(&self, machine: &str) -> String {
        format!("arn:aws:states:{}:{}:stateMachine:{machine}", self.region, self.account)
    }

    /// Returns the role of the engine's own state machine.
    pub fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/{}", self.account, self.state_machine)
    }

    /// Returns the ARN of a top-level execution.
    pub fn execution_arn(&self, machine: &str, name: &str) -> String {
        format!(
            "arn:aws:states:{}:{}:execution:{machine}:{name}",
            self.region, self.account
        )
    }

    /// Returns the engine's name for an execution of a state machine. For the engine's own machine, that is the
    /// execution's name.
    pub fn known_as(&self, machine: &str, name: &str) -> String {
        if machine == self.state_machine {
            name.to_owned()
        } else {
            known_as(machine, name)
        }
    }
}

/// Returns the engine's name for an execution of another machine than its own. Names contain no colon.
pub(super) fn known_as(machine: &str, name: &str) -> String {
    format!("{machine}:{name}")
}

/// Returns the name at the end of an execution's ARN.
pub(super) fn execution_name(execution_arn: &str) -> &str {
    execution_arn.rsplit_once(':').map_or(execution_arn, |(_, name)| name)
}

/// Returns the machine's name in its ARN.
pub(super) fn machine_name(machine_arn: &str) -> &str {
    machine_arn
        .rsplit_once(":stateMachine:")
        .map_or(machine_arn, |(_, name)| name)
}

/// Returns the ARN of a map run, derived from the execution and the event that started it.
pub(super) fn map_run_arn(machine_arn: &str, label: &str, execution_arn: &str, key: u64) -> String {
    let id = uuid(&format!("{execution_arn}#{key}"));
    machine_arn.replacen(":stateMachine:", ":mapRun:", 1) + &format!("/{label}:{id}")
}

/// Returns the id at the end of a map run's ARN.
pub(super) fn map_run_id(map_run_arn: &str) -> &str {
    map_run_arn.rsplit_once(':').map_or(map_run_arn, |(_, id)| id)
}

/// The ARN of the machine of a map's children, and a child's own name and ARN.
pub(super) struct ChildNames {
    pub machine_arn: String,
    pub name: String,
    pub arn: String,
}

pub(super) fn child_names(machine_arn: &str, label: &str, map_run_arn: &str, index: u64) -> ChildNames {
    let machine_arn = format!("{machine_arn}/{label}");
    let name = uuid(&format!("{map_run_arn}#{index}"));
    let arn = machine_arn.replacen(":stateMachine:", ":execution:", 1) + &format!(":{name}");
    ChildNames { machine_arn, name, arn }
}

/// Returns true for a name that AWS accepts for an execution and whose characters need no escaping.
pub(super) fn is_execution_name(name: &str) -> bool {
    (1..=80).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Returns an id in the form of a version 8 UUID, from a hash.
fn uuid(of: &str) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(of.as_bytes())[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}
