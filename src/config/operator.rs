//! Who runs a command: environment and user database say so.

use std::{env, fs, os::unix::fs::MetadataExt as _};

use crate::model::By;

/// The user who runs this process; under `sudo` the one who called it. A number where the user
/// has no name here.
#[must_use]
pub fn operator() -> By {
    if let Ok(name) = env::var("SUDO_USER")
        && !name.trim().is_empty()
    {
        return By::new(&name);
    }
    let Ok(uid) = fs::metadata("/proc/self").map(|process| process.uid()) else {
        return By::new("");
    };
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    By::new(&name_of(uid, &users).map_or_else(|| format!("user {uid}"), str::to_owned))
}

/// The name of a user in the format of passwd(5).
fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_that_the_system_gives_it() {
        let users = "root:x:0:0:root:/root:/bin/bash\n# odd\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_of(1000, users), Some("ana"));
        assert_eq!(name_of(1, users), None);
    }
}
