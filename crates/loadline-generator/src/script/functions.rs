//! The functions and filters of expressions. All that is random comes from the session.

use std::{sync::LazyLock, time::SystemTime};

use base64::Engine as _;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, value::Value};

use super::{
    random::Random,
    session::{SCOPE, Scope},
    template::{self, Escape},
};

/// Names that are functions.
pub(super) const FUNCTIONS: [&str; 8] = [
    "random_int",
    "random_float",
    "random_choice",
    "random_string",
    "uuid",
    "timestamp",
    "timestamp_ms",
    "range",
];

/// How functions are called.
pub(super) const FUNCTION_SHAPES: [&str; 7] = [
    "random_int(1, 50)",
    "random_float(0.5, 2)",
    "random_choice(['a', 'b'])",
    "random_string(8)",
    "uuid()",
    "timestamp()",
    "timestamp_ms()",
];

/// Evaluates every expression of every script.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_function("random_int", random_int);
    environment.add_function("random_float", random_float);
    environment.add_function("random_choice", random_choice);
    environment.add_function("random_string", random_string);
    environment.add_function("uuid", uuid);
    environment.add_function("timestamp", || since_epoch().map(|since| since.as_secs()));
    environment.add_function("timestamp_ms", || since_epoch().map(|since| since.as_millis() as u64));
    environment.add_filter("base64", |text: String| base64::engine::general_purpose::STANDARD.encode(text));
    environment.add_filter("urlencode", |value: Value| {
        let mut out = String::new();
        template::write(&value, Escape::Url, &mut out);
        out
    });
    environment
});

fn invalid<T>(message: &'static str) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn draw<T>(state: &State, from: impl FnOnce(&mut Random) -> T) -> Result<T, Error> {
    let scope = state.lookup(SCOPE);
    match scope.as_ref().and_then(|value| value.downcast_object_ref::<Scope>()) {
        Some(scope) => Ok(from(&mut scope.state().random)),
        None => invalid("random numbers are drawn in a flow only"),
    }
}

/// A whole number from `low` to `high`, both included.
fn random_int(state: &State, low: i64, high: i64) -> Result<i64, Error> {
    let Some(width) = high.checked_sub(low).filter(|width| (0..i64::MAX).contains(width)) else {
        return invalid("random_int(low, high) needs low <= high");
    };
    draw(state, |random| low + random.below(width as u64 + 1) as i64)
}

/// A number from `low` up to `high`.
fn random_float(state: &State, low: f64, high: f64) -> Result<f64, Error> {
    draw(state, |random| low + (high - low) * random.unit())
}

fn random_choice(state: &State, items: Vec<Value>) -> Result<Value, Error> {
    if items.is_empty() {
        return invalid("random_choice needs a list that is not empty");
    }
    draw(state, |random| items[random.below(items.len() as u64) as usize].clone())
}

/// Letters and digits.
fn random_string(state: &State, length: u32) -> Result<String, Error> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if length > 1_000_000 {
        return invalid("random_string(n) takes at most 1000000");
    }
    draw(state, |random| (0..length).map(|_| LETTERS[random.below(62) as usize] as char).collect())
}

/// A UUID of version 4 (RFC 9562).
fn uuid(state: &State) -> Result<String, Error> {
    draw(state, |random| {
        let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
        let bits = bits & !(0xf000u128 << 64) & !(0xc000u128 << 48) | (0x4000u128 << 64) | (0x8000u128 << 48);
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    })
}

fn since_epoch() -> Result<std::time::Duration, Error> {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "the clock stands before 1970"))
}
