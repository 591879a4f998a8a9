//! EEG electrodes by their names: the 10-20 and the 10-10 system on a sphere.
//!
//! Frame of the head: x to the right ear, y to the nose, z to the vertex (Cz). On a sphere the systems are exact angles:
//! from nasion (Nz) over the vertex to inion (Iz) are 180 degrees, of which 10 % are 18 degrees.
//!
//! - Midline, angle from Cz to the front: Nz 90, Fpz 72, AFz 54, Fz 36, FCz 18, Cz 0, CPz -18, Pz -36, POz -54, Oz -72, Iz -90.
//! - Circle 72 degrees from Cz, angle from Fpz to the left: Fp1 18, AF7 36, F7 54, FT7 72, T7 90, TP7 108, P7 126, PO7 144,
//!   O1 162. F9, FT9, T9, TP9 and P9 are below those with 7, 90 degrees from Cz.
//! - The other sites of a row lie on the circle through its ends and the midline, such as F7, Fz and F8, at equal
//!   distances: F5, F3 and F1 at quarters, AF3 and PO3 at halves.
//!
//! Even numbers are on the right. Source: R. Oostenveld, P. Praamstra, Clin. Neurophysiol. 112, 713 (2001),
//! doi:10.1016/S1388-2457(00)00527-7; V. Jurcak et al., NeuroImage 34, 1600 (2007),
//! doi:10.1016/j.neuroimage.2006.09.024.

use super::head_pose::HeadPose;
use super::{Electrode, ElectrodeSettings, UNKNOWN_REGION};
use crate::error::Result;
use crate::geometry::Point;
use crate::methods::head::HeadSettings;
use crate::methods::{Method, SettingKind};

/// A system of electrode sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapSystem {
    /// 19 sites.
    TenTwenty,
    /// 73 sites, which contain the 19.
    TenTen,
}

/// The sites of the 10-20 system, by the newer names: T7 and P7 were T3 and T5.
const TEN_TWENTY: [&str; 19] = [
    "Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2",
];

/// The rows between the circle's ends, from the front: the ending of the outer names, that of the inner ones, the angle of
/// the midline's site from Cz to the front, and that of the outer site from Fpz along the circle, degrees.
const ROWS: [(&str, &str, f64, f64); 7] = [
    ("AF", "AF", 54.0, 36.0),
    ("F", "F", 36.0, 54.0),
    ("FT", "FC", 18.0, 72.0),
    ("T", "C", 0.0, 90.0),
    ("TP", "CP", -18.0, 108.0),
    ("P", "P", -36.0, 126.0),
    ("PO", "PO", -54.0, 144.0),
];

/// Angle of the circle from Cz, degrees.
const CIRCLE_DEGREES: f64 = 72.0;

/// Returns the sites of a system, from front to back and left to right, each with its direction from the head's centre
/// in the head's frame.
pub fn sites(system: CapSystem) -> Vec<(String, Point)> {
    let all = all_sites();
    match system {
        CapSystem::TenTen => all,
        CapSystem::TenTwenty => all.into_iter().filter(|(name, _)| TEN_TWENTY.contains(&name.as_str())).collect(),
    }
}

fn all_sites() -> Vec<(String, Point)> {
    let front_and_back = |names: [&str; 3], azimuth: f64| {
        [-azimuth, 0.0, azimuth]
            .into_iter()
            .zip(names)
            .map(|(to_right, name)| (name.into(), on_circle(to_right, CIRCLE_DEGREES)))
            .collect::<Vec<(String, Point)>>()
    };
    let mut sites = vec![("Nz".into(), midline(90.0))];
    sites.extend(front_and_back(["Fp1", "Fpz", "Fp2"], 18.0));
    ROWS.iter().for_each(|row| add_row(*row, &mut sites));
    // from behind, the left is at a larger azimuth
    let back = front_and_back(["O2", "Oz", "O1"], 18.0);
    sites.extend(back.into_iter().rev().map(|(name, p)| (name, Point::new(-p.x, -p.y, p.z))));
    sites.push(("Iz".into(), midline(-90.0)));
    sites
}

