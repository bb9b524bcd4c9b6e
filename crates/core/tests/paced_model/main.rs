//! Model calls behind the shared state of their provider, in virtual time: limits, outages, refusals, fairness.

#![expect(clippy::unwrap_used, reason = "tests")]

mod turns;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::payer::Payer;
use holdfast_core::model::price::Prices;
use holdfast_core::model::run::RecordedAnswer;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{
    AskModel, ModelCall, ModelError, ModelEvent, ModelRequest, Reached, WaitFor, Waiting, WatchModels,
};
use holdfast_core::provider::{FallbackModel, PacedModel, SpendLimits, Terms};
use holdfast_testkit::limited_provider::{
    CallEnd, LimitedProvider, POISON, ProviderRules, UnitEnd, VirtualPace, run_unit,
};
use holdfast_testkit::logs::MemoryLogs;
use holdfast_testkit::port::run_name;
use holdfast_testkit::virtual_reviews::{VirtualReviews as World, request, terms};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Two providers in one: the configured model's, and the fallback's.
struct TwoProviders(Arc<LimitedProvider>, Arc<LimitedProvider>);

#[async_trait::async_trait]
impl AskModel for TwoProviders {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let Self(asked, fallback) = self;
        match request.model.provider() {
            "anthropic" => fallback.ask(request).await,
            _ => asked.ask(request).await,
        }
    }
}

fn lost(ends: &[Vec<UnitEnd>]) -> Vec<&'static str> {
    ends.iter().flatten().filter_map(|end| end.error).collect()
}

#[test]
fn a_learned_limit_loses_no_file_and_wastes_few_calls() {
    for (per_minute, states_limits, hides_waits) in [(20, true, false), (20, false, false), (10, false, true)] {
        let rules = ProviderRules {
            requests_per_minute: Some(per_minute),
            states_limits,
            hides_waits,
            ..ProviderRules::default()
        };
        let world = World::new(rules, terms(10));
        let ends = world.review(&[("t", 6 * per_minute as usize, 10)]);
        assert_eq!(lost(&ends), [""; 0]);
        let (refused, took) = (world.provider.count(CallEnd::Limited), world.time.now());
        let ideal = MINUTE * 6;
        // Without headers and waits, the limit is found by trying.
        let percent = if hides_waits { 150 } else { 105 };
        assert!(
            took < ideal * percent / 100 + 5 * SECOND,
            "goodput: {took:?} of {ideal:?}"
        );
        assert!(refused <= 20, "{refused} calls were refused");
    }
}

#[test]
fn a_configured_limit_is_never_exceeded() {
    let rules = ProviderRules {
        requests_per_minute: Some(60),
        tokens_per_minute: Some(6_000),
        concurrent: 10,
        ..ProviderRules::default()
    };
    let mut terms = terms(10);
    terms.limits.requests_per_minute = Some(60);
    terms.limits.input_tokens_per_minute = Some(6_000);
    let world = World::new(rules, terms);
    let ends = world.review(&[("a", 100, 10), ("b", 100, 10), ("c", 50, 10)]);
    assert_eq!(lost(&ends), [""; 0]);
    assert_eq!(world.provider.count(CallEnd::Limited), 0);
}

#[test]
fn a_wait_tells_a_limit_of_the_settings_from_one_of_the_provider() {
    for (configured, of_provider, is_own) in [(Some(2), None, true), (None, Some(2), false), (Some(9), Some(2), false)]
    {
        let rules = ProviderRules {
            requests_per_minute: of_provider,
            states_limits: true,
            ..ProviderRules::default()
        };
        let mut terms = terms(10);
        terms.limits.requests_per_minute = configured;
        let world = World::resting(rules, terms, Duration::ZERO);
        let model = Arc::clone(&world.model);
        let first_wait = async move {
            let (run, payer) = (run_name("r"), Payer::default());
            for unit in 0..20 {
                let call = ModelCall {
                    run: &run,
                    payer: &payer,
                    part: &format!("u{unit}"),
                    attempt: 1,
                    is_risky: false,
                    may_batch: false,
                    waiting: Waiting::default(),
                };
                if let Reached::Wait { waiting, .. } = model.reach(&call, &request(&run)).await.unwrap() {
                    return Some((waiting.subject, waiting.is_own_limit));
                }
            }
            None
        };
        let waits: Vec<_> = world.time.run([first_wait]);
        assert_eq!(
            waits,
            [Some((WaitFor::Limit, is_own))],
            "{configured:?} {of_provider:?}"
        );
    }
}

