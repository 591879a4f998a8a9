//! The program's version, and what it was built with.

use leadfield::io::hdf5;

use super::facts::Facts;

/// Name and version, as `-V` prints them.
pub const SHORT: &str = concat!("leadfield ", env!("CARGO_PKG_VERSION"), "\n");

/// Returns what `--version` prints: version, commit, libraries, instruction sets.
pub fn describe() -> String {
    let mut facts = Facts::default();
    if let Some(commit) = option_env!("LEADFIELD_COMMIT") {
        facts.add("commit", commit);
    }
    facts.add("HDF5", hdf5::library_version());
    facts.add("MPI", if cfg!(feature = "mpi") { "yes" } else { "no" });
    facts.add("aggregates", if cfg!(feature = "frame") { "yes" } else { "no" });
    facts.add("instruction sets", instruction_sets());
    format!("{SHORT}{facts}")
}

/// Returns the vector instruction sets of this processor for which the kernels are compiled.
#[cfg(target_arch = "x86_64")]
pub fn instruction_sets() -> String {
    let known = [
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("AVX2", is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")),
        ("SSE2", true),
    ];
    known.iter().filter_map(|(name, is_here)| is_here.then_some(*name)).collect::<Vec<_>>().join(", ")
}

/// Returns the architecture: its kernels are compiled once.
#[cfg(not(target_arch = "x86_64"))]
pub fn instruction_sets() -> String {
    std::env::consts::ARCH.into()
}
