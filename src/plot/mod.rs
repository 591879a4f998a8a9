//! Pictures of circuits, contacts and weights, and a report as one HTML page.

#[doc(hidden)]
pub mod canvas;
pub mod figures;
pub mod html_report;