#[test]
fn reviews_share_the_concurrent_calls_of_the_deployment() {
    // In one process a call's end wakes the next one. A function can't be woken, and comes back by an estimate.
    for (rest, percent) in [(300 * SECOND, 105), (2 * SECOND, 200)] {
        let world = World::resting(ProviderRules::default(), terms(10), rest);
        let reviews: Vec<_> = (0..10).map(|_| ("t", 30, 10)).collect();
        let ends = world.review(&reviews);
        assert_eq!(lost(&ends), [""; 0]);
        assert_eq!(world.provider.most_in_flight(), 10);
        let (took, ideal) = (world.time.now(), 300 * 2 * SECOND / 10);
        assert!(took <= ideal * percent / 100, "{took:?} of {ideal:?}");
    }
}

#[test]
fn an_outage_loses_no_file_and_one_call_at_a_time_probes() {
    for (length, probes) in [(30 * SECOND, 6), (10 * MINUTE, 11), (2 * HOUR, 33)] {
        let begin = 5 * SECOND;
        let rules = ProviderRules {
            outages: vec![begin..begin + length],
            ..ProviderRules::default()
        };
        let world = World::new(rules, terms(10));
        let ends = world.review(&[("t", 100, 10)]);
        assert_eq!(lost(&ends), [""; 0], "{length:?}");
        let calls = world.provider.calls();
        let wasted: Vec<_> = calls.iter().filter(|call| call.end == CallEnd::Failed).collect();
        let begun_in_it = wasted.iter().filter(|call| call.at >= begin).count();
        assert!(begun_in_it <= probes, "{begun_in_it} begun in {length:?}");
        assert!(wasted.len() <= 10 + probes, "{} wasted", wasted.len());
        // At most one gap between probes, and the rest of the work with its slow begin.
        let after = world.time.now() - begin - length;
        assert!(
            after < length / 2 + 5 * MINUTE.min(length) + 60 * SECOND,
            "{after:?} after {length:?}"
        );
    }
}

#[test]
fn a_fallback_answers_during_an_outage_and_only_then() {
    let (begin, length) = (5 * SECOND, 10 * MINUTE);
    let outage = ProviderRules {
        outages: vec![begin..begin + length],
        ..ProviderRules::default()
    };
    for (other, waits_for_both) in [(ProviderRules::default(), false), (outage.clone(), true)] {
        let mut world = World::new(outage.clone(), terms(10));
        let fallback = LimitedProvider::start(other, &world.time);
        let both = Arc::new(TwoProviders(Arc::clone(&world.provider), Arc::clone(&fallback)));
        let pace = VirtualPace::new(&world.time, 300 * SECOND);
        let paced = PacedModel::new(both, Arc::new(MemoryLogs::default()), pace.clone(), terms(10));
        world.model = Arc::new(FallbackModel::new(
            paced,
            Some("anthropic/other".parse().unwrap()),
            pace,
            Arc::new(()),
        ));
        let ends = world.review(&[("t", 8_000, 10)]);
        assert_eq!(lost(&ends), [""; 0]);
        let (calls, of_fallback) = (world.provider.calls(), fallback.calls());
        let probes = calls
            .iter()
            .filter(|call| call.end == CallEnd::Failed && call.at >= begin);
        assert!(
            probes.count() <= 11,
            "one call at a time still tries the configured model"
        );
        let in_outage = |at: &Duration| *at >= begin && *at <= begin + length + 5 * MINUTE;
        assert!(of_fallback.iter().all(|call| in_outage(&call.at)));
        assert!(
            calls
                .iter()
                .any(|call| call.end == CallEnd::Answered && call.at > begin + length)
        );
        let answered: Vec<_> = (of_fallback.iter())
            .filter(|call| call.end == CallEnd::Answered && call.at <= begin + length)
            .collect();
        if waits_for_both {
            assert!(answered.is_empty(), "{answered:?}");
        } else {
            // Ten calls at a time, two seconds each: little is lost at the begin and by the probes.
            assert!(answered.len() >= 10 * 300 * 9 / 10, "{}", answered.len());
            assert!(world.time.now() < 8_000 / 10 * 2 * SECOND * 115 / 100);
        }
    }
}

