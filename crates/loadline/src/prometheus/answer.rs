//! What a server answers. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Times in seconds since 1970, with values that may be NaN or infinite.
pub(super) type Points = Vec<(i64, f64)>;

/// The series of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) series: Vec<(String, Points)>,
    pub(super) warnings: Vec<String>,
}

/// Why an answer cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The server says so, with its kind of error and its word.
    Refused(String, String),
    /// It ends too early.
    BrokenOff,
    /// It is something else.
    Foreign(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Vec<Matrix>,
}

#[derive(Deserialize)]
struct Matrix {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    #[serde(default)]
    histograms: Vec<serde_json::Value>,
}

/// Reads the answer to a range query.
pub(super) fn read(body: &[u8]) -> Result<Answer, Bad> {
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|error| match error.is_eof() && !body.is_empty() {
            true => Bad::BrokenOff,
            false => Bad::Foreign(excerpt(&String::from_utf8_lossy(body))),
        })?;
    if envelope.status != "success" {
        return Err(Bad::Refused(shown(&envelope.error_type), shown(&envelope.error)));
    }
    let data = envelope.data.ok_or_else(|| Bad::Foreign("an answer without data".into()))?;
    if data.result_type != "matrix" {
        return Err(Bad::Foreign(format!("a result of type {}", shown(&data.result_type))));
    }
    let mut answer = Answer {
        warnings: envelope.warnings.unwrap_or_default().iter().map(|w| shown(w)).collect(),
        ..Answer::default()
    };
    for series in data.result {
        let id = name(&series.metric);
        if !series.histograms.is_empty() {
            return Err(Bad::Foreign(format!(
                "histograms for {id}, which are no numbers: ask for a rate or quantile of them"
            )));
        }
        let point = |(time, value): &(f64, String)| Some((time.floor() as i64, number(value)?));
        let points: Option<Points> = series.values.iter().map(point).collect();
        answer.series.push((id, points.ok_or_else(|| Bad::Foreign("values that are no numbers".into()))?));
    }
    Ok(answer)
}

/// `NaN`, `+Inf` and `-Inf` as Prometheus writes them, and numbers.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A series as PromQL writes it: `name{label="value"}`; empty where it has no labels.
fn name(labels: &BTreeMap<String, String>) -> String {
    let metric = labels.get("__name__").map(String::as_str).unwrap_or_default();
    let others: Vec<String> = labels
        .iter()
        .filter(|(label, _)| *label != "__name__")
        .map(|(label, value)| {
            format!("{}=\"{}\"", shown(label), shown(value).replace('\\', "\\\\").replace('"', "\\\""))
        })
        .collect();
    if others.is_empty() { shown(metric) } else { format!("{}{{{}}}", shown(metric), others.join(",")) }
}

/// What a server says, without what a terminal would obey, and not more than fits a line or two.
pub(super) fn shown(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    clean.trim().to_owned()
}

/// The beginning of something that is no answer of the API.
pub(super) fn excerpt(text: &str) -> String {
    let start: String = shown(text).chars().take(80).collect();
    if start.is_empty() { "nothing".into() } else { format!("`{start}`") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = r#"{"status":"success","warnings":["one store\u001b[2J is away"],"data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"up","job":"a\"b"},"values":[[1435781430,"1"],[1435781445.5,"NaN"],[1435781460,"+Inf"]]},
        {"metric":{},"values":[]}]}}"#;

    #[test]
    fn a_matrix_is_read() {
        let answer = read(ANSWER.as_bytes()).unwrap();
        assert_eq!(answer.series[0].0, r#"up{job="a\"b"}"#);
        let points = &answer.series[0].1;
        assert_eq!((points[0], points[1].0), ((1_435_781_430, 1.0), 1_435_781_445));
        assert!(points[1].1.is_nan() && points[2].1.is_infinite());
        assert_eq!(answer.series[1], (String::new(), Vec::new()));
        assert_eq!(answer.warnings, ["one store [2J is away"]);
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        let of = |text: &str| read(text.as_bytes()).unwrap_err();
        let refused = r#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
        assert_eq!(of(refused), Bad::Refused("execution".into(), "too many samples".into()));
        assert_eq!(of(&ANSWER[..200]), Bad::BrokenOff);
        assert_eq!(of("<html>\n<b>"), Bad::Foreign("`<html> <b>`".into()));
        assert_eq!(of(""), Bad::Foreign("nothing".into()));
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(of(vector), Bad::Foreign("a result of type vector".into()));
        let histogram = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{}]]}]}}"#;
        assert!(matches!(of(histogram), Bad::Foreign(_)));
    }

    proptest! {
        /// Cut anywhere, an answer is never taken for a whole one.
        #[test]
        fn no_part_is_a_whole(length in 0usize..ANSWER.len()) {
            prop_assert!(read(&ANSWER.as_bytes()[..length]).is_err());
        }
    }
}
