//! Reports of made-up runs: their text, their structure, and what a real browser makes of them.

mod browser;
mod comparisons;
mod page;
mod pictures;
mod planning;
mod samples;
mod saturation;
mod texts;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use loadline_report::run::{View, view};
use samples::Sample;

static VIEWS: LazyLock<Mutex<BTreeMap<&'static str, Arc<View>>>> = LazyLock::new(Mutex::default);

/// The view of a sample, worked out once: many tests look at the same one.
fn view_of(sample: &Sample) -> Arc<View> {
    let mut views = VIEWS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    views.entry(sample.name).or_insert_with(|| Arc::new(new_view(sample))).clone()
}

fn new_view(sample: &Sample) -> View {
    let simulated = sample.simulate();
    view(&simulated.run, &simulated.summary, simulated.seconds())
}
