//! The page of a work tree's repository, from its remote `origin`.

use std::path::Path;

use url::Url;

use super::open::open;

/// Maximum length of an address, in bytes.
const MAX_ADDRESS_BYTES: usize = 2_000;

/// Returns the https address of the page of the remote `origin`, without credentials. Returns nothing if there is no
/// such remote, or if it is not on a host. The page isn't requested.
pub async fn origin_page(path: &Path) -> Option<String> {
    super::bounded(path.to_owned(), |path| {
        let repository = open(path)?;
        let address = repository.config_snapshot().string("remote.origin.url");
        Ok(address.and_then(|address| page_of(&address.to_string())))
    })
    .await
    .ok()
    .flatten()
}

/// Returns the page of a remote's address: `https://HOST/PATH`, also for ssh and git. http keeps its scheme, and an
/// http or https address its port.
fn page_of(address: &str) -> Option<String> {
    if address.len() > MAX_ADDRESS_BYTES {
        return None;
    }
    let url = match address.contains("://") {
        true => Url::parse(address).ok()?,
        false => {
            // The short form of ssh: [USER@]HOST:PATH. A slash before the colon makes it a path.
            let (place, path) = address.split_once(':')?;
            let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
            // A Windows path is C:\PATH.
            // "NAME::ADDRESS" names a program, not a host.
            if place.contains(['/', '\\']) || host.len() < 2 || path.starts_with(':') {
                return None;
            }
            Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/'))).ok()?
        }
    };
    let (scheme, port) = match url.scheme() {
        "http" => ("http", url.port()),
        "https" => ("https", url.port()),
        "ssh" | "git" | "git+ssh" | "ssh+git" => ("https", None),
        _ => return None,
    };
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let page = Url::parse(&format!("{scheme}://{host}{port}{path}")).ok()?;
    Some(page.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_host_and_no_credentials() {
        for (address, page) in [
            ("https://github.com/o/r.git", Some("https://github.com/o/r")),
            (
                "https://user:secret@git.example:8443/o/r/",
                Some("https://git.example:8443/o/r"),
            ),
            (
                "https://token@github.com/o/r?access_token=x#y",
                Some("https://github.com/o/r"),
            ),
            ("http://git.example/o/r", Some("http://git.example/o/r")),
            ("git@github.com:o/r.git", Some("https://github.com/o/r")),
            ("host.example:/o/r", Some("https://host.example/o/r")),
            ("ssh://git@git.example:2222/o/r.git", Some("https://git.example/o/r")),
            ("git://git.example/o/r.git", Some("https://git.example/o/r")),
            ("../elsewhere", None),
            ("/srv/git/o.git", None),
            ("./a:b", None),
            ("C:\\work\\o", None),
            ("file:///srv/git/o.git", None),
            ("ext::sh -c x", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(page_of(address).as_deref(), page, "{address}");
        }
        assert_eq!(page_of(&format!("https://a.example/{}", "x".repeat(3_000))), None);
    }
}
