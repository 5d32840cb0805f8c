//! Small numerical helpers.

pub(crate) mod random;
