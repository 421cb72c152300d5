//! Temporary names, for protocols that publish a file by renaming it.

use sha2::{Digest as _, Sha256};

use crate::model::Digest;

/// The temporary name of an object, in the folder of its key: the same for every try to write
/// these bytes under this key, so that what a broken try left is replaced by the next one, and
/// another for every other object.
pub(in crate::destinations) fn part_of(key: &str, sha256: &Digest) -> String {
    beside(key, sha256, ".part")
}

/// The same with another end.
pub(in crate::destinations) fn beside(key: &str, sha256: &Digest, end: &str) -> String {
    let hash = Sha256::new().chain_update(sha256.0).chain_update(key).finalize();
    let slash = key.rfind('/').map_or(0, |slash| slash + 1);
    format!("{}.apertur-{}{end}", &key[..slash], hex::encode(&hash[..12]))
}

/// Every folder on the way to a key, outermost first: `a`, `a/b` for `a/b/c.jpg`.
pub(in crate::destinations) fn folders_of(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('/').map(|(at, _)| &key[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_is_in_the_folder_of_the_key_and_its_own() {
        let name = part_of("a/b/c.jpg", &Digest([7; 32]));
        assert!(name.starts_with("a/b/.apertur-") && name.ends_with(".part"), "{name}");
        assert_eq!(name, part_of("a/b/c.jpg", &Digest([7; 32])));
        assert_ne!(name, part_of("a/b/c.jpg", &Digest([8; 32])));
        assert_ne!(name, part_of("a/b/d.jpg", &Digest([7; 32])));
        assert!(part_of("c.jpg", &Digest([7; 32])).starts_with(".apertur-"));
    }

    #[test]
    fn the_folders_on_the_way_come_outermost_first() {
        assert_eq!(folders_of("a/b/c.jpg").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders_of("c.jpg").count(), 0);
    }
}
