//! Steps between requests that cannot be worked out: the request that would have come next could not be made.

use loadline_generator::schedule::Arrivals;

use crate::simulation::{Simulation, ms, rate, s};

/// What of `steps` was sent in three visits, and what failed for its template, by the name of the request.
fn visits(steps: &str) -> (Vec<String>, Vec<(String, u64)>) {
    let flows = format!("variables: {{ n: x }}\nflows: [{{ steps: [{steps}] }}]\n");
    let (sent, outcome) = Simulation::new(&flows, &[rate(1.0, s(3), Arrivals::Uniform)]).sent(ms(1));
    assert_eq!((outcome.flows.completed, outcome.flows.completed_ok), (3, 0));
    let mut failed = std::collections::BTreeMap::new();
    for request in outcome.seconds.iter().flat_map(|second| &second.requests) {
        if let Some(count) = request.counts.errors.get("template") {
            *failed.entry(request.counts.request.clone()).or_default() += count;
        }
    }
    let path = |what: &str| what.split(' ').nth(1).unwrap().trim_start_matches("http://service").to_owned();
    (sent.iter().map(|sent| path(&sent.what)).collect(), failed.into_iter().collect())
}

#[test]
fn the_next_request_could_not_be_made() {
    let a = vec!["/a".to_owned(); 3];
    let b = vec![("GET /b".to_owned(), 3)];
    let cases = [
        "get: /a }, { if: n + 1 > 2, then: [{ get: /b }] }, { get: /c",
        "get: /a }, { if: n + 1 > 2, then: [{ think: 1s }], else: [{ get: /b }] }, { get: /c",
        "get: /a }, { repeat: 2, steps: [{ set: { k: '${{ n + 1 }}' } }] }, { think: 1s }, { get: /b",
        "get: /a }, { if: n == 'x', then: [{ set: { k: '${{ n + 1 }}' } }], else: [{ get: /c }] }, { get: /b",
    ];
    for steps in cases {
        assert_eq!(visits(&format!("{{ {steps} }}")), (a.clone(), b.clone()), "{steps}");
    }
}

/// Where no request follows, it counts against the first of the flow.
#[test]
fn at_the_end_the_first_is_to_blame() {
    let (sent, failed) = visits("{ get: /a }, { set: { k: '${{ n + 1 }}' } }");
    assert_eq!((sent.len(), failed), (3, vec![("GET /a".to_owned(), 3)]));
}
