//! Writes reports of made-up runs into a folder, to look at: `cargo run --example samples -- FOLDER [NAME…]`.

use std::{env, fs, path::Path};

use loadline_report::run::{charts, html, junit, markdown, text, view};

#[path = "../tests/report/samples.rs"]
mod samples;

fn main() -> std::io::Result<()> {
    let mut args = env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "target/samples".to_owned());
    let wanted: Vec<String> = args.collect();
    for (name, sample) in samples::Sample::all() {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        let simulated = sample.simulate();
        let view = view(&simulated.run, &simulated.summary, simulated.seconds());
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("report.html"), html(&view))?;
        fs::write(folder.join("report.md"), markdown(&view))?;
        fs::write(folder.join("report.txt"), text(&view.summary, false))?;
        fs::write(folder.join("junit.xml"), junit(&view.summary))?;
        #[cfg(feature = "png")]
        fs::write(folder.join("report.png"), loadline_report::run::png(&view))?;
        for (chart, svg) in charts(&view) {
            fs::write(folder.join(format!("{chart}.svg")), svg)?;
        }
    }
    Ok(())
}
