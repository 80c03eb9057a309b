//! What an exercise has to be: its checks are the specification, and each of them can fail.

#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use tutorial::exercise::Exercise;

/// A test for each check of an exercise, which the project's own code has to pass, and the tests of the checks
/// themselves: whether they find what is wrong.
macro_rules! specification {
    ($noun:ident: $($check:ident)*) => {
        use tutorial::exercise::$noun::EXERCISE;

        $(
            #[test]
            fn $check() {
                $crate::exercise::holds(&EXERCISE, stringify!($check));
            }
        )*

        mod wrong_on_purpose {
            use super::EXERCISE;

            #[test]
            fn each_wrong_one_is_found_and_its_mistake_is_named() {
                $crate::exercise::each_wrong_one_is_found(&EXERCISE);
            }

            #[test]
            fn the_starter_is_red_as_it_should_be() {
                $crate::exercise::the_starter_is_red(&EXERCISE);
            }

            #[test]
            fn each_check_is_broken_by_somebody() {
                $crate::exercise::each_check_is_broken(&EXERCISE);
            }

            #[test]
            fn each_check_is_a_test() {
                let tests = [$(stringify!($check)),*];
                let checks = EXERCISE.checks.iter().map(|check| check.name.replace(' ', "_"));
                assert_eq!(checks.collect::<Vec<_>>(), tests);
            }
        }
    };
}
pub(crate) use specification;

/// What is right keeps the rule.
pub(crate) fn holds<Form>(exercise: &Exercise<Form>, name: &str) {
    let check = exercise.checks.iter().find(|check| check.name.replace(' ', "_") == name);
    if let Some(mistake) = exercise.mistake(check.unwrap(), &exercise.right) {
        panic!("{}\n\n{mistake}", mistake.check);
    }
}

/// The first check that finds a wrong one has its mistake by name, and shows it on 80 columns.
pub(crate) fn each_wrong_one_is_found<Form: Debug>(exercise: &Exercise<Form>) {
    assert!(exercise.wrong.len() >= 2);
    let mut names: Vec<_> = exercise.wrong.iter().map(|wrong| wrong.mistake).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), exercise.wrong.len(), "each has a name of its own");
    for wrong in exercise.wrong {
        let found = exercise.mistakes(&wrong.form);
        let Some(first) = found.first() else { panic!("nobody finds that {}", wrong.mistake) };
        assert_eq!(first.difference.mistake, Some(wrong.mistake), "{}\n{first}", first.check);
        let text = first.to_string();
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in
            [wrong.mistake, first.layer, first.rule, &format!("cargo lesson {}", exercise.lesson.number)]
        {
            assert!(flat.contains(part), "{part:?} is not said in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

/// Nobody is to believe that they are done before they have begun; and it does not panic.
pub(crate) fn the_starter_is_red<Form>(exercise: &Exercise<Form>) {
    let found = exercise.mistakes(&exercise.starter);
    assert!(!found.is_empty());
    assert_eq!(
        found[0].difference.mistake, None,
        "who has written nothing has made no mistake: {}",
        found[0]
    );
    for mistake in found {
        assert!(!mistake.to_string().contains("a panic: "), "{mistake}");
    }
}

/// A check that nobody breaks, no wrong one and not the starter, checks nothing.
pub(crate) fn each_check_is_broken<Form>(exercise: &Exercise<Form>) {
    for check in exercise.checks {
        let mut forms = exercise.wrong.iter().map(|wrong| &wrong.form).chain([&exercise.starter]);
        assert!(forms.any(|form| exercise.mistake(check, form).is_some()), "nobody breaks {:?}", check.name);
    }
}
