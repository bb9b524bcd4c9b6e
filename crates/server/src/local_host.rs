//! Protects servers of this machine from DNS rebinding. A page of another site whose name resolves to this machine
//! sends that name as its `Host` and is refused. Only IP addresses and `localhost` are accepted.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use holdfast_web::reply::Reply;

use crate::serve::respond;

/// Passes on requests whose `Host` is an address of this machine, and refuses those that name another host.
pub async fn by_address_only(request: Request, next: Next) -> Response {
    if is_by_address(request.headers(), request.uri()) {
        return next.run(request).await;
    }
    respond(Reply::new(
        StatusCode::FORBIDDEN,
        "text/plain; charset=utf-8",
        "this server only answers on this machine's own address: use http://127.0.0.1:PORT or http://localhost:PORT\n",
    ))
}

fn is_by_address(headers: &HeaderMap, uri: &Uri) -> bool {
    let mut named = headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return false;
    };
    let is_ours = |host: &str| {
        // A value that can't be parsed isn't an address.
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        let bare = authority.host().trim_start_matches('[').trim_end_matches(']');
        !host.contains('@') && (bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok())
    };
    host.to_str().is_ok_and(is_ours) && uri.authority().is_none_or(|authority| is_ours(authority.as_str()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn host_names_are_refused_and_addresses_are_accepted() {
        for (hosts, uri, expected) in [
            (&["127.0.0.1:8083"][..], "/", true),
            (&["127.0.0.1"], "/", true),
            (&["[::1]:8083"], "/", true),
            (&["localhost:8083"], "/", true),
            (&["LOCALHOST"], "/", true),
            (&["evil.example:8083"], "/", false),
            (&["localhost.evil.example"], "/", false),
            (&["127.0.0.1.evil.example:8083"], "/", false),
            (&["127.0.0.1@evil.example"], "/", false),
            (&["evil.example@127.0.0.1"], "/", false),
            (&[""], "/", false),
            (&[], "/", false),
            (&["127.0.0.1", "evil.example"], "/", false),
            (&["127.0.0.1:80"], "http://evil.example/", false),
            (&["127.0.0.1:80"], "http://127.0.0.1:80/", true),
        ] {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, host.parse().unwrap());
            }
            assert_eq!(
                is_by_address(&headers, &uri.parse().unwrap()),
                expected,
                "{hosts:?} {uri}"
            );
        }
    }
}
