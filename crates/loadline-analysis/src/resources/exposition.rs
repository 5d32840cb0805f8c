//! What a service or a Prometheus server tells, as samples: the text format 0.0.4, and the answer to a query for the
//! samples of the last seconds.

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
struct Answer<T> {
    status: String,
    error: Option<String>,
    data: Option<Data<T>>,
}

#[derive(Deserialize)]
struct Data<T> {
    result: T,
}

/// One series: when it was scraped, in seconds since 1970, and what it was.
#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// The samples in the answer of a Prometheus server to a query for those of the last seconds, such as `up[15s]`, by the
/// time at which they were scraped, in ms since 1970: all that one scrape of a target gave has the same.
///
/// # Errors
/// What the server says is wrong, or that it is no such answer.
pub fn parse_answer(json: &str) -> Result<BTreeMap<i64, Vec<Sample>>, String> {
    let series: Vec<Series> = result_of(json)?;
    let mut scrapes: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
    for Series { metric: mut labels, values } in series {
        let Some(name) = labels.remove("__name__") else { continue };
        for (at_s, value) in values {
            let Some(value) = value.parse().ok().filter(|value: &f64| value.is_finite()) else { continue };
            let sample = Sample { name: name.clone(), labels: labels.clone(), value };
            scrapes.entry((at_s * 1e3).round() as i64).or_default().push(sample);
        }
    }
    Ok(scrapes)
}

/// What a Prometheus server takes to be now, in seconds since 1970: its answer to the query `time()`.
///
/// # Errors
/// As [`parse_answer`].
pub fn parse_time(json: &str) -> Result<f64, String> {
    result_of::<(f64, String)>(json).map(|(now_s, _)| now_s)
}

fn result_of<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
    let answer: Answer<T> = serde_json::from_str(json)
        .map_err(|error| format!("this is no answer of a Prometheus server: {error}"))?;
    match (answer.status.as_str(), answer.data) {
        ("success", Some(data)) => Ok(data.result),
        _ => Err(answer.error.unwrap_or_else(|| "the server gave no data".to_owned())),
    }
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
    fn reads_answers_of_the_query_api() {
        let json = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"up","job":"a"},"values":[[1435781451.781,"1"],[1435781466.781,"0"]]},
            {"metric":{"__name__":"x","job":"a"},"values":[[1435781466.781,"7"],[1435781481.781,"NaN"]]}]}}"#;
        let scrapes = parse_answer(json).unwrap();
        let times: Vec<i64> = scrapes.keys().copied().collect();
        assert_eq!(times, [1_435_781_451_781, 1_435_781_466_781]);
        let second: Vec<(&str, f64)> =
            scrapes[&times[1]].iter().map(|s| (s.name.as_str(), s.value)).collect();
        assert_eq!(second, [("up", 0.0), ("x", 7.0)]);
        let now = r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"1435781451.781"]}}"#;
        assert_eq!(parse_time(now), Ok(1_435_781_451.781));
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert_eq!(parse_answer(refused).unwrap_err(), "parse error");
        assert!(parse_answer("<html>").unwrap_err().contains("no answer of a Prometheus server"));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            parse(&text);
            let _ = (parse_answer(&text), parse_time(&text));
        }
    }
}
