//! SFTP: OpenSSH by key, rclone by password.

use std::{fs, process::Command, time::Duration};

use apertur_bridge::destinations::{
    Settings as Any,
    key::KeyTemplate,
    sftp::{Fingerprint, Key, Login, Settings, Trust},
};

use super::{Lab, disk::Disk, errors, files, has_part, large, until, visible, wire::Wire};
use crate::servers::{
    Server,
    files::{
        PASSWORD, USER, openssh, openssh_rsa, openssh_rsa_sha1, openssh_users_sha1, pyftpdlib,
        rclone_sftp,
    },
};

fn user() -> String {
    let said = Command::new("id").arg("-un").output().unwrap().stdout;
    String::from_utf8(said).unwrap().trim().to_owned()
}

fn key(server: &Server, name: &str, passphrase: Option<&str>) -> Key {
    let text = fs::read_to_string(server.home().join(name)).unwrap();
    Key::parse(&text, passphrase.map(Into::into).as_ref()).unwrap()
}

/// What `ssh-keygen -l` says of a host key of the server.
fn fingerprint(server: &Server, kind: &str) -> String {
    shown(server, &format!("host_{kind}"))
}

/// What `ssh-keygen -l` says of a key.
fn shown(server: &Server, name: &str) -> String {
    let path = server.home().join(format!("{name}.pub"));
    let said = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap().stdout;
    String::from_utf8(said).unwrap().split(' ').nth(1).unwrap().to_owned()
}

fn trusting(fingerprint: &str) -> Trust {
    Trust::Fingerprints(vec![Fingerprint::parse(fingerprint).unwrap()])
}

/// The settings for OpenSSH.
fn of_openssh(server: &Server) -> Settings {
    Settings { trust: trusting(&fingerprint(server, "ed25519")), ..of(server) }
}

/// The settings for OpenSSH, which is not trusted.
fn of(server: &Server) -> Settings {
    Settings {
        host: "127.0.0.1".to_owned(),
        port: server.address().port(),
        username: user(),
        login: Login::Key(key(server, "client", None)),
        trust: Trust::Fingerprints(Vec::new()),
        directory: server.home().join("root").display().to_string(),
        key_template: KeyTemplate::parse("{date}/{image_id}.{ext}").unwrap(),
        timeout: Duration::from_secs(20),
        concurrency: 4,
    }
}

/// The settings for rclone, whose host key it makes itself.
async fn of_rclone(server: &Server) -> Settings {
    let unknown = Settings {
        host: "127.0.0.1".to_owned(),
        port: server.address().port(),
        username: USER.to_owned(),
        login: Login::Password(PASSWORD.into()),
        trust: Trust::Fingerprints(Vec::new()),
        directory: ".".to_owned(),
        key_template: KeyTemplate::parse("{date}/{image_id}.{ext}").unwrap(),
        timeout: Duration::from_secs(20),
        concurrency: 4,
    };
    let (_, said) = Lab::new(Any::Sftp(unknown.clone())).failure().await;
    let shown = said.split_once("write host_key = \"").unwrap().1.split('"').next().unwrap();
    Settings { trust: trusting(shown), ..unknown }
}

fn root(server: &Server) -> std::path::PathBuf {
    server.home().join("root")
}

