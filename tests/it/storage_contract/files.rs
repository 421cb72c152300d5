//! SFTP by OpenSSH (key) and rclone (password), FTP with TLS by pyftpdlib and vsftpd.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use super::{Lab, Shore, memory::peak};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
    servers::{
        Prepare, Server,
        files::{GUEST, PASSWORD, USER, openssh, pyftpdlib, rclone_sftp, vsftpd},
    },
};

const MIB: usize = 1024 * 1024;
/// What a large photo may take more than a small one, in KiB.
const MOST_MORE: u64 = 24 * 1024;

/// Starts a server with the folder `place` for photos.
pub(crate) fn start(prepare: Prepare) -> Server {
    let server = Server::start(prepare);
    fs::create_dir(server.home().join("root/place")).unwrap();
    server
}

/// Every file that can be seen below the server's root.
fn list(server: &Server) -> Vec<String> {
    let root = server.home().join("root");
    let mut found = Vec::new();
    let mut left = vec![root.clone()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let key = path.strip_prefix(&root).unwrap().to_str().unwrap();
            let key = key.strip_prefix("place/").map_or(format!("/{key}"), str::to_owned);
            // A temporary name is nobody's photo; its own tests count those.
            if !key.ends_with(".part") {
                found.push(key);
            }
        }
    }
    found
}

fn get(server: &Server, key: &str) -> Vec<u8> {
    fs::read(server.home().join("root/place").join(key)).unwrap()
}

/// The keys of both types that say where.
fn of(kind: &str, address: SocketAddr, username: &str, directory: &str) -> String {
    format!(
        "type = \"{kind}\"\nhost = \"{}\"\nport = {}\nusername = \"{username}\"\n\
         directory = \"{directory}\"\n",
        address.ip(),
        address.port(),
    )
}

fn said(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

/// What all shores of this file have in common.
macro_rules! shore_on_disk {
    () => {
        fn server(&mut self) -> &mut Server {
            &mut self.0
        }

        fn keys(&self, address: SocketAddr) -> String {
            self.reached(address, "place", self.secret())
        }

        fn wrong_credentials(&self, address: SocketAddr) -> String {
            self.reached(address, "place", self.wrong_secret())
        }

        fn missing(&self, address: SocketAddr) -> String {
            self.reached(address, "nowhere", self.secret())
        }

        async fn list(&self) -> Vec<String> {
            list(&self.0)
        }

        async fn get(&self, key: &str) -> Vec<u8> {
            get(&self.0, key)
        }
    };
}

/// OpenSSH, by key.
pub(crate) struct OpenSsh(pub(crate) Server);

impl OpenSsh {
    fn secret(&self) -> &'static str {
        "client"
    }

    fn wrong_secret(&self) -> &'static str {
        "host_ecdsa"
    }

    fn reached(&self, address: SocketAddr, directory: &str, key: &str) -> String {
        let home = self.0.home();
        let user = said(Command::new("id").arg("-un"));
        let public = home.join("host_ed25519.pub");
        let shown = said(Command::new("ssh-keygen").arg("-lf").arg(public));
        let host_key = shown.split(' ').nth(1).unwrap();
        let directory = home.join("root").join(directory).display().to_string();
        let key = home.join(key).display().to_string();
        let place = of("sftp", address, &user, &directory);
        format!("{place}private_key = {{ file = \"{key}\" }}\nhost_key = \"{host_key}\"")
    }
}

impl Shore for OpenSsh {
    async fn start() -> Self {
        Self(start(openssh))
    }

    fn secrets(&self) -> Vec<String> {
        let key = fs::read_to_string(self.0.home().join("client")).unwrap();
        key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect()
    }

    shore_on_disk!();
}

/// rclone's SFTP, by password, with the fingerprint of the key that it made for itself.
pub(crate) struct RcloneSftp(Server, String);

