//! Writes the HTML page, which includes its style, pictures, data and script. Text from files is escaped.

use std::fmt::Write as _;

use crate::plot::canvas::escape_xml;
use crate::plot::figures::group_thousands;
use crate::units::WEIGHT_UNIT;

use super::contact_table::{ContactRow, NEAR_UM};
use super::facts::FactGroups;
use super::findings::{self, FindingsTable};
use super::scene::ViewerScene;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("view.js");

/// Content of the page.
pub struct HtmlPage {
    /// Its title.
    pub title: String,
    /// What was computed.
    pub facts: FactGroups,
    /// Durations of steps.
    pub timings: Vec<(String, String)>,
    /// Findings about the electrodes file.
    pub findings: FindingsTable,
    /// Pictures and contacts, or why there are none.
    pub contents: Result<PageContents, String>,
}

/// Pictures and contacts.
pub struct PageContents {
    /// Picture of the selected contact's weights, SVG.
    pub figure: String,
    /// All contacts.
    pub contacts: Vec<ContactRow>,
    /// Name of the selected contact.
    pub selected_contact: String,
    /// The segments around it, or why there are none.
    pub scene: Result<ViewerScene, String>,
}

impl HtmlPage {
    /// Writes the whole page.
    pub fn to_html(&self) -> String {
        let title = escape_xml(&self.title);
        let (facts, took, findings) =
            (groups_html(&self.facts.0), groups_html(std::slice::from_ref(&self.timings)), self.findings_html());
        let drawn = match &self.contents {
            Ok(drawn) => drawn.to_html(),
            Err(why) => format!(
                "<h2>No pictures</h2>\n<p>The electrodes file cannot be drawn before it is fixed: {}</p>\n",
                escape_xml(why)
            ),
        };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <h1>{title}</h1>\n<h2>What was computed</h2>\n{facts}\
             <h2>How long it took</h2>\n{took}\
             <p class=\"note\">Tables and electrodes files hold no times, so that the same inputs give the same \
             bytes; the file system states when they were written.</p>\n\
             {findings}{drawn}</body>\n</html>\n"
        )
    }

    fn findings_html(&self) -> String {
        let FindingsTable { verdict, checked, rows } = &self.findings;
        let row = |row: &findings::FindingRow| {
            let found: Vec<String> = row.found.iter().map(|text| escape_xml(text)).collect();
            format!(
                "<tr><td>{}</td><td class=\"{1}\">{1}</td><td>{2}</td><td>{3}</td><td>{4}</td></tr>\n",
                row.code,
                row.severity,
                found.join("<br>"),
                escape_xml(&row.clients),
                escape_xml(row.remedy)
            )
        };
        let mut html = format!("<h2 id=\"findings\">Electrodes file: {}</h2>\n", escape_xml(verdict));
        if !rows.is_empty() {
            html += "<table>\n<thead><tr><th scope=\"col\">code</th><th scope=\"col\">severity</th>\
                     <th scope=\"col\">found</th><th scope=\"col\">what clients do</th>\
                     <th scope=\"col\">how to fix it</th></tr></thead>\n<tbody>\n";
            html.extend(rows.iter().map(row));
            html += "</tbody></table>\n";
        }
        html + &format!("<p class=\"note\">{}.</p>\n", escape_xml(checked))
    }
}

/// Writes names and values in groups.
fn groups_html(groups: &[Vec<(String, String)>]) -> String {
    let row = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_xml(name), escape_xml(value))
    };
    let group =
        |rows: &Vec<(String, String)>| format!("<tbody>\n{}</tbody>\n", rows.iter().map(row).collect::<String>());
    format!("<table>\n{}</table>\n", groups.iter().map(group).collect::<String>())
}

impl PageContents {
    fn to_html(&self) -> String {
        let (chosen, figure, contacts) = (escape_xml(&self.selected_contact), &self.figure, self.contacts_html());
        let (view, script) = match &self.scene {
            Ok(scene) => {
                let data = scene.to_json();
                let script = format!(
                    "<script type=\"application/json\" id=\"scene-data\">{data}</script>\n<script>\n{SCRIPT}</script>\n"
                );
                (view_html(&chosen, scene), script)
            }
            Err(why) => (format!("<p>{}</p>\n", escape_xml(why)), String::new()),
        };
        format!(
            "<h2>Weights of contact {chosen}</h2>\n<figure>\n{figure}</figure>\n\
             <h2>The segments around contact {chosen}</h2>\n{view}<h2>Contacts</h2>\n{contacts}{script}"
        )
    }

