//! From a scenario to a script: templates, names and files are looked at here, once.

use std::{collections::HashSet, io, path::Path, sync::Arc};

use loadline_model::{
    diagnostic::{Diagnostic, Span, nearest, suggestion},
    scenario::{self, BUILT_IN, Scenario, Text},
};
use minijinja::{
    Expression,
    value::{Serde, Value},
};

use super::{
    Arrival, Flow, If, Repeat, Script, Set, Step, Think,
    data::Source,
    expression::{Assigned, Condition},
    functions::{ENVIRONMENT, FUNCTION_SHAPES, FUNCTIONS},
    session::{Names, Session},
    template::{Piece, Segment, Template, split},
};

pub(super) type LoadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

pub(super) fn script(scenario: &Scenario, load_file: LoadFile) -> Result<Script, Vec<Diagnostic>> {
    let mut compiler = Compiler {
        scenario,
        load_file,
        names: Arc::default(),
        request_names: Vec::new(),
        known: HashSet::new(),
        later: HashSet::new(),
        problems: Vec::new(),
    };
    compiler.names = Arc::new(compiler.collect_names());
    let flows = scenario.flows.iter().map(|flow| compiler.flow(flow)).collect();
    let Compiler { names, request_names, mut problems, .. } = compiler;
    if problems.is_empty() {
        let target = scenario.target.value.clone();
        return Ok(Script { flows, request_names, target, sides: 1, names });
    }
    problems.sort_by_key(|problem| problem.span.start);
    problems.dedup();
    Err(problems)
}

/// What is known while a scenario is compiled.
pub(super) struct Compiler<'a> {
    pub(super) scenario: &'a Scenario,
    load_file: LoadFile<'a>,
    names: Arc<Names>,
    request_names: Vec<String>,
    /// What the steps of the flow so far define, with the variables.
    pub(super) known: HashSet<String>,
    /// What any step of the flow defines.
    later: HashSet<String>,
    problems: Vec<Diagnostic>,
}

