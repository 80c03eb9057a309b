//! What a method is called, and how many messages go each way.

use std::marker::PhantomData;

use transport::Path;

/// The description of a method: its path, its shape, and the types of its messages.
///
/// ```
/// use stub::Method;
///
/// struct Question;
/// struct Answer;
/// static ASK: Method<Question, Answer> = Method::unary("/example.Oracle/Ask");
/// assert_eq!(ASK.path().method(), "Ask");
/// ```
#[derive(Debug)]
pub struct Method<Request, Reply> {
    path: Path,
    shape: Shape,
    messages: PhantomData<fn(Request) -> Reply>,
}

/// How many messages go each way in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One there, one back.
    Unary,
    /// Any number there, one back.
    ClientStreaming,
    /// One there, any number back.
    ServerStreaming,
    /// Any number both ways.
    Bidirectional,
}

impl<Request, Reply> Method<Request, Reply> {
    /// A method at `path`, which looks like `/package.Service/Method`.
    ///
    /// # Panics
    /// When the path is not well-formed; in a `static` that is an error of the compiler.
    pub const fn new(path: &'static str, shape: Shape) -> Self {
        Self { path: Path::from_static(path), shape, messages: PhantomData }
    }

    /// A method with one message each way.
    ///
    /// # Panics
    /// As [`Method::new`].
    pub const fn unary(path: &'static str) -> Self {
        Self::new(path, Shape::Unary)
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }
}
