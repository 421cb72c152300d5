//! A folder of this machine.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use apertur_bridge::destinations::{self, Destination, Settings, folder, key::KeyTemplate};

use super::{
    Lab, around, digest, name,
    shore::{On, Seen, Shore, Stored, Trouble},
};
use crate::look;

struct Side {
    root: PathBuf,
    folder: Arc<dyn Destination>,
}

/// One in a new place.
pub(super) fn at() -> Lab {
    let (shared, _, home) = around();
    let path = home.path().join("root");
    let key_template = KeyTemplate::parse("{date}/{image_id}.{ext}").unwrap();
    let settings = Settings::Folder(folder::Settings { path: path.clone(), key_template });
    let folder = destinations::build(&name(), settings, &shared);
    Lab::new(Side { root: path, folder }, home)
}

impl Shore for Side {
    fn name(&self) -> String {
        "a folder".to_owned()
    }

    fn destination(&self) -> &dyn Destination {
        &*self.folder
    }

    fn records(&self) -> [&'static str; 2] {
        ["odoo:res.partner:42", "odoo:res.partner:42"]
    }

    fn nowhere(&self) -> Option<&'static str> {
        None
    }

    fn stored(&self) -> Vec<Stored> {
        let mut files = look::files(&self.root);
        files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        let stored = |(note, path): (u64, PathBuf)| Stored {
            record: self.records()[0].to_owned(),
            sha256: digest(&fs::read(&path).unwrap()).to_hex(),
            file_name: path.file_name().unwrap().to_string_lossy().into_owned(),
            text: String::new(),
            seen: Seen::Anybody,
            note,
        };
        (0..).zip(files).map(stored).collect()
    }

    fn words(&self) -> Vec<(Seen, String)> {
        Vec::new()
    }

    fn litter(&self) -> usize {
        0
    }

    fn default_seen(&self) -> Seen {
        Seen::Anybody
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    fn shapes(&self, _on: On, _trouble: Trouble) -> usize {
        0
    }

    fn plant(&self, on: On, trouble: Trouble, _shape: usize) {
        panic!("a folder has no {on:?} to have {trouble:?}")
    }

    /// Nothing there waits.
    fn step(&self, _by: Duration) {}

    fn lock_out(&self) -> Option<()> {
        None
    }

    fn crowd(&self) {
        let day = self.root.join("2027-01-15");
        fs::create_dir_all(&day).unwrap();
        for id in ["img_10", "img_1-2", "ximg_1"] {
            fs::write(day.join(format!("{id}.jpg")), id).unwrap();
        }
    }
}
