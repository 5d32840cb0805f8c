//! Headroom of a plan: its services' demand, their capacities, and its what-ifs.

mod loaded;
mod sources;
mod what_if;

use std::path::Path;

use loadline_model::headroom::{HeadroomDocument, Outlook, ServiceHeadroom};
use loadline_model::plan::{Event, Plan, WhatIf};
use loadline_model::series::Time;

use crate::forecast::{Horizon, PlanningError};
use crate::headroom::document;
use crate::prometheus::Access;
use loaded::Loaded;

/// What is asked of a plan beside what it says itself.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Goes before the plan's own.
    pub horizon: Option<Horizon>,
    /// Season lengths in steps; found where not given.
    pub seasons: Option<Vec<usize>>,
    /// Added to the plan's own.
    pub events: Vec<Event>,
    /// As in [`Question`].
    pub today: Option<Time>,
}

/// The headroom of every service of `plan`, whose files are relative to `base`. The fields of the document itself are
/// those of the service that is first to be more likely to have run out than its policy allows, or else likeliest.
/// `access` says how servers with demand are reached.
///
/// # Errors
///
/// What cannot be used of the plan, with its place, or of the files it names.
pub fn headroom_of_plan(
    plan: &Plan,
    base: &Path,
    asked: &Asked,
    access: &Access,
) -> Result<HeadroomDocument, PlanningError> {
    let loaded = Loaded::read(plan, base, asked, access)?;
    let now = loaded.answers(None);
    let services: Vec<Outlook> = now.iter().map(|answer| outlook(answer, None)).collect();
    // A change of demand goes on to those who are called.
    let about = |what_if: &WhatIf, answer: &ServiceHeadroom| {
        let passed_on = what_if.factor != 1.0 || what_if.growth != 0.0;
        what_if
            .service
            .as_ref()
            .is_none_or(|name| *name == answer.service || passed_on && loaded.calls(&answer.service, name))
    };
    let mut what_ifs = Vec::new();
    for what_if in &plan.what_ifs {
        let answers = loaded.answers(Some(what_if));
        for (answer, planned) in answers.iter().zip(&now).filter(|(answer, _)| about(what_if, answer)) {
            let own = answer.notes.iter().filter(|note| !planned.notes.contains(note)).cloned();
            what_ifs.push(Outlook { notes: own.collect(), ..outlook(answer, Some(what_if)) });
        }
    }
    let first = (0..services.len())
        .min_by(|a, b| {
            let likelier = services[*b].exceeded_by_end.total_cmp(&services[*a].exceeded_by_end);
            over_policy(&now[*a]).cmp(&over_policy(&now[*b])).then(likelier)
        })
        .expect("a plan has a service");
    let service = Some(services[first].service.clone());
    Ok(HeadroomDocument {
        name: plan.name.clone(),
        service,
        services,
        what_ifs,
        details: now.clone(),
        ..document(now[first].clone())
    })
}

/// When the probability of having run out is first above what the policy allows, those that never are coming last.
fn over_policy(answer: &ServiceHeadroom) -> i64 {
    let allowed = 1.0 - answer.policy.quantile + 1e-9;
    let first = answer.probability.iter().find(|p| p.exceeded_by > allowed);
    first.map_or(i64::MAX, |p| p.date.number())
}

/// Reads what the plan names, servers included, and says what is wrong with it: as [`headroom_of_plan`] would, without
/// the answer.
///
/// # Errors
///
/// As there.
pub fn check(plan: &Plan, base: &Path, access: &Access) -> Result<(), PlanningError> {
    Loaded::read(plan, base, &Asked::default(), access).map(drop)
}

