//! The deliveries to the App's webhook, and requests for redelivery. Nothing is sent: a redelivery is recorded with the
//! status that the test set.

use super::FakeGithub;
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::State;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The maximum age of a delivery for GitHub's redelivery.
const REDELIVERABLE: SignedDuration = SignedDuration::from_hours(72);

/// All deliveries, and the status of the next redelivery.
#[derive(Clone, Debug)]
pub(crate) struct Deliveries {
    all: Vec<Delivery>,
    redelivery_status: u16,
}

#[derive(Clone, Debug)]
struct Delivery {
    id: u64,
    guid: String,
    delivered_at: Timestamp,
    is_redelivery: bool,
    status_code: u16,
    event: String,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            redelivery_status: 202,
        }
    }
}

impl FakeGithub {
    /// Adds a webhook that was sent so many seconds ago and answered with this status. Returns its guid.
    pub fn add_delivery(&self, event: &str, status_code: u16, seconds_ago: i64) -> String {
        let state = &mut self.shared.world().state;
        let id = state.id();
        let guid = format!("72d3162e-cc78-11e3-81ab-{id:012}");
        state.deliveries.all.push(Delivery {
            id,
            guid: guid.clone(),
            delivered_at: Timestamp::now() - SignedDuration::from_secs(seconds_ago),
            is_redelivery: false,
            status_code,
            event: event.to_owned(),
        });
        guid
    }

    /// Sets the status of later redeliveries. Default 202.
    pub fn set_redelivery_status(&self, status_code: u16) {
        self.shared.world().state.deliveries.redelivery_status = status_code;
    }

    /// Returns the guids of requested redeliveries, in the order of the requests.
    pub fn redelivered(&self) -> Vec<String> {
        let world = self.shared.world();
        let all = world.state.deliveries.all.iter();
        let again = all.filter(|delivery| delivery.is_redelivery);
        again.map(|delivery| delivery.guid.clone()).collect()
    }
}

/// Answers with one page, newest first; the cursor names the last delivery of the page before.
pub(crate) fn list(state: &State, request: &ApiRequest) -> Answered {
    request.app()?;
    let mut all: Vec<&Delivery> = state.deliveries.all.iter().collect();
    all.sort_by_key(|delivery| std::cmp::Reverse((delivery.delivered_at, delivery.id)));
    let is_success = |delivery: &Delivery| (200..400).contains(&delivery.status_code);
    match request.query("status") {
        Some("success") => all.retain(|delivery| is_success(delivery)),
        Some("failure") => all.retain(|delivery| !is_success(delivery)),
        _ => {}
    }
    let start = match request.query("cursor") {
        Some(cursor) => {
            let is_it = |delivery: &&Delivery| Some(delivery.id.to_string().as_str()) == cursor.strip_prefix("v1_");
            1 + all
                .iter()
                .position(is_it)
                .ok_or_else(|| Reply::error(400, "Invalid cursor"))?
        }
        None => 0,
    };
    let per_page = request.query("per_page").and_then(|text| text.parse().ok());
    let per_page: usize = per_page.unwrap_or(30).clamp(1, 100);
    let page = &all[start..all.len().min(start + per_page)];
    let is_last = start + page.len() == all.len();
    let next = page.last().filter(|_| !is_last).map(|last| {
        let (api, path) = (&request.api, &request.path);
        format!("<{api}{path}?per_page={per_page}&cursor=v1_{}>; rel=\"next\"", last.id)
    });
    let page: Vec<Value> = page.iter().map(|delivery| shown(delivery)).collect();
    Ok(Reply::json(200, &Value::Array(page)).linked(next))
}

pub(crate) fn redeliver(state: &mut State, request: &ApiRequest, id: &str) -> Answered {
    request.app()?;
    let known = state.deliveries.all.iter();
    let known = known.clone().find(|delivery| delivery.id.to_string() == id);
    let mut again = known.cloned().ok_or_else(Reply::not_found)?;
    let now = Timestamp::now();
    if now.duration_since(again.delivered_at) > REDELIVERABLE {
        return Err(Reply::invalid(
            "HookDelivery",
            "id",
            "custom",
            "The delivery is too old to be redelivered.",
        ));
    }
    again.id = state.id();
    again.delivered_at = now;
    again.is_redelivery = true;
    again.status_code = state.deliveries.redelivery_status;
    let effect = format!("redeliver {id}");
    state.deliveries.all.push(again);
    Ok(Reply::json(202, &json!({})).with_effect(effect))
}

fn shown(delivery: &Delivery) -> Value {
    let status = match delivery.status_code {
        200..400 => "OK".to_owned(),
        code => format!("Invalid HTTP Response: {code}"),
    };
    json!({
        "id": delivery.id, "guid": delivery.guid,
        "delivered_at": delivery.delivered_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "redelivery": delivery.is_redelivery, "duration": 0.27, "status": status, "status_code": delivery.status_code,
        "event": delivery.event, "action": null, "installation_id": FakeGithub::INSTALLATION_ID, "repository_id": null,
        "throttled_at": null,
    })
}
