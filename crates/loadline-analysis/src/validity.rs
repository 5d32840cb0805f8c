//! Whether a run says something about the service, or only about the generator.
//!
//! A run is `generator_limited` when, over its measured part,
//! - the generator delay's p99 is above the larger of 1 ms and a tenth of the response time's p99, or its median above
//!   the same of the median: a generator that falls behind makes the response times long, and hides in them, or
//! - fewer than 99 % of the arrivals offered were sent, though there were places for them in flight, or
//! - a core of the generator was busy above 90 % for 5 s on end, or all through a shorter run, in the open model, be it
//!   with the generator or, while that waited for it, with others, or
//! - the host or a cgroup limit took more than 5 % of the time.
//!
//! Of a run with fewer than 1,000 requests the highest quantile is judged that ten samples lie beyond.
//!
//! Waiting for a place among those in flight, or for a connection, is never the generator's fault, and neither is a
//! service that stalls.

use loadline_model::histogram::{self, Histogram, quantile_ms};
use loadline_model::recording::{GeneratorSecond, Second};
use loadline_model::run::{LoadModel, Validity, ValidityVerdict};

use crate::latency::SAMPLES_BEYOND_MIN;

const DELAY_MAX_MS: f64 = 1.0;
const DELAY_OF_RESPONSE_MAX: f64 = 0.1;
pub(crate) const SENT_SHARE_MIN: f64 = 0.99;
const CPU_MAX: f64 = 0.9;
const CPU_BUSY_MAX_S: u32 = 5;
const STOLEN_MAX: f64 = 0.05;

/// Gathers what the verdict rests on, second by second.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    cpu: Mean,
    stolen: Mean,
    stolen_max: Option<f64>,
    seconds: u32,
    busy: Streak,
    /// Busy, or waiting for a processor that others had.
    wanting: Streak,
}

/// Seconds on end above [`CPU_MAX`].
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    now_s: u32,
    longest_s: u32,
}

impl Streak {
    fn add(&mut self, share: Option<f64>) {
        self.now_s = if share.is_some_and(|share| share > CPU_MAX) { self.now_s + 1 } else { 0 };
        self.longest_s = self.longest_s.max(self.now_s);
    }

    /// Whether it lasted, in a run of so many seconds.
    fn is_long(self, seconds: u32) -> bool {
        self.longest_s >= CPU_BUSY_MAX_S.min(seconds.max(1))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// What was sent of what was offered, over the measured part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Arrivals that fell due.
    pub offered: u64,
    /// Flows started.
    pub started: u64,
    /// Arrivals given up because all places in flight were taken.
    pub dropped: u64,
}

impl Watch {
    /// Takes one second of the measured part.
    pub fn push(&mut self, second: &GeneratorSecond) {
        self.seconds += 1;
        self.cpu.add(second.cpu);
        self.stolen.add(second.stolen);
        self.stolen_max = [self.stolen_max, second.stolen].into_iter().flatten().reduce(f64::max);
        self.busy.add(second.cpu);
        self.wanting.add(second.cpu_wanted);
    }

    /// The same, of which load was offered for so many seconds only: those of draining make it no longer run.
    pub(crate) fn of_load(&self, seconds: u32) -> Watch {
        Watch { seconds: self.seconds.min(seconds), ..self.clone() }
    }

    /// The verdict, given the generator delays and response times of all requests.
    pub fn judge(&self, model: LoadModel, sent: Sent, delay: &Histogram, response: &Histogram) -> Validity {
        self.judge_late(model, sent, quantile_ms(delay, 0.99), delay_reason(delay, response))
    }

    /// The verdict, given the generator delay's p99 and what is to be said against the delays.
    pub(crate) fn judge_late(
        &self,
        model: LoadModel,
        sent: Sent,
        delay_p99_ms: Option<f64>,
        late: Option<String>,
    ) -> Validity {
        let reasons: Vec<String> = [late, sent_reason(sent), self.busy_reason(model), self.stolen_reason()]
            .into_iter()
            .flatten()
            .collect();
        let verdict =
            if reasons.is_empty() { ValidityVerdict::Valid } else { ValidityVerdict::GeneratorLimited };
        Validity {
            verdict,
            reasons,
            generator_delay_p99_ms: delay_p99_ms,
            generator_cpu: self.cpu.get(),
            stolen: self.stolen_max,
        }
    }

    /// A closed loop that fills a core is told, not judged: its users wait for the generator as for the service.
    pub fn note(&self, model: LoadModel) -> Option<String> {
        (model == LoadModel::Closed && self.busy.is_long(self.seconds)).then(|| {
            format!(
                "a core of the generator was busy above {:.0} % for {} s: the users may have been held up by it",
                CPU_MAX * 100.0,
                self.busy.longest_s
            )
        })
    }

