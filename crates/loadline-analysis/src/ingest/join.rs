//! The files of a folder: parts of one series each, or series of their own.

use std::collections::BTreeMap;

use super::{
    IngestError, RawSeries, Reading,
    collector::{LADDER, STEPS_MAX},
    reading::grouped,
};

/// How the files of a folder belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parts {
    /// Joined where every series of the same name goes on in one file after the one where it ended in another; else
    /// apart.
    #[default]
    Auto,
    /// Parts of one whole: rows of series of the same name belong together.
    Joined,
    /// Each file has series of its own.
    Separate,
}

/// The files of a folder as they come, in the order of their names. What is held is bounded as for one file.
#[derive(Debug)]
pub struct Files<'a> {
    folder: &'a str,
    reading: &'a Reading,
    parts: Parts,
    all: Vec<(String, Vec<RawSeries>)>,
    rung: usize,
}

impl<'a> Files<'a> {
    /// None yet. `folder` is its name in messages.
    pub fn new(folder: &'a str, reading: &'a Reading, parts: Parts) -> Files<'a> {
        Files { folder, reading, parts, all: Vec::new(), rung: 0 }
    }

    /// Takes the series of one more file, whose name without its ending is `stem`.
    ///
    /// # Errors
    ///
    /// Where a step is stated and there are too many of them.
    pub fn add(&mut self, stem: String, series: Vec<RawSeries>) -> Result<(), IngestError> {
        self.all.push((stem, series));
        while self.all.iter().flat_map(|(_, all)| all).map(|s| s.cells.len()).sum::<usize>() > STEPS_MAX {
            if self.reading.step.is_some() || self.rung + 1 == LADDER.len() {
                let message =
                    format!("it holds more than {} steps of that length", grouped(STEPS_MAX as u64));
                return Err(IngestError::new(
                    self.folder,
                    None,
                    message,
                    "give a longer --step, or fewer files",
                ));
            }
            self.rung += 1;
            let grain = LADDER[self.rung];
            let longer = |s: &&mut RawSeries| s.cells.grain() < grain;
            self.all.iter_mut().flat_map(|(_, all)| all).filter(longer).for_each(|s| s.cells.coarsen(grain));
        }
        Ok(())
    }

    /// The series of all of them.
    pub fn finish(self) -> Vec<RawSeries> {
        let mut named: BTreeMap<&str, Vec<&RawSeries>> = BTreeMap::new();
        self.all.iter().flat_map(|(_, all)| all).for_each(|s| named.entry(&s.id).or_default().push(s));
        let alone = named.values().all(|parts| parts.len() == 1);
        let go_on = named.values().all(|parts| go_on(parts));
        match self.parts {
            _ if alone && !named.contains_key("") => self.all.into_iter().flat_map(|(_, all)| all).collect(),
            Parts::Joined => joined(self.all),
            Parts::Auto if go_on && !alone => joined(self.all),
            Parts::Auto | Parts::Separate => separate(self.all),
        }
    }
}

/// Whether each part begins where the one before has ended.
fn go_on(parts: &[&RawSeries]) -> bool {
    let mut spans: Vec<(i64, i64)> = parts.iter().map(|s| (s.cells.earliest, s.cells.latest)).collect();
    spans.sort_unstable();
    parts.iter().all(|s| s.kind == parts[0].kind) && spans.windows(2).all(|w| w[0].1 <= w[1].0)
}

fn joined(all: Vec<(String, Vec<RawSeries>)>) -> Vec<RawSeries> {
    let mut order: Vec<String> = Vec::new();
    let mut parts: BTreeMap<String, Vec<RawSeries>> = BTreeMap::new();
    for series in all.into_iter().flat_map(|(_, all)| all) {
        if !parts.contains_key(&series.id) {
            order.push(series.id.clone());
        }
        parts.entry(series.id.clone()).or_default().push(series);
    }
    order.iter().map(|id| one(parts.remove(id).expect("noted with its part"))).collect()
}

/// The parts of one series, the earliest first, as one.
fn one(mut parts: Vec<RawSeries>) -> RawSeries {
    parts.sort_by_key(|s| s.cells.earliest);
    let (count, coarsest) = (parts.len(), parts.iter().map(|s| s.cells.grain()).max().unwrap_or(1));
    let mut parts = parts.into_iter();
    let mut first = parts.next().expect("at least one part");
    first.cells.coarsen(coarsest);
    for mut part in parts {
        part.cells.coarsen(coarsest);
        first.rows += part.rows;
        first.adrift |= part.adrift;
        first.cells.merge(part.cells);
    }
    if count > 1 {
        first.notes.push(format!("joined {} files", grouped(count as u64)));
    }
    first
}

fn separate(all: Vec<(String, Vec<RawSeries>)>) -> Vec<RawSeries> {
    let named = |(stem, all): (String, Vec<RawSeries>)| {
        all.into_iter().map(move |series| {
            let id = if series.id.is_empty() { stem.clone() } else { format!("{stem}/{}", series.id) };
            RawSeries { id, ..series }
        })
    };
    all.into_iter().flat_map(named).collect()
}
