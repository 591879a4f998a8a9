//! Parses regions given as options: comma-separated numbers, micrometres.

use leadfield::Result;
use leadfield::error::{Context, Problem};
use leadfield::geometry::Point;
use leadfield::geometry::region::{Capsule, Cuboid, Disk, Region, RegionProblem, Slab, Sphere};

/// A text without the expected numbers.
#[derive(Debug, thiserror::Error)]
#[error("malformed, expected {count} numbers `{form}` (µm), found `{found}`")]
pub struct MalformedRegion {
    count: usize,
    form: &'static str,
    example: &'static str,
    found: String,
}

impl Problem for MalformedRegion {
    fn hint(&self) -> Option<String> {
        let commas = "write the numbers with commas and without blanks";
        let is_first = !self.found.contains(',') && self.found.trim().parse::<f64>().is_ok();
        Some(match is_first || self.found.split_whitespace().nth(1).is_some() {
            true => format!("{commas}, for example `{}`", self.example),
            false => format!("for example `{}`", self.example),
        })
    }
}

/// Constructor of a region from its numbers.
type MakeRegion = fn(&[f64]) -> Result<Box<dyn Region>, RegionProblem>;

/// A kind of region as an option.
pub struct RegionKind {
    /// The option.
    pub option: &'static str,
    form: &'static str,
    example: &'static str,
    make: MakeRegion,
}

pub const SPHERE: RegionKind = RegionKind {
    option: "--sphere",
    form: "x,y,z,r",
    example: "--sphere 100,-850,0,50",
    make: |v| Ok(Box::new(Sphere::new(point(v, 0), v[3])?)),
};

pub const DISK: RegionKind = RegionKind {
    option: "--disk",
    form: "x,y,z,ax,ay,az,r,half",
    example: "--disk 0,-850,0,0,1,0,500,20",
    make: |v| Ok(Box::new(Disk::new(point(v, 0), point(v, 3), v[6], v[7])?)),
};

pub const SLAB: RegionKind = RegionKind {
    option: "--slab",
    form: "x,y,z,ax,ay,az,half",
    example: "--slab 0,-850,0,0,1,0,20",
    make: |v| Ok(Box::new(Slab::new(point(v, 0), point(v, 3), v[6])?)),
};

pub const BOX: RegionKind = RegionKind {
    option: "--box",
    form: "x0,y0,z0,x1,y1,z1",
    example: "--box -50,-900,-50,50,-800,50",
    make: |v| Ok(Box::new(Cuboid::new(point(v, 0), point(v, 3))?)),
};

pub const CAPSULE: RegionKind = RegionKind {
    option: "--capsule",
    form: "x0,y0,z0,x1,y1,z1,r",
    example: "--capsule 0,-1000,0,0,0,0,50",
    make: |v| Ok(Box::new(Capsule::new(point(v, 0), point(v, 3), v[6])?)),
};

/// Returns three of the numbers as a point; the number of values was checked before.
fn point(values: &[f64], first: usize) -> Point {
    Point::new(values[first], values[first + 1], values[first + 2])
}

impl RegionKind {
    /// Parses a region.
    pub fn parse(&self, text: &str) -> Result<Box<dyn Region>> {
        let values = parse_numbers(text, self.form, self.example).in_item(self.option)?;
        (self.make)(&values).in_item(self.option)
    }
}

/// Parses the value of `--at`.
pub fn parse_point(text: &str) -> Result<Point> {
    let values = parse_numbers(text, "x,y,z", "--at 100,-850,0").in_item("--at")?;
    // a sphere checks that its position is finite and in range
    Ok(Sphere::new(point(&values, 0), 1.0).in_item("--at")?.center())
}

fn parse_numbers(text: &str, form: &'static str, example: &'static str) -> Result<Vec<f64>, MalformedRegion> {
    let count = form.split(',').count();
    let values = text.split(',').map(|v| v.trim().parse()).collect::<Result<Vec<f64>, _>>();
    let values = values.ok().filter(|v| v.len() == count);
    values.ok_or_else(|| MalformedRegion { count, form, example, found: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_region() {
        for kind in [SPHERE, DISK, SLAB, BOX, CAPSULE] {
            let value = kind.example.strip_prefix(kind.option).unwrap().trim();
            assert!(kind.parse(value).is_ok(), "{}", kind.example);
        }
    }

    #[test]
    fn numbers_may_have_signs_exponents_and_spaces() {
        assert_eq!(parse_point("-1e2, +.5,3").unwrap(), Point::new(-100.0, 0.5, 3.0));
    }
}