#[tokio::test]
async fn a_photo_is_there_whole_and_found_again() {
    for server in [Server::start(openssh), Server::start(rclone_sftp)] {
        let settings = if server.home().join("client").exists() {
            of_openssh(&server)
        } else {
            of_rclone(&server).await
        };
        let lab = Lab::new(Any::Sftp(settings));
        let bytes = large(3_000_001);
        assert_eq!(lab.found("img_1", &bytes).await, None);
        assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg");
        assert_eq!(fs::read(root(&server).join("2027-01-15/img_1.jpg")).unwrap(), bytes);
        assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg again");
        assert_eq!(lab.found("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg again");
        assert_eq!(files(&root(&server)), ["2027-01-15/img_1.jpg"]);
    }
}

#[tokio::test]
async fn an_unknown_host_is_refused_with_the_fingerprint_to_add() {
    let server = Server::start(openssh);
    let trust = Trust::Fingerprints(Vec::new());
    let lab = Lab::new(Any::Sftp(Settings { trust, ..of_openssh(&server) }));
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "broken not_allowed");
    let shown = fingerprint(&server, "ed25519");
    assert!(said.ends_with(&format!("write host_key = \"{shown}\"")), "{said}");
    assert_eq!(errors(&lab.destination.probe().await).len(), 1);
    assert_eq!(files(&root(&server)), [""; 0]);
}

#[tokio::test]
async fn a_changed_host_key_is_told_loudly() {
    let server = Server::start(openssh);
    let other = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";
    let lab = Lab::new(Any::Sftp(Settings { trust: trusting(other), ..of_openssh(&server) }));
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "broken not_allowed");
    assert!(said.contains("THE HOST KEY OF 127.0.0.1 IS ANOTHER THAN THE TRUSTED ONE"), "{said}");
    assert!(said.contains(&fingerprint(&server, "ed25519")), "{said}");
}

#[tokio::test]
async fn any_of_the_server_s_keys_may_be_the_trusted_one() {
    let server = Server::start(openssh);
    let trust = trusting(&fingerprint(&server, "ecdsa"));
    let lab = Lab::new(Any::Sftp(Settings { trust, ..of_openssh(&server) }));
    lab.send("img_1", b"photo").await.unwrap();
}

#[tokio::test]
async fn a_known_hosts_file_decides_as_it_does_for_ssh() {
    let server = Server::start(openssh);
    let path = server.home().join("known_hosts");
    let with = |lines: String| {
        fs::write(&path, lines).unwrap();
        let trust = Trust::KnownHosts(path.clone());
        Lab::new(Any::Sftp(Settings { trust, ..of_openssh(&server) }))
    };
    let public =
        |kind: &str| fs::read_to_string(server.home().join(format!("host_{kind}.pub"))).unwrap();
    let host = format!("[127.0.0.1]:{}", server.address().port());
    with(format!("# a remark\n{host} {}", public("ecdsa"))).send("img_1", b"p").await.unwrap();
    let (kind, said) = with(format!("other.example {}", public("ed25519"))).failure().await;
    assert_eq!(kind, "broken not_allowed");
    assert!(said.contains("known_hosts has no key of 127.0.0.1"), "{said}");
    assert!(said.contains("ssh-keyscan -p"), "{said}");
    let client = fs::read_to_string(server.home().join("client.pub")).unwrap();
    let (_, said) = with(format!("{host} {client}")).failure().await;
    assert!(said.contains("IS ANOTHER THAN THE TRUSTED ONE"), "{said}");
    // A key that was revoked is not trusted, whoever else says so, and nobody is told to trust it.
    let key = public("ed25519");
    let both = format!("@revoked * {key}{host} {key}");
    let (kind, said) = with(both).failure().await;
    assert_eq!(kind, "broken not_allowed");
    assert!(said.contains("WAS REVOKED") && !said.contains("host_key ="), "{said}");
    let others = format!("@revoked * {key}{host} {}", public("ecdsa"));
    with(others).send("img_2", b"p").await.unwrap();
    let lab = with(String::new());
    fs::remove_file(&path).unwrap();
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "broken local");
    assert!(said.contains("known_hosts cannot be read"), "{said}");
}

