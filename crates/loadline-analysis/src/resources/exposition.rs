//! What a service or a Prometheus server tells, as samples: the text format 0.0.4 and the answer to an instant query.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One sample of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value; finite.
    pub value: f64,
}

/// The samples of a page in Prometheus' text format or in OpenMetrics. Lines that are no samples are left out: a page
/// is worth what can be read of it.
pub fn parse(text: &str) -> Vec<Sample> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Sample> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let name = line[..name_end].to_owned();
    let (labels, rest) = match line[name_end..].strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), &line[name_end..]),
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(Sample { name, labels, value })
}

/// Labels up to the closing brace, and what follows.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let quoted = after.trim_start().strip_prefix('"')?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        rest = loop {
            match characters.next()? {
                (at, '"') => break &quoted[at + 1..],
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.trim().to_owned(), value);
    }
}

/// The answer to `/api/v1/query`, as far as it is read.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// The samples in the answer of a Prometheus server to an instant query.
///
/// # Errors
/// What the server says is wrong, or that it is no such answer.
pub fn parse_answer(json: &str) -> Result<Vec<Sample>, String> {
    let answer: Answer = serde_json::from_str(json)
        .map_err(|error| format!("this is no answer of a Prometheus server: {error}"))?;
    let data = match (answer.status.as_str(), answer.data) {
        ("success", Some(data)) => data,
        _ => return Err(answer.error.unwrap_or_else(|| "the server gave no data".to_owned())),
    };
    let sample = |vector: Vector| {
        let mut labels = vector.metric;
        let name = labels.remove("__name__")?;
        let value: f64 = vector.value.1.parse().ok()?;
        value.is_finite().then_some(Sample { name, labels, value })
    };
    Ok(data.result.into_iter().filter_map(sample).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_examples_of_the_format() {
        let text = "# HELP a b\n# TYPE a counter\na{method=\"post\",code=\"200\"} 1027 1395066363000\n\n\
                    msdos{path=\"C:\\\\DIR\\\\F.TXT\",error=\"no:\\n\\\"F\\\"\"} 1.458255915e9\n\
                    plain 12.47\nnever{} +Inf\nbroken{x=1} 3\n";
        let samples = parse(text);
        assert_eq!(samples.len(), 3, "{samples:?}");
        assert_eq!(samples[0].labels["code"], "200");
        assert_eq!((samples[1].labels["error"].as_str(), samples[1].value), ("no:\n\"F\"", 1.458_255_915e9));
        assert_eq!(samples[2], Sample { name: "plain".into(), labels: BTreeMap::new(), value: 12.47 });
    }

    #[test]
    fn reads_an_answer_of_the_query_api() {
        let json = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","job":"a"},"value":[1435781451.781,"1"]}]}}"#;
        let samples = parse_answer(json).unwrap();
        assert_eq!((samples[0].name.as_str(), samples[0].value), ("up", 1.0));
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert_eq!(parse_answer(refused).unwrap_err(), "parse error");
        assert!(parse_answer("<html>").unwrap_err().contains("no answer of a Prometheus server"));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            parse(&text);
            let _ = parse_answer(&text);
        }
    }
}
