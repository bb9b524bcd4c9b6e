//! Prices of models: a built-in list, and a deployment's own prices that replace it.

use std::collections::BTreeMap;

use super::model_id::ModelId;

/// Billionths in a thousandth of a US dollar.
pub const NANO_IN_THOUSANDTH: u64 = 1_000_000;
/// Maximum of a limit of money, in US dollars.
pub const MAX_DOLLARS: u32 = 999_999;

const BUILT_IN: &str = include_str!("prices.txt");

/// The price of one token, in billionths of a US dollar. The same number is the price of a million tokens in
/// thousandths of a dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Price {
    input: u64,
    output: u64,
}

/// Prices by `provider/name`.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    given: BTreeMap<ModelId, Price>,
    built_in: BTreeMap<ModelId, Price>,
}

/// An entry that isn't a model's price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not allowed: PROVIDER/NAME=IN/OUT, US dollars for a million tokens, at most three decimal places, comma-separated"
)]
pub struct InvalidPrice(String);

impl Prices {
    /// Parses a deployment's prices, which come before the built-in list: `PROVIDER/NAME=IN/OUT`, comma-separated, in
    /// US dollars for a million tokens. The built-in list only applies to a provider's own server.
    ///
    /// # Errors
    ///
    /// An entry has another form.
    pub fn parse(given: &str, is_providers_own: bool) -> Result<Self, InvalidPrice> {
        let mut prices = Self::default();
        for entry in given.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (model, price) = read_entry(entry).ok_or_else(|| InvalidPrice(entry.to_owned()))?;
            prices.given.insert(model, price);
        }
        if is_providers_own {
            prices.built_in = built_in();
        }
        Ok(prices)
    }

    /// Returns the cost of an answer in billionths of a US dollar, where the price is known.
    pub fn cost(&self, model: &ModelId, input_tokens: u64, output_tokens: u64) -> Option<u64> {
        let known = self.given.get(model);
        let price = known.or_else(|| {
            self.built_in
                .get(model)
                .or_else(|| self.built_in.get(&without_date(model)))
        })?;
        let of = |tokens: u64, price: u64| tokens.saturating_mul(price);
        Some(of(input_tokens, price.input).saturating_add(of(output_tokens, price.output)))
    }

    /// Returns the cost of a batch call's answer: half of [`Self::cost`], rounded up.
    pub fn batch_cost(&self, model: &ModelId, input_tokens: u64, output_tokens: u64) -> Option<u64> {
        let cost = self.cost(model, input_tokens, output_tokens)?;
        Some(cost.div_ceil(2))
    }

    /// Returns the prices of batch calls. No answer costs more than by these prices: each is rounded up.
    #[must_use]
    pub fn halved(&self) -> Self {
        let halved = |prices: &BTreeMap<ModelId, Price>| {
            let each = prices.iter().map(|(model, price)| (model.clone(), price.halved()));
            each.collect()
        };
        Self {
            given: halved(&self.given),
            built_in: halved(&self.built_in),
        }
    }
}

impl Price {
    /// Returns half of the price, rounded up.
    const fn halved(self) -> Self {
        Self {
            input: self.input.div_ceil(2),
            output: self.output.div_ceil(2),
        }
    }

    fn read(input: &str, output: &str) -> Option<Self> {
        Some(Self {
            input: thousandths(input)?,
            output: thousandths(output)?,
        })
    }
}

/// Reads `PROVIDER/NAME=IN/OUT`.
fn read_entry(entry: &str) -> Option<(ModelId, Price)> {
    let (model, price) = entry.split_once('=')?;
    let model = model.trim().parse::<ModelId>().ok().filter(|model| !model.is_rules())?;
    let (input, output) = price.split_once('/')?;
    Some((model, Price::read(input, output)?))
}

fn built_in() -> BTreeMap<ModelId, Price> {
    let lines = BUILT_IN.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            let model = words.next()?.parse().ok()?;
            Some((model, Price::read(words.next()?, words.next()?)?))
        })
        .collect()
}

/// Parses a decimal number of at most three places and returns it times a thousand.
pub(in crate::model) fn thousandths(text: &str) -> Option<u64> {
    let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || rest.len() > 3 || !is_number(whole) || !is_number(rest) {
        return None;
    }
    format!("{whole}{rest:0<3}").parse().ok()
}

