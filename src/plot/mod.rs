//! Pictures of circuits, contacts and weights, and a report as one HTML page.

pub mod canvas;
pub mod figures;
pub mod html_report;
