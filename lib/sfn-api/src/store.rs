//! The API's own database beside the engine's: state machines, versions, aliases, tags, and the version or alias that
//! started an execution. It is one SQLite file in the data directory; each change is on the disk before the request is
//! answered.

use std::path::{Path, PathBuf};

use holdfast_storage::database::{self, WriteOptions};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::error::ApiError;
use super::server::ServerError;

/// The file in the data directory.
pub const FILE: &str = "step-functions.sqlite";
/// The version of its tables.
const VERSION: i64 = 2;

/// A state machine.
#[derive(Clone, Debug)]
pub struct Machine {
    pub name: String,
    pub definition: String,
    pub role_arn: String,
    pub created_with: String,
    pub logging: Option<String>,
    pub tracing: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// `None` until its first update.
    pub revision: Option<String>,
    pub last_version: u32,
    /// True if the program provides it: then clients cannot change it.
    pub is_provided: bool,
}

/// A version of a state machine.
#[derive(Clone, Debug)]
pub struct Version {
    pub number: u32,
    pub definition: String,
    pub role_arn: String,
    pub description: Option<String>,
    pub revision: Option<String>,
    pub created_ms: i64,
}

/// An alias of a state machine.
#[derive(Clone, Debug)]
pub struct Alias {
    pub name: String,
    pub description: Option<String>,
    /// Versions and their weights, which add up to 100.
    pub routing: Vec<(u32, u32)>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// The API's own data of an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartedBy {
    pub version: Option<u32>,
    pub alias: Option<String>,
    /// The client token of the last redrive, and the number of redrives before it.
    pub redrive_token: Option<String>,
    pub redrive_from: u64,
}

/// The open file.
pub struct Store {
    connection: Connection,
    file: PathBuf,
}

const MACHINE: &str = "name, definition, role_arn, created_with, logging, tracing, created_ms, updated_ms, revision, \
                       last_version, given";
const VERSION_COLUMNS: &str = "number, definition, role_arn, description, revision, created_ms";
const ALIAS: &str = "name, description, routing, created_ms, updated_ms";
const STARTED_BY: &str = "version, alias, redrive_token, redrive_from";

impl Store {
    /// Opens the file, and creates it if missing. The engine holds the data directory's lock. Error messages contain
    /// the remedy.
    pub fn open(data: &Path) -> Result<Self, ServerError> {
        let file = data.join(FILE);
        // SQLite gives its other files the permissions of this one.
        database::create_empty(&file).map_err(ServerError::FileNotCreated)?;
        let failed = |error: rusqlite::Error| ServerError::FileUnusable {
            file: file.clone(),
            detail: error.to_string(),
        };
        let connection = database::open_writable(&file, &WriteOptions::default()).map_err(failed)?;
        let found = prepare(&connection).map_err(failed)?;
        if found > VERSION {
            return Err(ServerError::FileNewer {
                file,
                found,
                known: VERSION,
            });
        }
        Ok(Self { connection, file })
    }

