//! Addresses: that of a pull request, copied from the browser, and that of an API's web site.

use holdfast_core::model::address::parse_url;
use holdfast_core::model::repository_name::RepositoryName;
use url::Url;

use super::error::{AddressError, GithubSetupError};

/// The address of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestAddress {
    /// The page's host. The API's host is a setting.
    pub host: String,
    /// The repository.
    pub repository: RepositoryName,
    /// Its number, from 1.
    pub number: u64,
}

/// Parses `https://HOST/OWNER/REPO/pull/N`; ignores what follows (`/files`, a fragment).
///
/// # Errors
///
/// The scheme is neither https nor http on a loopback host, or the address isn't that of a pull request.
pub fn parse_address(text: &str) -> Result<PullRequestAddress, AddressError> {
    let bare = text.split(['#', '?']).next().unwrap_or_default();
    let url = parse_url(bare).map_err(AddressError::Url)?;
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let shape = || AddressError::Shape(bare.to_owned());
    let [owner, repository, "pull", number, ..] = parts.as_slice() else {
        return Err(shape());
    };
    let number: u64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(shape)?;
    let repository = RepositoryName::new(owner, repository).map_err(|_| shape())?;
    let host = url.host_str().unwrap_or_default().to_owned();
    Ok(PullRequestAddress {
        host,
        repository,
        number,
    })
}

/// Returns the host of an API's web site: GitHub's APIs are at `api.…` of it, an Enterprise Server has one host for
/// both.
pub(super) fn web_host(api: &str) -> &str {
    match api.strip_prefix("api.") {
        Some(host) if host == "github.com" || host.ends_with(".ghe.com") => host,
        _ => api,
    }
}

/// Returns the address of an API's web site; default github.com.
pub(super) fn web_url(api: Option<&Url>) -> Result<Url, GithubSetupError> {
    let unusable = |error: url::ParseError| GithubSetupError::Url(error.into());
    let mut site = match api {
        Some(url) => url.clone(),
        None => Url::parse("https://github.com").map_err(unusable)?,
    };
    site.set_path("");
    let host = web_host(site.host_str().unwrap_or_default()).to_owned();
    site.set_host(Some(&host)).map_err(unusable)?;
    Ok(site)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;

    #[test]
    fn only_addresses_of_pull_requests_are_accepted() {
        let address = parse_address("https://github.com/o/r.rs/pull/12/files?x=1#diff").unwrap();
        assert_eq!(
            (address.repository.to_string().as_str(), address.number),
            ("o/r.rs", 12)
        );
        assert!(parse_address("http://127.0.0.1:8080/o/r/pull/1").is_ok());
        let long = format!("https://github.com/{}/r/pull/1", "o".repeat(101));
        for bad in [
            &long,
            "http://github.com/o/r/pull/1",
            "https://github.com/o/r/issues/1",
            "https://github.com/o/r/pull/0",
            "https://github.com/o/r/pull/x",
            "https://github.com/o/../pull/1",
            "https://u:p@github.com/o/r/pull/1",
            "ftp://github.com/o/r/pull/1",
            "://",
            "https://github.com/o/r%2f/pull/1",
        ] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }
}
