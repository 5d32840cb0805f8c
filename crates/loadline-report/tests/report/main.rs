//! Reports of made-up runs: their text, their structure, and what a real browser makes of them.

mod browser;
mod page;
mod pictures;
mod samples;
mod texts;

use loadline_report::run::{View, view};
use samples::Sample;

fn view_of(sample: &Sample) -> View {
    let simulated = sample.simulate();
    view(&simulated.run, &simulated.summary, simulated.seconds())
}
