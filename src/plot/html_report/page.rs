//! Writes the HTML page, which includes its style, pictures, data and script. Text from files is escaped.

use std::fmt::Write as _;

use crate::plot::canvas::escape_xml;
use crate::plot::figures::group_thousands;
use crate::units::WEIGHT_UNIT;

use super::contact_table::{ContactRow, NEAR_UM};
use super::facts::FactGroups;
use super::findings::{self, FindingsTable};
use super::scene::ViewerScene;
use super::signals_section::SignalsSection;

const STYLE: &str = include_str!("style.css");
const VIEW_SCRIPT: &str = include_str!("view.js");
const PAGE_SCRIPT: &str = include_str!("page.js");

/// Content of the page.
pub struct HtmlPage {
    /// Name of the population.
    pub population: String,
    /// The most important numbers: what they are, and the numbers.
    pub key_numbers: Vec<(String, String)>,
    /// What was computed.
    pub facts: FactGroups,
    /// Durations of steps.
    pub timings: Vec<(String, String)>,
    /// Findings about the electrodes file.
    pub findings: FindingsTable,
    /// Signals, if a file of them was given.
    pub signals: Option<SignalsSection>,
    /// Pictures and contacts, or why there are none.
    pub contents: Result<PageContents, String>,
}

/// Pictures and contacts.
pub struct PageContents {
    /// Picture of the selected contact's weights, SVG.
    pub figure: String,
    /// Weights against distance, SVG, or why there is no such picture.
    pub distance: Result<String, &'static str>,
    /// Depth profiles: by what the segments are sorted, and the picture, SVG.
    pub depth_profiles: Vec<(&'static str, String)>,
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
        let population = escape_xml(&self.population);
        let (provenance, times) = (groups_html(&self.facts.0), groups_html(std::slice::from_ref(&self.timings)));
        let (header, findings) = (self.header_html(&population), self.findings_html());
        let drawn = match &self.contents {
            Ok(drawn) => drawn.to_html(),
            Err(why) => format!(
                "<section>\n<h2>No pictures</h2>\n<p>The electrodes file cannot be drawn before it is fixed: \
                 {}</p>\n</section>\n",
                escape_xml(why)
            ),
        };
        let signals = self.signals.as_ref().map(SignalsSection::to_html).unwrap_or_default();
        let data = match &self.contents {
            Ok(PageContents { scene: Ok(scene), .. }) => format!(
                "<script type=\"application/json\" id=\"scene-data\">{}</script>\n<script>\n{VIEW_SCRIPT}</script>\n",
                scene.to_json()
            ),
            _ => String::new(),
        };
        let script =
            if self.contents.is_ok() { format!("{data}<script>\n{PAGE_SCRIPT}</script>\n") } else { String::new() };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>leadfield report: {population}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n{header}<main>\n{drawn}{signals}{findings}\
             <section>\n<details>\n<summary><h2>Provenance</h2></summary>\n{provenance}</details>\n\
             <details>\n<summary><h2>How long it took</h2></summary>\n{times}\
             <p class=\"note\">Tables and electrodes files hold no times, so that the same inputs give the same \
             bytes; the file system states when they were written.</p>\n</details>\n</section>\n</main>\n\
             {script}</body>\n</html>\n"
        )
    }

    fn header_html(&self, population: &str) -> String {
        let number = |(name, value): &(String, String)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_xml(name), escape_xml(value))
        };
        let FindingsTable { verdict, severity, .. } = &self.findings;
        format!(
            "<header>\n<div id=\"title\"><h1><span>leadfield report</span> {population}</h1>\n\
             <a id=\"verdict\" class=\"{severity}\" href=\"#findings\">Electrodes file: {}</a></div>\n\
             <dl id=\"numbers\">\n{}</dl>\n</header>\n",
            escape_xml(verdict),
            self.key_numbers.iter().map(number).collect::<String>()
        )
    }

    fn findings_html(&self) -> String {
        let FindingsTable { verdict, checked, rows, .. } = &self.findings;
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
        let mut html = format!("<section>\n<h2 id=\"findings\">Electrodes file: {}</h2>\n", escape_xml(verdict));
        if !rows.is_empty() {
            html += "<table class=\"stacked\">\n<thead><tr><th scope=\"col\">code</th><th scope=\"col\">severity</th>\
                     <th scope=\"col\">found</th><th scope=\"col\">what clients do</th>\
                     <th scope=\"col\">how to fix it</th></tr></thead>\n<tbody>\n";
            html.extend(rows.iter().map(row));
            html += "</tbody></table>\n";
        }
        html + &format!("<p class=\"note\">{}.</p>\n</section>\n", escape_xml(checked))
    }
}