    fn busy_reason(&self, model: LoadModel) -> Option<String> {
        let above = CPU_MAX * 100.0;
        match model {
            LoadModel::Open if self.busy.is_long(self.seconds) => Some(format!(
                "a core of the generator was busy above {above:.0} % for {} s on end; give it more cores (--workers) \
                 or ask for a lower rate",
                self.busy.longest_s
            )),
            LoadModel::Open if self.wanting.is_long(self.seconds) => Some(format!(
                "the generator worked, or waited for a processor that others had, above {above:.0} % of the time for \
                 {} s on end; give it processors of its own or ask for a lower rate",
                self.wanting.longest_s
            )),
            _ => None,
        }
    }

    fn stolen_reason(&self) -> Option<String> {
        let stolen = self.stolen.get().filter(|stolen| *stolen > STOLEN_MAX)?;
        Some(format!(
            "the host or a cgroup limit took {:.1} % of the time away (allowed: {:.0} %); measure on a quieter machine",
            stolen * 100.0,
            STOLEN_MAX * 100.0
        ))
    }
}

/// Whether the generator was in the way in one second of a duel.
///
/// Both builds bear the generator's delay alike, so that some late requests do no harm: what counts is whether the
/// delay of every other request is above the larger of 1 ms and a tenth of what the responses took, likewise, or whether
/// the host or a cgroup limit took so much that nothing can be told.
pub(crate) fn is_second_limited(second: &Second) -> bool {
    const STOLEN_OF_SECOND_MAX: f64 = 0.25;
    let measured = || second.requests.iter().filter(|request| !request.counts.warmup);
    let all = |of: fn(&loadline_model::recording::Durations) -> &Histogram| {
        let mut sum = histogram::new();
        measured().for_each(|request| {
            sum.add(of(&request.durations)).expect("all histograms have the same bounds");
        });
        sum
    };
    let late =
        late_at(0.5, &all(|durations| &durations.delay), &all(|durations| &durations.response)).is_some();
    let stolen =
        second.generator.iter().filter_map(|line| line.stolen).any(|share| share > STOLEN_OF_SECOND_MAX);
    late || stolen
}

fn delay_reason(delay: &Histogram, response: &Histogram) -> Option<String> {
    // The highest quantile up to p99 that rests on enough samples.
    let highest = (1.0 - SAMPLES_BEYOND_MIN / delay.len() as f64).min(0.99);
    if highest < 0.5 {
        return None;
    }
    [highest, 0.5].into_iter().find_map(|q| late_at(q, delay, response))
}

fn late_at(q: f64, delay: &Histogram, response: &Histogram) -> Option<String> {
    late_by(q, quantile_ms(delay, q)?, quantile_ms(response, q)?)
}

/// What is to be said against a delay of `late` ms where responses took `took` ms, both at quantile `q`.
pub(crate) fn late_by(q: f64, late: f64, took: f64) -> Option<String> {
    let allowed = DELAY_MAX_MS.max(took * DELAY_OF_RESPONSE_MAX);
    (late > allowed).then(|| {
        format!(
            "the generator sent late: its delay was {late:.2} ms at p{:.0} (allowed: {allowed:.2} ms); ask for a \
             lower rate or give it more CPU",
            q * 100.0
        )
    })
}

fn sent_reason(sent: Sent) -> Option<String> {
    let wanted = sent.offered.saturating_sub(sent.dropped);
    let share = sent.started as f64 / wanted as f64;
    (wanted > 0 && share < SENT_SHARE_MIN).then(|| {
        format!(
            "only {:.1} % of the arrivals were sent, though there was room for them in flight",
            share * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(seconds: &[GeneratorSecond], model: LoadModel, delay: f64, response: f64) -> Validity {
        let mut watch = Watch::default();
        seconds.iter().for_each(|second| watch.push(second));
        let sent = Sent { offered: 1000, started: 1000, dropped: 0 };
        watch.judge(model, sent, &alike(1_000, delay), &alike(1_000, response))
    }

    /// So many durations of `ms`.
    fn alike(count: u64, ms: f64) -> Histogram {
        let mut histogram = loadline_model::histogram::new();
        histogram.record_n((ms * 1e3) as u64, count).expect("within the bounds");
        histogram
    }

    fn busy(cpu: f64) -> GeneratorSecond {
        GeneratorSecond { cpu: Some(cpu), stolen: Some(0.0), ..Default::default() }
    }

    /// A step of three seconds, all busy, and four in which what was on its way ended.
    #[test]
    fn draining_makes_no_short_run_a_long_one() {
        let mut watch = Watch::default();
        [0.99, 0.98, 0.99, 0.3, 0.2, 0.1, 0.1].iter().for_each(|cpu| watch.push(&busy(*cpu)));
        let (sent, quick) = (Sent { offered: 10, started: 10, dropped: 0 }, alike(1_000, 0.1));
        let verdict = |watch: &Watch| watch.judge(LoadModel::Open, sent, &quick, &alike(1_000, 50.0)).verdict;
        assert_eq!(verdict(&watch), ValidityVerdict::Valid);
        assert_eq!(verdict(&watch.of_load(3)), ValidityVerdict::GeneratorLimited);
    }

    #[test]
    fn the_delay_may_be_a_millisecond_or_a_tenth_of_the_response_time() {
        let verdict = |delay, response| judged(&[], LoadModel::Open, delay, response).verdict;
        assert_eq!(verdict(0.99, 1.0), ValidityVerdict::Valid);
        assert_eq!(verdict(1.01, 5.0), ValidityVerdict::GeneratorLimited);
        assert_eq!(verdict(9.9, 100.0), ValidityVerdict::Valid);
        assert_eq!(verdict(10.1, 100.0), ValidityVerdict::GeneratorLimited);
    }

    #[test]
    fn a_core_has_to_be_busy_for_five_seconds_on_end() {
        let four = [busy(0.95), busy(0.95), busy(0.95), busy(0.95), busy(0.5), busy(0.95)];
        assert_eq!(judged(&four, LoadModel::Open, 0.0, 1.0).verdict, ValidityVerdict::Valid);
        let five = vec![busy(0.91); 5];
        assert_eq!(judged(&five, LoadModel::Open, 0.0, 1.0).verdict, ValidityVerdict::GeneratorLimited);
        assert_eq!(judged(&five, LoadModel::Closed, 0.0, 1.0).verdict, ValidityVerdict::Valid);
    }

    #[test]
    fn a_short_run_is_judged_by_all_of_it() {
        let two = vec![busy(0.95); 2];
        assert_eq!(judged(&two, LoadModel::Open, 0.0, 1.0).verdict, ValidityVerdict::GeneratorLimited);
        let half = [busy(0.95), busy(0.5)];
        assert_eq!(judged(&half, LoadModel::Open, 0.0, 1.0).verdict, ValidityVerdict::Valid);
    }

    /// A generator that is 20 ms late with half of what it sends is no better for a few answers that took a second.
    #[test]
    fn the_median_is_judged_too() {
        let (delay, mut response) = (alike(1_000, 20.0), alike(900, 30.0));
        response.record_n(1_000_000, 100).unwrap();
        let validity = Watch::default().judge(LoadModel::Open, Sent::default(), &delay, &response);
        assert_eq!(validity.verdict, ValidityVerdict::GeneratorLimited);
        assert!(validity.reasons[0].contains("p50"), "{:?}", validity.reasons);
    }

    /// One late request of sixty is no p99.
    #[test]
    fn a_few_requests_are_judged_by_what_they_show() {
        let verdict = |late: u64| {
            let mut delay = alike(60 - late, 0.1);
            delay.record_n(5_000, late).unwrap();
            Watch::default().judge(LoadModel::Open, Sent::default(), &delay, &alike(60, 1.0)).verdict
        };
        assert_eq!(verdict(1), ValidityVerdict::Valid);
        assert_eq!(verdict(15), ValidityVerdict::GeneratorLimited);
    }

    /// A generator that gets a quarter of a core and wants all of it is no less of a bottleneck.
    #[test]
    fn waiting_for_a_processor_is_being_busy() {
        let starved = GeneratorSecond { cpu_wanted: Some(0.97), ..busy(0.25) };
        let validity = judged(&vec![starved.clone(); 5], LoadModel::Open, 0.0, 1.0);
        assert_eq!(validity.verdict, ValidityVerdict::GeneratorLimited);
        assert!(validity.reasons[0].contains("others"), "{:?}", validity.reasons);
        let idle = GeneratorSecond { cpu_wanted: Some(0.3), ..busy(0.25) };
        let mut seconds = vec![starved; 4];
        seconds.insert(2, idle);
        assert_eq!(judged(&seconds, LoadModel::Open, 0.0, 1.0).verdict, ValidityVerdict::Valid);
    }

    #[test]
    fn waiting_for_a_place_is_not_the_generators_fault() {
        let sent = Sent { offered: 1000, started: 600, dropped: 400 };
        let judge =
            |sent| Watch::default().judge(LoadModel::Open, sent, &alike(600, 0.1), &alike(600, 500.0));
        let validity = judge(sent);
        assert_eq!(validity.verdict, ValidityVerdict::Valid, "{:?}", validity.reasons);
        let sent = Sent { dropped: 0, ..sent };
        let validity = judge(sent);
        assert_eq!(validity.verdict, ValidityVerdict::GeneratorLimited);
    }

    #[test]
    fn stolen_time_is_a_reason_of_its_own() {
        let robbed = GeneratorSecond { stolen: Some(0.06), ..busy(0.1) };
        let validity = judged(&[robbed.clone(), robbed], LoadModel::Open, 0.0, 1.0);
        assert_eq!(validity.reasons.len(), 1);
        assert!(validity.reasons[0].contains("cgroup"), "{:?}", validity.reasons);
    }
}