#[tokio::test]
async fn a_log_in_that_is_refused_says_what_to_correct() {
    let server = Server::start(openssh);
    let good = of_openssh(&server);
    let login = Login::Key(key(&server, "host_ecdsa", None));
    let (kind, said) = Lab::new(Any::Sftp(Settings { login, ..good.clone() })).failure().await;
    assert_eq!(kind, "broken unauthorized");
    assert!(said.contains("authorized_keys"), "{said}");
    let login = Login::Password("hunter2-secret".into());
    let (kind, said) = Lab::new(Any::Sftp(Settings { login, ..good })).failure().await;
    assert_eq!(kind, "broken unauthorized");
    assert!(said.contains("set private_key") && said.contains("publickey"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let server = Server::start(rclone_sftp);
    let login = Login::Password("hunter2-secret".into());
    let settings = Settings { login, ..of_rclone(&server).await };
    assert!(!format!("{settings:?}").contains("hunter2"));
    let (kind, said) = Lab::new(Any::Sftp(settings)).failure().await;
    assert_eq!(kind, "broken unauthorized");
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_key_with_a_passphrase_opens_with_it_alone() {
    let server = Server::start(openssh);
    let login = Login::Key(key(&server, "locked", Some("open sesame")));
    let lab = Lab::new(Any::Sftp(Settings { login, ..of_openssh(&server) }));
    lab.send("img_1", b"photo").await.unwrap();
    let text = fs::read_to_string(server.home().join("locked")).unwrap();
    let error = |passphrase: Option<&str>| {
        Key::parse(&text, passphrase.map(Into::into).as_ref()).unwrap_err().to_string()
    };
    assert!(error(None).contains("is encrypted"), "{}", error(None));
    assert!(error(Some("wrong")).contains("passphrase"), "{}", error(Some("wrong")));
    let public = fs::read_to_string(server.home().join("client.pub")).unwrap();
    assert!(Key::parse(&public, None).unwrap_err().to_string().contains(".pub"));
}

/// A user's RSA key as `ssh-keygen` writes it in another format.
fn converted(server: &Server, format: &str, passphrase: &str) -> String {
    let path = server.home().join(format!("client_rsa_{format}"));
    fs::copy(server.home().join("client_rsa"), &path).unwrap();
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-p", "-P", "", "-N", passphrase, "-m", format, "-f"]).arg(&path);
    assert!(command.status().unwrap().success());
    fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn an_rsa_key_of_a_user_opens_in_every_format_and_signs() {
    let server = Server::start(openssh);
    let plain = fs::read_to_string(server.home().join("client_rsa")).unwrap();
    let shown = format!("Key({})", shown(&server, "client_rsa"));
    for (n, (text, passphrase)) in [
        (plain, None),
        (converted(&server, "PEM", ""), None),
        (converted(&server, "PKCS8", ""), None),
        (converted(&server, "RFC4716", "open sesame"), Some("open sesame")),
        (converted(&server, "PKCS8", "open sesame"), Some("open sesame")),
    ]
    .into_iter()
    .enumerate()
    {
        let key = Key::parse(&text, passphrase.map(Into::into).as_ref()).unwrap();
        assert_eq!(format!("{key:?}"), shown);
        let login = Login::Key(key);
        let lab = Lab::new(Any::Sftp(Settings { login, ..of_openssh(&server) }));
        lab.send(&format!("img_{n}"), b"photo").await.unwrap();
    }
    assert_eq!(server.output().matches("Accepted publickey").count(), 5);
    let login = Login::Key(key(&server, "host_rsa", None));
    let lab = Lab::new(Any::Sftp(Settings { login, ..of_openssh(&server) }));
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "broken unauthorized");
    assert!(said.contains("authorized_keys"), "{said}");
}

#[tokio::test]
async fn an_rsa_key_that_is_too_short_is_told_before_it_is_used() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("short");
    let mut command = Command::new("openssl");
    command.args(["genrsa", "-traditional", "-out"]).arg(&path).arg("1024");
    assert!(command.output().unwrap().status.success());
    let error = Key::parse(&fs::read_to_string(path).unwrap(), None).unwrap_err().to_string();
    assert!(error.contains("RSA") && error.contains("2048"), "{error}");
}

#[tokio::test]
async fn a_server_with_an_rsa_key_alone_is_trusted_by_it() {
    let server = Server::start(openssh_rsa);
    let with = |trust| Lab::new(Any::Sftp(Settings { trust, ..of(&server) }));
    let shown = fingerprint(&server, "rsa");
    with(trusting(&shown)).send("img_1", b"photo").await.unwrap();
    let other = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";
    let (kind, said) = with(trusting(other)).failure().await;
    assert_eq!(kind, "broken not_allowed");
    assert!(said.contains(&shown), "{said}");
    let (kind, said) = with(Trust::Fingerprints(Vec::new())).failure().await;
    assert_eq!(kind, "broken not_allowed");
    assert!(said.ends_with(&format!("write host_key = \"{shown}\"")), "{said}");
    let path = server.home().join("known_hosts");
    let public = fs::read_to_string(server.home().join("host_rsa.pub")).unwrap();
    fs::write(&path, format!("[127.0.0.1]:{} {public}", server.address().port())).unwrap();
    with(Trust::KnownHosts(path)).send("img_2", b"photo").await.unwrap();
}

#[tokio::test]
async fn signatures_with_sha1_are_neither_taken_nor_given() {
    let server = Server::start(openssh_rsa_sha1);
    let trust = trusting(&fingerprint(&server, "rsa"));
    let (kind, said) = Lab::new(Any::Sftp(Settings { trust, ..of(&server) })).failure().await;
    assert_eq!(kind, "broken unreachable");
    assert!(said.contains("SHA-1"), "{said}");
    let server = Server::start(openssh_users_sha1);
    let login = Login::Key(key(&server, "client_rsa", None));
    let lab = Lab::new(Any::Sftp(Settings { login, ..of_openssh(&server) }));
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "broken unauthorized");
    assert!(said.contains("SHA-1") && said.contains("ssh-keygen -t ed25519"), "{said}");
    assert_eq!(files(&root(&server)), [""; 0]);
}

#[tokio::test]
async fn a_missing_folder_and_a_missing_right_are_named() {
    let server = Server::start(openssh);
    let directory = root(&server).join("nowhere").display().to_string();
    let lab = Lab::new(Any::Sftp(Settings { directory, ..of_openssh(&server) }));
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "broken not_found");
    assert!(said.contains("nowhere") && said.contains("correct directory"), "{said}");
    assert_eq!(errors(&lab.destination.test(None).await).len(), 1);
    let lab = Lab::new(Any::Sftp(of_openssh(&server)));
    fs::write(root(&server).join("2027-01-15"), "a file").unwrap();
    let (kind, said) = lab.failure().await;
    assert_eq!(kind, "refused not_allowed");
    assert!(said.contains("2027-01-15 on the SFTP server is no folder"), "{said}");
    let directory = "/proc/self".to_owned();
    let lab = Lab::new(Any::Sftp(Settings { directory, ..of_openssh(&server) }));
    let (kind, said) = lab.failure().await;
    assert!(kind.starts_with("broken") || kind.starts_with("later"), "{kind}: {said}");
}

