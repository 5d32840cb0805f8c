//! The counts as a Prometheus page (text format 0.0.4).

use std::fmt::{Display, Write};

use super::queue::Queue;
use super::stats::{BOUNDS, Counts};

/// Renders the page for a service of `workers`, `seconds` after its first request.
pub(super) fn render(counts: &Counts, queue: &Queue, workers: usize, seconds: f64) -> String {
    let mut page = Page(String::with_capacity(4096));
    page.head("requests_total", "counter", "Requests answered, by kind of path and status.");
    for ((route, status), n) in &counts.answered {
        page.line("requests_total", &format!("{{path=\"{}\",status=\"{status}\"}}", route.label()), n);
    }
    page.head("injected_total", "counter", "Faults injected, by kind.");
    let kinds =
        [("error", counts.errors), ("check_failure", counts.check_failures), ("reset", counts.resets)];
    for (kind, n) in kinds {
        page.line("injected_total", &format!("{{kind=\"{kind}\"}}"), n);
    }
    page.single("arrivals_total", "counter", "Requests that arrived.", counts.arrivals);
    page.single(
        "queue_full_total",
        "counter",
        "Requests turned away for want of room in the queue.",
        counts.full,
    );
    page.single(
        "abandoned_total",
        "counter",
        "Requests whose client left before the answer.",
        counts.abandoned,
    );
    page.single("in_flight", "gauge", "Requests arrived and not yet answered.", counts.stats().in_flight);
    page.single("queue_length", "gauge", "Requests waiting for a worker.", queue.waiting());
    page.single(
        "in_service",
        "gauge",
        "Requests with a worker, which is also the number of busy workers.",
        queue.busy(),
    );
    page.single("busy_workers", "gauge", "Workers at work.", queue.busy());
    let busy = queue.work_done() as f64 / 1e9;
    page.single("busy_seconds_total", "counter", "Worker time spent.", busy);
    if workers > 0 {
        page.single("workers", "gauge", "Workers there are.", workers);
        let utilisation = if seconds > 0.0 { busy / (workers as f64 * seconds) } else { 0.0 };
        page.single(
            "utilisation_ratio",
            "gauge",
            "Worker time spent over worker time there was since the first request.",
            utilisation,
        );
    }
    page.histogram("service_seconds", "Service times drawn for admitted requests.", counts);
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let written =
            write!(self.0, "# HELP loadline_serve_{name} {help}\n# TYPE loadline_serve_{name} {kind}\n");
        written.expect("a string takes all");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        writeln!(self.0, "loadline_serve_{name}{labels} {value}").expect("a string takes all");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }

    fn histogram(&mut self, name: &str, help: &str, counts: &Counts) {
        self.head(name, "histogram", help);
        let mut total = 0;
        for (bucket, n) in counts.service.iter().enumerate() {
            total += n;
            let bound = BOUNDS.get(bucket).map_or("+Inf".into(), |bound| (*bound as f64 / 1e9).to_string());
            self.line(&format!("{name}_bucket"), &format!("{{le=\"{bound}\"}}"), total);
        }
        self.line(&format!("{name}_sum"), "", counts.service_ns as f64 / 1e9);
        self.line(&format!("{name}_count"), "", total);
    }
}
