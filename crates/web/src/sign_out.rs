//! Sign-out: the session ends on the server, not only in the browser that has its cookie. Ended sessions are stored
//! as rows until they would have expired.

use holdfast_console::field;
use holdfast_core::port::{KeepRows, Precondition, RowError};
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde_json::json;

use crate::form::{Form, Seal};
use crate::reply::Reply;
use crate::sign_in::{SIGN_OUT, TOKEN};

/// Prefix of the rows' keys.
const GROUP: &str = "session/";
/// The field with the session's original expiry.
const UNTIL: &str = "until_ms";
/// Maximum number of ended sessions that are loaded.
const MAX_ENDED: usize = 100_000;

/// Ends the browser's session and returns `reply` with cookies that sign out. Returns `None` if the form isn't valid.
///
/// # Errors
/// The session's end cannot be stored.
pub async fn sign_out(
    seal: &Seal,
    rows: &dyn KeepRows,
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
    reply: Reply,
) -> Result<Option<Reply>, RowError> {
    if !seal.is_ours(headers, &Form::parse(body), SIGN_OUT, field::CSRF) {
        return Ok(None);
    }
    if let Some(signed_in) = seal.signed_in(headers, now_ms) {
        // A session can be ended twice.
        let until = json!({ UNTIL: signed_in.until_ms });
        rows.put(&format!("{GROUP}{}", signed_in.id), &until, Precondition::Absent)
            .await?;
        seal.end(&signed_in.id, signed_in.until_ms, now_ms);
    }
    let reply = reply.with(SET_COOKIE, &seal.sign_out());
    Ok(Some(reply.with(SET_COOKIE, &seal.used_up(TOKEN))))
}

/// Loads the sessions that were ended before this process started.
///
/// # Errors
/// The rows cannot be read.
pub async fn load_ended(seal: &Seal, rows: &dyn KeepRows, now_ms: i64) -> Result<(), RowError> {
    for (key, row) in rows.list(GROUP, MAX_ENDED).await? {
        let until_ms = row.value[UNTIL].as_i64().unwrap_or(i64::MAX);
        if until_ms > now_ms {
            seal.end(key.trim_start_matches(GROUP), until_ms, now_ms);
        }
    }
    Ok(())
}

/// Checks whether another process has ended the session of a request.
///
/// # Errors
/// The row cannot be read.
pub async fn refresh_ended(seal: &Seal, rows: &dyn KeepRows, headers: &HeaderMap, now_ms: i64) -> Result<(), RowError> {
    let Some(signed_in) = seal.signed_in(headers, now_ms) else {
        return Ok(());
    };
    if rows.get(&format!("{GROUP}{}", signed_in.id)).await?.is_some() {
        seal.end(&signed_in.id, signed_in.until_ms, now_ms);
    }
    Ok(())
}