impl Compiler<'_> {
    pub(super) fn problem(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let source = &self.scenario.source;
        self.problems.push(Diagnostic::new(code, source, span, message).with_help(help));
    }

    /// The bytes of a file that the scenario names.
    pub(super) fn file(&mut self, path: &Text) -> Option<Vec<u8>> {
        match (self.load_file)(Path::new(&path.value)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file".into(),
                    _ => error.to_string(),
                };
                let help = "paths are relative to the scenario's folder";
                self.problem("file", path.span, format!("`{}` cannot be read: {reason}", path.value), help);
                None
            }
        }
    }

    fn collect_names(&mut self) -> Names {
        let scenario = self.scenario;
        let mut names = Names { secrets: scenario.secrets(), ..Names::default() };
        for source in &scenario.data {
            let Some(bytes) = self.file(&source.file) else { continue };
            match Source::read(&source.name.value, &bytes, source.format, source.pick) {
                Ok(read) => names.sources.push(read),
                Err(reason) => {
                    let message = format!("`{}` is no data file: {reason}", source.file.value);
                    let help = "CSV needs a header line and rows below it, JSON Lines one object a line";
                    self.problem("data", source.file.span, message, help);
                }
            }
        }
        for variable in &scenario.variables {
            names.add(&variable.name.value, Value::from(Serde(variable.value.to_json())));
        }
        for flow in &scenario.flows {
            defined(&flow.steps, &mut |name| names.add(&name.value, Value::UNDEFINED));
        }
        names
    }

    fn flow(&mut self, flow: &scenario::Flow) -> Flow {
        let scenario = self.scenario;
        self.known = scenario.variables.iter().map(|variable| variable.name.value.clone()).collect();
        self.later = names_in(&flow.steps);
        for source in &scenario.data {
            let mut taken = Vec::new();
            defined(&flow.steps, &mut |name| {
                taken.extend((name.value == source.name.value).then_some(name.span))
            });
            for span in taken {
                let message = format!("`{}` is the name of a data source", source.name.value);
                self.problem("name", span, message, "choose another name");
            }
        }
        Flow { name: flow.name.value.clone(), weight: flow.weight, steps: self.steps(&flow.steps) }
    }

    fn steps(&mut self, steps: &[scenario::Step]) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &scenario::Step) -> Option<Step> {
        Some(match step {
            scenario::Step::Request(request) => {
                let name = self.request_name(&request.name.value);
                Step::Request(Box::new(self.request(name, request)?))
            }
            scenario::Step::Think { min, max } => Step::Think(Think { min: *min, max: *max }),
            scenario::Step::Repeat { times, condition, steps } => {
                // From the second round on, all that a round defines is there.
                self.known.extend(names_in(steps));
                let steps = self.steps(steps);
                let condition = match condition {
                    Some(text) => Some(self.condition(text)?),
                    None => None,
                };
                Step::Repeat(Repeat { times: *times, condition, steps })
            }
            scenario::Step::If { condition, then, otherwise } => {
                let condition = self.condition(condition);
                let before = self.known.clone();
                let then = self.steps(then);
                let after_then = std::mem::replace(&mut self.known, before);
                let otherwise = self.steps(otherwise);
                self.known.extend(after_then);
                Step::If(If { then, otherwise, condition: condition? })
            }
            scenario::Step::Set(values) => {
                let set = values.iter().map(|(name, value)| {
                    let set = (self.slot(&name.value), self.assigned(value));
                    self.known.insert(name.value.clone());
                    set
                });
                Step::Set(Set(set.collect()))
            }
        })
    }

    fn request_name(&mut self, name: &str) -> usize {
        self.request_names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.request_names.push(name.into());
            self.request_names.len() - 1
        })
    }

    /// The slot of a name that a capture or a `set` defines.
    pub(super) fn slot(&self, name: &str) -> usize {
        self.names.slots[name]
    }

    /// A session to render templates with that need none.
    pub(super) fn empty_session(&self) -> Option<Session> {
        Session::new(&self.names, 0, Arrival::default()).ok()
    }

    /// Data with templates in it.
    pub(super) fn assigned(&mut self, value: &scenario::Value) -> Assigned {
        match value {
            scenario::Value::String(text) => {
                let template = self.template(text);
                if template.is_static() {
                    Assigned::Constant(literal(&template).into())
                } else {
                    Assigned::Text(template)
                }
            }
            scenario::Value::List(items) => {
                Assigned::List(items.iter().map(|item| self.assigned(item)).collect())
            }
            scenario::Value::Map(entries) => Assigned::Map(
                entries.iter().map(|(key, value)| (key.value.clone(), self.assigned(value))).collect(),
            ),
            plain => Assigned::Constant(Value::from(Serde(plain.to_json()))),
        }
    }

    /// A text with templates in it.
    pub(super) fn template(&mut self, text: &Text) -> Template {
        match split(&text.value) {
            Err(open) => {
                let span = self.scenario.source.locate(text.span, open);
                self.problem(
                    "template",
                    span,
                    "`${{` is not closed",
                    "close it with `}}`, or write `$${{` for the characters",
                );
                Template::default()
            }
            Ok(pieces) => {
                Template(pieces.into_iter().filter_map(|piece| self.segment(piece, text)).collect())
            }
        }
    }

    fn segment(&mut self, piece: Piece, text: &Text) -> Option<Segment> {
        let (inner, whole) = match piece {
            Piece::Literal(literal) => return Some(Segment::Literal(literal)),
            Piece::Expression { inner, whole } => (inner.trim(), whole),
        };
        let span = self.scenario.source.locate(text.span, whole);
        if inner.is_empty() {
            self.problem(
                "template",
                span,
                "`${{ }}` is empty",
                "write a name or an expression between the braces",
            );
            return None;
        }
        let expression = self.expression(inner, span)?;
        Some(match inner {
            "iteration" => Segment::Iteration,
            "user" => Segment::User,
            _ => match self.names.slots.get(inner) {
                Some(slot) => Segment::Slot(*slot),
                None => self.column(inner).unwrap_or(Segment::Expression(Box::new(expression))),
            },
        })
    }

    fn column(&self, inner: &str) -> Option<Segment> {
        let (name, column) = inner.split_once('.')?;
        let source = self.names.sources.iter().position(|source| source.name == name)?;
        let column = self.names.sources[source].columns.iter().position(|known| known == column)?;
        Some(Segment::Column { source, column })
    }

    fn condition(&mut self, text: &Text) -> Option<Condition> {
        let expression = self.expression(text.value.trim(), text.span)?;
        Some(Condition(Box::new(expression)))
    }

    /// Compiles an expression and looks at every name in it.
    fn expression(&mut self, inner: &str, span: Span) -> Option<Expression<'static, 'static>> {
        let expression = match ENVIRONMENT.compile_expression_owned(inner.to_string()) {
            Ok(expression) => expression,
            Err(error) => {
                let reason = error.detail().unwrap_or("it cannot be read").to_string();
                let help =
                    "write a name, a column (`users.email`) or an expression such as `random_int(1, 50)`";
                self.problem("expression", span, format!("`{inner}` is no expression: {reason}"), help);
                return None;
            }
        };
        let mut names: Vec<_> = expression.undeclared_variables(true).into_iter().collect();
        names.sort();
        let asks = asks_whether_defined(inner);
        names.retain(|name| !(asks && self.later.contains(root(name))));
        names.iter().for_each(|name| self.check_name(name, span));
        let known = names.iter().all(|name| self.is_known(name));
        (known && self.can_be_evaluated(&expression, inner, span)).then_some(expression)
    }

    /// Whether an expression that is worked out once, with nothing captured yet, shows no fault that it shows always:
    /// a function that is given too few or too many values, a filter that does not exist, or any where it needs no
    /// variable at all.
    fn can_be_evaluated(
        &mut self,
        expression: &Expression<'static, 'static>,
        inner: &str,
        span: Span,
    ) -> bool {
        use minijinja::ErrorKind as K;
        let Some(session) = self.empty_session() else { return true };
        let Err(error) = expression.eval(Value::from_dyn_object(session.scope().clone())) else {
            return true;
        };
        let always =
            expression.undeclared_variables(false).iter().all(|name| FUNCTIONS.contains(&name.as_str()));
        let known = matches!(
            error.kind(),
            K::MissingArgument
                | K::TooManyArguments
                | K::UnknownFilter
                | K::UnknownTest
                | K::UnknownFunction
                | K::UnknownMethod
        );
        if always || known {
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            let message = format!("`{inner}` cannot be worked out: {}{detail}", error.kind());
            let function =
                FUNCTION_SHAPES.iter().find(|shape| inner.contains(shape.split('(').next().unwrap_or(shape)));
            let help = match function {
                Some(shape) => format!("write it as `{shape}`"),
                None => "see the functions and filters of expressions".to_owned(),
            };
            self.problem("expression", span, message, help);
        }
        !(always || known)
    }

    /// Whether a name such as `token` or `users.email` is defined.
    fn is_known(&self, name: &str) -> bool {
        let (root, column) =
            name.split_once('.').map_or((name, None), |(root, rest)| (root, rest.split('.').next()));
        if let Some(source) = self.names.sources.iter().find(|source| source.name == root) {
            return column.is_none_or(|column| source.columns.iter().any(|known| known == column));
        }
        let declared = self.scenario.data.iter().any(|source| source.name.value == root);
        declared
            || self.known.contains(root)
            || (BUILT_IN.contains(&root) && column.is_none())
            || FUNCTIONS.contains(&root)
            || ENVIRONMENT.globals().any(|(known, _)| known == root)
    }

    fn check_name(&mut self, name: &str, span: Span) {
        if self.is_known(name) {
            return;
        }
        let root = name.split('.').next().unwrap_or(name);
        let span = self.scenario.source.locate(span, root);
        let names = self.names.clone();
        if let Some(source) = names.sources.iter().find(|source| source.name == root) {
            let column = name.split('.').nth(1).unwrap_or_default();
            let span = self.scenario.source.locate(Span { end: span.end + column.len() + 1, ..span }, column);
            let help = suggestion(column, source.columns.iter().map(String::as_str));
            self.problem("unknown-name", span, format!("`{root}` has no column `{column}`"), help);
            return;
        }
        if BUILT_IN.contains(&root) {
            let field = name.split('.').nth(1).unwrap_or_default();
            let meant =
                names.sources.iter().find(|source| source.columns.iter().any(|column| column == field));
            let help = match meant {
                Some(source) => format!("did you mean `{}.{field}`?", source.name),
                None => format!("write `{root}` alone, or the name of a data source before the dot"),
            };
            self.problem(
                "unknown-name",
                span,
                format!("`{root}` is a number and has no field `{field}`"),
                help,
            );
            return;
        }
        if self.later.contains(root) {
            let help =
                "move the step that captures or sets it up, or give it a first value under `variables`";
            self.problem("unknown-name", span, format!("`{root}` is used before any step defines it"), help);
            return;
        }
        let mut known: Vec<&str> = self.known.iter().chain(&self.later).map(String::as_str).collect();
        known.extend(names.sources.iter().map(|source| source.name.as_str()));
        known.sort_unstable();
        let all = known.iter().copied().chain(FUNCTIONS).chain(BUILT_IN);
        let help = match (nearest(root, all), names.slots.contains_key(root)) {
            (_, true) => {
                "another flow defines it, but flows share nothing: capture or set it in this flow".into()
            }
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, _) => {
                "define it under `variables` or `data`, or in this flow with `capture` or `set`".into()
            }
        };
        self.problem("unknown-name", span, format!("nothing defines `{root}`"), help);
    }
}