impl RcloneSftp {
    fn secret(&self) -> &'static str {
        PASSWORD
    }

    fn wrong_secret(&self) -> &'static str {
        "wrong"
    }

    fn reached(&self, address: SocketAddr, directory: &str, password: &str) -> String {
        let place = of("sftp", address, USER, directory);
        let host_key = &self.1;
        format!("{place}password = \"{password}\"\nhost_key = {host_key}")
    }
}

impl Shore for RcloneSftp {
    async fn start() -> Self {
        let mut shore = Self(start(rclone_sftp), String::new());
        let other = "\"SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM\"";
        shore.1 = other.to_owned();
        let lab = Lab::new(&shore.keys(shore.0.address()), shore.secrets());
        let findings = lab.probe().await;
        let (_, told) = findings[0].fix.split_once("host_key = ").unwrap();
        shore.1 = told.to_owned();
        shore
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    shore_on_disk!();
}

fn with_tls(server: &Server, place: &str, password: &str) -> String {
    let ca_file = server.home().join("server.crt").display().to_string();
    format!("{place}password = \"{password}\"\nca_file = \"{ca_file}\"")
}

/// pyftpdlib with TLS: it has MLST.
pub(crate) struct Pyftpdlib(pub(crate) Server);

impl Pyftpdlib {
    fn secret(&self) -> &'static str {
        PASSWORD
    }

    fn wrong_secret(&self) -> &'static str {
        "wrong"
    }

    fn reached(&self, address: SocketAddr, directory: &str, password: &str) -> String {
        with_tls(&self.0, &of("ftp", address, USER, directory), password)
    }
}

impl Shore for Pyftpdlib {
    async fn start() -> Self {
        Self(start(pyftpdlib))
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    shore_on_disk!();
}

/// vsftpd with TLS: it has no MLST, and wants sessions to be gone on with.
pub(crate) struct Vsftpd(pub(crate) Server);

impl Vsftpd {
    fn secret(&self) -> &'static str {
        PASSWORD
    }

    fn wrong_secret(&self) -> &'static str {
        "wrong"
    }

    fn reached(&self, address: SocketAddr, directory: &str, password: &str) -> String {
        with_tls(&self.0, &of("ftp", address, GUEST, directory), password)
    }
}

impl Shore for Vsftpd {
    async fn start() -> Self {
        Self(start(vsftpd))
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    shore_on_disk!();
}

async fn a_large_photo_costs_no_more_than_a_small_one<S: Shore>() {
    let mut shore = S::start().await;
    let address = shore.server().address();
    let daemon = Daemon::start(Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"300MiB\"\n[destination.far]\n{}\n\
         [log]\nlevel = \"trace\"\n",
        shore.keys(address)
    )));
    let send = |id: &str, size: usize, count: usize| {
        let photo = Photo::of_size(id, size);
        let answer = apertur::post(daemon.url(), &photo.binary().signed()).unwrap();
        assert_eq!(answer.told(), (200, "accepted".to_owned()));
        look::eventually(Duration::from_secs(120), "everything delivered", || {
            let states = look::states(&daemon);
            (states.len() == count && states.iter().all(|state| state == "delivered")).then_some(())
        });
        peak(&daemon)
    };
    let small = send("img_1", MIB, 1);
    let large = send("img_2", 200 * MIB, 2);
    let sizes: Vec<u64> = shore.list().await.iter().map(|key| size(&mut shore, key)).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 201 * MIB as u64);
    assert!(large - small <= MOST_MORE, "{small} KiB, then {large} KiB");
    // At the finest level, too.
    for secret in shore.secrets() {
        assert!(!daemon.log().contains(&secret));
        assert!(look::deliveries(&daemon).iter().all(|told| !told.to_string().contains(&secret)));
    }
}

fn size<S: Shore>(shore: &mut S, key: &str) -> u64 {
    let path: &Path = &shore.server().home().join("root/place").join(key);
    fs::metadata(path).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_photo_costs_sftp_no_more_than_a_small_one() {
    a_large_photo_costs_no_more_than_a_small_one::<OpenSsh>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_photo_costs_ftp_no_more_than_a_small_one() {
    a_large_photo_costs_no_more_than_a_small_one::<Vsftpd>().await;
}
