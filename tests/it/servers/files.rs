//! Servers of SFTP and FTP. Their files are in `root` below their home.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    process::{Command, Stdio},
};

use super::{Place, program};

/// Whom rclone and pyftpdlib know.
pub(crate) const USER: &str = "bridge";
/// Whom vsftpd knows: it needs no user of the system for its guests.
pub(crate) const GUEST: &str = "anonymous";
/// The password of both.
pub(crate) const PASSWORD: &str = "correct-horse";

/// SFTP by OpenSSH, for the user that runs the tests and the keys `client`, `client_rsa` and
/// `locked`; its host keys are `host_ed25519`, `host_ecdsa` and `host_rsa`.
pub(crate) fn openssh(place: &Place) -> Command {
    sshd(place, &["ed25519", "ecdsa", "rsa"], "")
}

/// As [`openssh`], with nothing but an RSA host key.
pub(crate) fn openssh_rsa(place: &Place) -> Command {
    sshd(place, &["rsa"], "")
}

/// As [`openssh_rsa`], of the time before SHA-2: it shows its key by SHA-1.
pub(crate) fn openssh_rsa_sha1(place: &Place) -> Command {
    sshd(place, &["rsa"], "HostKeyAlgorithms ssh-rsa\n")
}

/// As [`openssh`]; RSA keys of users sign by SHA-1.
pub(crate) fn openssh_users_sha1(place: &Place) -> Command {
    sshd(place, &["ed25519"], "PubkeyAcceptedAlgorithms ssh-rsa\n")
}

fn sshd(place: &Place, host_keys: &[&str], more: &str) -> Command {
    make_root(place);
    // Where sshd runs as root it insists on this folder.
    drop(fs::DirBuilder::new().recursive(true).mode(0o755).create("/run/sshd"));
    for kind in host_keys {
        keygen(place, kind, &format!("host_{kind}"), "");
    }
    keygen(place, "ed25519", "client", "");
    keygen(place, "rsa", "client_rsa", "");
    keygen(place, "ecdsa", "locked", "open sesame");
    let keys = ["client.pub", "client_rsa.pub", "locked.pub"]
        .map(|name| fs::read_to_string(place.home.join(name)).unwrap_or_default());
    fs::write(place.home.join("authorized_keys"), keys.concat()).unwrap();
    let mut config = format!(
        "Port {}\nListenAddress 127.0.0.1\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nAuthorizedKeysFile {}\n\
         PidFile none\nSubsystem sftp internal-sftp\n{more}",
        place.port,
        place.path("authorized_keys"),
    );
    for kind in host_keys {
        config.push_str(&format!("HostKey {}\n", place.path(&format!("host_{kind}"))));
    }
    fs::write(place.home.join("sshd_config"), config).unwrap();
    let mut command = program("/usr/sbin/sshd");
    command.args(["-D", "-e", "-f", &place.path("sshd_config")]);
    command
}

fn keygen(place: &Place, kind: &str, name: &str, passphrase: &str) {
    if place.home.join(name).exists() {
        return;
    }
    let mut command = program("/usr/bin/ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-f", &place.path(name)]);
    if kind == "rsa" {
        command.args(["-b", "2048"]);
    }
    assert!(command.status().unwrap().success());
}

/// SFTP by rclone, by password; it ignores that a file is to be made only where none is, and
/// its rename replaces.
pub(crate) fn rclone_sftp(place: &Place) -> Command {
    make_root(place);
    let mut command = program("python/bin/rclone");
    command.args(["serve", "sftp", "--addr", &format!("127.0.0.1:{}", place.port)]);
    command.args(["--user", USER, "--pass", PASSWORD, "--config", &place.path("rclone.conf")]);
    command.args(["--cache-dir", &place.path("cache"), &place.path("root")]);
    command
}

/// FTP by pyftpdlib, which has MLST, with TLS for who asks for it.
pub(crate) fn pyftpdlib(place: &Place) -> Command {
    pyftpdlib_with(place, "elradfmw")
}

/// As [`pyftpdlib`], where the user has these rights: `f` to rename, `m` to make folders.
pub(crate) fn pyftpdlib_with(place: &Place, rights: &str) -> Command {
    make_root(place);
    let mut command = program("python/bin/python");
    fs::write(place.home.join("server.py"), include_str!("pyftpdlib.py")).unwrap();
    command.args([place.path("server.py"), place.path("root"), place.port.to_string()]);
    command.args([&certificate(place), USER, PASSWORD, rights]);
    command
}

/// FTP by vsftpd, which has no MLST, with TLS for all, and sessions that every data connection
/// has to go on with.
pub(crate) fn vsftpd(place: &Place) -> Command {
    make_root(place);
    fs::write(place.home.join("passwords"), format!("{PASSWORD}\n")).unwrap();
    let config = format!(
        "listen=YES\nbackground=NO\nlisten_address=127.0.0.1\nlisten_port={}\n\
         seccomp_sandbox=NO\nrun_as_launching_user=YES\nlocal_enable=NO\nanonymous_enable=YES\n\
         secure_email_list_enable=YES\nemail_password_file={}\nanon_root={}\n\
         write_enable=YES\nanon_upload_enable=YES\nanon_mkdir_write_enable=YES\n\
         anon_other_write_enable=YES\nanon_world_readable_only=NO\nanon_umask=022\n\
         allow_writeable_chroot=YES\nxferlog_enable=NO\nssl_enable=YES\nallow_anon_ssl=YES\n\
         force_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\nrequire_ssl_reuse=YES\n\
         rsa_cert_file={}\n",
        place.port,
        place.path("passwords"),
        place.path("root"),
        certificate(place),
    );
    fs::write(place.home.join("vsftpd.conf"), config).unwrap();
    let mut command = program("/usr/sbin/vsftpd");
    command.arg(place.path("vsftpd.conf"));
    command
}

/// A certificate for 127.0.0.1 with its key, which nobody signed: `server.pem`. The
/// certificate alone is `server.crt`.
fn certificate(place: &Place) -> String {
    let both = place.path("server.pem");
    if !place.home.join("server.pem").exists() {
        let mut command = program("/usr/bin/openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt"]);
        command.args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]);
        command.args(["-subj", "/CN=files.test", "-addext", "subjectAltName=IP:127.0.0.1"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.args(["-keyout", &place.path("server.key"), "-out", &place.path("server.crt")]);
        assert!(command.stderr(Stdio::null()).status().unwrap().success());
        let read = |name| fs::read_to_string(place.home.join(name)).unwrap();
        fs::write(&both, read("server.key") + &read("server.crt")).unwrap();
    }
    both
}

fn make_root(place: &Place) {
    fs::create_dir_all(place.home.join("root")).unwrap();
}
