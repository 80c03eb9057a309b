//! The lessons there are.

/// One lesson: a program, and a test that reads as its specification.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// Its number.
    pub number: u8,
    /// Its program: `lesson_NN_noun`, in `tutorial/src/bin/`. Its test is `tutorial/tests/lesson_NN.rs`.
    pub program: &'static str,
    /// What it is about.
    pub title: &'static str,
}

/// All lessons, in order.
pub const LESSONS: [Lesson; 8] = [
    Lesson { number: 0, program: "lesson_00_journey", title: "The whole journey of one call" },
    Lesson { number: 1, program: "lesson_01_contract", title: "An interface is a contract" },
    Lesson { number: 2, program: "lesson_02_bytes", title: "Arguments become bytes" },
    Lesson { number: 3, program: "lesson_03_frame", title: "A standard message: kind, method, length, call" },
    Lesson {
        number: 4,
        program: "lesson_04_dispatch",
        title: "Server stub and dispatch: bytes in, bytes out",
    },
    Lesson { number: 5, program: "lesson_05_stub", title: "Client stub and return path: results and errors" },
    Lesson { number: 6, program: "lesson_06_stream", title: "A stream is not messages" },
    Lesson { number: 7, program: "lesson_07_calls", title: "Many calls, one connection" },
];

impl Lesson {
    /// The lesson with this number.
    pub fn find(number: u8) -> Option<Self> {
        LESSONS.into_iter().find(|lesson| lesson.number == number)
    }
}
