//! Measures reviews under limits, outages, and beside each other, in virtual time, with a model server that enforces
//! them. Prints the tables and charts of docs/benchmarks.md.
//!
//! `cargo run --release -p holdfast-core --example limits`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a report")]

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::model::account_shares::AccountShares;
use holdfast_core::model::price::Prices;
use holdfast_core::provider::{SpendLimits, Terms};
use holdfast_testkit::limited_provider::{CallEnd, ProviderRules, SeenCall, UnitEnd, run_unit};
use holdfast_testkit::port::run_name;
use holdfast_testkit::virtual_reviews::{VirtualReviews, request, terms};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_millis(100);
/// A server's answer takes this time.
const ANSWER: Duration = Duration::from_secs(2);

fn main() {
    rates();
    slow_answers();
    outages();
    money();
    fairness();
    small_changes();
}

fn lost(ends: &[Vec<UnitEnd>]) -> usize {
    ends.iter().flatten().filter(|end| end.error.is_some()).count()
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

/// Reviews whose provider limits calls or tokens, or calls in flight.
fn rates() {
    println!("| limit | known by | units | seconds | share of the allowed rate | calls refused | files lost |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    let plain = ProviderRules::default;
    let per_minute = |calls| ProviderRules {
        requests_per_minute: Some(calls),
        ..plain()
    };
    for (limit, known, rules, configured) in [
        ("20 calls a minute", "setting", per_minute(20), Some(20)),
        (
            "20 calls a minute",
            "headers",
            ProviderRules {
                states_limits: true,
                ..per_minute(20)
            },
            None,
        ),
        ("20 calls a minute", "`Retry-After`", per_minute(20), None),
        (
            "20 calls a minute",
            "refusals alone",
            ProviderRules {
                hides_waits: true,
                ..per_minute(20)
            },
            None,
        ),
        ("300 calls a minute", "`Retry-After`", per_minute(300), None),
    ] {
        let calls = rules.requests_per_minute.unwrap_or(1);
        let mut terms = terms(20);
        terms.limits.requests_per_minute = configured;
        let world = VirtualReviews::new(rules, terms);
        let units = 10 * calls as usize;
        let ends = world.review(&[("t", units, 20)]);
        let took = world.time.now();
        let allowed = MINUTE.mul_f64(units as f64 / f64::from(calls));
        println!(
            "| {limit} | {known} | {units} | {} | {:.2} | {} | {} |",
            seconds(took),
            allowed.as_secs_f64() / took.as_secs_f64(),
            world.provider.count(CallEnd::Limited),
            lost(&ends)
        );
    }
    let rules = ProviderRules {
        concurrent: 5,
        ..plain()
    };
    let world = VirtualReviews::new(rules, terms(20));
    let ends = world.review(&[("t", 600, 20)]);
    let (took, ideal) = (world.time.now(), ANSWER * 600 / 5);
    println!(
        "| 5 calls in flight | refusals alone | 600 | {} | {:.2} | {} | {} |",
        seconds(took),
        ideal.as_secs_f64() / took.as_secs_f64(),
        world.provider.count(CallEnd::Limited),
        lost(&ends)
    );
}

/// Reviews whose provider answers more slowly from the first minute on, the more calls are in flight.
fn slow_answers() {
    println!(
        "\n| answers are slower beyond | calls in flight before | then | seconds over the ideal | time-outs | files lost |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    const AT_ONCE: usize = 40;
    const UNITS: usize = 3_000;
    for calls in [20, 15, 10, 5] {
        let rules = ProviderRules {
            crowded: Some((MINUTE, calls)),
            ..ProviderRules::default()
        };
        let world = VirtualReviews::new(rules, terms(40));
        let ends = world.review(&[("t", UNITS, AT_ONCE)]);
        let seen = world.provider.calls();
        let mean = |from: Duration, to: Duration| {
            let during = seen.iter().filter(|call| (from..to).contains(&call.at));
            let (count, sum) = during.fold((0, 0), |(count, sum), call| (count + 1, sum + call.in_flight));
            sum as f64 / f64::from(count.max(1))
        };
        let before = MINUTE.as_secs_f64() / ANSWER.as_secs_f64() * AT_ONCE as f64;
        let ideal = MINUTE + ANSWER.mul_f64((UNITS as f64 - before) / calls as f64);
        println!(
            "| {calls} | {:.0} | {:.0} | {:.2} | {} | {} |",
            mean(Duration::ZERO, MINUTE),
            mean(MINUTE + 20 * SECOND, MINUTE + 50 * SECOND),
            world.time.now().as_secs_f64() / ideal.as_secs_f64(),
            world.provider.count(CallEnd::Failed),
            lost(&ends)
        );
    }
}

/// Reviews during outages and overload: 40 units at once, of 400.
fn outages() {
    println!(
        "\n| outage | calls in flight at its begin | probes | longest gap, s | second tries in 100 ms, of the waiting | files lost | done after its end, s |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    const AT_ONCE: usize = 40;
    let begin = 5 * SECOND;
    let mut chart = Vec::new();
    for (name, length, is_storm) in [
        ("30 s", 30 * SECOND, false),
        ("10 min", 10 * MINUTE, false),
        ("2 h", 120 * MINUTE, false),
        ("60 s of 529", MINUTE, true),
    ] {
        let times = vec![begin..begin + length];
        let rules = match is_storm {
            true => ProviderRules {
                storms: times,
                ..ProviderRules::default()
            },
            false => ProviderRules {
                outages: times,
                ..ProviderRules::default()
            },
        };
        let world = VirtualReviews::new(rules, terms(40));
        let ends = world.review(&[("t", 400, AT_ONCE)]);
        let calls = world.provider.calls();
        let failed: Vec<&SeenCall> = calls.iter().filter(|call| call.end == CallEnd::Failed).collect();
        let in_flight = failed.iter().filter(|call| call.at < begin + SECOND).count();
        let probes: Vec<Duration> = failed
            .iter()
            .map(|call| call.at)
            .filter(|at| *at >= begin + SECOND)
            .collect();
        let gap = probes
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or_default();
        // Each unit that waited at the end of the outage tries again.
        let after: Vec<Duration> = (calls.iter().map(|call| call.at))
            .filter(|at| *at >= begin + length)
            .take(AT_ONCE)
            .collect();
        let most = after.iter().map(|from| calls_within(&after, *from)).max().unwrap_or(0);
        println!(
            "| {name} | {in_flight} | {} | {} | {:.0} % | {} | {} |",
            probes.len(),
            seconds(gap),
            most as f64 * 100.0 / AT_ONCE as f64,
            lost(&ends),
            seconds(world.time.now() - begin - length)
        );
        if name == "10 min" {
            chart = per_half_minute(&calls);
        }
    }
    println!("\n```mermaid\nxychart-beta");
    println!("  title \"Calls in each half minute, with an outage of ten minutes from second 5 on\"");
    println!("  x-axis \"half minutes\" 0 --> {}", chart.len());
    println!("  y-axis \"calls\"\n  bar {chart:?}\n```");
}

fn calls_within(times: &[Duration], from: Duration) -> usize {
    times.iter().filter(|at| **at >= from && **at < from + WINDOW).count()
}

fn per_half_minute(calls: &[SeenCall]) -> Vec<usize> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(call.at.as_secs() / 30).or_default() += 1;
    }
    let last = counts.keys().next_back().copied().unwrap_or(0);
    (0..=last).map(|at| counts.get(&at).copied().unwrap_or(0)).collect()
}

/// Reviews with a limit of money.
fn money() {
    println!("\n| limit, US dollars | units | calls | spent | calls refused by the provider | files left out |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for limit in [50_000_000, 500_000_000, 5_000_000_000] {
        let prices = Prices::parse("openai/m=100/100", true).unwrap();
        let rules = ProviderRules {
            prices: prices.clone(),
            ..ProviderRules::default()
        };
        let spend = SpendLimits {
            per_run: Some(limit),
            prices,
            ..SpendLimits::default()
        };
        let world = VirtualReviews::new(rules, Terms { spend, ..terms(10) });
        let ends = world.review(&[("t", 100, 10)]);
        let answered = world.provider.count(CallEnd::Answered);
        // 100 tokens in and 10 out at 100 dollars for a million.
        println!(
            "| {:.2} | 100 | {answered} | {:.3} | {} | {} |",
            limit as f64 / 1e9,
            answered as f64 * 0.011,
            world.provider.count(CallEnd::Limited),
            lost(&ends)
        );
    }
}

/// Tenants that share one provider, one of them with a change of 3,000 files.
fn fairness() {
    println!(
        "\n| tenants | shares of the second | calls in flight | Jain's index | slowest of the other tenants, of its fair time |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: |");
    const NAMES: [&str; 16] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
    ];
    for (tenants, second) in [(1, 1), (4, 1_u8), (4, 3), (16, 1), (16, 10)] {
        let shares = AccountShares::parse(&format!("b={second}")).unwrap();
        let world = VirtualReviews::new(ProviderRules::default(), Terms { shares, ..terms(16) });
        let reviews: Vec<_> = (NAMES.into_iter().take(tenants).enumerate())
            .map(|(at, name)| match at {
                0 => (name, 3_000, 16),
                1 => (name, 40 * usize::from(second), 16),
                _ => (name, 40, 16),
            })
            .collect();
        let ends = world.review(&reviews);
        assert_eq!(lost(&ends), 0);
        let last = |ends: &Vec<UnitEnd>| ends.iter().map(|end| end.at).max().unwrap_or_default();
        // While all are backlogged: until the first has finished.
        let until = ends.iter().map(last).min().unwrap_or_default();
        let granted = |ends: &Vec<UnitEnd>| ends.iter().filter(|end| end.at <= until).count() as f64;
        let share_of = |tenant: usize| if tenant == 1 { f64::from(second) } else { 1.0 };
        let granted: Vec<f64> = (ends.iter().enumerate())
            .map(|(tenant, ends)| granted(ends) / share_of(tenant))
            .collect();
        let sum: f64 = granted.iter().sum();
        let squares: f64 = granted.iter().map(|part| part * part).sum();
        let shares = tenants as f64 - 1.0 + f64::from(second);
        let fair = ANSWER.as_secs_f64() * 40.0 * shares / 16.0;
        let slowest = ends.iter().skip(1 + usize::from(second > 1)).map(last).max();
        println!(
            "| {tenants} | {second} | 16 | {:.3} | {} |",
            sum * sum / (granted.len() as f64 * squares),
            slowest.map_or_else(|| "–".to_owned(), |time| format!("{:.2}", time.as_secs_f64() / fair))
        );
    }
}

/// Changes of one file that arrive during a review of 3,000 files of the same account.
fn small_changes() {
    let world = VirtualReviews::new(ProviderRules::default(), terms(10));
    let mut all: Vec<Pin<Box<dyn Future<Output = Vec<UnitEnd>>>>> = Vec::new();
    for lane in 0..10 {
        all.push(Box::pin(world.lane(0, "t", (lane..3_000).step_by(10))));
    }
    const SMALL: usize = 100;
    for number in 0..SMALL {
        let (time, model) = (world.time.clone(), Arc::clone(&world.model));
        let at = SECOND.mul_f64(5.3 + 5.7 * number as f64);
        all.push(Box::pin(async move {
            time.sleep(at).await;
            let run = run_name(&format!("small-{number}"));
            vec![run_unit(model.as_ref(), &time, (&run, "t", "u1"), &request(&run)).await]
        }));
    }
    let ends = world.time.run(all);
    let mut took: Vec<Duration> = ends.iter().skip(10).map(|ends| ends[0].at).collect();
    took.sort_unstable();
    let of = |percent: usize| seconds(took[(SMALL * percent / 100).min(SMALL - 1)]);
    println!("\n| a change of one file | alone, s | p50, s | p95, s | longest, s | allowed, s |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    println!(
        "| during a review of 3,000 files | {} | {} | {} | {} | {} |",
        seconds(ANSWER),
        of(50),
        of(95),
        of(100),
        seconds(ANSWER.mul_f64(1.5) + ANSWER)
    );
}
