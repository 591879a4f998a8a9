//! Segments: in memory ([`Segments`]), in Parquet tables ([`table`]), under spatial indices ([`index`]).

mod columns;
#[cfg(feature = "frame")]
pub mod frame;
pub mod index;
pub mod table;

pub use columns::*;