impl Names {
    fn add(&mut self, name: &str, value: Value) {
        if !self.slots.contains_key(name) {
            self.slots.insert(name.into(), self.initial.len());
            self.initial.push(value);
        }
    }
}

/// The text of a template without templates.
pub(super) fn literal(template: &Template) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Literal(text) => text.clone(),
        _ => String::new(),
    };
    template.0.iter().map(text).collect()
}

/// The first part of a name such as `users.email`.
fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Whether an expression has an answer where a variable has no value yet.
fn asks_whether_defined(expression: &str) -> bool {
    ["default", "defined", "undefined"]
        .iter()
        .any(|word| expression.split(|c: char| c != '_' && !c.is_alphanumeric()).any(|found| found == *word))
}

/// The names that steps define.
fn names_in(steps: &[scenario::Step]) -> HashSet<String> {
    let mut names = HashSet::new();
    defined(steps, &mut |name| {
        names.insert(name.value.clone());
    });
    names
}

/// Every name that steps define.
fn defined<'s>(steps: &'s [scenario::Step], found: &mut dyn FnMut(&'s Text)) {
    for step in steps {
        match step {
            scenario::Step::Request(request) => {
                request.capture.iter().for_each(|capture| found(&capture.name))
            }
            scenario::Step::Set(values) => values.iter().for_each(|(name, _)| found(name)),
            scenario::Step::Repeat { steps, .. } => defined(steps, found),
            scenario::Step::If { then, otherwise, .. } => {
                defined(then, found);
                defined(otherwise, found);
            }
            scenario::Step::Think { .. } => {}
        }
    }
}
