//! placeholder
#![allow(missing_docs)]
use loadline_model::run::Summary;
pub fn text(s: &Summary, _colour: bool) -> String {
    format!("{:?} {:?}\n{:?}\n{:?}\n{:?}\n", s.verdict, s.validity, s.response, s.service, s.slos)
}
pub fn junit(_s: &Summary) -> String {
    String::new()
}