/// Returns the model whose name has no date.
fn without_date(model: &ModelId) -> ModelId {
    match model {
        ModelId::Rules => ModelId::Rules,
        ModelId::Provided { provider, name } => ModelId::Provided {
            provider: provider.clone(),
            name: undated(name).to_owned(),
        },
    }
}

/// Returns a name without the date at its end: `-20250929` or `-2025-08-07`.
fn undated(name: &str) -> &str {
    let is_dated = |tail: &str, dashes: &[usize]| {
        let is_right = |(place, byte): (usize, u8)| match dashes.contains(&place) {
            true => byte == b'-',
            false => byte.is_ascii_digit(),
        };
        tail.bytes().enumerate().all(is_right)
    };
    for dashes in [&[0][..], &[0, 5, 8]] {
        let length = 8 + dashes.len();
        let parts = name.len().checked_sub(length).and_then(|at| name.split_at_checked(at));
        if let Some((bare, _)) = parts.filter(|(_, tail)| is_dated(tail, dashes)) {
            return bare;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed read fails the test")]
    use super::*;

    #[test]
    fn a_batch_call_costs_half_and_never_more_than_its_prices_say() {
        let model: ModelId = "openai/m".parse().unwrap();
        for (given, tokens, cost, estimate) in [
            ("openai/m=2/8", (1_000, 100), 1_400_000, 1_400_000),
            ("openai/m=0.075/0.3", (3, 1), 263, 264),
            ("openai/m=0.001/0", (1, 1), 1, 1),
        ] {
            let prices = Prices::parse(given, false).unwrap();
            assert_eq!(prices.batch_cost(&model, tokens.0, tokens.1), Some(cost), "{given}");
            assert_eq!(
                prices.halved().cost(&model, tokens.0, tokens.1),
                Some(estimate),
                "{given}"
            );
        }
        assert_eq!(Prices::default().batch_cost(&model, 1, 1), None);
    }

    fn id(text: &str) -> ModelId {
        text.parse().unwrap()
    }

    #[test]
    fn built_in_prices_hold_for_dated_versions() {
        let prices = Prices::parse("", true).unwrap();
        assert_eq!(
            prices.built_in.len(),
            BUILT_IN.lines().count() - 2,
            "every line is read"
        );
        for (model, cost) in [
            ("anthropic/claude-sonnet-4-5", Some(18_000_000_000)),
            ("anthropic/claude-sonnet-4-5-20250929", Some(18_000_000_000)),
            ("openai/gpt-5-mini-2025-08-07", Some(2_250_000_000)),
            ("openai/gpt-5-mini-x", None),
            ("openai/é-2025-08-07", None),
            ("rules", None),
        ] {
            assert_eq!(prices.cost(&id(model), 1_000_000, 1_000_000), cost, "{model}");
        }
    }

    #[test]
    fn a_deployments_prices_come_first_and_are_the_only_ones_for_its_own_server() {
        let given = " openai/gpt-5=0.5/1.125 , openai/mine=0/0,";
        let prices = Prices::parse(given, true).unwrap();
        assert_eq!(prices.cost(&id("openai/gpt-5"), 2, 3), Some(2 * 500 + 3 * 1_125));
        assert_eq!(prices.cost(&id("openai/mine"), 2, 3), Some(0));
        let own = Prices::parse(given, false).unwrap();
        assert_eq!(own.cost(&id("openai/gpt-5"), 1, 0), Some(500));
        assert_eq!(own.cost(&id("openai/gpt-5-mini"), 1, 0), None);
        assert_eq!(
            own.cost(&id("openai/gpt-5"), u64::MAX, u64::MAX),
            Some(u64::MAX),
            "no overflow"
        );
    }

    #[test]
    fn a_wrong_entry_is_named() {
        for entry in [
            "gpt=1/2",
            "openai/x",
            "openai/x=1",
            "openai/x=-1/2",
            "openai/x=1.2345/2",
            "openai/x=1e3/2",
            "openai/x=/",
        ] {
            assert!(
                Prices::parse(entry, true).unwrap_err().to_string().contains(entry),
                "{entry}"
            );
        }
    }
}
