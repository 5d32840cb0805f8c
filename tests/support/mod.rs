//! What the journeys need besides the product: servers, folders, and a fair judge of the machine.

pub(crate) mod folder;
pub(crate) mod harness;
pub(crate) mod http;
pub(crate) mod loadline;
pub(crate) mod machine;
pub(crate) mod nginx;
pub(crate) mod odd;
pub(crate) mod prometheus;
pub(crate) mod serve;
pub(crate) mod tls;
pub(crate) mod tools;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// The number at `pointer` of a document.
#[track_caller]
pub(crate) fn number(document: &Value, pointer: &str) -> f64 {
    let value = document.pointer(pointer).unwrap_or_else(|| panic!("there is no {pointer} in {document:#}"));
    value.as_f64().unwrap_or_else(|| panic!("{pointer} is {value}, no number"))
}

/// The count at `pointer` of a document; 0 where it is absent, as an error class without errors is.
#[track_caller]
pub(crate) fn count(document: &Value, pointer: &str) -> u64 {
    document
        .pointer(pointer)
        .map_or(0, |value| value.as_u64().unwrap_or_else(|| panic!("{pointer} is {value}")))
}