/// Writes names and values in groups.
fn groups_html(groups: &[Vec<(String, String)>]) -> String {
    let row = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_xml(name), escape_xml(value))
    };
    let group =
        |rows: &Vec<(String, String)>| format!("<tbody>\n{}</tbody>\n", rows.iter().map(row).collect::<String>());
    format!("<table class=\"facts\">\n{}</table>\n", groups.iter().map(group).collect::<String>())
}

impl PageContents {
    fn to_html(&self) -> String {
        let (chosen, figure, contacts) = (escape_xml(&self.selected_contact), &self.figure, self.contacts_html());
        let view = match &self.scene {
            Ok(scene) => view_html(&chosen, scene),
            Err(why) => format!("<p>{}</p>\n", escape_xml(why)),
        };
        let distance = match &self.distance {
            Ok(svg) => format!("<figure>\n{svg}</figure>\n"),
            Err(why) => format!("<p>{}</p>\n", escape_xml(why)),
        };
        let depth = self.depth_html();
        format!(
            "<section>\n<h2>Weights of contact {chosen}</h2>\n<figure class=\"wide\">\n{figure}</figure>\n</section>\n\
             <section>\n<h2>The segments around a contact</h2>\n{view}</section>\n\
             <div class=\"columns\">\n<section>\n<h2>Weights of contact {chosen} by distance</h2>\n{distance}</section>\n\
             <section>\n<h2>Segments and weights by depth</h2>\n{depth}</section>\n</div>\n\
             <section>\n<h2>Contacts</h2>\n{contacts}</section>\n"
        )
    }

    /// Writes the depth profiles; the first is shown, and the others can be chosen without a script.
    fn depth_html(&self) -> String {
        let mut choices = String::new();
        let mut figures = String::new();
        for (i, (title, svg)) in self.depth_profiles.iter().enumerate() {
            let checked = if i == 0 { " checked" } else { "" };
            choices += &format!(
                "<input type=\"radio\" name=\"depth\" id=\"depth-{i}\"{checked}><label for=\"depth-{i}\">by {}</label>\n",
                escape_xml(title)
            );
            figures += &format!("<figure class=\"depth-{i}\">\n{svg}</figure>\n");
        }
        let choices = if self.depth_profiles.len() > 1 { choices } else { String::new() };
        format!("<div class=\"choice\">\n{choices}{figures}</div>\n")
    }

    fn contacts_html(&self) -> String {
        let sortable = |name: String, class: &str| {
            format!("<th scope=\"col\"{class}><button type=\"button\" disabled>{name}</button></th>")
        };
        let (text, number) =
            (|name: &str| sortable(name.into(), ""), |name: String| sortable(name, " class=\"number\""));
        let unit = self.common_unit();
        let unit_text = unit
            .map(|u| if u.is_empty() { String::new() } else { format!(" ({})", escape_xml(u)) })
            .unwrap_or_default();
        let mut html = "<div class=\"scroll\" id=\"contacts\" tabindex=\"0\"><table>\n<thead><tr>".to_string()
            + &text("name")
            + &text("type");
        html += &if self.has_settings() { text("settings") } else { String::new() };
        html.extend(["x", "y", "z"].map(|axis| number(format!("{axis} (\u{b5}m)"))));
        html.extend(["min", "median", "max"].map(|name| number(format!("{name}{unit_text}"))));
        html += &if unit.is_none() { text("unit") } else { String::new() };
        html += &number(format!("segments within {NEAR_UM} \u{b5}m"));
        html += &number("share".into());
        html += "</tr></thead>\n<tbody>\n";
        self.contacts.iter().for_each(|row| self.write_contact_row(row, &mut html));
        html + "</tbody>\n</table></div>\n"
    }