#[test]
fn a_fallback_is_not_asked_for_an_outage_that_was_over_long_ago() {
    let outage = ProviderRules {
        outages: vec![5 * SECOND..MINUTE],
        ..ProviderRules::default()
    };
    let mut world = World::new(outage, terms(10));
    let fallback = LimitedProvider::start(ProviderRules::default(), &world.time);
    let both = Arc::new(TwoProviders(Arc::clone(&world.provider), Arc::clone(&fallback)));
    let pace = VirtualPace::new(&world.time, 300 * SECOND);
    let paced = PacedModel::new(both, Arc::new(MemoryLogs::default()), pace.clone(), terms(10));
    let other = Some("anthropic/other".parse().unwrap());
    world.model = Arc::new(FallbackModel::new(paced, other, pace, Arc::new(())));
    // The fallback reads the last files, so nobody notices the outage's end.
    assert_eq!(lost(&world.review(&[("t", 60, 10)])), [""; 0]);
    let during = fallback.calls().len();
    assert!(during > 0);
    world.time.run([world.time.sleep(HOUR)]);
    let before = world.time.now();
    assert_eq!(lost(&world.review(&[("t", 30, 10)])), [""; 0]);
    assert_eq!(fallback.calls().len(), during);
    let took = world.time.now() - before;
    assert!(took < 30 * SECOND, "{took:?}: the calls wait for the first answer only");
}

/// Counts the alarms.
#[derive(Default)]
struct Alarms(Mutex<usize>);

#[async_trait::async_trait]
impl WatchModels for Alarms {
    async fn observe(&self, _: &RunName, _: &ModelId, event: ModelEvent) {
        *self.0.lock().unwrap() += usize::from(matches!(event, ModelEvent::Alarm(_)));
    }
}

#[test]
fn the_operators_hear_of_a_refused_key_once_a_day_until_it_works_again() {
    let rules = ProviderRules {
        refusals: vec![Duration::ZERO..30 * HOUR, 31 * HOUR..40 * HOUR],
        ..ProviderRules::default()
    };
    let mut world = World::new(rules, terms(10));
    let (alarms, pace) = (Arc::new(Alarms::default()), VirtualPace::new(&world.time, 300 * SECOND));
    let provider = Arc::clone(&world.provider);
    let paced = PacedModel::new(provider, Arc::new(MemoryLogs::default()), pace, terms(10));
    let watch: Arc<dyn WatchModels> = Arc::clone(&alarms) as _;
    world.model = Arc::new(paced.watched_by(watch));
    let mut heard = Vec::new();
    for hour in 0..33 {
        world.review(&[("t", 3, 3)]);
        heard.push(*alarms.0.lock().unwrap());
        world.time.run([world.time.sleep(HOUR * (hour + 1) - world.time.now())]);
    }
    assert_eq!(
        (heard[0], heard[23], heard[24], heard[30], heard[32]),
        (1, 1, 2, 2, 3),
        "{heard:?}"
    );
}

