//! What `forecast` and `headroom` share: known events, and the forms of their reports.

use std::path::{Path, PathBuf};

use anyhow::Context;
use loadline::events::load_calendar;
use loadline::model::plan::Event;

use super::exit::UserError;
use super::output::Output;

/// What is known to change demand.
#[derive(Debug, clap::Args)]
pub(crate) struct EventFlags {
    /// A known change of demand: from a time on (2026-12-01=1.3) or for a while (2026-11-27..2026-11-30=1.8)
    /// (repeatable)
    #[arg(long, value_name = "TIME=FACTOR", value_parser = Event::parse)]
    event: Vec<Event>,
    /// A holiday, what it does being learnt from the history: 12-25 (every year), 2026-04-06, 12-24..12-26 (repeatable)
    #[arg(long, value_name = "DAY", value_parser = Event::parse_holiday)]
    holiday: Vec<Event>,
    /// A file of such days: CSV with date,name[,days][,factor]; what has no factor is learnt (repeatable)
    #[arg(long, value_name = "FILE")]
    calendar: Vec<PathBuf>,
}

impl EventFlags {
    pub(crate) fn events(&self) -> anyhow::Result<Vec<Event>> {
        let mut all: Vec<Event> = self.event.iter().chain(&self.holiday).cloned().collect();
        for file in &self.calendar {
            all.extend(load_calendar(file).map_err(UserError::input)?);
        }
        Ok(all)
    }
}

/// A form that a report can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
    Csv,
    Html,
    Markdown,
    Svg,
    Png,
    Junit,
}

/// Which endings ask for which form; the first of each is the one to name.
const ENDINGS: [(&str, Form); 10] = [
    ("html", Form::Html),
    ("htm", Form::Html),
    ("md", Form::Markdown),
    ("json", Form::Json),
    ("xml", Form::Junit),
    ("svg", Form::Svg),
    ("png", Form::Png),
    ("csv", Form::Csv),
    ("txt", Form::Text),
    ("text", Form::Text),
];

impl Form {
    /// What the ending of `path` asks for, of the forms there are; text for `-`. `asked` goes before it.
    pub(crate) fn of(path: &Path, asked: Option<Form>, forms: &[Form]) -> anyhow::Result<Form> {
        match asked {
            Some(asked) => Ok(asked),
            None if path == Path::new("-") => Ok(Form::Text),
            None => Form::among(path, forms),
        }
    }

    /// What the ending of `path` asks for, of the forms there are; for `-` the first of them.
    pub(crate) fn among(path: &Path, forms: &[Form]) -> anyhow::Result<Form> {
        if path == Path::new("-") {
            return Ok(forms[0]);
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let asked = ENDINGS.iter().find(|(end, form)| *end == ending && forms.contains(form));
        asked.map(|(_, form)| *form).ok_or_else(|| {
            let known = forms.iter().filter_map(|form| ENDINGS.iter().find(|(_, of)| of == form));
            let known: Vec<String> = known
                .map(|(end, form)| match form {
                    Form::Svg => format!(".{end} (a folder of charts)"),
                    Form::Junit => format!(".{end} (JUnit)"),
                    _ => format!(".{end}"),
                })
                .collect();
            UserError::input(format!(
                "{}: the ending says what to write: {}",
                path.display(),
                known.join(", ")
            ))
        })
    }
}

/// A folder with one file a chart.
pub(crate) fn write_charts(folder: &Path, charts: &[(String, String)], out: &Output) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    for (name, svg) in charts {
        out.write(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    }
    Ok(())
}
