//! Rows of Parquet files, by polars: frames of some rows on all cores, only of the columns that are needed.
//!
//! Memory holds some frames of at most [`PIECE_ROWS`] rows and the steps of the series, never the file. Which rows make
//! a piece, and in which order pieces are added up, follows from the file alone: sums do not depend on the cores.

mod column;
mod guard;
mod pages;
mod piece;
mod table;

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{IngestError, RawSeries, Reading, collector::Collector};
use piece::Piece;
use table::Table;

/// The most rows decoded at a time by one thread.
const PIECE_ROWS: usize = 1 << 21;
/// The rows whose pieces are added up before the next are begun.
const WAVE_ROWS: usize = 4 * PIECE_ROWS;

/// Reads all series of a Parquet file, in the order of their first rows. `name` is its name in messages.
///
/// Times are timestamps, dates, numbers or text, as in [`loadline_model::series::Time`]; values are numbers of any type.
///
/// It uses as many `threads`, at least one; what comes out is the same whatever their number.
///
/// # Errors
///
/// The first thing that cannot be used, with its row, its column and the way out.
pub fn read_parquet(
    file: &File,
    name: &str,
    reading: &Reading,
    threads: usize,
) -> Result<Vec<RawSeries>, IngestError> {
    let table = Table::open(file, name, reading)?;
    let mut collector = Collector::new(name, reading, "row");
    for wave in waves(&table.pieces()) {
        for found in read_wave(&table, wave, reading, threads) {
            collector.merge(found?)?;
        }
    }
    collector.finish()
}

/// Parts pieces into runs of about [`WAVE_ROWS`].
fn waves(pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    let mut left = pieces;
    std::iter::from_fn(move || {
        let mut rows = 0;
        let full = left.iter().position(|piece| {
            rows += piece.rows.len();
            rows >= WAVE_ROWS
        });
        let (wave, rest) = left.split_at(full.map_or(left.len(), |at| at + 1));
        left = rest;
        (!wave.is_empty()).then_some(wave)
    })
}

type Found = Result<Vec<RawSeries>, IngestError>;

/// The series of each piece, in the order of the pieces.
fn read_wave(table: &Table<'_>, wave: &[Piece], reading: &Reading, threads: usize) -> Vec<Found> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, piece)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, wave.get(i)?)))
        {
            done.push((index, piece::read(table, piece, reading)));
        }
        done
    };
    let mut done: Vec<(usize, Found)> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.min(wave.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        done.extend(workers.into_iter().flat_map(|w| w.join().expect("reading does not panic")));
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, found)| found).collect()
}

#[cfg(test)]
mod tests;
