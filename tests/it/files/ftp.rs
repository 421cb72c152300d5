//! FTP: pyftpdlib with and without TLS, vsftpd with TLS alone.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use apertur_bridge::{
    destinations::{
        Settings as Any,
        ftp::{Authorities, Settings, Tls},
        key::KeyTemplate,
    },
    model::{ErrorKind, Failure},
};

use futures_util::{StreamExt as _, stream};

use super::{Lab, disk::Disk, errors, files, has_part, large, until, visible, wire::Wire};
use crate::servers::{
    Prepare, Server,
    files::{GUEST, PASSWORD, USER, openssh, pyftpdlib, pyftpdlib_with, vsftpd},
    free_port,
};

const BOTH: [Prepare; 2] = [pyftpdlib, vsftpd];

/// The settings with TLS, trusting the server's certificate.
fn settings(server: &Server) -> Settings {
    let pem = fs::read(server.home().join("server.crt")).unwrap();
    with(server, Tls::Explicit(Authorities::parse(&pem).unwrap()))
}

fn with(server: &Server, tls: Tls) -> Settings {
    let is_vsftpd = server.home().join("vsftpd.conf").exists();
    Settings {
        host: "127.0.0.1".to_owned(),
        port: server.address().port(),
        username: if is_vsftpd { GUEST } else { USER }.to_owned(),
        password: PASSWORD.into(),
        tls,
        directory: ".".to_owned(),
        key_template: KeyTemplate::parse("{date}/{image_id}.{ext}").unwrap(),
        timeout: Duration::from_secs(20),
        concurrency: 4,
    }
}

/// Without TLS; for pyftpdlib.
fn plain(server: &Server, port: u16) -> Settings {
    Settings { tls: Tls::None, port, ..settings(server) }
}

fn root(server: &Server) -> PathBuf {
    server.home().join("root")
}

#[tokio::test]
async fn a_photo_is_there_whole_and_found_again() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        let lab = Lab::new(Any::Ftp(settings(&server)));
        let bytes = large(20_000_001);
        assert_eq!(lab.found("img_1", &bytes).await, None);
        assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg");
        assert!(fs::read(root(&server).join("2027-01-15/img_1.jpg")).unwrap() == bytes);
        assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg again");
        assert_eq!(lab.found("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg again");
        assert_eq!(files(&root(&server)), ["2027-01-15/img_1.jpg"]);
    }
}

#[tokio::test]
async fn without_tls_it_works_where_the_server_lets_it() {
    let server = Server::start(pyftpdlib);
    let lab = Lab::new(Any::Ftp(plain(&server, server.address().port())));
    lab.send("img_1", &large(100_000)).await.unwrap();
    assert_eq!(errors(&lab.destination.test(None).await), [""; 0]);
    let server = Server::start(vsftpd);
    let (kind, said) = Lab::new(Any::Ftp(plain(&server, server.address().port()))).failure().await;
    assert_eq!(kind, "broken unauthorized");
    assert!(said.contains("tls = \"explicit\"") && said.contains("encryption"), "{said}");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_it_before_the_password_is_sent() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        let tls = Tls::Explicit(Authorities::default());
        let lab = Lab::new(Any::Ftp(Settings { tls, ..settings(&server) }));
        let (kind, said) = lab.failure().await;
        assert_eq!(kind, "broken unreachable");
        assert!(said.contains("ca_file"), "{said}");
        // Signed by nobody else, but made for another name.
        let host = "localhost".to_owned();
        let lab = Lab::new(Any::Ftp(Settings { host, ..settings(&server) }));
        let (kind, said) = lab.failure().await;
        assert_eq!(kind, "broken unreachable");
        assert!(said.contains("is not trusted") && said.contains("host name"), "{said}");
        assert_eq!(errors(&lab.destination.probe().await).len(), 1);
    }
}

#[tokio::test]
async fn a_log_in_that_is_refused_says_what_to_check_and_not_the_password() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        let settings = Settings { password: "hunter2-secret".into(), ..settings(&server) };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let lab = Lab::new(Any::Ftp(settings));
        let (kind, said) = lab.failure().await;
        assert_eq!(kind, "broken unauthorized");
        assert!(said.contains("check username and password"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(errors(&lab.destination.test(None).await).len(), 1);
    }
}

