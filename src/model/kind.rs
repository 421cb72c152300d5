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
    /// Somebody who takes photos as Apertur sends them.
    Webhook,
    /// Amazon S3, or what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    AzureBlob,
    /// A folder on an FTP server.
    Ftp,
    /// A folder on an SSH server.
    Sftp,
    /// A folder on a WebDAV server.
    Webdav,
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
    pub const ALL: [Self; 15] = [
        Self::Odoo,
        Self::Freshdesk,
        Self::Freshservice,
        Self::Zendesk,
        Self::Webhook,
        Self::S3,
        Self::Gcs,
        Self::AzureBlob,
        Self::Ftp,
        Self::Sftp,
        Self::Webdav,
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
            Self::Webhook => "webhook",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::AzureBlob => "azure_blob",
            Self::Ftp => "ftp",
            Self::Sftp => "sftp",
            Self::Webdav => "webdav",
            Self::GoogleDrive => "google_drive",
            Self::Dropbox => "dropbox",
            Self::Onedrive => "onedrive",
            Self::Folder => "folder",
        }
    }

    /// Whether it takes every photo, whatever record the photo belongs to.
    #[must_use]
    pub fn is_storage(self) -> bool {
        !matches!(self, Self::Odoo) && !self.is_help_desk()
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
