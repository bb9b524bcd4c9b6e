//! Downloads files that GitHub's API keeps on another host. That host gets the address only: no token and no header of
//! the API.

use http::Request;

use super::call::Call;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::redirect::elsewhere;

impl GithubConnection {
    /// Returns the bytes of the file that a call leads to, at most the call's `max_bytes`. Sends each request once.
    pub(super) async fn download(&self, call: Call) -> Result<Vec<u8>, Failure> {
        let (name, max_bytes) = (call.name(), call.max_bytes);
        let call = Call {
            leads_elsewhere: true,
            ..call
        };
        let reply = self.send(call).await?;
        if !reply.headers.contains_key(http::header::LOCATION) {
            return Ok(reply.body);
        }
        let Some(address) = elsewhere(&self.origin, &reply.headers) else {
            let line = format!("{name}: the file is at an address without https, which isn't called");
            return Err(Failure::new(Kind::NotFound, line));
        };
        // The address is a credential itself: only its host is named.
        let name = format!("{name} from {}", address.host_str().unwrap_or_default());
        let request = Request::builder().uri(address.as_str());
        let (status, reply) = self.complete(&name, request, None, max_bytes).await?;
        match status.as_u16() {
            200..=299 => Ok(reply.body),
            408 | 429 | 500.. => Err(Failure::unavailable(&name, status.as_str())),
            _ => {
                let line = format!("{name}: the host refuses it ({})", status.as_str());
                Err(Failure::new(Kind::NotFound, line))
            }
        }
    }
}