    /// Returns the unit of all weights; `None` if they differ.
    fn common_unit(&self) -> Option<&str> {
        let first = self.contacts.first().map_or(WEIGHT_UNIT, |row| row.unit.as_str());
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
        let unit = if self.common_unit().is_none() { text(&row.unit) } else { String::new() };
        let position = row.position.map_or([const { String::new() }; 3], |p| p.to_array().map(format_coordinate));
        let ranges = row.weight_range.map_or([const { String::new() }; 3], |range| range.map(|v| format!("{v:.3e}")));
        let near =
            row.near_segments.map_or_else(Default::default, |(n, share)| [group_thousands(n), format_percent(share)]);
        let texts = [text(&row.name), text(&row.kind), settings].concat();
        let [position, ranges, near] =
            [&position[..], &ranges[..], &near[..]].map(|all| all.iter().map(number).collect::<String>());
        // writing to a string cannot fail
        let _: std::fmt::Result = writeln!(html, "<tr{class}>{texts}{position}{ranges}{unit}{near}</tr>");
    }
}

/// Writes the 3D view of a contact, whose name is already escaped.
fn view_html(chosen: &str, scene: &ViewerScene) -> String {
    let summary = escape_xml(&scene.summary);
    let option = |(i, name): (usize, &String)| {
        let selected = if i == scene.selected { " selected" } else { "" };
        format!("<option value=\"{i}\"{selected}>{}</option>", escape_xml(name))
    };
    let contacts: String = scene.contacts.iter().enumerate().map(option).collect();
    let (disabled, why) = match &scene.missing_types {
        None => ("", String::new()),
        Some(why) => (" disabled", format!(" Morphological types (mtype) are not known: {}.", escape_xml(why))),
    };
    let legends: String = scene
        .legends
        .iter()
        .enumerate()
        .map(|(i, svg)| format!("<div data-palette=\"{i}\" hidden>{svg}</div>"))
        .collect();
    format!(
        "<p class=\"note\">{summary}{why}</p>\n\
         <noscript><p class=\"note\">The 3D view needs JavaScript; \
         <code>leadfield plot weights --within</code> draws the same segments.</p></noscript>\n\
         <div id=\"scene-all\" hidden>\n<div id=\"scene-controls\" class=\"screen\">\n\
         <label>contact <select id=\"scene-contact\">{contacts}</select></label>\n\
         <label>colour <select id=\"scene-colour\"><option value=\"weight\">weight</option>\
         <option value=\"neuron\">neuron</option><option value=\"section type\">section type</option>\
         <option value=\"mtype\"{disabled}>mtype</option></select></label>\n\
         <label>up to <input type=\"range\" id=\"scene-reach\"> <output id=\"scene-shown\" for=\"scene-reach\"></output></label>\n\
         <span class=\"buttons\"><button type=\"button\" id=\"scene-out\" aria-label=\"zoom out\">\u{2212}</button>\
         <button type=\"button\" id=\"scene-in\" aria-label=\"zoom in\">+</button>\
         <button type=\"button\" id=\"scene-reset\">reset</button></span>\n</div>\n\
         <div id=\"scene-box\"><canvas id=\"scene\" tabindex=\"0\" role=\"img\" \
         aria-label=\"Rotatable view of the segments around contact {chosen}\"></canvas>\
         <div id=\"scene-labels\"></div><div id=\"scene-scale\"><span></span><i></i></div>\
         <div id=\"scene-hint\" hidden></div><div id=\"scene-tip\" hidden></div></div>\n\
         <div id=\"scene-legend\">{legends}<ul id=\"scene-kinds\" hidden></ul></div>\n\
         <p class=\"note screen\" id=\"scene-note\">Drag or two fingers rotate; ctrl + wheel, pinch or + and \
         \u{2212} zoom; arrow keys rotate, Home resets. Hover for neuron, section, segment and weight. Lines are as wide as \
         the segments.</p>\n</div>\n"
    )
}

/// Formats a coordinate in µm: the shortest digits that give the stored number.
fn format_coordinate(v: f64) -> String {
    v.to_string().replace('-', "\u{2212}")
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

    #[test]
    fn coordinates_have_a_true_minus_sign() {
        assert_eq!([-24.0, 0.5].map(format_coordinate), ["\u{2212}24", "0.5"]);
    }
}
