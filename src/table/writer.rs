//! stub
/// stub
pub struct Writer;
