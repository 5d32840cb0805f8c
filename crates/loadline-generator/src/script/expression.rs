//! Values worked out while a flow runs: conditions, and data with templates in it.

use minijinja::{Expression, value::Value};

use super::{
    session::Session,
    template::{self, Escape, Template},
};
use crate::exchange::Failure;

/// A compiled condition.
#[derive(Debug)]
pub(super) struct Condition(pub(super) Box<Expression<'static, 'static>>);

impl Condition {
    pub(super) fn holds(&self, session: &Session) -> Result<bool, Failure> {
        let scope = Value::from_dyn_object(session.scope().clone());
        self.0.eval(scope).map(|value| value.is_true()).map_err(|error| template::not_evaluated(&error))
    }
}

/// Data in which strings may be templates; a string that is one whole template keeps the type of its value.
#[derive(Debug)]
pub(super) enum Assigned {
    Constant(Value),
    Text(Template),
    List(Vec<Assigned>),
    Map(Vec<(String, Assigned)>),
}

impl Assigned {
    pub(super) fn value(&self, session: &Session) -> Result<Value, Failure> {
        Ok(match self {
            Assigned::Constant(value) => value.clone(),
            Assigned::Text(template) => match template.whole() {
                Some(segment) => segment.value(session)?,
                None => template.render(session, Escape::None)?.into(),
            },
            Assigned::List(items) => {
                items.iter().map(|item| item.value(session)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Assigned::Map(entries) => {
                let entry = |(key, value): &(String, Assigned)| Ok((key.clone(), value.value(session)?));
                Value::from_pairs(entries.iter().map(entry).collect::<Result<Vec<_>, Failure>>()?)
            }
        })
    }
}