/// Adds the sites of a row, from left to right.
fn add_row((outer, inner, front, azimuth): (&str, &str, f64, f64), sites: &mut Vec<(String, Point)>) {
    let (left, middle) = (on_circle(-azimuth, CIRCLE_DEGREES), midline(front));
    let arc = SiteArc::through(left, middle);
    // AF and PO have sites at halves only, the others at quarters and one below the circle
    let (steps, has_low_site) = if matches!(outer, "AF" | "PO") { (2, false) } else { (4, true) };
    let number = |k: i32| 7 - 2 * (k * 4 / steps);
    let mut half: Vec<(String, i32, Point)> = Vec::new();
    if has_low_site {
        half.push((outer.into(), 9, on_circle(-azimuth, 90.0)));
    }
    half.push((outer.into(), 7, left));
    half.extend((1..steps).map(|k| (inner.into(), number(k), arc.point(f64::from(k) / f64::from(steps)))));
    let mirrored = |p: Point| Point::new(-p.x, p.y, p.z);
    let right: Vec<_> = half.iter().rev().map(|(name, n, p)| (format!("{name}{}", n + 1), mirrored(*p))).collect();
    sites.extend(half.into_iter().map(|(name, n, p)| (format!("{name}{n}"), p)));
    sites.push((format!("{inner}z"), middle));
    sites.extend(right);
}

/// Returns the site of the midline at an angle from Cz to the front.
fn midline(degrees: f64) -> Point {
    let angle = degrees.to_radians();
    Point::new(0.0, angle.sin(), angle.cos())
}

/// Returns the site at an angle from Cz, and an angle from the front to the right.
fn on_circle(azimuth_degrees: f64, polar_degrees: f64) -> Point {
    let (azimuth, polar) = (azimuth_degrees.to_radians(), polar_degrees.to_radians());
    Point::new(polar.sin() * azimuth.sin(), polar.sin() * azimuth.cos(), polar.cos())
}

/// Half of the circle on the sphere that is symmetric about the midline.
struct SiteArc {
    center: Point,
    /// From the centre to the midline, and to the left: two perpendicular vectors with the circle's radius.
    up: Point,
    left: Point,
    /// Angle of the arc, radians.
    angle: f64,
}

impl SiteArc {
    /// Returns the arc from a site on the left to one on the midline, that goes on to the mirrored site on the right.
    fn through(left: Point, middle: Point) -> Self {
        // the circle's plane contains x and the chord from the middle to the midpoint of both ends
        let foot = Point::new(0.0, left.y, left.z);
        let down = (foot - middle) / (foot - middle).norm();
        // equal distances from the middle and the left end
        let (height, half) = ((foot - middle).norm(), left.x.abs());
        let radius = (height * height + half * half) / (2.0 * height);
        let center = middle + down * radius;
        let angle = half.atan2(radius - height);
        Self { center, up: down * -radius, left: Point::new(-radius, 0.0, 0.0), angle }
    }

    /// Returns the point at a share of the arc from its left end.
    fn point(&self, share: f64) -> Point {
        let angle = self.angle * (1.0 - share);
        self.center + self.up * angle.cos() + self.left * angle.sin()
    }
}