#[tokio::test]
async fn one_log_in_serves_many_photos_and_is_renewed_when_it_broke() {
    let server = Server::start(openssh);
    let wire = Wire::to(server.address()).await;
    let lab = Lab::new(Any::Sftp(Settings { port: wire.port, ..of_openssh(&server) }));
    for id in ["img_1", "img_2", "img_3"] {
        lab.send(id, b"photo").await.unwrap();
    }
    let log_ins = || server.output().matches("Accepted publickey").count();
    assert_eq!(log_ins(), 1);
    wire.cut_after(0);
    lab.send("img_4", b"photo").await.unwrap_err();
    wire.mend();
    lab.send("img_4", b"photo").await.unwrap();
    assert_eq!(log_ins(), 2);
    assert_eq!(files(&root(&server)).len(), 4);
}

#[tokio::test]
async fn a_wire_cut_in_the_middle_leaves_nothing_visible_and_the_next_try_succeeds() {
    let server = Server::start(openssh);
    let wire = Wire::to(server.address()).await;
    let lab = Lab::new(Any::Sftp(Settings { port: wire.port, ..of_openssh(&server) }));
    let bytes = large(5_000_000);
    for cut in [1_000_000, 4_900_000] {
        wire.cut_after(cut);
        lab.send("img_1", &bytes).await.unwrap_err();
        assert_eq!(visible(&root(&server)), [""; 0]);
        assert_eq!(files(&root(&server)).len(), 1);
    }
    wire.mend();
    assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg");
    assert_eq!(files(&root(&server)), ["2027-01-15/img_1.jpg"]);
    assert_eq!(fs::read(root(&server).join("2027-01-15/img_1.jpg")).unwrap(), bytes);
}

