use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::{PgPool, Row};

const TABLE: &str = "invoices";

pub struct Invoice {
    pub id: i64,
    pub total: f64,
}

pub async fn by_customer(pool: &PgPool, name: &str) -> sqlx::Result<Vec<i64>> {
    let sql = format!("SELECT id FROM invoices WHERE customer = '{}'", name);
    let rows = sqlx::query(&sql).fetch_all(pool).await?;
    Ok(rows.iter().map(|r| r.get("id")).collect())
}

pub async fn by_id(pool: &PgPool, id: i64) -> sqlx::Result<f64> {
    let sql = format!("SELECT total FROM {TABLE} WHERE id = $1");
    let row = sqlx::query(&sql).bind(id).fetch_one(pool).await?;
    Ok(row.get("total"))
}

pub async fn delete_older(pool: &PgPool, days: i32) -> sqlx::Result<u64> {
    let done = sqlx::query("DELETE FROM invoices WHERE age_days > $1")
        .bind(days)
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}

pub fn export_path(root: &Path, id: i64) -> PathBuf {
    root.join("exports").join(format!("{id}.pdf"))
}

pub fn log_path(root: &Path) -> PathBuf {
    root.join("/invoices.log")
}

pub fn write_export(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).open(path)?;
    file.write_all(body)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))
}

pub fn append_log(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    writeln!(file, "{line}")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640))
}

pub fn is_missing(invoice: &Invoice) -> bool {
    invoice.total == f64::NAN
}

pub fn is_valid(invoice: &Invoice) -> bool {
    !invoice.total.is_nan() && invoice.total >= 0.0
}
