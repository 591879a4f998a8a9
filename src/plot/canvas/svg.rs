//! Writes a page as SVG 1.1. Text stays text; without DejaVu Sans a font of nearly the same width is used.

use std::fmt::Write as _;

use super::base64::encode_base64;
use super::{Colour, DrawItem, Figure, PagePoint, Paint, Text, TextAnchor, png};

/// Fallback fonts if the first is missing.
const FONT_FAMILY: &str = "DejaVu Sans, Verdana, Geneva, sans-serif";

/// Writes the page as a self-contained document.
pub(super) fn to_svg(page: &Figure) -> String {
    let mut out = String::new();
    let (width, height) = (format_length(page.width), format_length(page.height));
    append(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}pt\" \
         height=\"{height}pt\" role=\"img\" font-family=\"{FONT_FAMILY}\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
            escape_xml(&page.title)
        ),
    );
    page.items.iter().for_each(|item| write_item(item, &mut out));
    out + "</svg>\n"
}

/// Appends text; writing to a string cannot fail.
fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _: std::fmt::Result = out.write_fmt(text);
}

/// Escapes text for an element or an attribute, also of HTML. Control characters, which XML does not allow, are
/// replaced.
pub fn escape_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Formats a length with at most two decimals.
fn format_length(v: f32) -> String {
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn write_item(item: &DrawItem, out: &mut String) {
    match item {
        DrawItem::Lines { ends, colour, width } => {
            append(
                out,
                format_args!(
                    "<path stroke=\"{colour}\" stroke-width=\"{}\" stroke-linecap=\"round\" fill=\"none\" d=\"",
                    format_length(*width)
                ),
            );
            write_lines(ends, out);
            out.push_str("\"/>\n");
        }
        DrawItem::Polygon { points, closed, paint } => {
            let tag = if *closed { "polygon" } else { "polyline" };
            let points: Vec<String> =
                points.iter().map(|p| format!("{},{}", format_length(p[0]), format_length(p[1]))).collect();
            append(out, format_args!("<{tag} points=\"{}\"{}/>\n", points.join(" "), paint_attributes(paint)));
        }
        DrawItem::Circle { center, radius, paint } => {
            let ([x, y], r) = (center.map(format_length), format_length(*radius));
            append(out, format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"{}/>\n", paint_attributes(paint)));
        }
        DrawItem::Raster { place, columns, colours } => write_raster(*place, *columns, colours, out),
        DrawItem::Text(text) => write_text(text, out),
        DrawItem::Group(name, items) => {
            append(out, format_args!("<g class=\"{name}\">\n"));
            items.iter().for_each(|item| write_item(item, out));
            out.push_str("</g>\n");
        }
    }
}

/// Writes an image as an embedded PNG.
fn write_raster(place: [f32; 4], columns: usize, colours: &[Colour], out: &mut String) {
    let Some(png) = png::encode_cells(columns, colours) else { return };
    let [x, y, width, height] = place.map(format_length);
    append(
        out,
        format_args!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering: pixelated\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             xlink:href=\"data:image/png;base64,{}\"/>\n",
            encode_base64(&png)
        ),
    );
}

/// Writes lines as a path. Each end is relative to the one before, in hundredths, so that rounding errors do not add
/// up.
fn write_lines(ends: &[[PagePoint; 2]], out: &mut String) {
    let mut pen = None;
    for line in ends {
        let [from, to] = line.map(|p| p.map(|v| (v * 100.0).round() as i32));
        if pen != Some(from) {
            match pen {
                None => write_path_command('M', from, out),
                Some(pen) => write_path_command('m', offset_between(from, pen), out),
            }
        }
        write_path_command('l', offset_between(to, from), out);
        pen = Some(to);
    }
}

fn offset_between(a: [i32; 2], b: [i32; 2]) -> [i32; 2] {
    [0, 1].map(|k| a[k].saturating_sub(b[k]))
}

/// Writes a command with two numbers in hundredths.
fn write_path_command(command: char, [x, y]: [i32; 2], out: &mut String) {
    out.push(command);
    write_hundredths(x, out);
    if y >= 0 {
        // a minus sign also separates numbers, so no blank is needed before it
        out.push(' ');
    }
    write_hundredths(y, out);
}

fn write_hundredths(v: i32, out: &mut String) {
    let (whole, rest) = (v.unsigned_abs() / 100, v.unsigned_abs() % 100);
    if v < 0 {
        out.push('-');
    }
    if whole > 0 || rest == 0 {
        append(out, format_args!("{whole}"));
    }
    if rest > 0 {
        let digits = format!("{rest:02}");
        append(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

fn paint_attributes(paint: &Paint) -> String {
    let mut text = paint.fill.map_or_else(|| " fill=\"none\"".into(), |fill| format!(" fill=\"{fill}\""));
    if let Some((colour, width)) = paint.stroke {
        text += &format!(" stroke=\"{colour}\" stroke-width=\"{}\"", format_length(width));
    }
    if paint.opacity < 1.0 {
        text += &format!(" opacity=\"{}\"", format_length(paint.opacity));
    }
    text
}

fn write_text(text: &Text, out: &mut String) {
    let [x, y] = text.position.map(format_length);
    let anchor = match text.anchor {
        TextAnchor::Start => "",
        TextAnchor::Middle => " text-anchor=\"middle\"",
        TextAnchor::End => " text-anchor=\"end\"",
    };
    let turn = if text.is_vertical { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let halo = text.halo.map_or_else(String::new, |halo| {
        format!(
            " paint-order=\"stroke\" stroke=\"{halo}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
            format_length(HALO_WIDTH_PT)
        )
    });
    let (size, fill) = (format_length(text.size), text.colour);
    append(
        out,
        format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor} fill=\"{fill}\"{halo}{turn}>{}</text>\n",
            escape_xml(&text.content)
        ),
    );
}

/// Width of the border around letters over lines, both sides together, pt.
pub(super) const HALO_WIDTH_PT: f32 = 2.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_cannot_be_markup() {
        let text =
            Text { is_vertical: true, ..Text::new([1.0, 2.5], 10.0, TextAnchor::Middle, "<script>\"a\" & b\u{1}") };
        let page = Figure { width: 10.0, height: 20.0, title: "a < b".into(), items: vec![DrawItem::Text(text)] };
        let svg = page.to_svg();
        assert!(svg.contains("<title>a &lt; b</title>"), "{svg}");
        assert!(
            svg.contains(
                "<text x=\"1\" y=\"2.5\" font-size=\"10\" text-anchor=\"middle\" fill=\"#000000\" \
                 transform=\"rotate(-90 1 2.5)\">&lt;script&gt;&quot;a&quot; &amp; b\u{fffd}</text>"
            ),
            "{svg}"
        );
    }

    #[test]
    fn lines_that_go_on_from_each_other_are_one_path() {
        let ends = vec![[[0.0, 0.0], [1.0, 0.333_33]], [[1.0, 0.333_33], [2.0, 0.0]], [[5.0, -0.001], [6.0, 0.0]]];
        let page = Figure {
            width: 9.0,
            height: 9.0,
            title: String::new(),
            items: vec![DrawItem::Lines { ends, colour: Colour(0x0a), width: 0.5 }],
        };
        let expected = "<path stroke=\"#00000a\" stroke-width=\"0.5\" stroke-linecap=\"round\" fill=\"none\" \
                        d=\"M0 0l1 .33l1-.33m3 0l1 0\"/>";
        assert!(page.to_svg().contains(expected), "{}", page.to_svg());
    }
}
