//! SONATA files: circuit and simulation configurations, node sets, nodes, compartment reports, electrodes files.
//!
//! Source: the SONATA extension text of the Open Brain Institute, and behaviour probed on libsonata 0.2.2.

#[doc(hidden)]
pub mod compartment_report;
pub mod config;
pub mod electrodes_file;
mod json;
#[doc(hidden)]
pub mod lfp_report;
pub mod node_sets;
pub mod nodes;
