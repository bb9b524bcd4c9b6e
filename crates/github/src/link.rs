//! The `Link` header of a list: the addresses of its other pages.

use http::{HeaderMap, header};
use url::Url;

/// Returns a query parameter of the page that the header calls `rel`. The rest of the address is ignored, so that every
/// request goes to the API that the connection is for.
pub(super) fn query_parameter(headers: &HeaderMap, rel: &str, parameter: &str) -> Option<String> {
    let links = headers.get(header::LINK)?.to_str().ok()?;
    let rel = format!("rel=\"{rel}\"");
    let link = links.split(',').find(|link| link.contains(&rel))?;
    let (_, address) = link.split_once('<')?;
    let (address, _) = address.split_once('>')?;
    let address = Url::parse(address).ok()?;
    let found = address.query_pairs().find(|(name, _)| name == parameter);
    found.map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_parameter_is_read_from_the_link_with_the_relation() {
        let api = "https://api.github.com/app/hook/deliveries?per_page=100";
        for (link, rel, parameter, expected) in [
            (
                format!("<{api}&cursor=v1_17>; rel=\"next\""),
                "next",
                "cursor",
                Some("v1_17"),
            ),
            (
                format!("<{api}&cursor=a>; rel=\"prev\", <{api}&cursor=b%26c>; rel=\"next\""),
                "next",
                "cursor",
                Some("b&c"),
            ),
            (
                format!("<{api}&page=2>; rel=\"next\", <{api}&page=7>; rel=\"last\""),
                "last",
                "page",
                Some("7"),
            ),
            (format!("<{api}&page=2>; rel=\"next\""), "last", "page", None),
            (format!("<{api}&cursor=v1_17>; rel=\"prev\""), "next", "cursor", None),
            (format!("<{api}>; rel=\"next\""), "next", "cursor", None),
            ("rel=\"next\"".to_owned(), "next", "cursor", None),
        ] {
            let headers = HeaderMap::from_iter([(header::LINK, link.parse().unwrap())]);
            assert_eq!(query_parameter(&headers, rel, parameter).as_deref(), expected, "{link}");
        }
        assert_eq!(query_parameter(&HeaderMap::new(), "next", "cursor"), None);
    }
}
