//! Tags of the rows of `latency.hlog`.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a name in a tag may not hold: it would break the columns or the lines of the log.
const TAG_ENCODED: &AsciiSet = &CONTROLS.add(b',').add(b' ').add(b'%').add(b':').add(b'"').add(b'#');

/// Tags of warm-up rows end in this, so that the rows ending in `:response` add up to the summary's requests.
const WARMUP_SUFFIX: &str = ":warmup";

/// The tag of a row of `latency.hlog`.
pub(super) fn tag(request: &str, kind: &str, warmup: bool) -> String {
    let suffix = if warmup { WARMUP_SUFFIX } else { "" };
    format!("{}:{kind}{suffix}", utf8_percent_encode(request, TAG_ENCODED))
}

/// The name, the kind of duration and whether it is of a warm-up.
pub(super) fn parse_tag(tag: &str) -> Option<(String, &str, bool)> {
    let (tag, warmup) = match tag.strip_suffix(WARMUP_SUFFIX) {
        Some(rest) => (rest, true),
        None => (tag, false),
    };
    let (name, kind) = tag.rsplit_once(':')?;
    Some((percent_decode_str(name).decode_utf8().ok()?.into_owned(), kind, warmup))
}
