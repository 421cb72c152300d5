//! What every storage destination must do, each sentence as a case, over a real server of its
//! protocol, through the configuration and [`Destination`] as the daemon uses them. A new type
//! is a [`Shore`] in a file of its own and a few lines at the end of this one.
//!
//! Where each sentence is shown: S moto, R rclone (both S3), A Azurite, G gcp-storage-emulator,
//! W wsgidav, N nginx, D rclone (all WebDAV), V vsftpd, P pyftpdlib, O OpenSSH, F rclone (SFTP),
//! C the three drives' fakes (`drives`), L the folder (its own tests, `destination_contract`),
//! H the webhook (`webhook` and its own tests). In brackets why not elsewhere.
//!
//! | | |
//! |---|---|
//! | stored once, equal, found again | `SRAGWNDVPOFCLH` |
//! | two photos on one key | `SRAGWNDVPOFCL` (H names nothing) |
//! | a thousand hostile names | `SRAGWNDVPOFCL` (H names nothing) |
//! | media type | `SAGCH` (the others keep none) |
//! | wrong credentials | `RAWNDVPOFCH` (S and G know none; L has none) |
//! | missing bucket or folder | `SRAGWNDVPOFLH` (C makes its own) |
//! | server killed in the middle | `SRAGWNDVPOFH` (C is a fake inside the test; L has none) |
//! | wire cut in the middle | `SRAGWNDPOFC` (V hides its data ports in TLS, L has none) |
//! | disk full | `RAWNDVPOFC`, L by its errors (S and G keep all in memory) |
//! | too large | N and H by 413, the S3 family by its words, every limit by `sending` |
//! | daemon killed in the middle | `SANDVO` in `leftovers`, L in its own tests |
//! | two daemons on one place | `SANDO` in `leftovers`, C by Google's |
//! | no secret told | all: [`Lab`] looks at every answer; at level trace `RVO` and `credentials` |
//! | a trial leaves nothing | `SRAGWNDVPOFCL` (H sends a marked picture) |
//! | 200 MiB in flat memory | `RNVOCH` (A and G go the way of R) |
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod azure;
mod credentials;
pub(crate) mod files;
pub(crate) mod gcs;
mod laws;
mod leftovers;
mod memory;
mod mirror;
mod proxy;
pub(crate) mod s3;
pub(crate) mod webdav;

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::Path, sync::Arc};

use apertur_bridge::{
    config,
    destinations::{self, Destination, Item, Shared},
    http::Http,
    model::{Failure, Finding, Receipt, Tag},
    system::Clock,
};
use tempfile::TempDir;

use crate::{
    parcel::{self, key},
    servers::Server,
};

/// A server of one protocol with an empty place for photos, and a way to look at it that is not
/// the daemon's.
pub(crate) trait Shore {
    /// Starts it and makes the place.
    async fn start() -> Self;

    /// The server, to kill and restart it.
    fn server(&mut self) -> &mut Server;

    /// Makes the place again where a server that was killed forgets it.
    async fn remake(&self) {}

    /// The keys of the destination when it is reached at this address, a proxy's perhaps,
    /// without a template.
    fn keys(&self, address: SocketAddr) -> String;

    /// The name of the key that holds the template.
    const TEMPLATE: &'static str = "key_template";

    /// The same with credentials that are refused.
    fn wrong_credentials(&self, address: SocketAddr) -> String;

    /// The same with a bucket or folder that is not there.
    fn missing(&self, address: SocketAddr) -> String;

    /// What no text may ever hold.
    fn secrets(&self) -> Vec<String>;

    /// The keys of everything that can be seen; what is outside the place begins with `/`.
    async fn list(&self) -> Vec<String>;

    /// The bytes under a key.
    async fn get(&self, key: &str) -> Vec<u8>;

    /// The media type under a key; `None` where the protocol or the server keeps none.
    async fn media_type(&self, _key: &str) -> Option<String> {
        None
    }
}

/// A destination under test, with the photos that are sent to it.
pub(crate) struct Lab {
    destination: Arc<dyn Destination>,
    secrets: Vec<String>,
    home: TempDir,
}