/// Returns the electrodes of a system on the scalp of a head, in the circuit's frame. They have those of the head's
/// settings that their method takes.
///
/// # Errors
/// Returns an error if the radii of the head do not increase.
pub fn electrodes(system: CapSystem, pose: &HeadPose, method: &'static dyn Method) -> Result<Vec<Electrode>> {
    let head = pose.settings.to_head()?;
    let takes = |kind| method.accepted_settings().contains(&kind);
    let settings = ElectrodeSettings {
        head: HeadSettings {
            center_um: pose.settings.center_um.filter(|_| takes(SettingKind::HeadCenter)),
            radii_um: pose.settings.radii_um.filter(|_| takes(SettingKind::HeadRadii)),
            conductivities: pose.settings.conductivities.filter(|_| takes(SettingKind::HeadConductivities)),
        },
        ..ElectrodeSettings::default()
    };
    let electrode = |(name, direction): (String, Point)| Electrode {
        name,
        position_um: head.center_um + pose.rotate(direction) * head.scalp_radius_um(),
        method,
        layer: UNKNOWN_REGION.into(),
        region: UNKNOWN_REGION.into(),
        settings: settings.clone(),
    };
    Ok(sites(system).into_iter().map(electrode).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn by_name() -> BTreeMap<String, Point> {
        sites(CapSystem::TenTen).into_iter().collect()
    }

    #[test]
    fn the_systems_have_their_sites_on_the_sphere() {
        let (few, many) = (sites(CapSystem::TenTwenty), sites(CapSystem::TenTen));
        assert_eq!((few.len(), many.len(), by_name().len()), (19, 73, 73));
        let names: BTreeSet<&str> = few.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, TEN_TWENTY.into_iter().collect());
        for (name, p) in &many {
            assert!((p.norm() - 1.0).abs() < 1e-13, "{name}: {p:?}");
        }
        assert_eq!(&many[0].0, "Nz");
        let row: Vec<&str> = many.iter().skip(9).take(11).map(|(name, _)| name.as_str()).collect();
        assert_eq!(row, ["F9", "F7", "F5", "F3", "F1", "Fz", "F2", "F4", "F6", "F8", "F10"]);
        let row: Vec<&str> = many.iter().skip(4).take(5).map(|(name, _)| name.as_str()).collect();
        assert_eq!(row, ["AF7", "AF3", "AFz", "AF4", "AF8"]);
    }

    #[test]
    fn odd_numbers_are_mirrored_to_even_ones() {
        let all = by_name();
        for (name, p) in &all {
            let digits = name.trim_start_matches(char::is_alphabetic);
            let Ok(number) = digits.parse::<u32>() else {
                assert!(name.ends_with('z') && p.x == 0.0, "{name}");
                continue;
            };
            let letters = &name[..name.len() - digits.len()];
            if number % 2 == 1 {
                let q = all[&format!("{letters}{}", number + 1)];
                assert!(p.x < 0.0 && p.distance(Point::new(-q.x, q.y, q.z)) < 1e-15, "{name}");
            }
        }
    }

    #[test]
    fn sites_are_a_tenth_apart() {
        let all = by_name();
        let degrees = |a: &str, b: &str| all[a].dot(all[b]).clamp(-1.0, 1.0).acos().to_degrees();
        // the midline and the row over both ears are great circles
        for path in [["Nz", "Fpz", "AFz", "Fz", "FCz", "Cz"], ["T9", "T7", "C5", "C3", "C1", "Cz"]] {
            for pair in path.windows(2) {
                assert!((degrees(pair[0], pair[1]) - 18.0).abs() < 1e-9, "{pair:?}");
            }
        }
        assert!((degrees("Cz", "T8") - 72.0).abs() < 1e-9 && (degrees("Cz", "O2") - 72.0).abs() < 1e-9);
        // along the other rows the steps are equal
        for row in [["F7", "F5", "F3", "F1", "Fz"], ["TP7", "CP5", "CP3", "CP1", "CPz"], ["P8", "P6", "P4", "P2", "Pz"]]
        {
            let steps: Vec<f64> = row.windows(2).map(|pair| degrees(pair[0], pair[1])).collect();
            assert!(steps.iter().all(|step| (step - steps[0]).abs() < 1e-9), "{steps:?}");
        }
        assert!((degrees("PO7", "PO3") - degrees("PO3", "POz")).abs() < 1e-9);
        // front is before back, left is not right
        assert!(all["Fp1"].y > 0.9 && all["O1"].y < -0.9 && all["O1"].x < 0.0 && all["T7"].x < -0.9);
    }

    #[test]
    fn contacts_have_the_settings_that_their_method_takes() {
        let settings = HeadSettings {
            center_um: Some(Point::new(1.0, 2.0, 3.0)),
            radii_um: Some([7e4, 8e4, 9e4, 1e5]),
            conductivities: Some([crate::units::SiemensPerMeter::new(0.3).unwrap(); 4]),
        };
        let pose = HeadPose { settings, up: Point::new(0.0, 0.0, 1.0), front: Point::new(0.0, 1.0, 0.0) };
        let of = |kind: &str| {
            let (method, _) = super::super::parse_method_type(kind).unwrap();
            electrodes(CapSystem::TenTwenty, &pose, method).unwrap()[0].settings.head
        };
        assert_eq!(of("FourSphere"), settings);
        assert_eq!(of("MEG"), HeadSettings { conductivities: None, ..settings });
        assert_eq!(of("LineSource"), HeadSettings::default());
    }

    #[test]
    fn a_cap_lies_on_the_scalp_of_its_head() {
        let pose = HeadPose {
            up: Point::new(0.0, 1.0, 0.0),
            front: Point::new(0.0, 0.0, 1.0),
            ..HeadPose::at(Point::new(0.0, -78e3, 0.0))
        };
        let found = electrodes(CapSystem::TenTwenty, &pose, &crate::methods::four_sphere::FourSphere).unwrap();
        let cz = found.iter().find(|e| e.name == "Cz").unwrap();
        assert!(cz.position_um.distance(Point::new(0.0, 12e3, 0.0)) < 1e-9);
        assert_eq!(cz.settings.head, pose.settings);
        assert!(found.iter().all(|e| (e.position_um.distance(Point::new(0.0, -78e3, 0.0)) - 90e3).abs() < 1e-9));
    }
}
