//! Pieces of source code, cut out of the files in which they stand: a lesson shows what there is, and no copy
//! that could differ from it.

/// The item of `text` whose first line begins with `beginning`, as far to the left as it can be: of Rust a
/// function, a structure, an arm of a `match`; of a `.proto` file a message or a method. What stands above it,
/// as comments and attributes do, is left out.
///
/// It goes to the first line that stands as far left as its first one and opens nothing, nor goes on with a
/// signature.
pub fn item(text: &str, beginning: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(beginning)).peekable();
    let first = lines.next()?;
    let indent = first.len() - first.trim_start().len();
    let mut item = first[indent..].to_owned();
    if opens(first) || lines.peek().is_some_and(|next| next.trim() == "where") {
        for line in lines {
            item.push('\n');
            item.push_str(line.get(indent..).unwrap_or_default());
            let is_as_far_left = !line.trim().is_empty() && line.len() - line.trim_start().len() <= indent;
            let goes_on = line.trim() == "where" || line.trim_start().starts_with(") -> ");
            if is_as_far_left && !opens(line) && !goes_on {
                break;
            }
        }
    }
    Some(item)
}

/// The same up to where its body begins.
pub fn signature(text: &str, beginning: &str) -> Option<String> {
    let item = item(text, beginning)?;
    let mut signature = String::new();
    for line in item.lines() {
        signature.push_str(line);
        if let Some(whole) = signature.strip_suffix(" {") {
            return Some(whole.to_owned());
        }
        signature.push('\n');
    }
    Some(item)
}

fn opens(line: &str) -> bool {
    line.ends_with(['{', '(', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "\
/// Does it.
impl Kv for Store {
    /// Gets.
    async fn get(&self) {
        match path {
            \"/Get\" => Box::pin(unary(call, async move {
                kv.get().await
            })),
            _ => {}
        }
    }

    fn put(
        &self,
    ) -> Put {
        Put {}
    }
}
";

    #[test]
    fn an_item_goes_to_the_line_that_closes_it_and_moves_to_the_left() {
        assert_eq!(
            item(RUST, "\"/Get\"").as_deref(),
            Some("\"/Get\" => Box::pin(unary(call, async move {\n    kv.get().await\n})),")
        );
        assert_eq!(item(RUST, "fn put(").as_deref(), Some("fn put(\n    &self,\n) -> Put {\n    Put {}\n}"));
        assert_eq!(item(RUST, "impl Kv").map(|it| it.lines().count()), Some(17));
    }

    #[test]
    fn a_signature_with_bounds_is_not_the_end_of_an_item() {
        let long = "pub fn f<T>(\n    t: T,\n) -> T\nwhere\n    T: Copy,\n{\n    t\n}";
        let short = "fn g<T>(t: T) -> T\nwhere\n    T: Copy,\n{\n    t\n}";
        let text = format!("{long}\n\n{short}\n\nfn h() {{}}\n");
        assert_eq!(item(&text, "pub fn f").as_deref(), Some(long));
        assert_eq!(item(&text, "fn g").as_deref(), Some(short));
    }

    #[test]
    fn an_item_of_one_line_is_that_line() {
        assert_eq!(
            item("  rpc Get(A) returns (B);\n  rpc Put", "rpc Get").as_deref(),
            Some("rpc Get(A) returns (B);")
        );
        assert_eq!(item("message A {}\nmessage B {}", "message A").as_deref(), Some("message A {}"));
    }

    #[test]
    fn a_signature_ends_where_the_body_begins() {
        assert_eq!(signature(RUST, "fn put(").as_deref(), Some("fn put(\n    &self,\n) -> Put"));
        assert_eq!(signature(RUST, "async fn get(").as_deref(), Some("async fn get(&self)"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(item(RUST, "fn delete("), None);
    }
}
