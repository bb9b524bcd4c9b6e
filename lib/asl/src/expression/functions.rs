//! The functions that Step Functions adds to JSONata, and pure replacements of those that read a clock.

use std::cell::Cell;
use std::rc::Rc;

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use sha2::{Digest, Sha256};

use super::convert::from_json;
use super::url;
use crate::event::Timestamp;
use crate::payload::parse_payload;

/// The maximum number of elements of `$range`.
const MAX_RANGE_ITEMS: usize = 100_000;

type Outcome = Result<JValue, EvaluatorError>;

/// Random numbers from one seed, drawn from the execution's entropy.
pub(super) struct Randomness {
    seed: [u8; 32],
    drawn: Cell<u64>,
}

impl Randomness {
    pub(super) fn new(seed: [u8; 32]) -> Rc<Self> {
        Rc::new(Self {
            seed,
            drawn: Cell::new(0),
        })
    }

    /// Returns a seed for an evaluation elsewhere. No other evaluation draws the same numbers.
    pub(super) fn draw_seed(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.block())
            .chain_update(self.block())
            .finalize()
            .into()
    }

    fn block(&self) -> [u8; 16] {
        let drawn = self.drawn.get();
        self.drawn.set(drawn.wrapping_add(1));
        first_half(Sha256::new().chain_update(self.seed).chain_update(drawn.to_le_bytes()))
    }
}

/// Adds AWS's functions to an evaluator.
pub(super) fn register(evaluator: &mut Evaluator, now: Timestamp, randomness: Rc<Randomness>) {
    // Registration fails for the names of functions that the evaluator compiles. The tests show that these succeed.
    let for_uuid = Rc::clone(&randomness);
    let results = [
        evaluator.register_fn("partition", |arguments: &[JValue]| partition(arguments)),
        evaluator.register_fn("range", |arguments: &[JValue]| range(arguments)),
        evaluator.register_fn("hash", |arguments: &[JValue]| hash(arguments)),
        evaluator.register_fn("parse", |arguments: &[JValue]| parse(arguments)),
        evaluator.register_fn("uuid", move |_: &[JValue]| Ok(uuid(for_uuid.block()))),
        evaluator.register_fn_override("random", move |arguments: &[JValue]| random(arguments, &randomness)),
        evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(JValue::from(now.0))),
        evaluator.register_fn_override("now", move |arguments: &[JValue]| format_now(arguments, now)),
    ];
    debug_assert!(results.iter().all(Result::is_ok));
    for name in url::NAMES {
        let result = evaluator.register_fn_override(name, move |arguments: &[JValue]| url::call(name, arguments));
        debug_assert!(result.is_ok());
    }
}

fn fault(message: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(message.into())
}

fn partition(arguments: &[JValue]) -> Outcome {
    let (Some(items), Some(size)) = (arguments.first().and_then(JValue::as_array), whole(arguments.get(1))) else {
        return Err(fault("$partition expects an array and a positive whole number"));
    };
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| fault("$partition expects a positive chunk size"))?;
    Ok(JValue::array(
        items.chunks(size).map(|chunk| JValue::array(chunk.to_vec())).collect(),
    ))
}

fn range(arguments: &[JValue]) -> Outcome {
    let (Some(first), Some(last), Some(step)) = (
        whole(arguments.first()),
        whole(arguments.get(1)),
        whole(arguments.get(2)),
    ) else {
        return Err(fault("$range expects three whole numbers: first, last and step"));
    };
    if step == 0 {
        return Err(fault("$range expects a step other than 0"));
    }
    let mut items = Vec::new();
    let mut next = first;
    while (step > 0 && next <= last) || (step < 0 && next >= last) {
        if items.len() == MAX_RANGE_ITEMS {
            return Err(fault(format!("$range gives at most {MAX_RANGE_ITEMS} elements")));
        }
        items.push(JValue::from(next));
        match next.checked_add(step) {
            Some(after) => next = after,
            None => break,
        }
    }
    Ok(JValue::array(items))
}

fn hash(arguments: &[JValue]) -> Outcome {
    let (Some(data), Some(algorithm)) = (arguments.first(), arguments.get(1).and_then(JValue::as_str)) else {
        return Err(fault("$hash expects data and an algorithm"));
    };
    let bytes = match data.as_str() {
        Some(text) => text.to_owned(),
        None => data.to_json_string().map_err(|error| fault(error.to_string()))?,
    };
    let digest = match algorithm {
        "MD5" => hex::encode(<md5::Md5 as md5::Digest>::digest(bytes)),
        "SHA-1" => hex::encode(<sha1::Sha1 as sha1::Digest>::digest(bytes)),
        "SHA-256" => hex::encode(Sha256::digest(bytes)),
        "SHA-384" => hex::encode(sha2::Sha384::digest(bytes)),
        "SHA-512" => hex::encode(sha2::Sha512::digest(bytes)),
        other => {
            return Err(fault(format!(
                "$hash does not know `{other}`: MD5, SHA-1, SHA-256, SHA-384 and SHA-512 are allowed"
            )));
        }
    };
    Ok(JValue::from(digest))
}

fn parse(arguments: &[JValue]) -> Outcome {
    let text = arguments
        .first()
        .and_then(JValue::as_str)
        .ok_or_else(|| fault("$parse expects a string"))?;
    parse_payload(text)
        .map(|value| from_json(&value))
        .map_err(|error| fault(format!("$parse: not JSON: {error}")))
}

fn random(arguments: &[JValue], randomness: &Randomness) -> Outcome {
    let block = match arguments.first() {
        None | Some(JValue::Undefined) => randomness.block(),
        Some(seed) => {
            let seed = seed.as_f64().ok_or_else(|| fault("$random expects a number as seed"))?;
            return Ok(JValue::from(seeded(seed as i64)));
        }
    };
    let mut half = [0; 8];
    half.copy_from_slice(&block[..8]);
    // 53 bits: the precision of a double.
    Ok(JValue::from(
        (u64::from_le_bytes(half) >> 11) as f64 / (1_u64 << 53) as f64,
    ))
}

/// Returns AWS's number for a seed: the first double of Java's generator.
fn seeded(seed: i64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed.cast_unsigned() ^ MULTIPLIER) & MASK;
    let mut bits = |count: u32| {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        state >> (48 - count)
    };
    let number = (bits(26) << 27) + bits(27);
    number as f64 / (1_u64 << 53) as f64
}

fn uuid(mut bytes: [u8; 16]) -> JValue {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(bytes);
    JValue::from(format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    ))
}

/// Evaluates `$now` with its picture and time zone through `$fromMillis`, which reads no clock.
fn format_now(arguments: &[JValue], now: Timestamp) -> Outcome {
    let mut context = Context::new();
    context.bind("now".to_owned(), JValue::from(now.0));
    for (name, argument) in ["picture", "zone"].into_iter().zip(arguments) {
        context.bind(name.to_owned(), argument.clone());
    }
    let source = match arguments.len() {
        0 => "$fromMillis($now)",
        1 => "$fromMillis($now, $picture)",
        _ => "$fromMillis($now, $picture, $zone)",
    };
    let ast = jsonata_core::parser::parse(source).map_err(|error| fault(error.to_string()))?;
    Evaluator::with_context(context).evaluate(&ast, &JValue::Undefined)
}

fn whole(argument: Option<&JValue>) -> Option<i64> {
    let number = argument?.as_f64()?;
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn first_half(hasher: Sha256) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize()[..16]);
    half
}
