//! What the instances needed cost, month by month.

/// A stretch of steps that is paid for together.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// Its steps.
    pub steps: std::ops::Range<usize>,
}

/// What one month costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bill {
    /// The instances paid for.
    pub instances: Option<f64>,
    /// Their cost, for a whole month.
    pub per_month: Option<f64>,
    /// The same over the requests of a whole month, in millions.
    pub per_million: Option<f64>,
}

/// The bill of each of `months`: the most instances `needed` in it, or with `scaled` their mean over time, at `price`
/// each a month. `requests` are those expected in a whole month at the mean demand of each month, where known.
///
/// With the months' steps M: instances `n = max needed over M`, since what is bought is paid for all month, or with
/// `scaled` `n = mean needed over M`, since what follows demand is paid by the hour; cost a month `n × price`; cost of a
/// million requests `n × price / (requests / 10⁶)`. That is unit cost as the FinOps Foundation's framework defines it
/// (capability "unit economics"): total cost over units of demand. A month is 30.436875 days, the mean of the Gregorian
/// calendar.
pub fn bills(
    needed: &[Option<u64>],
    months: &[Month],
    price: f64,
    scaled: bool,
    requests: impl Fn(&Month) -> Option<f64>,
) -> Vec<Bill> {
    months
        .iter()
        .map(|month| {
            let counts: Option<Vec<f64>> =
                needed[month.steps.clone()].iter().map(|n| n.map(|n| n as f64)).collect();
            let instances = counts.filter(|c| !c.is_empty()).map(|counts| {
                let most = counts.iter().copied().fold(0.0, f64::max);
                if scaled { counts.iter().sum::<f64>() / counts.len() as f64 } else { most }
            });
            let per_month = instances.map(|n| n * price);
            let per_million = per_month.zip(requests(month).filter(|r| *r > 0.0)).map(|(c, r)| c / (r / 1e6));
            Bill { instances, per_month, per_million }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bills_by_hand() {
        let needed = [Some(2), Some(4), Some(3), Some(3), None];
        let months = [Month { steps: 0..2 }, Month { steps: 2..4 }, Month { steps: 4..5 }];
        // 100 a second are 262,974,600 requests in a month of 30.436875 days.
        let requests = |_: &Month| Some(100.0 * 30.436_875 * 86_400.0);
        let fixed = bills(&needed, &months, 150.0, false, requests);
        assert_eq!((fixed[0].instances, fixed[0].per_month), (Some(4.0), Some(600.0)));
        assert!((fixed[0].per_million.unwrap() - 600.0 / 262.9746).abs() < 1e-9);
        assert_eq!(fixed[2], Bill { instances: None, per_month: None, per_million: None });
        let scaled = bills(&needed, &months, 150.0, true, |_| None);
        assert_eq!((scaled[0].per_month, scaled[0].per_million), (Some(450.0), None));
    }
}
