//! Segments: in memory ([`Segments`]), in Parquet tables ([`table`]) and in spatial indices ([`index`]).

mod columns;
#[cfg(feature = "frame")]
pub mod frame;
pub mod index;
pub mod table;

pub use columns::*;