    /// Returns a setting that the first call stores and later calls don't change.
    pub fn get_or_store(&self, key: &str, first: &str) -> Result<String, ApiError> {
        self.run(|db| {
            db.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)", [key, first])?;
            db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        })
    }

    pub fn machine(&self, name: &str) -> Result<Option<Machine>, ApiError> {
        let sql = format!("SELECT {MACHINE} FROM machines WHERE name = ?1");
        self.run(|db| db.prepare_cached(&sql)?.query_row([name], machine).optional())
    }

    pub fn machines(&self) -> Result<Vec<Machine>, ApiError> {
        let sql = format!("SELECT {MACHINE} FROM machines ORDER BY name");
        self.run(|db| db.prepare_cached(&sql)?.query_map([], machine)?.collect())
    }

    /// Writes a machine. Its versions and aliases stay.
    pub fn put_machine(&self, machine: &Machine) -> Result<(), ApiError> {
        let sql = format!(
            "INSERT INTO machines ({MACHINE}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (name) DO UPDATE SET definition = ?2, role_arn = ?3, created_with = ?4, logging = ?5, tracing = ?6,
             updated_ms = ?8, revision = ?9, last_version = ?10, given = ?11"
        );
        self.run(|db| {
            db.prepare_cached(&sql)?.execute(params![
                machine.name,
                machine.definition,
                machine.role_arn,
                machine.created_with,
                machine.logging,
                machine.tracing,
                machine.created_ms,
                machine.updated_ms,
                machine.revision,
                machine.last_version,
                machine.is_provided,
            ])
        })?;
        Ok(())
    }

    /// Writes a new machine with its first version and its tags, in one transaction.
    pub fn create_machine(
        &self,
        machine: &Machine,
        version: Option<&Version>,
        tags: &[(String, String)],
    ) -> Result<(), ApiError> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(|error| self.failed(&error))?;
        self.put_machine(machine)?;
        if let Some(version) = version {
            self.insert_version(machine, version)?;
        }
        self.insert_tags(&machine.name, tags)?;
        self.run(|_| transaction.commit())
    }

    /// Returns the tags of a machine, sorted by key.
    pub fn tags(&self, machine: &str) -> Result<Vec<(String, String)>, ApiError> {
        let sql = "SELECT key, value FROM tags WHERE machine = ?1 ORDER BY key";
        self.run(|db| {
            db.prepare_cached(sql)?
                .query_map([machine], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Writes tags and replaces those with the same keys.
    pub fn put_tags(&self, machine: &str, tags: &[(String, String)]) -> Result<(), ApiError> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(|error| self.failed(&error))?;
        self.insert_tags(machine, tags)?;
        self.run(|_| transaction.commit())
    }

    fn insert_tags(&self, machine: &str, tags: &[(String, String)]) -> Result<(), ApiError> {
        let sql = "INSERT OR REPLACE INTO tags (machine, key, value) VALUES (?1, ?2, ?3)";
        for (key, value) in tags {
            self.run(|db| db.prepare_cached(sql)?.execute([machine, key, value]))?;
        }
        Ok(())
    }

    /// Deletes the tags with these keys.
    pub fn delete_tags(&self, machine: &str, keys: &[String]) -> Result<(), ApiError> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(|error| self.failed(&error))?;
        for key in keys {
            self.run(|db| db.execute("DELETE FROM tags WHERE machine = ?1 AND key = ?2", [machine, key]))?;
        }
        self.run(|_| transaction.commit())
    }

    /// Deletes a machine with its versions, aliases and tags. Its executions stay.
    pub fn delete_machine(&self, name: &str) -> Result<(), ApiError> {
        self.run(|db| db.execute("DELETE FROM machines WHERE name = ?1", [name]))?;
        Ok(())
    }

    /// Writes a machine and a new version of it, in one transaction.
    pub fn put_with_version(&self, machine: &Machine, version: &Version) -> Result<(), ApiError> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(|error| self.failed(&error))?;
        self.put_machine(machine)?;
        self.insert_version(machine, version)?;
        self.run(|_| transaction.commit())
    }

    fn insert_version(&self, machine: &Machine, version: &Version) -> Result<(), ApiError> {
        let sql = format!("INSERT INTO versions (machine, {VERSION_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
        self.run(|db| {
            db.prepare_cached(&sql)?.execute(params![
                machine.name,
                version.number,
                version.definition,
                version.role_arn,
                version.description,
                version.revision,
                version.created_ms,
            ])
        })?;
        Ok(())
    }

    pub fn version(&self, machine: &str, number: u32) -> Result<Option<Version>, ApiError> {
        let sql = format!("SELECT {VERSION_COLUMNS} FROM versions WHERE machine = ?1 AND number = ?2");
        self.run(|db| {
            db.prepare_cached(&sql)?
                .query_row(params![machine, number], version)
                .optional()
        })
    }

    /// Returns the versions of a machine, newest first.
    pub fn versions(&self, machine: &str) -> Result<Vec<Version>, ApiError> {
        let sql = format!("SELECT {VERSION_COLUMNS} FROM versions WHERE machine = ?1 ORDER BY number DESC");
        self.run(|db| db.prepare_cached(&sql)?.query_map([machine], version)?.collect())
    }

    pub fn delete_version(&self, machine: &str, number: u32) -> Result<(), ApiError> {
        self.run(|db| {
            db.execute(
                "DELETE FROM versions WHERE machine = ?1 AND number = ?2",
                params![machine, number],
            )
        })?;
        Ok(())
    }

    pub fn alias(&self, machine: &str, name: &str) -> Result<Option<Alias>, ApiError> {
        let sql = format!("SELECT {ALIAS} FROM aliases WHERE machine = ?1 AND name = ?2");
        self.run(|db| db.prepare_cached(&sql)?.query_row([machine, name], alias).optional())
    }

    /// Returns the aliases of a machine, sorted by name.
    pub fn aliases(&self, machine: &str) -> Result<Vec<Alias>, ApiError> {
        let sql = format!("SELECT {ALIAS} FROM aliases WHERE machine = ?1 ORDER BY name");
        self.run(|db| db.prepare_cached(&sql)?.query_map([machine], alias)?.collect())
    }

    pub fn put_alias(&self, machine: &str, alias: &Alias) -> Result<(), ApiError> {
        let routing = Value::from_iter(alias.routing.iter().map(|(version, weight)| vec![*version, *weight]));
        let sql = format!("INSERT OR REPLACE INTO aliases (machine, {ALIAS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        self.run(|db| {
            db.prepare_cached(&sql)?.execute(params![
                machine,
                alias.name,
                alias.description,
                routing.to_string(),
                alias.created_ms,
                alias.updated_ms,
            ])
        })?;
        Ok(())
    }

    pub fn delete_alias(&self, machine: &str, name: &str) -> Result<(), ApiError> {
        self.run(|db| db.execute("DELETE FROM aliases WHERE machine = ?1 AND name = ?2", [machine, name]))?;
        Ok(())
    }

    pub fn started_by(&self, arn: &str) -> Result<Option<StartedBy>, ApiError> {
        let sql = format!("SELECT {STARTED_BY} FROM executions WHERE arn = ?1");
        self.run(|db| db.prepare_cached(&sql)?.query_row([arn], started_by).optional())
    }

    pub fn put_started_by(&self, arn: &str, by: &StartedBy) -> Result<(), ApiError> {
        let sql = format!("INSERT OR REPLACE INTO executions (arn, {STARTED_BY}) VALUES (?1, ?2, ?3, ?4, ?5)");
        let from = by.redrive_from.cast_signed();
        self.run(|db| {
            db.prepare_cached(&sql)?
                .execute(params![arn, by.version, by.alias, by.redrive_token, from])
        })?;
        Ok(())
    }

    pub fn forget_started_by(&self, arn: &str) -> Result<(), ApiError> {
        self.run(|db| db.execute("DELETE FROM executions WHERE arn = ?1", [arn]))?;
        Ok(())
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ApiError> {
        work(&self.connection).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> ApiError {
        ApiError::unavailable(format!(
            "{} cannot be read or written: {error}. Free space or make it writable, and repeat the request",
            self.file.display()
        ))
    }
}

/// Creates missing tables. Returns the version found.
fn prepare(connection: &Connection) -> rusqlite::Result<i64> {
    let transaction = connection.unchecked_transaction()?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found == 0 {
        transaction.execute_batch("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;")?;
        transaction.execute_batch(include_str!("schema.sql"))?;
    }
    if found < 2 {
        transaction.execute_batch(include_str!("schema_2.sql"))?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(found)
}

fn machine(row: &Row<'_>) -> rusqlite::Result<Machine> {
    Ok(Machine {
        name: row.get(0)?,
        definition: row.get(1)?,
        role_arn: row.get(2)?,
        created_with: row.get(3)?,
        logging: row.get(4)?,
        tracing: row.get(5)?,
        created_ms: row.get(6)?,
        updated_ms: row.get(7)?,
        revision: row.get(8)?,
        last_version: row.get(9)?,
        is_provided: row.get(10)?,
    })
}

fn version(row: &Row<'_>) -> rusqlite::Result<Version> {
    Ok(Version {
        number: row.get(0)?,
        definition: row.get(1)?,
        role_arn: row.get(2)?,
        description: row.get(3)?,
        revision: row.get(4)?,
        created_ms: row.get(5)?,
    })
}

fn alias(row: &Row<'_>) -> rusqlite::Result<Alias> {
    let routing: String = row.get(2)?;
    Ok(Alias {
        name: row.get(0)?,
        description: row.get(1)?,
        routing: serde_json::from_str(&routing).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
        })?,
        created_ms: row.get(3)?,
        updated_ms: row.get(4)?,
    })
}

fn started_by(row: &Row<'_>) -> rusqlite::Result<StartedBy> {
    Ok(StartedBy {
        version: row.get(0)?,
        alias: row.get(1)?,
        redrive_token: row.get(2)?,
        redrive_from: row.get::<_, i64>(3)?.cast_unsigned(),
    })
}
