//! What the pages of a column chunk say of themselves, looked at before they are decoded.
//!
//! A decoder asks for as much memory as these headers say. A damaged count makes that more than there is, and a
//! program that gets no memory is ended on the spot.

use std::fs::File;
use std::io::Cursor;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use polars_parquet_format::{PageHeader, thrift::protocol::TCompactInputProtocol};

/// The most bytes of one page: writers make pages of about one MiB, some one of a whole column chunk.
const PAGE_BYTES_MAX: i32 = 1 << 30;
/// Bytes read for a header: few have more than the first, none more than the last.
const HEADER_BYTES: [usize; 3] = [1 << 8, 1 << 14, 1 << 20];

/// Whether the headers of all pages in these bytes of the file can be true: those of a column chunk that has `stated`
/// values, in a row group of so many `rows`.
pub(super) fn check(file: &File, bytes: Range<u64>, stated: i64, rows: usize) -> Result<(), String> {
    let damaged = || "a page is damaged".to_owned();
    if usize::try_from(stated) != Ok(rows) {
        return Err(format!("it has {stated} of {rows} rows"));
    }
    let (mut at, mut values) = (bytes.start, 0);
    // As a decoder does: what stands behind the last value is not looked at.
    while at < bytes.end && values < rows {
        let (header, length) = header(file, at..bytes.end).ok_or_else(damaged)?;
        let of_dictionary = header.dictionary_page_header.as_ref().map(|h| h.num_values);
        let of_v1 = header.data_page_header.as_ref().map(|h| h.num_values);
        let of_v2 = header.data_page_header_v2.as_ref().map(|h| h.num_values);
        let sizes = [header.uncompressed_page_size, header.compressed_page_size];
        if sizes.iter().any(|size| !(0..=PAGE_BYTES_MAX).contains(size)) {
            return Err(damaged());
        }
        for count in [of_dictionary, of_v1, of_v2].into_iter().flatten() {
            if usize::try_from(count).map_or(true, |count| count > rows) {
                return Err(damaged());
            }
        }
        values += of_v1.or(of_v2).unwrap_or(0) as usize;
        at += length + sizes[1] as u64;
    }
    if at > bytes.end { Err(damaged()) } else { Ok(()) }
}

/// The header that begins there, and its length.
fn header(file: &File, bytes: Range<u64>) -> Option<(PageHeader, u64)> {
    HEADER_BYTES.into_iter().find_map(|most| {
        let length = (bytes.end - bytes.start).min(most as u64);
        let mut start = vec![0; length as usize];
        file.read_exact_at(&mut start, bytes.start).ok()?;
        let mut cursor = Cursor::new(start);
        let mut protocol = TCompactInputProtocol::new(&mut cursor, most);
        let header = PageHeader::read_from_in_protocol(&mut protocol).ok()?;
        Some((header, cursor.position()))
    })
}
