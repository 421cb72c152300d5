//! The types of destination, by Apertur's own type names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A type of destination that this release can deliver to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An Odoo server, 16 or later.
    Odoo,
    /// A Freshdesk account.
    Freshdesk,
    /// A Freshservice account.
    Freshservice,
    /// A Zendesk account.
    Zendesk,
    /// A Google Drive.
    GoogleDrive,
    /// A Dropbox.
    Dropbox,
    /// A OneDrive.
    Onedrive,
    /// A folder on this machine.
    Folder,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Odoo,
        Self::Freshdesk,
        Self::Freshservice,
        Self::Zendesk,
        Self::GoogleDrive,
        Self::Dropbox,
        Self::Onedrive,
        Self::Folder,
    ];

    /// The name used in the configuration (`type = "..."`) and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Odoo => "odoo",
            Self::Freshdesk => "freshdesk",
            Self::Freshservice => "freshservice",
            Self::Zendesk => "zendesk",
            Self::GoogleDrive => "google_drive",
            Self::Dropbox => "dropbox",
            Self::Onedrive => "onedrive",
            Self::Folder => "folder",
        }
    }

    /// Whether it keeps every photo, whatever record the photo belongs to.
    #[must_use]
    pub fn is_storage(self) -> bool {
        matches!(self, Self::GoogleDrive | Self::Dropbox | Self::Onedrive | Self::Folder)
    }

    /// Whether its records are tickets.
    #[must_use]
    pub fn is_help_desk(self) -> bool {
        matches!(self, Self::Freshdesk | Self::Freshservice | Self::Zendesk)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
