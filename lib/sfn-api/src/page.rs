//! Pages of lists: the size of a page, and the token of the next one. A token is only valid for the request that it was
//! issued for, with the same filters.

use sha2::{Digest, Sha256};

use super::error::ApiError;

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: i64 = 1_000;

/// Returns the size of a page for a request's `maxResults`.
pub fn size(max_results: Option<i64>) -> Result<usize, ApiError> {
    match max_results {
        None | Some(0) => Ok(DEFAULT_PAGE_SIZE),
        Some(limit @ 1..=MAX_PAGE_SIZE) => Ok(usize::try_from(limit).unwrap_or(DEFAULT_PAGE_SIZE)),
        Some(other) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{other}' at 'maxResults' failed to satisfy constraint: Member must be \
             between 0 and {MAX_PAGE_SIZE}"
        ))),
    }
}

/// Returns the token of the page after `position` of the list that `query` describes.
pub fn token(query: &str, position: &str) -> String {
    format!("{}{}", mark(query), hex::encode(position))
}

/// Returns the position in a token. Fails if the token was issued for another `query`.
pub fn position(query: &str, token: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let decoded = token.strip_prefix(&mark(query)).and_then(|rest| hex::decode(rest).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(ApiError::page_token)
}

/// Returns the position in a token, as a number.
pub fn number(query: &str, token: Option<&str>) -> Result<Option<u64>, ApiError> {
    position(query, token)?
        .map(|text| text.parse().map_err(|_| ApiError::page_token()))
        .transpose()
}

/// Returns one page of a list in memory, and the token of the next.
pub fn slice<T>(
    all: Vec<T>,
    query: &str,
    max_results: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let limit = size(max_results)?;
    let skipped = usize::try_from(number(query, next)?.unwrap_or(0)).map_err(|_| ApiError::page_token())?;
    let more = all.len() > skipped.saturating_add(limit);
    let next = more.then(|| token(query, &(skipped + limit).to_string()));
    Ok((all.into_iter().skip(skipped).take(limit).collect(), next))
}

fn mark(query: &str) -> String {
    hex::encode(&Sha256::digest(query.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_only_for_its_own_list() {
        let all: Vec<u32> = (0..5).collect();
        let (page, next) = slice(all.clone(), "q", Some(3), None).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(page, [0, 1, 2]);
        let rest = slice(all.clone(), "q", Some(3), next.as_deref());
        assert_eq!(rest, Ok((vec![3, 4], None)));
        for wrong in [next.as_deref(), Some(""), Some("é")] {
            assert_eq!(slice(all.clone(), "other", None, wrong), Err(ApiError::page_token()));
        }
        assert!(size(Some(1_001)).is_err() && size(Some(-1)).is_err() && size(Some(0)) == Ok(100));
    }
}
