//! Nothing but benches: see `README.md` beside this file.