#[tokio::test]
async fn a_server_killed_in_the_middle_leaves_nothing_visible_and_the_next_try_succeeds() {
    let mut server = Server::start(rclone_sftp);
    let lab = Lab::new(Any::Sftp(of_rclone(&server).await));
    let bytes = large(60_000_000);
    let sending = lab.send("img_1", &bytes);
    let folder = root(&server);
    let killing = async {
        until("a part is written", || has_part(&folder)).await;
        server.kill9();
    };
    let (sent, ()) = tokio::join!(sending, killing);
    sent.unwrap_err();
    assert_eq!(visible(&root(&server)), [""; 0]);
    let (kind, _) = lab.failure().await;
    assert_eq!(kind, "later unreachable");
    server.restart();
    // Its host key is a new one where it could not keep it.
    let lab = Lab::new(Any::Sftp(of_rclone(&server).await));
    assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg");
    assert_eq!(files(&root(&server)), ["2027-01-15/img_1.jpg"]);
}

#[tokio::test]
async fn a_full_disk_pauses_the_destination_and_says_so() {
    for server in [Server::start(openssh), Server::start(rclone_sftp)] {
        let disk = Disk::mount(&root(&server).join("disk"));
        let settings = if server.home().join("client").exists() {
            Settings { directory: disk.0.display().to_string(), ..of_openssh(&server) }
        } else {
            Settings { directory: "disk".to_owned(), ..of_rclone(&server).await }
        };
        let lab = Lab::new(Any::Sftp(settings));
        let failure = lab.send("img_1", &large(4_000_000)).await.unwrap_err();
        let said = format!("{failure:?}");
        assert!(said.starts_with("Broken") && said.contains("is full"), "{said}");
        assert_eq!(files(&disk.0), [""; 0]);
        lab.send("img_2", b"small").await.unwrap();
    }
}

#[tokio::test]
async fn a_trial_leaves_nothing_and_goes_through_every_step() {
    let server = Server::start(openssh);
    let lab = Lab::new(Any::Sftp(of_openssh(&server)));
    let findings = lab.destination.test(None).await;
    assert_eq!(errors(&findings), [""; 0]);
    let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["log in", "folder", "space", "write", "look", "read", "remove"]);
    assert_eq!(files(&root(&server)), [""; 0]);
}

#[tokio::test]
async fn servers_of_other_protocols_are_told_in_seconds() {
    let server = Server::start(openssh);
    let ftp = Server::start(pyftpdlib);
    // A web server waits to be asked.
    let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let timeout = Duration::from_secs(600);
    for (port, kind, what) in [
        (ftp.address().port(), "broken unreachable", "is no SSH server"),
        (web.local_addr().unwrap().port(), "later unreachable", "does not greet"),
    ] {
        let lab = Lab::new(Any::Sftp(Settings { port, timeout, ..of_openssh(&server) }));
        let (ended, said) = lab.failure().await;
        assert_eq!(ended, kind, "{said}");
        assert!(said.contains(what) && said.contains(&port.to_string()), "{said}");
    }
}
