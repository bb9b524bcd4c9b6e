//! Turns of calls: shares of accounts, slow answers, and the time that rests leave for a call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_core::model::account_shares::AccountShares;
use holdfast_core::model::run::RecordedAnswer;
use holdfast_core::port::{AskModel, ModelError, ModelRequest, TimeLimit};
use holdfast_core::provider::{PacedModel, Terms};
use holdfast_testkit::limited_provider::{CallEnd, LimitedProvider, ProviderRules, UnitEnd, VirtualPace};
use holdfast_testkit::logs::MemoryLogs;
use holdfast_testkit::virtual_reviews::{VirtualReviews as World, terms};

use crate::{MINUTE, SECOND, lost};

/// A provider that notes the time limits of its calls.
struct Noted(Arc<LimitedProvider>, Mutex<Vec<TimeLimit>>);

#[async_trait::async_trait]
impl AskModel for Noted {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        self.1.lock().unwrap().extend(request.time_limit);
        self.0.ask(request).await
    }
}

#[test]
fn a_rest_and_a_call_share_the_time_of_their_state() {
    let rules = ProviderRules {
        latency: 200 * SECOND,
        ..ProviderRules::default()
    };
    let mut world = World::new(rules, terms(1));
    let noted = Arc::new(Noted(Arc::clone(&world.provider), Mutex::default()));
    let pace = VirtualPace::new(&world.time, 300 * SECOND);
    let asked = Arc::clone(&noted) as Arc<dyn AskModel>;
    world.model = Arc::new(PacedModel::new(asked, Arc::new(MemoryLogs::default()), pace, terms(1)));
    assert_eq!(lost(&world.review(&[("t", 2, 2)])), [""; 0]);
    // The state has 890 seconds; the second call has rested until the first one's end.
    let whole: Vec<Duration> = noted.1.lock().unwrap().iter().map(|limit| limit.whole).collect();
    assert_eq!(whole, [840 * SECOND, 690 * SECOND]);
}

#[test]
fn tenants_get_the_shares_that_are_configured() {
    let shares = AccountShares::parse("B=3").unwrap();
    let world = World::new(ProviderRules::default(), Terms { shares, ..terms(8) });
    let ends = world.review(&[("a", 200, 8), ("b", 120, 8), ("c", 200, 8)]);
    assert_eq!(lost(&ends), [""; 0]);
    let until = ends[1].iter().map(|end| end.at).max().unwrap();
    // The first calls of all are granted in the order of arrival.
    let during = 10 * SECOND..until;
    let granted = |ends: &Vec<UnitEnd>| ends.iter().filter(|end| during.contains(&end.at)).count() as f64;
    for other in [&ends[0], &ends[2]] {
        let ratio = granted(&ends[1]) / granted(other);
        assert!((2.6..=3.4).contains(&ratio), "{ratio}");
    }
}

#[test]
fn fewer_calls_are_in_flight_while_answers_are_slow() {
    let rules = ProviderRules {
        crowded: Some((MINUTE, 10)),
        ..ProviderRules::default()
    };
    let world = World::new(rules, terms(40));
    let ends = world.review(&[("t", 1_500, 40)]);
    assert_eq!(lost(&ends), [""; 0]);
    assert_eq!(world.provider.most_in_flight(), 40);
    let during = MINUTE + 14 * SECOND..MINUTE + 28 * SECOND;
    let (mut calls, mut in_flight) = (0, 0);
    for call in world.provider.calls().iter().filter(|call| during.contains(&call.at)) {
        (calls, in_flight) = (calls + 1, in_flight + call.in_flight);
    }
    let mean = in_flight / calls;
    assert!((20..=32).contains(&mean), "{mean}");
    // The server's rate is the same, whatever the number.
    let ideal = MINUTE + 2 * SECOND * ((1_500 - 40 * 30) / 10);
    assert!(
        world.time.now() < ideal + ideal / 10,
        "{:?} {ideal:?}",
        world.time.now()
    );
}

#[test]
fn a_provider_that_refuses_everything_for_a_while_has_no_limit_afterwards() {
    for (begin, length, units) in [
        (Duration::ZERO, 20 * SECOND, 20),
        (Duration::ZERO, 5 * MINUTE, 100),
        (30 * SECOND, 20 * SECOND, 400),
        (30 * SECOND, 5 * MINUTE, 400),
    ] {
        let end = begin + length;
        let rules = ProviderRules {
            busy: vec![begin..end],
            ..ProviderRules::default()
        };
        let world = World::new(rules, terms(10));
        assert_eq!(lost(&world.review(&[("t", units, 10)])), [""; 0]);
        let refused = world.provider.count(CallEnd::Limited);
        assert!(refused <= 40, "{begin:?} {length:?}: {refused}");
        // The last wait, twice the time of the rest, and half a minute.
        let answers = 2 * SECOND * u32::try_from(units / 10).unwrap();
        let most = end + MINUTE + 2 * answers + MINUTE / 2;
        assert!(
            world.time.now() < most,
            "{begin:?} {length:?}: {:?} of {most:?}",
            world.time.now()
        );
    }
}