fn outlook(answer: &ServiceHeadroom, what_if: Option<&WhatIf>) -> Outlook {
    let needed: Option<Vec<u64>> = answer.instances.iter().map(|i| i.needed).collect();
    let costs = answer.cost.iter().flat_map(|c| &c.months).filter_map(|m| m.per_month);
    Outlook {
        service: answer.service.clone(),
        what_if: what_if.map(|w| w.name.clone()),
        headroom_now: answer.headroom_now,
        runs_out: answer.runs_out.clone(),
        exceeded_by_end: answer.probability.last().map_or(0.0, |p| p.exceeded_by),
        needed_max: needed.and_then(|n| n.into_iter().max()),
        order_by: answer.order_by,
        cost_per_month_max: costs.reduce(f64::max),
        error_budget_eaten: answer.error_budget.as_ref().map(|b| b.eaten),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (String, std::path::PathBuf) {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plans");
        (std::fs::read_to_string(base.join("shop.yaml")).unwrap(), base)
    }

    fn headroom_of(plan: &Plan, base: &Path) -> Result<HeadroomDocument, PlanningError> {
        headroom_of_plan(plan, base, &Asked::default(), &Access::default())
    }

    #[test]
    fn the_sample_runs_out_and_says_what_would_help() {
        let (text, base) = sample();
        let document = headroom_of(&Plan::parse(&text, "shop.yaml").unwrap(), &base).unwrap();
        assert_eq!(
            (document.services.len(), document.what_ifs.len(), document.probability.len()),
            (2, 9, 120)
        );
        let of = |name: &str| document.what_ifs.iter().find(|o| o.what_if.as_deref() == Some(name)).unwrap();
        let plan = document.services[0].exceeded_by_end;
        assert!(of("launch in December").exceeded_by_end >= plan);
        assert!(of("10 % faster code").exceeded_by_end <= plan);
        assert_eq!(
            document.probability.last().unwrap().exceeded_by,
            document.services.iter().map(|s| s.exceeded_by_end).fold(0.0, f64::max)
        );
    }

    /// 200 a second for ever on instances of 25: eight serve. Three zones, one of which may be lost, need twelve.
    #[test]
    fn a_lost_zone_saves_nothing() {
        let base = std::env::temp_dir().join(format!("loadline-zones-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let rows: String = (0..60).map(|t| format!("{},200\n", 1_767_225_600 + t * 86_400)).collect();
        std::fs::write(base.join("flat.csv"), format!("time,value\n{rows}")).unwrap();
        for (redundancy, planned, after) in
            [("zones:3", 12, 16), ("zones:2", 16, 16), ("n+1", 9, 9), ("none", 8, 8)]
        {
            let text = format!(
                "horizon: 30d\nservices:\n  - {{ name: front, demand: {{ file: flat.csv }}, capacity: 25, instances: 12, \
                 price: 10/month, policy: {{ redundancy: '{redundancy}' }} }}\nwhat_ifs:\n  - {{ name: gone, \
                 loses_zone_of: 3 }}\n"
            );
            let document = headroom_of(&Plan::parse(&text, "plan.yaml").unwrap(), &base).unwrap();
            let (plan, gone) = (&document.services[0], &document.what_ifs[0]);
            assert_eq!((plan.needed_max, gone.needed_max), (Some(planned), Some(after)), "{redundancy}");
            assert!(gone.cost_per_month_max >= plan.cost_per_month_max, "{redundancy}");
            // Of twelve instances eight are left, which carry exactly the demand.
            assert_eq!(gone.exceeded_by_end, 0.0, "{redundancy}");
        }
        std::fs::remove_dir_all(base).unwrap();
    }

    /// One instance is in one zone: with that gone nothing is left; nor does n+2 leave one of two.
    #[test]
    fn the_zone_of_a_single_instance_takes_it_away() {
        let base = std::env::temp_dir().join(format!("loadline-single-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let rows: String = (0..60).map(|t| format!("{},20\n", 1_767_225_600 + t * 86_400)).collect();
        std::fs::write(base.join("flat.csv"), format!("time,value\n{rows}")).unwrap();
        let of = |policy: &str, instances: u32| {
            let text = format!(
                "horizon: 30d\nservices:\n  - {{ name: front, demand: {{ file: flat.csv }}, capacity: 25, instances: \
                 {instances}, policy: {{ redundancy: '{policy}' }} }}\nwhat_ifs:\n  - {{ name: gone, loses_zone_of: 3 }}\n"
            );
            headroom_of(&Plan::parse(&text, "plan.yaml").unwrap(), &base).unwrap()
        };
        let single = of("none", 1);
        assert_eq!((single.services[0].exceeded_by_end, single.what_ifs[0].exceeded_by_end), (0.0, 1.0));
        assert_eq!((single.what_ifs[0].headroom_now, single.what_ifs[0].needed_max), (None, Some(1)));
        let spare = of("n+2", 2);
        assert_eq!(spare.services[0].exceeded_by_end, 1.0);
        assert!(spare.notes.iter().any(|n| n.contains("no instance is left to serve")), "{:?}", spare.notes);
        std::fs::remove_dir_all(base).unwrap();
    }

    /// 100 a day for ever on an instance of 150: twice as much for three days is above it on these days; what is over
    /// before the horizon begins, or is told in steps where the demand has dates, changes nothing and says so.
    #[test]
    fn a_what_if_of_a_while() {
        let base = std::env::temp_dir().join(format!("loadline-until-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        // The 60th day is 2026-03-02.
        let rows: String = (0..60).map(|t| format!("{},100\n", 1_767_225_600 + t * 86_400)).collect();
        std::fs::write(base.join("flat.csv"), format!("time,value\n{rows}")).unwrap();
        let of = |when: &str| {
            let text = format!(
                "horizon: 30d\nservices:\n  - {{ name: front, demand: {{ file: flat.csv }}, capacity: 150, price: 10 }}\n\
                 what_ifs:\n  - {{ name: sale, factor: 2, {when} }}\n"
            );
            headroom_of(&Plan::parse(&text, "plan.yaml").unwrap(), &base).unwrap().what_ifs.remove(0)
        };
        let sale = of("from: 2026-03-10, until: 2026-03-12");
        assert_eq!((sale.runs_out.p10, sale.needed_max), (Time::parse("2026-03-10"), Some(2)));
        assert_eq!(sale.runs_out, of("from: 2026-03-10").runs_out);
        assert_eq!(of("until: 2026-03-12").runs_out.p10, Time::parse("2026-03-02"));
        for nothing in ["from: 2026-01-05, until: 2026-03-01", "from: 7"] {
            let found = of(nothing);
            assert_eq!((found.runs_out.p10, found.needed_max), (None, Some(1)), "{nothing}");
            assert!(found.notes[0].contains("touches none of the steps to come"), "{:?}", found.notes);
        }
        std::fs::remove_dir_all(base).unwrap();
    }

    /// A week apart they have no sum: the message says when each goes on. With an end in common what is to be said of its own
    /// demand is still said of the sum.
    #[test]
    fn demands_that_end_apart_say_when() {
        let base = std::env::temp_dir().join(format!("loadline-apart-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let rows = |n: i64, gap: i64| -> String {
            let days = (0..n).filter(|t| *t != gap);
            days.map(|t| format!("{},{}\n", 1_767_225_600 + t * 86_400, 100 + t % 7)).collect()
        };
        std::fs::write(base.join("front.csv"), format!("time,value\n{}", rows(60, -1))).unwrap();
        let own = |n: i64| {
            std::fs::write(base.join("own.csv"), format!("time,value\n{}", rows(n, 30))).unwrap();
            let text = "horizon: 14d\nservices:\n  - { name: front, demand: { file: front.csv }, capacity: 150 }\n  - { \
                        name: search, demand: { file: own.csv }, calls: { front: 2 }, capacity: 400 }\n";
            headroom_of(&Plan::parse(text, "plan.yaml").unwrap(), &base)
        };
        let Err(PlanningError::Plan(wrong)) = own(53) else { panic!() };
        let said = wrong[0].to_string();
        for part in
            ["its own goes on at 2026-02-23", "that of `front` at 2026-03-02T00:00:00Z in steps of 1d"]
        {
            assert!(said.contains(part), "{said}");
        }
        let notes = &own(60).unwrap().details[1].notes;
        assert!(notes.iter().any(|note| note.contains("interpolated 1 of 60 points")), "{notes:?}");
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_capacity_that_is_none_has_its_place() {
        let (text, base) = sample();
        let plan = Plan::parse(&text.replace("210..240", "much"), "shop.yaml").unwrap();
        let Err(PlanningError::Plan(diagnostics)) = headroom_of(&plan, &base) else { panic!() };
        assert!(diagnostics[0].to_string().starts_with("shop.yaml:9:15: `much` is neither a capacity"));
    }
}