    fn contacts_html(&self) -> String {
        let number = |name: String| format!("<th scope=\"col\" class=\"number\">{name}</th>");
        let unit = self.common_unit();
        let unit_text = unit.map(|u| if u.is_empty() { String::new() } else { format!(" ({u})") }).unwrap_or_default();
        let mut html = "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">name</th>\
                        <th scope=\"col\">type</th>"
            .to_string();
        html += if self.has_settings() { "<th scope=\"col\">settings</th>" } else { "" };
        html += "<th scope=\"col\">position (um)</th>";
        html.extend(["min", "median", "max"].map(|name| number(format!("{name}{unit_text}"))));
        html += if unit.is_none() { "<th scope=\"col\">unit</th>" } else { "" };
        html += &number(format!("segments within {NEAR_UM} um"));
        html += &number("share".into());
        html += "</tr></thead>\n<tbody>\n";
        self.contacts.iter().for_each(|row| self.write_contact_row(row, &mut html));
        html + "</tbody>\n</table></div>\n"
    }

    /// Returns the unit of all weights; `None` if they differ.
    fn common_unit(&self) -> Option<&'static str> {
        let first = self.contacts.first().map_or(WEIGHT_UNIT, |row| row.unit);
        self.contacts.iter().all(|row| row.unit == first).then_some(first)
    }

    fn has_settings(&self) -> bool {
        self.contacts.iter().any(|row| !row.settings.is_empty())
    }

    fn write_contact_row(&self, row: &ContactRow, html: &mut String) {
        let class = if row.name == self.selected_contact { " class=\"chosen\"" } else { "" };
        let text = |text: &str| format!("<td>{}</td>", escape_xml(text));
        let number = |text: &String| format!("<td class=\"number\">{text}</td>");
        let settings = if self.has_settings() { text(&row.settings) } else { String::new() };
        let unit = if self.common_unit().is_none() { text(row.unit) } else { String::new() };
        let ranges = row.weight_range.map_or([const { String::new() }; 3], |range| range.map(|v| format!("{v:.3e}")));
        let near =
            row.near_segments.map_or_else(Default::default, |(n, share)| [group_thousands(n), format_percent(share)]);
        let texts = [text(&row.name), text(&row.kind), settings, text(&row.position)].concat();
        let [ranges, near] = [ranges.iter().map(number).collect(), near.iter().map(number).collect::<String>()];
        // writing to a string cannot fail
        let _: std::fmt::Result = writeln!(html, "<tr{class}>{texts}{ranges}{unit}{near}</tr>");
    }
}

/// Writes the 3D view of a contact, whose name is already escaped.
fn view_html(chosen: &str, ViewerScene { summary, legend, .. }: &ViewerScene) -> String {
    let summary = escape_xml(summary);
    format!(
        "<p class=\"note\">{summary}</p>\n\
         <noscript><p class=\"note\">The 3D view needs JavaScript; \
         <code>leadfield plot weights --within</code> draws the same segments.</p></noscript>\n\
         <div id=\"scene-all\" hidden>\n<p class=\"note screen\" id=\"scene-note\">Drag or arrow keys rotate, wheel or + and \
         \u{2212} zoom, Home resets; hover for node, section, segment and weight.</p>\n\
         <p class=\"screen\"><label for=\"scene-reach\">segments up to</label> <input type=\"range\" id=\"scene-reach\"> \
         <output id=\"scene-told\" for=\"scene-reach\"></output></p>\n\
         <div id=\"scene-box\"><canvas id=\"scene\" tabindex=\"0\" role=\"img\" \
         aria-label=\"Rotatable view of the segments around contact {chosen}\"></canvas>\
         <div id=\"scene-legend\">{legend}</div><div id=\"scene-tip\" hidden></div></div>\n</div>\n"
    )
}

/// Formats a share in per cent with three digits.
fn format_percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent == 0.0 {
        return "0 %".into();
    }
    let digits = (2.0 - percent.log10().floor()).clamp(1.0, 12.0) as usize;
    format!("{percent:.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_three_digits_however_small() {
        assert_eq!([0.0, 1.0, 0.123_456, 0.000_034_56].map(format_percent), ["0 %", "100.0 %", "12.3 %", "0.00346 %"]);
    }
}