impl Lab {
    /// From the keys of its section.
    pub(crate) fn new(keys: &str, secrets: Vec<String>) -> Self {
        let text = format!("[webhook]\nsecrets = [\"s\"]\n[destination.far]\n{keys}\n");
        let loaded = config::load_from(Some((Path::new("c.toml"), &text)), &BTreeMap::new());
        let mut config = loaded.unwrap_or_else(|findings| panic!("{findings}")).config;
        let (name, settings) = config.destinations.remove(0);
        let home = tempfile::tempdir().unwrap();
        let shared = Shared::new(Http::new().unwrap(), Clock::system(), home.path());
        let destination = destinations::build(&name, settings, &shared);
        let lab = Self { destination, secrets, home };
        lab.silent(&lab.destination);
        lab.silent(&lab.destination.place());
        lab
    }

    /// A photo as the sender hands it over.
    pub(crate) fn item(&self, id: &str, filename: &str, bytes: &[u8]) -> Item {
        let mut delivery = parcel::delivery(id, filename);
        delivery.photo.tags = vec![Tag { key: "x".to_owned(), value: filename.to_owned() }];
        parcel::item(self.home.path(), delivery, bytes)
    }

    /// Parcels that it takes at once.
    pub(crate) fn concurrency(&self) -> usize {
        self.destination.limits().concurrency
    }

    /// Delivers one photo; gives its receipt.
    pub(crate) async fn send(&self, item: Item) -> Result<Receipt, Failure> {
        let sent = parcel::send(&*self.destination, vec![item], &Arc::default()).await;
        self.silent(&sent);
        sent.map(|mut receipts| receipts.remove(0))
    }

    /// Looks for one photo.
    pub(crate) async fn find(&self, item: &Item) -> Option<Receipt> {
        let found = self.destination.find(std::slice::from_ref(&item.delivery)).await;
        self.silent(&found);
        found.unwrap().remove(0)
    }

    /// `destinations test`.
    pub(crate) async fn trial(&self) -> Vec<Finding> {
        let findings = self.destination.test(None).await;
        self.silent(&findings);
        findings
    }

    /// `check --connect`.
    pub(crate) async fn probe(&self) -> Vec<Finding> {
        let findings = self.destination.probe().await;
        self.silent(&findings);
        findings
    }

    fn silent(&self, said: &impl fmt::Debug) {
        let said = format!("{said:?}");
        for secret in &self.secrets {
            assert!(!said.contains(secret), "a secret in {said}");
        }
    }
}

/// Holds a shore to laws.
macro_rules! hold {
    ($name:ident: $shore:path: $($law:ident)+) => {
        mod $name {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                crate::storage_contract::laws::$law::<$shore>().await;
            }
        )+}
    };
}

mod contract {
    hold!(s3_moto: crate::storage_contract::s3::Moto:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(s3_rclone: crate::storage_contract::s3::Rclone:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(azure_with_a_key: crate::storage_contract::azure::Azurite:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(azure_with_a_signature: crate::storage_contract::azure::AzuriteBySas:
        a_photo_is_stored_once_and_reads_back_equal
        wrong_credentials_break_it_with_a_fix
        a_trial_leaves_nothing);
    hold!(gcs: crate::storage_contract::gcs::Emulator:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(webdav_wsgidav: crate::storage_contract::webdav::Wsgidav:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(webdav_nginx: crate::storage_contract::webdav::Nginx:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(webdav_rclone: crate::storage_contract::webdav::Rclone:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    // What the proxy sees of FTP are commands; its own tests cut the data.
    hold!(ftp_pyftpdlib: crate::storage_contract::files::Pyftpdlib:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_trial_leaves_nothing);
    hold!(ftp_vsftpd: crate::storage_contract::files::Vsftpd:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_trial_leaves_nothing);
    hold!(sftp_openssh: crate::storage_contract::files::OpenSsh:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
    hold!(sftp_rclone: crate::storage_contract::files::RcloneSftp:
        a_photo_is_stored_once_and_reads_back_equal
        two_photos_on_one_key_both_stay
        a_thousand_hostile_names_land_inside
        wrong_credentials_break_it_with_a_fix
        a_missing_place_breaks_it_with_a_fix
        a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds
        a_server_killed_midway_leaves_nothing_half
        a_trial_leaves_nothing);
}
