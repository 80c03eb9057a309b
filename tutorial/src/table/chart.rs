//! Bars, as SVG that is as wide as there is room for and can be read on light and on dark ground.

use std::fmt::Write as _;

use super::api::Api;
use super::payload::Payload;
use super::protocol::Protocol;
use super::speed::Pace;
use crate::svg::escaped;

/// Bars that are compared with one another.
#[derive(Clone, Debug)]
pub struct Group {
    /// Of what.
    pub name: String,
    /// The bars, one below the other.
    pub bars: Vec<Bar>,
}

/// One bar. What it is and how much stands behind it, so that its colour says nothing alone.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What, and how much.
    pub text: String,
    /// How long it is.
    pub size: f64,
    /// A part of it that is shown too, such as what gzip leaves.
    pub part: Option<f64>,
    /// Which colour it has.
    pub class: &'static str,
}

/// The groups, one below the other, each with a scale of its own; for a place in a page, as wide as that.
pub fn inline(title: &str, groups: &[Group]) -> String {
    drawn(title, "100%", groups, "")
}

/// The same as a file of its own.
pub fn file(title: &str, groups: &[Group]) -> String {
    let own = format!("<style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" class=\"ground\"/>\n");
    drawn(title, "680", groups, &own)
}

fn drawn(title: &str, width: &str, groups: &[Group], own: &str) -> String {
    let margin = if own.is_empty() { 0.0 } else { 2.0 };
    let mut y = if own.is_empty() { 0 } else { 12 };
    let mut body = String::new();
    for Group { name, bars } in groups {
        let _ = writeln!(body, r#"<text x="{margin}%" y="{}" class="name">{}</text>"#, y + 16, escaped(name));
        y += NAME;
        let longest =
            bars.iter().map(|bar| bar.size.max(bar.part.unwrap_or(0.0))).fold(f64::MIN_POSITIVE, f64::max);
        let scaled = |size: f64| LONGEST * size / longest;
        for bar in bars {
            let (length, class) = (scaled(bar.size), bar.class);
            let lightness = if bar.part.is_some() { " whole" } else { "" };
            let _ = writeln!(
                body,
                r#"<rect x="{margin}%" y="{}" width="{length:.2}%" height="16" rx="2" class="{class}{lightness}"/>"#,
                y + 2
            );
            if let Some(part) = bar.part {
                let _ = writeln!(
                    body,
                    r#"<rect x="{margin}%" y="{}" width="{:.2}%" height="6" rx="2" class="{class}"/>"#,
                    y + 12,
                    scaled(part)
                );
            }
            let end = margin + length.max(scaled(bar.part.unwrap_or(0.0)));
            let _ =
                writeln!(body, r#"<text x="{end:.2}%" dx="8" y="{}">{}</text>"#, y + 15, escaped(&bar.text));
            y += STEP;
        }
        y += GAP;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" role="img" class="bars">
<title>{}</title>
{own}{body}</svg>
"#,
        escaped(title)
    )
}

/// Each message in each codec; the lower part of a bar is what gzip makes of it.
pub fn payload(payload: &Payload) -> Vec<Group> {
    let group = |sizes: &super::payload::Sizes| Group {
        name: sizes.message.to_owned(),
        bars: sizes
            .each()
            .into_iter()
            .zip(["ours", "grpc", "json"])
            .map(|((codec, size), class)| Bar {
                text: format!(
                    "{codec} {}, in gzip {}",
                    grouped(size.plain as f64),
                    grouped(size.gzip as f64)
                ),
                size: size.plain as f64,
                part: Some(size.gzip as f64),
                class,
            })
            .collect(),
    };
    payload.messages.iter().map(group).collect()
}

/// The bytes of a warm call; the lower part of a bar is the messages themselves.
pub fn protocol(protocol: &Protocol) -> Vec<Group> {
    let bar = |passed: &super::protocol::Passed| Bar {
        text: format!("{} {}, messages {}", passed.api.name(), passed.warm.both(), passed.messages.both()),
        size: passed.warm.both() as f64,
        part: Some(passed.messages.both() as f64),
        class: class(passed.api),
    };
    vec![Group {
        name: "bytes of a warm call, there and back".to_owned(),
        bars: protocol.calls.iter().map(bar).collect(),
    }]
}

/// Calls a second, and what each takes of processors.
pub fn speed(name: &str, paces: &[Pace]) -> Vec<Group> {
    let bar = |pace: &Pace, size: f64, unit: &str| Bar {
        text: format!("{} {} {unit}", pace.api.name(), three_digits(size)),
        size,
        part: None,
        class: class(pace.api),
    };
    let mut groups = vec![Group {
        name: format!("{name}: calls a second"),
        bars: paces.iter().map(|pace| bar(pace, pace.calls_a_second, "calls/s")).collect(),
    }];
    let micros: Vec<_> = paces.iter().filter_map(|pace| Some(bar(pace, pace.micros()?, "µs"))).collect();
    if !micros.is_empty() {
        groups.push(Group { name: format!("{name}: processor time of a call"), bars: micros });
    }
    groups
}

fn class(api: Api) -> &'static str {
    match api {
        Api::Ours => "ours",
        Api::Grpc => "grpc",
        Api::GrpcWeb => "web",
        Api::Json => "json",
    }
}

/// A number with three digits, or a whole one.
pub fn three_digits(figure: f64) -> String {
    match figure {
        size if size >= 99.95 => grouped(figure),
        size if size >= 9.995 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// A whole number in groups of three digits.
pub fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const NAME: u32 = 24;
const STEP: u32 = 24;
const GAP: u32 = 12;
/// How much of the width the longest bar takes, in percent. Behind it stands its text.
const LONGEST: f64 = 46.0;

/// How bars look.
pub const STYLE: &str = "\
.bars text{font:13px system-ui,sans-serif;fill:#1f2328}.bars .name{font-weight:600}.ground{fill:#fff}\
.ours{fill:#8c959f}.grpc{fill:#0969da}.web{fill:#54aeff}.json{fill:#bc4c00}.bars .whole{opacity:.4}\
@media(prefers-color-scheme:dark){.bars text{fill:#f0f6fc}.ground{fill:#0d1117}\
.ours{fill:#9198a1}.grpc{fill:#4493f8}.web{fill:#a5d6ff}.json{fill:#f0883e}.bars .whole{opacity:.45}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_figure_says_and_its_text_stands_behind_it() {
        let bar = |size| Bar { text: "a < b".to_owned(), size, part: None, class: "grpc" };
        let svg = inline("t", &[Group { name: "g".to_owned(), bars: vec![bar(400.0), bar(100.0)] }]);
        assert!(svg.contains(r#"width="46.00%""#) && svg.contains(r#"width="11.50%""#), "{svg}");
        assert!(svg.contains(r#"<text x="11.50%" dx="8" y="63">a &lt; b</text>"#), "{svg}");
    }

    #[test]
    fn numbers_have_three_digits_or_are_whole() {
        let shown = [1_234_567.0, 99.96, 12.345, 1.234, 0.0].map(three_digits);
        assert_eq!(shown, ["1,234,567", "100", "12.3", "1.23", "0.00"]);
    }
}