#[tokio::test]
async fn a_missing_folder_and_one_that_is_a_file_are_named() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        let directory = "nowhere".to_owned();
        let lab = Lab::new(Any::Ftp(Settings { directory, ..settings(&server) }));
        let (kind, said) = lab.failure().await;
        assert_eq!(kind, "broken not_found");
        assert!(said.contains("no folder nowhere"), "{said}");
        fs::write(root(&server).join("2027-01-15"), "a file").unwrap();
        let (kind, said) = Lab::new(Any::Ftp(settings(&server))).failure().await;
        assert_eq!(kind, "refused not_allowed", "{said}");
        assert!(said.contains("2027-01-15 on the FTP server is no folder"), "{said}");
    }
}

#[tokio::test]
async fn a_folder_under_the_key_is_no_photo_and_stays() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        fs::create_dir_all(root(&server).join("2027-01-15/img_1.jpg")).unwrap();
        let lab = Lab::new(Any::Ftp(settings(&server)));
        let sent = lab.send("img_1", b"photo").await;
        assert!(root(&server).join("2027-01-15/img_1.jpg").is_dir());
        let there = visible(&root(&server));
        match sent {
            Ok(key) => assert_eq!(there, [key]),
            // Without MLST nobody can tell a folder from nothing.
            Err(failure) => {
                assert!(failure.cause().what.contains("does not rename"), "{failure:?}")
            }
        }
    }
}

#[tokio::test]
async fn a_wire_cut_in_the_middle_leaves_nothing_visible_and_the_next_try_succeeds() {
    let server = Server::start(pyftpdlib);
    let wire = Wire::to_ftp(server.address()).await;
    let lab = Lab::new(Any::Ftp(plain(&server, wire.port)));
    let bytes = large(5_000_000);
    for cut in [0, 1_000_000, 4_900_000] {
        wire.cut_after(cut);
        let failure = lab.send("img_1", &bytes).await.unwrap_err();
        assert!(format!("{failure:?}").starts_with("Later"), "{failure:?}");
        assert_eq!(visible(&root(&server)), [""; 0]);
        wire.mend();
        assert_eq!(lab.found("img_1", &bytes).await, None);
    }
    assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg");
    assert_eq!(files(&root(&server)), ["2027-01-15/img_1.jpg"]);
    assert!(fs::read(root(&server).join("2027-01-15/img_1.jpg")).unwrap() == bytes);
}

#[tokio::test]
async fn a_server_killed_in_the_middle_leaves_nothing_visible_and_the_next_try_succeeds() {
    for prepare in BOTH {
        let mut server = Server::start(prepare);
        let lab = Lab::new(Any::Ftp(settings(&server)));
        let bytes = large(60_000_000);
        let folder = root(&server);
        let killing = async {
            until("a part is written", || has_part(&folder)).await;
            server.kill9();
        };
        let (sent, ()) = tokio::join!(lab.send("img_1", &bytes), killing);
        let failure = sent.unwrap_err();
        assert!(matches!(failure, Failure::Later { .. }), "{failure:?}");
        assert_eq!(visible(&folder), [""; 0]);
        assert_eq!(lab.failure().await.0, "later unreachable");
        server.restart();
        assert_eq!(lab.send("img_1", &bytes).await.unwrap(), "2027-01-15/img_1.jpg");
        assert_eq!(files(&folder), ["2027-01-15/img_1.jpg"]);
        assert!(fs::read(folder.join("2027-01-15/img_1.jpg")).unwrap() == bytes);
    }
}

