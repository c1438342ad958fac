//! The directory that servers run in.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use super::Result;

/// A directory of our own under the system's temporary one. It goes away with this.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("redouble-bench-{}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind lies in the temporary directory, where nobody minds.
        let _ = fs::remove_dir_all(&self.0);
    }
}
