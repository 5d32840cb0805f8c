//! stub
#![allow(missing_docs, dead_code, unused)]
use crate::arrivals::Arrival;
use crate::exchange::*;
use std::sync::Arc;
use std::time::Duration;
#[derive(Debug)]
pub struct Script {
    pub flows: Vec<Flow>,
    pub request_names: Vec<String>,
}
#[derive(Debug)]
pub struct Flow {
    pub steps: Vec<Step>,
}
#[derive(Debug)]
pub enum Step {
    Request(RequestStep),
    Think(Think),
    Repeat(Repeat),
    If(If),
    Set(Set),
}
#[derive(Debug)]
pub struct RequestStep {
    pub name: usize,
    pub req: Arc<Request>,
}
#[derive(Debug)]
pub struct Think;
#[derive(Debug)]
pub struct Repeat {
    pub steps: Vec<Step>,
}
#[derive(Debug)]
pub struct If {
    pub then: Vec<Step>,
    pub otherwise: Vec<Step>,
}
#[derive(Debug)]
pub struct Set;
#[derive(Debug)]
pub struct Session;
#[derive(Debug)]
pub struct OutOfRows;
impl Script {
    pub fn flow_of(&self, seed: u64, index: u64) -> usize {
        0
    }
    pub fn session(&self, seed: u64, arrival: crate::script::ArrivalS) -> Result<Session, OutOfRows> {
        Ok(Session)
    }
}
pub struct ArrivalS {
    pub index: u64,
    pub user: u32,
    pub iteration: u64,
}
impl RequestStep {
    pub fn render(&self, _: &mut Session) -> Result<Arc<Request>, ErrorClass> {
        Ok(self.req.clone())
    }
    pub fn redirect(
        &self,
        _: &mut Session,
        _: &Request,
        _: &Response,
        _: u32,
    ) -> Result<Option<Arc<Request>>, ErrorClass> {
        Ok(None)
    }
    pub fn judge(&self, _: &mut Session, r: &Response) -> Result<(), ErrorClass> {
        match r.status {
            400..500 => Err(ErrorClass::Status4xx),
            500.. => Err(ErrorClass::Status5xx),
            _ => Ok(()),
        }
    }
}
impl Think {
    pub fn draw(&self, _: &mut Session) -> Duration {
        Duration::ZERO
    }
}
impl Repeat {
    pub fn goes_on(&self, _: &mut Session, _: u64) -> Result<bool, ErrorClass> {
        Ok(false)
    }
}
impl If {
    pub fn holds(&self, _: &mut Session) -> Result<bool, ErrorClass> {
        Ok(false)
    }
}
impl Set {
    pub fn apply(&self, _: &mut Session) -> Result<(), ErrorClass> {
        Ok(())
    }
}