#[test]
fn after_a_refused_key_no_other_call_is_made_for_a_moment() {
    let rules = ProviderRules {
        refusals: vec![Duration::ZERO..MINUTE],
        ..ProviderRules::default()
    };
    let world = World::new(rules, terms(10));
    let ends = world.review(&[("t", 300, 10)]);
    assert_eq!(lost(&ends), vec!["ModelUnauthorized"; 300]);
    assert!(world.provider.calls().len() <= 10, "only the calls in flight");
    // The key is replaced: the next review asks again after at most ten seconds.
    world.time.run([world.time.sleep(MINUTE)]);
    assert_eq!(lost(&world.review(&[("t", 3, 3)])), [""; 0]);
}

#[test]
fn a_server_that_was_never_reached_is_given_up_soon() {
    let rules = ProviderRules {
        outages: vec![Duration::ZERO..HOUR],
        ..ProviderRules::default()
    };
    let world = World::new(rules, terms(10));
    let ends = world.review(&[("t", 10, 10)]);
    assert_eq!(lost(&ends), vec!["ModelUnavailable"; 10]);
    assert!(world.time.now() <= 60 * SECOND, "{:?}", world.time.now());
    // Later files don't wait as long.
    let before = world.time.now();
    assert_eq!(lost(&world.review(&[("t", 50, 10)])).len(), 50);
    assert!(
        world.time.now() - before < 90 * SECOND,
        "{:?}",
        world.time.now() - before
    );
}

#[test]
fn patience_ends_a_wait_for_an_outage() {
    let begin = 5 * SECOND;
    let rules = ProviderRules {
        outages: vec![begin..begin + 8 * HOUR],
        ..ProviderRules::default()
    };
    let world = World::new(rules, terms(10));
    let ends = world.review(&[("t", 40, 10)]);
    assert_eq!(lost(&ends).len(), 10, "each lane's call at its begin");
    let given_up = world.time.now() - begin;
    assert!(given_up > 6 * HOUR && given_up < 13 * HOUR, "{given_up:?}");
}

#[test]
fn a_call_that_fails_alone_is_given_up_and_stops_nobody() {
    let world = World::new(ProviderRules::default(), terms(10));
    let (time, model) = (world.time.clone(), Arc::clone(&world.model));
    let poisoned = async move {
        time.sleep(5 * SECOND).await;
        let run = run_name("poisoned");
        let mut request = request(&run);
        request.prompt.turns[0].text = POISON.to_owned();
        vec![run_unit(model.as_ref(), &time, (&run, "t", "u1"), &request).await]
    };
    let mut all: Vec<Pin<Box<dyn Future<Output = Vec<UnitEnd>>>>> = vec![Box::pin(poisoned)];
    for lane in 0..10 {
        all.push(Box::pin(world.lane(0, "t", (lane..1_000).step_by(10))));
    }
    let ends = world.time.run(all);
    assert_eq!(ends[0][0].error, Some("ModelUnavailable"));
    let calls = world.provider.calls();
    assert_eq!(calls.iter().filter(|call| call.system == "poisoned").count(), 6);
    assert_eq!(lost(&ends).len(), 1);
    let took = ends[1..].iter().flatten().map(|end| end.at).max().unwrap();
    assert!(took <= 200 * SECOND * 115 / 100, "{took:?} of 200 s");
}

#[test]
fn the_last_file_that_fails_alone_is_given_up_soon() {
    let world = World::new(ProviderRules::default(), terms(10));
    let (time, model) = (world.time.clone(), Arc::clone(&world.model));
    let poisoned = async move {
        let run = run_name("poisoned");
        let mut request = request(&run);
        request.prompt.turns[0].text = POISON.to_owned();
        time.sleep(SECOND).await;
        vec![run_unit(model.as_ref(), &time, (&run, "t", "u1"), &request).await]
    };
    let mut all: Vec<Pin<Box<dyn Future<Output = Vec<UnitEnd>>>>> = vec![Box::pin(poisoned)];
    for lane in 0..5 {
        all.push(Box::pin(world.lane(0, "t", lane..lane + 1)));
    }
    let ends = world.time.run(all);
    assert_eq!(ends[0][0].error, Some("ModelUnavailable"));
    assert_eq!(lost(&ends).len(), 1);
    assert!(world.time.now() < 2 * MINUTE, "{:?}", world.time.now());
}

