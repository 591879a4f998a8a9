//! Segments: in memory ([`Segments`]), in Parquet tables ([`table`]) and in spatial indices ([`index`]), with
//! queries on tables ([`query`]).

mod columns;
#[cfg(feature = "frame")]
pub mod frame;
pub mod index;
pub mod query;
pub mod table;

pub use columns::{NeuronSegments, SectionCount, SectionType, Segment, Segments};
