//! Redirects: of requests about a renamed or transferred repository, and to the host of a file.

use holdfast_core::model::address::is_loopback;
use http::{HeaderMap, StatusCode, header};
use url::Url;

/// Returns the path below the API and the query that a redirect names; `None` if the answer isn't a redirect, or leads
/// away from this API. Credentials are sent to no other host, and to no other part of this one.
pub(super) fn place(
    origin: &str,
    prefix: &str,
    path: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<(String, String)> {
    // GitHub answers reads with 301 and writes with 307; each of these means the same request again.
    if !matches!(status.as_u16(), 301 | 302 | 307 | 308) {
        return None;
    }
    let location = headers.get(header::LOCATION)?.to_str().ok()?;
    let there = Url::parse(&format!("{origin}{prefix}{path}"))
        .ok()?
        .join(location)
        .ok()?;
    if there.origin().ascii_serialization() != origin || !there.username().is_empty() || there.password().is_some() {
        return None;
    }
    let path = there.path().strip_prefix(prefix)?;
    let query = there.query().map_or_else(String::new, |query| format!("?{query}"));
    path.starts_with('/').then(|| (path.to_owned(), query))
}

/// Returns the address of a file on another host; `None` if the answer names none that may be called: https, or http on
/// this machine where the API itself is there. Credentials aren't sent to it.
pub(super) fn elsewhere(origin: &str, headers: &HeaderMap) -> Option<Url> {
    let there = Url::parse(headers.get(header::LOCATION)?.to_str().ok()?).ok()?;
    let is_allowed = match there.scheme() {
        "https" => true,
        "http" => {
            is_loopback(&there) && Url::parse(origin).is_ok_and(|api| api.scheme() == "http" && is_loopback(&api))
        }
        _ => false,
    };
    let has_credentials = !there.username().is_empty() || there.password().is_some();
    (is_allowed && !has_credentials).then_some(there)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_redirect_is_followed_within_the_same_api_only() {
        const API: &str = "https://api.github.com";
        const GHES: &str = "https://ghe.example.org";
        let table = [
            (
                API,
                "",
                301,
                "https://api.github.com/repositories/7/pulls/1?page=2",
                Some(("/repositories/7/pulls/1", "?page=2")),
            ),
            (
                API,
                "",
                307,
                "/repositories/7/issues/1/comments",
                Some(("/repositories/7/issues/1/comments", "")),
            ),
            (
                API,
                "",
                302,
                "HTTPS://API.GITHUB.COM:443/repositories/7",
                Some(("/repositories/7", "")),
            ),
            (
                API,
                "",
                308,
                "https://api.github.com/a/../repositories/7",
                Some(("/repositories/7", "")),
            ),
            (API, "", 301, "https://evil.example/repositories/7", None),
            (API, "", 301, "//evil.example/repositories/7", None),
            (API, "", 301, "/\\evil.example/repositories/7", None),
            (API, "", 301, "http://api.github.com/repositories/7", None),
            (API, "", 301, "https://api.github.com:8443/repositories/7", None),
            (API, "", 301, "https://api.github.com.evil.example/repositories/7", None),
            (API, "", 301, "https://api.github.com@evil.example/repositories/7", None),
            (API, "", 301, "https://u:p@api.github.com/repositories/7", None),
            (API, "", 301, "javascript:alert(1)", None),
            (API, "", 304, "https://api.github.com/repositories/7", None),
            (API, "", 200, "https://api.github.com/repositories/7", None),
            (
                GHES,
                "/api/v3",
                301,
                "https://ghe.example.org/api/v3/repositories/7",
                Some(("/repositories/7", "")),
            ),
            (GHES, "/api/v3", 301, "https://ghe.example.org/login", None),
            (GHES, "/api/v3", 301, "https://ghe.example.org/api/v3evil/x", None),
        ];
        for (origin, prefix, status, location, expected) in table {
            let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())]);
            let status = StatusCode::from_u16(status).unwrap();
            let found = place(origin, prefix, "/repos/o/r/pulls/1", status, &headers);
            let found = found.as_ref().map(|(path, query)| (path.as_str(), query.as_str()));
            assert_eq!(found, expected, "{location}");
        }
        assert_eq!(
            place(API, "", "/repos/o/r", StatusCode::MOVED_PERMANENTLY, &HeaderMap::new()),
            None
        );
    }

    #[test]
    fn a_file_is_on_any_host_with_https() {
        const API: &str = "https://api.github.com";
        const HERE: &str = "http://127.0.0.1:8080";
        for (origin, location, is_followed) in [
            (API, "https://storage.example/a.zip?sig=x", true),
            (API, "https://api.github.com/a.zip", true),
            (API, "http://storage.example/a.zip", false),
            (API, "http://127.0.0.1/a.zip", false),
            (HERE, "http://127.0.0.1:9/a.zip", true),
            (HERE, "http://localhost/a.zip", true),
            (HERE, "http://storage.example/a.zip", false),
            (HERE, "http://127.0.0.1.evil.example/a.zip", false),
            ("http://ghe.lan", "http://127.0.0.1/a.zip", false),
            (API, "https://u:p@storage.example/a.zip", false),
            (API, "/a.zip", false),
            (API, "file:///etc/passwd", false),
            (API, "ftp://storage.example/a.zip", false),
        ] {
            let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())]);
            let found = elsewhere(origin, &headers);
            assert_eq!(found.is_some(), is_followed, "{origin} {location}");
        }
        assert_eq!(elsewhere(API, &HeaderMap::new()), None);
    }
}
