//! The unit for systemd, where one is installed: is it this version's?

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::model::Finding;

const SERVICE: &str = include_str!("../../systemd/apertur-bridge.service");
/// Where an administrator puts units; elsewhere packages do.
const OWN: &str = "/etc/";

/// Looks at the first that is there.
pub(super) fn look(places: &[PathBuf]) -> Option<Finding> {
    let path = places.iter().find(|path| path.exists())?;
    let shown = path.display();
    match fs::read_to_string(path) {
        Ok(text) if text.trim_end() == SERVICE.trim_end() => {
            Some(Finding::ok("systemd unit", format!("{shown} is this version's")))
        }
        Ok(_) => {
            let what = format!("{shown} is not as this version makes it");
            Some(Finding::warning("systemd unit", what, renew(path)))
        }
        Err(error) => {
            let what = format!("{shown} cannot be read: {error}");
            Some(Finding::warning("systemd unit", what, "run this as root"))
        }
    }
}

fn renew(path: &Path) -> String {
    if !path.starts_with(OWN) {
        return "install the package again; own changes belong into: systemctl edit apertur-bridge"
            .to_owned();
    }
    format!(
        "apertur-bridge unit | sudo tee {} && sudo systemctl daemon-reload; own changes belong \
         into: systemctl edit apertur-bridge",
        path.display()
    )
}
