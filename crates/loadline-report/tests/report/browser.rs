//! What a real browser makes of the pages: nothing loaded, nothing run, no text cut off or on top of another.

use std::{env, fs, path::Path, process::Command};

use loadline_report::run::html;

use crate::samples::Sample;
use crate::view_of;

/// Put into a copy of the page: looks at it once it is laid out, and leaves what it found as the page's text.
const PROBE: &str = r"<script>
const found = [];
window.alert = text => found.push('a script from outside ran: ' + text);
addEventListener('error', e => found.push('error: ' + e.message));
addEventListener('load', () => {
  performance.getEntriesByType('resource').forEach(e => found.push('loaded ' + e.name));
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} wide in a window of ${innerWidth}`);
  let seen = 0;
  document.querySelectorAll('svg').forEach(svg => {
    const s = svg.getBoundingClientRect();
    if (!s.width) return;
    const texts = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
    seen += texts.length;
    texts.forEach(([a, r], i) => {
      if (r.left < s.left - 1 || r.right > s.right + 1 || r.top < s.top - 3 || r.bottom > s.bottom + 3)
        found.push(`cut off: ${a}`);
      texts.slice(i + 1).forEach(([b, q]) => {
        const width = Math.min(r.right, q.right) - Math.max(r.left, q.left);
        const height = Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top);
        if (width > 1 && height > r.height * 0.35) found.push(`one on the other: ${a} / ${b}`);
      });
    });
  });
  if (seen < 20) found.push(`only ${seen} texts in all charts`);
  document.body.textContent = 'FOUND' + JSON.stringify(found) + 'END';
});
</script>";

fn chromium() -> Option<String> {
    let named = env::var("CHROMIUM").ok();
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    let works =
        |name: &String| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
    let found = named.into_iter().chain(usual).find(works);
    if found.is_none() {
        assert!(env::var_os("LOADLINE_REQUIRE_ALL").is_none_or(|all| all != "1"), "chromium is required");
        eprintln!("skipped: chromium is not installed");
    }
    found
}

/// What the probe found, and what the console said, in a window of this width.
fn look(chromium: &str, page: &Path, profile: &Path, width: u32, dark: bool) -> String {
    let mut command = Command::new(chromium);
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--dump-dom",
    ]);
    if dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    command.arg(format!("--user-data-dir={}", profile.display())).arg(format!("--window-size={width},2000"));
    let out = command.arg(format!("file://{}", page.display())).output().expect("chromium runs");
    let dom = String::from_utf8_lossy(&out.stdout);
    let found = dom.rsplit_once("FOUND").and_then(|(_, rest)| rest.split_once("END")).map(|(found, _)| found);
    let talk = String::from_utf8_lossy(&out.stderr);
    let console: Vec<&str> = talk.lines().filter(|line| line.contains("CONSOLE")).collect();
    format!("{}{}", found.unwrap_or("the page did not load"), console.join("\n"))
}

#[test]
fn pages_are_whole_in_a_real_browser() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut faults = Vec::new();
    let telling = ["stall", "failing", "hostile", "all-errors", "nothing"];
    let samples = Sample::all().into_iter().filter(|(name, _)| telling.contains(name));
    let runs = samples.map(|(name, sample)| (name, html(&view_of(&sample))));
    for (name, page) in runs.chain(crate::comparisons::pages()) {
        let page = page.replacen("<head>", &format!("<head>{PROBE}"), 1);
        let path = folder.path().join(format!("{name}.html"));
        fs::write(&path, page).unwrap();
        let profile = folder.path().join("profile");
        for (width, dark) in [(1200, false), (420, true)] {
            let seen = look(&chromium, &path, &profile, width, dark);
            if seen != "[]" {
                faults.push(format!("{name} at {width}: {seen}"));
            }
        }
    }
    let plans = [
        ("headroom", loadline_report::headroom::html(&crate::planning::document(&[0.9, 0.04]))),
        ("forecast", forecast_page()),
    ];
    for (name, page) in plans {
        let path = folder.path().join(format!("{name}.html"));
        fs::write(&path, page.replacen("<head>", &format!("<head>{PROBE}"), 1)).unwrap();
        let profile = folder.path().join("profile");
        for (width, dark) in [(1200, false), (420, true)] {
            let seen = look(&chromium, &path, &profile, width, dark);
            if seen != "[]" {
                faults.push(format!("{name} at {width}: {seen}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn forecast_page() -> String {
    let series = vec![crate::planning::series("a"), crate::planning::series("b")];
    let schema = loadline_model::forecast::SCHEMA.to_owned();
    loadline_report::forecast::html(&loadline_model::forecast::ForecastDocument { schema, series })
}
