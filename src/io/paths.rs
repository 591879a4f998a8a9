//! Writes a path relative to a folder, so that files that are moved together still find each other.

use std::path::{Component, Path, PathBuf};

/// Returns a path from a folder to a file: `../circuit/config.json`. It does not depend on how either is written, nor on
/// the working directory. The folder need not exist yet.
///
/// Returns `None` if the file does not exist.
pub fn relative_path(folder: &Path, file: &Path) -> Option<PathBuf> {
    let (folder, file) = (resolve_folder(folder)?, file.canonicalize().ok()?);
    let common = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    let down = file.components().skip(common);
    let mut relative = PathBuf::new();
    up.chain(down).for_each(|component| relative.push(component));
    Some(relative)
}

/// Returns the real path of a folder of which the last parts may be missing.
fn resolve_folder(folder: &Path) -> Option<PathBuf> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    if let Ok(real) = folder.canonicalize() {
        return Some(real);
    }
    let name = folder.file_name()?;
    Some(resolve_folder(folder.parent()?)?.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_does_not_depend_on_how_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("a/circuit")).unwrap();
        std::fs::write(at("a/circuit/c.json"), "{}").unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        for file in ["a/circuit/c.json", "a/./circuit/../circuit/c.json", "link/circuit/c.json"] {
            let relative = |folder: &str| relative_path(&at(folder), &at(file)).unwrap();
            assert_eq!(relative("a"), Path::new("circuit/c.json"));
            assert_eq!(relative("link"), Path::new("circuit/c.json"));
            assert_eq!(relative("to/be/made"), Path::new("../../../a/circuit/c.json"));
            assert_eq!(relative("a/circuit"), Path::new("c.json"));
        }
        assert_eq!(relative_path(root.path(), &at("missing")), None);
    }
}
