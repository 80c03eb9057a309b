//! The same diagram as a picture, for a page of a book.

use std::fmt::Write as _;

use crate::lab::{Arrow, Diagram, Fate, Point, Side};
use crate::svg::escaped;

impl Diagram {
    /// The diagram as SVG, in colours for a light page or a dark one. What the colours say is said by words,
    /// dashes and marks, too.
    pub fn svg(&self, title: &str) -> String {
        let height = y(self.rows) + MARGIN;
        let title = escaped(title);
        let mut svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>{title}</title>
<style>{STYLE}</style>
<rect width="{WIDTH}" height="{height}" class="page"/>
"#,
        );
        for (side, name) in [(Side::Client, "client"), (Side::Server, "server")] {
            let (x, top, bottom) = (x(side), y(0) - ROW, y(self.rows));
            let _ = writeln!(
                svg,
                r#"<text x="{x}" y="{MARGIN}" text-anchor="middle" class="side">{name}</text>"#
            );
            let _ = writeln!(svg, r#"<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" class="life"/>"#);
        }
        self.arrows.iter().for_each(|arrow| arrow.write(&mut svg));
        self.points.iter().for_each(|point| point.write(&mut svg));
        svg + "</svg>\n"
    }
}

impl Point {
    fn write(&self, svg: &mut String) {
        let (x, y) = (x(self.side), y(self.row));
        let _ = writeln!(svg, r#"<circle cx="{x}" cy="{y}" r="4"/>"#);
        if self.text.is_empty() {
            return;
        }
        let (at, anchor) = match self.side {
            Side::Client => (x - BESIDE, "end"),
            Side::Server => (x + BESIDE, "start"),
        };
        let text = escaped(&self.text);
        let _ = writeln!(svg, r#"<text x="{at}" y="{}" text-anchor="{anchor}">{text}</text>"#, y + 5);
    }
}

impl Arrow {
    fn write(&self, svg: &mut String) {
        let (x1, y1) = (x(self.from), y(self.start));
        let (there, y2) = (x(self.from.other()), y(self.end));
        let x2 = if self.fate == Fate::Arrived { there } else { x1 + 2 * (there - x1) / 3 };
        let class = match (self.fate, self.from) {
            (Fate::Lost, _) => "lost",
            (Fate::OnItsWay, _) => "open",
            (Fate::Arrived, Side::Client) => "request",
            (Fate::Arrived, Side::Server) => "reply",
        };
        let _ = writeln!(svg, r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{class}"/>"#);
        match self.fate {
            Fate::Arrived => {
                // The head points along the arrow, and stops at the circle.
                let (dx, dy) = (f64::from(x2 - x1), f64::from(y2 - y1));
                let degrees = dy.atan2(dx).to_degrees();
                let _ = writeln!(
                    svg,
                    r#"<path d="M-4 0l-12-5v10z" transform="translate({x2} {y2}) rotate({degrees:.1})" class="{class}"/>"#,
                );
            }
            Fate::Lost => {
                let (at, anchor, text) = match self.from {
                    Side::Client => (x2 + 4, "start", "✗ lost"),
                    Side::Server => (x2 - 4, "end", "lost ✗"),
                };
                let y = y2 + 5;
                let _ = writeln!(
                    svg,
                    r#"<text x="{at}" y="{y}" text-anchor="{anchor}" class="{class}">{text}</text>"#
                );
            }
            Fate::OnItsWay => {
                let _ = writeln!(svg, r#"<text x="{x2}" y="{y2}" text-anchor="middle">…</text>"#);
            }
        }
    }
}

fn x(side: Side) -> i32 {
    match side {
        Side::Client => LEFT,
        Side::Server => WIDTH - RIGHT,
    }
}

fn y(row: usize) -> i32 {
    i32::try_from(row).unwrap_or(i32::MAX / ROW / 2) * ROW + 2 * ROW + MARGIN
}

/// Narrow enough to be read on a phone.
const WIDTH: i32 = 620;
/// How much room the labels of the client have, and those of the server.
const LEFT: i32 = 196;
const RIGHT: i32 = 224;
const ROW: i32 = 24;
const MARGIN: i32 = 24;
/// How far a text is from its line.
const BESIDE: i32 = 12;
const STYLE: &str = "\
.page{fill:#fff}text{font:15px ui-monospace,monospace;fill:#212529;stroke:none}circle{fill:#868e96}\
line{stroke-width:2;fill:none}.side{font-weight:bold}.life{stroke:#adb5bd}.open{stroke:#868e96;stroke-dasharray:4 4}\
.request{stroke:#0b7285}path.request{fill:#0b7285}.reply{stroke:#2b8a3e}path.reply{fill:#2b8a3e}\
.lost{stroke:#c92a2a;stroke-dasharray:8 4}text.lost{fill:#c92a2a;stroke:none}\
@media(prefers-color-scheme:dark){.page{fill:#1a1b1e}text{fill:#f1f3f5}.request{stroke:#3bc9db}path.request{fill:#3bc9db}\
.reply{stroke:#69db7c}path.reply{fill:#69db7c}.lost{stroke:#ff8787}text.lost{fill:#ff8787}}";
