//! What differs between two runs that are compared, and may explain a change.

use loadline_model::baseline::Fingerprint;
use loadline_model::run::RunDocument;
use serde_json::Value;

/// What differs between two runs.
#[derive(Debug, PartialEq)]
pub(super) struct Differing {
    /// The first difference in what is sent, or in how answers are judged: the runs are not of one thing.
    pub(super) of_what_is_sent: Option<String>,
    /// What a reader should know of.
    pub(super) notes: Vec<String>,
}

/// Fields of a scenario that do not say what is sent: a run of another name, target or seed is of the same thing.
const ASIDE: [&str; 4] = ["name", "target", "seed", "slos"];
/// Longer values are cut.
const SHOWN: usize = 60;

/// Holds two runs against each other. The load of a search is its own, whatever the scenario says.
pub(super) fn differing(one: &RunDocument, other: &RunDocument, is_search: bool) -> Differing {
    let (mut sent, mut notes) = (None, Vec::new());
    if Fingerprint::of(one).scenario != Fingerprint::of(other).scenario {
        let is_aside = |field: &str| ASIDE.contains(&field) || (is_search && field == "load");
        let [sides, asides] = [false, true].map(|aside| {
            [one, other].map(|run| fields(&run.scenario, |field| is_aside(field) == aside && !is_own(field)))
        });
        sent = first_difference(&sides[0], &sides[1]);
        let difference = sent.clone().or_else(|| first_difference(&asides[0], &asides[1]));
        notes.extend(difference.map(|what| format!("the scenarios differ in details: {what}")));
    }
    let [host, other_host] = [one, other].map(|run| Fingerprint::of(run).host);
    if one.host != other.host {
        notes.push(match host == other_host {
            true => {
                format!("the runs were driven from different machines: both {host}, with more memory in one")
            }
            false => format!("the runs were driven from different machines: {host}; and {other_host}"),
        });
    }
    if one.versions != other.versions {
        let [these, those] = [one, other].map(versions);
        notes.push(format!("the runs were made by different versions of Loadline: {these}; and {those}"));
    }
    Differing { of_what_is_sent: sent, notes }
}

/// Fields that differ between the sides of any comparison.
fn is_own(field: &str) -> bool {
    field == "name" || field == "target"
}

fn versions(run: &RunDocument) -> String {
    let each: Vec<String> = run.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    each.join(", ")
}

/// The stages of the load in words: `100/s for 6 s`.
pub(super) fn load(run: &RunDocument) -> String {
    let each = run.stages.iter().map(|stage| {
        let rate = |per_s: f64| format!("{per_s}/s");
        let load = match (stage.users, stage.from_per_s, stage.to_per_s) {
            (Some(users), ..) => format!("{users} users"),
            (None, Some(from), Some(to)) if from != to => format!("{} to {}", rate(from), rate(to)),
            (None, Some(from), _) => rate(from),
            (None, None, to) => to.map_or_else(String::new, rate),
        };
        let warmup = if stage.warmup { " of warm-up" } else { "" };
        format!("{load} for {} s{warmup}", stage.duration_s)
    });
    shown(&each.collect::<Vec<_>>().join(", then "))
}

fn fields(scenario: &Value, is_wanted: impl Fn(&str) -> bool) -> Value {
    let all = scenario.as_object().cloned().unwrap_or_default();
    Value::Object(all.into_iter().filter(|(field, _)| is_wanted(field)).collect())
}

/// The first place at which two values differ, and what stands there.
fn first_difference(one: &Value, other: &Value) -> Option<String> {
    let (place, [one, other]) = difference(one, other, String::new())?;
    let value =
        |value: &Value| if value.is_null() { "nothing".to_owned() } else { shown(&value.to_string()) };
    Some(format!("`{}` is {} in the first and {} in the second", place, value(one), value(other)))
}

fn difference<'a>(one: &'a Value, other: &'a Value, place: String) -> Option<(String, [&'a Value; 2])> {
    match (one, other) {
        _ if one == other => None,
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            let dot = if place.is_empty() { "" } else { "." };
            let mut each = names.filter_map(|name| {
                let of = |side: &'a serde_json::Map<String, Value>| side.get(name).unwrap_or(&Value::Null);
                difference(of(a), of(b), format!("{place}{dot}{name}"))
            });
            each.next()
        }
        (Value::Array(a), Value::Array(b)) => {
            let mut each = (0..a.len().max(b.len())).filter_map(|at| {
                let of = |side: &'a [Value]| side.get(at).unwrap_or(&Value::Null);
                difference(of(a), of(b), format!("{place}[{at}]"))
            });
            each.next()
        }
        _ => Some((place, [one, other])),
    }
}

fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let base = json!({"flows": [{"steps": [{"url": "/a"}, {"url": "/b"}]}], "seed": 1});
        let mut other = base.clone();
        assert_eq!(first_difference(&base, &other), None);
        other["flows"][0]["steps"][1]["url"] = "/c".into();
        let told = first_difference(&base, &other).unwrap();
        assert_eq!(told, "`flows[0].steps[1].url` is \"/b\" in the first and \"/c\" in the second");
        other["flows"] = json!([]);
        let told = first_difference(&base, &other).unwrap();
        assert!(told.starts_with("`flows[0]` is {") && told.ends_with("nothing in the second"), "{told}");
    }
}
