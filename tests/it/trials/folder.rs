//! A folder of this machine.

use std::fs;

use super::{Story, run, said};
use crate::{files::disk::Disk, look::files};

#[test]
fn a_folder_says_what_works_and_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let at = home.path().display().to_string();
    let keys = |path: &str| format!("type = \"folder\"\npath = \"{path}\"");
    fs::create_dir(home.path().join("photos")).unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let plain = [(&*at, "HOME")];
    let mut story = Story::of("folder", Vec::new());
    story.works(&keys(&format!("{at}/photos")), &plain);
    for (mistake, path) in [
        ("no parent", format!("{at}/away/photos")),
        ("a file", format!("{at}/file")),
        // Where not even root may.
        ("may not write", "/sys/kernel".to_owned()),
        ("cannot be made", "/proc/photos".to_owned()),
    ] {
        story.fails(mistake, &keys(&path), &plain);
    }
    let _disk = Disk::full(&home.path().join("full"));
    story.fails("full", &keys(&format!("{at}/full")), &plain);
    // One that is still to be made is made, as by the first photo, and nothing is left in it.
    let tested = run(&keys(&format!("{at}/new")), &["destinations", "test", "far"]);
    assert_eq!(tested.status.code(), Some(0));
    story.tell("still to be made", &said(&tested, &plain));
    let left = fs::read_dir(home.path()).unwrap().count();
    assert_eq!((left, files(home.path()).len()), (4, 2));
    story.ends();
}
