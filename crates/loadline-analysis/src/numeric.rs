//! Small numerical helpers.

pub(crate) mod least_squares;
pub(crate) mod random;
