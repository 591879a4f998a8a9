//! stub
use super::{Contact, Kernel, Method};
use crate::error::Result;
use crate::segments::NeuronSegments;
/// stub
pub struct LineSource;
struct K;
impl Kernel for K {
    fn fill(&self, _n: &NeuronSegments<'_>, out: &mut [f64]) {
        out.fill(0.0)
    }
}
impl Method for LineSource {
    fn name(&self) -> &'static str {
        "LineSource"
    }
    fn summary(&self) -> &'static str {
        "stub"
    }
    fn is_analytic(&self) -> bool {
        true
    }
    fn prepare(&self, _c: &[Contact]) -> Result<Box<dyn Kernel>> {
        Ok(Box::new(K))
    }
}
