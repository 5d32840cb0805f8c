//! Examples of failures: the first few of each class, in words. Bounded in memory and in what they cost.

use std::collections::HashMap;

use loadline_model::run::EXAMPLES_MAX;

use crate::exchange::ErrorClass;

/// Failures of one name and class that are put into words in a second, once some examples are there: to find one that
/// differs.
const TRIES_PER_SECOND: u32 = 20;

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The request's place in the scenario's list of names.
    pub name: usize,
    /// Belongs to a warm-up stage.
    pub warmup: bool,
    /// The class of the failure.
    pub class: ErrorClass,
    /// What went wrong, without secrets.
    pub text: String,
}

/// What one worker has shown already.
#[derive(Debug, Default)]
pub(crate) struct Examples(HashMap<(usize, bool, ErrorClass), Shown>);

#[derive(Debug, Default)]
struct Shown {
    texts: Vec<String>,
    tries: u32,
}

impl Examples {
    /// The example, if it is among the first that differ of its name and class.
    pub(crate) fn first(
        &mut self,
        name: usize,
        warmup: bool,
        class: ErrorClass,
        example: impl FnOnce() -> String,
    ) -> Option<String> {
        let shown = self.0.entry((name, warmup, class)).or_default();
        if shown.texts.len() >= EXAMPLES_MAX || shown.tries >= TRIES_PER_SECOND {
            return None;
        }
        shown.tries += 1;
        let text = example();
        if shown.texts.contains(&text) {
            return None;
        }
        shown.texts.push(text.clone());
        Some(text)
    }

    pub(crate) fn next_second(&mut self) {
        self.0.values_mut().for_each(|shown| shown.tries = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_differ_are_kept_and_no_more_are_put_into_words() {
        let mut examples = Examples::default();
        let mut asked = 0;
        let mut kept = Vec::new();
        for text in ["a", "a", "b", "c", "d"] {
            kept.extend(examples.first(0, false, ErrorClass::Check, || {
                asked += 1;
                text.to_owned()
            }));
        }
        assert_eq!((kept, asked), (vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], 4));
        assert!(examples.first(1, false, ErrorClass::Check, || "d".to_owned()).is_some(), "another name");
    }

    #[test]
    fn one_and_the_same_failure_costs_little() {
        let mut examples = Examples::default();
        let mut asked = 0;
        for _ in 0..1_000 {
            examples.first(0, false, ErrorClass::Reset, || {
                asked += 1;
                "closed".to_owned()
            });
        }
        assert_eq!(asked, TRIES_PER_SECOND);
        examples.next_second();
        assert!(examples.first(0, false, ErrorClass::Reset, || "reset".to_owned()).is_some());
    }
}