#[tokio::test]
async fn a_full_disk_pauses_the_destination_and_says_so() {
    let server = Server::start(vsftpd);
    let disk = Disk::mount(&root(&server).join("disk"));
    let directory = "disk".to_owned();
    let lab = Lab::new(Any::Ftp(Settings { directory, ..settings(&server) }));
    let failure = lab.send("img_1", &large(4_000_000)).await.unwrap_err();
    let said = format!("{failure:?}");
    assert!(said.starts_with("Broken") && said.contains("is full"), "{said}");
    assert_eq!(files(&disk.0), [""; 0]);
    lab.send("img_2", b"small").await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_of_its_full_disk_keeps_nothing_half() {
    // pyftpdlib stumbles over it and never ends the transfer.
    let server = Server::start(pyftpdlib);
    let disk = Disk::mount(&root(&server).join("disk"));
    let (directory, timeout) = ("disk".to_owned(), Duration::from_secs(3));
    let lab = Lab::new(Any::Ftp(Settings { directory, timeout, ..settings(&server) }));
    let failure = lab.send("img_1", &large(4_000_000)).await.unwrap_err();
    assert_eq!(failure.cause().kind, ErrorKind::Timeout, "{failure:?}");
    assert!(matches!(failure, Failure::Later { .. }), "{failure:?}");
    assert_eq!(visible(&disk.0), [""; 0]);
}

#[tokio::test]
async fn one_log_in_serves_many_photos_and_is_renewed_when_it_broke() {
    let mut server = Server::start(pyftpdlib);
    let lab = Lab::new(Any::Ftp(settings(&server)));
    for id in ["img_1", "img_2", "img_3"] {
        lab.send(id, b"photo").await.unwrap();
    }
    let log_ins = |server: &Server| server.output().matches("USER 'bridge' logged in").count();
    assert_eq!(log_ins(&server), 1);
    server.kill9();
    server.restart();
    lab.send("img_4", b"photo").await.unwrap();
    assert_eq!(log_ins(&server), 2);
    assert_eq!(files(&root(&server)).len(), 4);
}

#[tokio::test]
async fn a_trial_leaves_nothing_and_goes_through_every_step() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        let findings = Lab::new(Any::Ftp(settings(&server))).destination.test(None).await;
        assert_eq!(errors(&findings), [""; 0]);
        let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(subjects, ["log in", "folder", "write", "look", "read", "remove"]);
        assert_eq!(fs::read_dir(root(&server)).unwrap().count(), 0, "its folder went, too");
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_and_nothing_is_said_to_be_removed() {
    let cases: [(Prepare, &str); 2] = [
        (|place| pyftpdlib_with(place, "elradfw"), "may not make the folder"),
        (|place| pyftpdlib_with(place, "elradmw"), "does not rename a file"),
    ];
    for (prepare, said) in cases {
        let server = Server::start(prepare);
        let lab = Lab::new(Any::Ftp(settings(&server)));
        let findings = lab.destination.test(None).await;
        let told = errors(&findings);
        assert!(told.len() == 1 && told[0].contains(said), "{findings:?}");
        assert!(findings.iter().all(|finding| finding.subject != "remove"), "{findings:?}");
        assert_eq!(fs::read_dir(root(&server)).unwrap().count(), 0);
        let (kind, why) = lab.failure().await;
        assert_eq!(kind, "broken forbidden");
        assert!(why.contains(said) && why.contains("2027-01-15"), "{why}");
    }
}

#[tokio::test]
async fn an_ssh_server_is_told_from_an_ftp_server() {
    let server = Server::start(openssh);
    let settings = with(&server, Tls::None);
    let (kind, said) = Lab::new(Any::Ftp(settings)).failure().await;
    assert_eq!(kind, "broken protocol");
    assert!(said.contains("type = \"sftp\""), "{said}");
}

#[tokio::test]
async fn what_may_not_be_written_is_told_as_such() {
    let server = Server::start(vsftpd);
    let config = server.home().join("vsftpd.conf");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("anon_upload_enable=YES", "anon_upload_enable=NO")).unwrap();
    // It reads its configuration anew for itself alone, on a port of its own.
    let port = free_port();
    let args = [config.display().to_string(), format!("-olisten_port={port}")];
    let mut second = Command::new("/usr/sbin/vsftpd").args(args).spawn().unwrap();
    let is_up = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    until("it is up", is_up).await;
    let (kind, said) = Lab::new(Any::Ftp(Settings { port, ..settings(&server) })).failure().await;
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(kind, "broken forbidden", "{said}");
    assert!(said.contains("give the user the right"), "{said}");
}

#[tokio::test]
async fn hundreds_of_photos_go_through_few_connections() {
    for prepare in BOTH {
        let server = Server::start(prepare);
        let settings = Settings { timeout: Duration::from_secs(5), ..settings(&server) };
        let lab = &Lab::new(Any::Ftp(settings));
        let sent = stream::iter(0..300)
            .map(|n| async move { (n, lab.send(&format!("img_{n}"), b"photo").await) });
        let sent: Vec<_> = sent.buffer_unordered(16).collect().await;
        let failed: Vec<_> = sent.iter().filter(|(_, sent)| sent.is_err()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(files(&root(&server)).len(), 300);
    }
}