#[test]
fn a_server_that_starts_late_loses_no_file() {
    let rules = ProviderRules {
        outages: vec![Duration::ZERO..20 * SECOND],
        ..ProviderRules::default()
    };
    let world = World::new(rules, terms(10));
    assert_eq!(lost(&world.review(&[("t", 20, 10)])), [""; 0]);
    assert!(world.time.now() < MINUTE, "{:?}", world.time.now());
}

#[test]
fn tenants_get_equal_shares() {
    for tenants in [1, 4, 16] {
        let world = World::new(ProviderRules::default(), terms(8));
        let names = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
        ];
        // One of them has a much larger change, with as many units at once.
        let reviews: Vec<_> = (0..tenants)
            .map(|at| (names[at], if at == 0 { 100 } else { 16 }, 4))
            .collect();
        let ends = world.review(&reviews);
        assert_eq!(lost(&ends), [""; 0]);
        // While all are backlogged: until the first has finished.
        let until = ends
            .iter()
            .map(|ends| ends.iter().map(|end| end.at).max().unwrap())
            .min()
            .unwrap();
        let granted = |ends: &Vec<UnitEnd>| ends.iter().filter(|end| end.at <= until).count() as f64;
        let granted: Vec<f64> = ends.iter().map(granted).collect();
        let sum: f64 = granted.iter().sum();
        let jain = sum * sum / (granted.len() as f64 * granted.iter().map(|part| part * part).sum::<f64>());
        assert!(jain >= 0.95, "{tenants} tenants: {jain} {granted:?}");
    }
}

#[test]
fn a_small_change_is_not_behind_a_large_one() {
    let world = World::new(ProviderRules::default(), terms(10));
    let (time, model) = (world.time.clone(), Arc::clone(&world.model));
    let big = (0..10).map(|lane| world.lane(0, "t", (lane..300).step_by(10)));
    let small = async move {
        time.sleep(5 * SECOND).await;
        let run = run_name("small");
        vec![run_unit(model.as_ref(), &time, (&run, "t", "u1"), &request(&run)).await]
    };
    let mut all: Vec<Pin<Box<dyn Future<Output = Vec<UnitEnd>>>>> = Vec::new();
    for lane in big {
        all.push(Box::pin(lane));
    }
    all.push(Box::pin(small));
    let ends = world.time.run(all);
    let took = ends.last().unwrap()[0].at;
    assert!(took <= 2 * SECOND * 3 / 2 + 2 * SECOND, "{took:?}");
}

#[test]
fn calls_stop_before_a_limit_of_money_and_a_failed_call_costs_nothing() {
    // A call's prompt is estimated at 101 input tokens, its answer at no more than 100: 0.0201 dollars. It costs 0.011.
    let spend = |limit: u64| SpendLimits {
        per_run: Some(limit),
        prices: Prices::parse("openai/m=100/100", true).unwrap(),
        ..SpendLimits::default()
    };
    for (limit, at_once, answered) in [
        (50_000_000, 1, 3),
        (50_000_000, 5, 3),
        (19_000_000, 5, 0),
        (1_000_000_000, 5, 30),
    ] {
        let begin = 3 * SECOND;
        let rules = ProviderRules {
            outages: vec![begin..begin + 30 * SECOND],
            prices: spend(1).prices,
            ..ProviderRules::default()
        };
        let world = World::new(
            rules,
            Terms {
                spend: spend(limit),
                ..terms(at_once)
            },
        );
        let ends = world.review(&[("t", 30, at_once as usize)]);
        assert_eq!(world.provider.count(CallEnd::Answered), answered, "{limit}");
        assert_eq!(lost(&ends), vec!["SpendLimitReached"; 30 - answered], "{limit}");
    }
}
