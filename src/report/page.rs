//! The page: HTML that holds its style, pictures, data and script. Text from files is escaped.

use crate::picture::escaped;
use crate::units::COEFFICIENT_UNIT;

use super::contacts::{NEAR_UM, Row};
use super::scene::Scene;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("view.js");

/// What is on the page.
pub struct Page {
    /// Its title.
    pub title: String,
    /// Names and values.
    pub facts: Vec<(String, String)>,
    /// The picture of the chosen contact's coefficients, SVG.
    pub figure: String,
    /// All contacts.
    pub contacts: Vec<Row>,
    /// The name of the chosen one.
    pub chosen: String,
    /// The segments round it.
    pub scene: Scene,
}

impl Page {
    /// The whole page.
    pub fn to_html(&self) -> String {
        let (title, chosen) = (escaped(&self.title), escaped(&self.chosen));
        let (facts, contacts, figure) = (self.facts(), self.table(), &self.figure);
        let (told, data) = (escaped(&self.scene.told), self.scene.to_json());
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <h1>{title}</h1>\n<h2>What was computed</h2>\n{facts}\
             <h2>Coefficients of contact {chosen}</h2>\n<figure>\n{figure}</figure>\n\
             <h2>The segments round contact {chosen}</h2>\n\
             <p class=\"note\" id=\"scene-note\">{told}. Drag to turn, scroll to zoom, hover for node, section, segment and \
             coefficient.</p>\n\
             <div id=\"scene-box\"><canvas id=\"scene\"></canvas><div id=\"scene-tip\" hidden></div></div>\n\
             <h2>Contacts</h2>\n{contacts}\
             <script type=\"application/json\" id=\"scene-data\">{data}</script>\n<script>\n{SCRIPT}</script>\n\
             </body>\n</html>\n"
        )
    }

    fn facts(&self) -> String {
        let row = |(name, value): &(String, String)| {
            format!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value))
        };
        format!("<table>\n{}</table>\n", self.facts.iter().map(row).collect::<String>())
    }

    fn table(&self) -> String {
        let head =
            ["min", "median", "max"].map(|name| format!("<th class=\"number\">{name} ({COEFFICIENT_UNIT})</th>"));
        let rows: String = self.contacts.iter().map(|row| self.row(row)).collect();
        format!(
            "<div class=\"scroll\"><table>\n<thead><tr><th>name</th><th>type</th><th>position (um)</th>{}\
             <th class=\"number\">segments within {NEAR_UM} um</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n",
            head.concat()
        )
    }

    fn row(&self, row: &Row) -> String {
        let class = if row.name == self.chosen { " class=\"chosen\"" } else { "" };
        let texts = [&row.name, &row.kind, &row.position].map(|text| format!("<td>{}</td>", escaped(text)));
        let numbers = row.range.map_or([const { String::new() }; 3], |range| range.map(|v| format!("{v:.3e}")));
        let near = row.near.map_or_else(String::new, |share| format!("{:.2} %", 100.0 * share));
        let numbers: String =
            numbers.iter().chain([&near]).map(|text| format!("<td class=\"number\">{text}</td>")).collect();
        format!("<tr{class}>{}{numbers}</tr>\n", texts.concat())
    }
}
