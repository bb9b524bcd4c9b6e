//! Addresses of servers: https, or http to this machine and to hosts that an operator allows.

use std::net::IpAddr;

use url::{Host, Url};

/// A text that is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It isn't a URL.
    #[error("{0:?} is not an address ({1}): expected https://HOST, or http://127.0.0.1:PORT")]
    Malformed(String, #[source] url::ParseError),
    /// Plain HTTP to another machine.
    #[error("{0:?}: http is allowed for loopback hosts only: use https")]
    Unencrypted(String),
    /// Plain HTTP to another machine that an operator can allow by its name.
    #[error("{0:?}: http is allowed for loopback hosts only: use https, or name the host in HOLDFAST_ALLOW_HTTP")]
    HostNotNamed(String),
    /// Neither HTTP nor HTTPS.
    #[error("{0:?}: scheme {1:?} is not allowed: use https")]
    Scheme(String, String),
    /// It has no host, or parts that may be secret.
    #[error("an address needs a host, and must not hold a user, a password or a query")]
    Parts,
}

/// A text that is not a host on its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} isn't a host: expected hosts that commas separate, such as models.example.internal,10.0.0.7, without scheme, port, path or wildcard"
)]
pub struct InvalidHost(String);

/// Hosts besides loopback that allow plain http.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpHosts(Vec<Host<String>>);

impl HttpHosts {
    /// Parses hosts that commas separate: names or IP addresses.
    ///
    /// # Errors
    /// The first entry that isn't a host on its own: it has a scheme, a port, a path or a wildcard.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(parse_host).collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether plain http is allowed to this address's host. Loopback always is.
    pub fn allows(&self, url: &Url) -> bool {
        let is_listed = |host: Host<&str>| self.0.contains(&host.to_owned());
        is_loopback(url) || url.host().is_some_and(is_listed)
    }

    /// Parses an address as [`parse_url`] does, and also accepts http to these hosts.
    ///
    /// # Errors
    ///
    /// The address is invalid or not allowed.
    pub fn parse_url(&self, text: &str) -> Result<Url, InvalidAddress> {
        parse(text, |url| match self.allows(url) {
            true => Ok(()),
            false => Err(InvalidAddress::HostNotNamed(text.to_owned())),
        })
    }
}

/// Parses a host as the URL standard does, so that it compares with an address's host.
fn parse_host(text: &str) -> Result<Host<String>, InvalidHost> {
    // An IPv6 address needs no brackets here.
    let bare = match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => text.to_owned(),
    };
    match Host::parse(&bare) {
        Ok(host) if !bare.contains(['*', '/', '@']) => Ok(host),
        Ok(_) | Err(_) => Err(InvalidHost(text.to_owned())),
    }
}

/// Returns whether an address's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

/// Parses a server's address: https, or http on loopback; no user, no query.
///
/// # Errors
///
/// The address is invalid or not allowed.
pub fn parse_url(text: &str) -> Result<Url, InvalidAddress> {
    parse(text, |url| match is_loopback(url) {
        true => Ok(()),
        false => Err(InvalidAddress::Unencrypted(text.to_owned())),
    })
}

fn parse(text: &str, check_http: impl FnOnce(&Url) -> Result<(), InvalidAddress>) -> Result<Url, InvalidAddress> {
    let url = Url::parse(text).map_err(|error| InvalidAddress::Malformed(text.to_owned(), error))?;
    match url.scheme() {
        "https" => {}
        "http" => check_http(&url)?,
        other => return Err(InvalidAddress::Scheme(text.to_owned(), other.to_owned())),
    }
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(InvalidAddress::Parts);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_allowed_to_hosts_that_are_named() {
        for (hosts, url, is_allowed) in [
            ("", "http://models.lan:8000/v1", false),
            ("", "http://127.0.0.1:1", true),
            ("", "http://localhost", true),
            ("models.lan", "http://models.lan:8000/v1", true),
            ("MODELS.lan", "http://Models.LAN", true),
            ("models.lan", "http://evil.models.lan", false),
            ("models.lan", "http://models.lan.evil.example", false),
            ("models.lan", "https://other.example", true),
            ("a.lan, 10.0.0.7 ,", "http://10.0.0.7:11434", true),
            ("10.0.0.7", "http://10.0.0.70", false),
            ("fd00::7", "http://[fd00::7]:1", true),
            ("[fd00::7]", "http://[fd00:0::7]:1", true),
            ("models.lan", "http://user@models.lan", false),
            ("models.lan", "ftp://models.lan", false),
        ] {
            let parsed = HttpHosts::parse(hosts).map(|hosts| hosts.parse_url(url));
            assert_eq!(
                parsed.as_ref().map(Result::is_ok),
                Ok(is_allowed),
                "{hosts:?} {url:?}: {parsed:?}"
            );
        }
    }

    #[test]
    fn an_entry_that_is_not_a_host_is_named() {
        for entry in [
            "http://models.lan",
            "models.lan:8000",
            "models.lan/v1",
            "*",
            "*.lan",
            "a b",
            "user@models.lan",
            "[x]",
        ] {
            let problem = HttpHosts::parse(&format!("ok.lan,{entry}"));
            assert!(
                problem
                    .as_ref()
                    .is_err_and(|problem| problem.to_string().contains(entry)),
                "{entry}: {problem:?}"
            );
        }
    }
}
