//! What goes wrong with SFTP, in words an administrator can act on.

use std::io;

use russh::keys::PublicKey;
use russh_sftp::{client::error::Error, protocol::StatusCode};

use super::settings::{Fingerprint, Key, Login, Pair, Settings, Trust};
use crate::{
    destinations::redact::Secrets,
    model::{Cause, ErrorKind, Failure},
};

fn later(cause: Cause) -> Failure {
    Failure::Later { after: None, cause }
}

/// No connection.
pub(super) fn unreachable(settings: &Settings, error: &io::Error) -> Failure {
    let what = format!("no connection to the SFTP server {}", settings.host);
    let fix = "check that it runs, host, port, DNS and firewalls";
    later(Cause::new(ErrorKind::Unreachable, what, fix).with_detail(&error.to_string()))
}

/// No answer to the connection or the log-in in time.
pub(super) fn silent(settings: &Settings) -> Failure {
    let what = format!("the SFTP server {} did not answer the log-in in time", settings.host);
    let fix = "check host and port, and that no firewall drops packets";
    later(Cause::new(ErrorKind::Unreachable, what, fix))
}

/// The handshake or the log-in broke.
pub(super) fn handshake(settings: &Settings, error: &russh::Error) -> Failure {
    let cause = |what: String, fix: &str| {
        let detail = settings.login.secrets().out_of(&error.to_string());
        Cause::new(ErrorKind::Unreachable, what, fix).with_detail(&detail)
    };
    match error {
        russh::Error::NoCommonAlgo { .. } => Failure::Broken {
            cause: cause(
                format!("{} and this program have no SSH algorithm in common", settings.host),
                "give the server current algorithms, such as an Ed25519 host key \
                 (ssh-keygen -A); those with SHA-1, ssh-rsa among them, are not supported",
            ),
        },
        russh::Error::Version => no_ssh(settings, &error.to_string()),
        _ => later(cause(
            format!("the SSH connection to {} broke during the log-in", settings.host),
            "check that port is that of SSH, and look at the server's log; it may limit \
             connections or addresses",
        )),
    }
}

/// Another protocol's server.
pub(super) fn no_ssh(settings: &Settings, detail: &str) -> Failure {
    let what = format!("what answers at port {} is no SSH server", settings.port);
    let fix = "correct host and port; FTP and FTPS are the type \"ftp\"";
    let cause = Cause::new(ErrorKind::Unreachable, what, fix);
    Failure::Broken { cause: cause.with_detail(detail) }
}

/// A server that does not speak first, as SSH servers do.
pub(super) fn no_greeting(settings: &Settings) -> Failure {
    let what = format!("what answers at port {} does not greet as SSH servers do", settings.port);
    let fix = "correct host and port: it may be a web server; else look at the server's load";
    later(Cause::new(ErrorKind::Unreachable, what, fix))
}

/// The server is not the one that was configured, or none was.
pub(super) fn host_key(settings: &Settings, shown: Option<&PublicKey>, is_known: bool) -> Failure {
    let Settings { host, port, trust, .. } = settings;
    let (name, fingerprint) = shown.map_or_else(
        || ("no host key".to_owned(), String::new()),
        |key| (key.algorithm().to_string(), Fingerprint::of(key).to_string()),
    );
    let (what, fix) = match (trust, is_known) {
        (_, true) => (
            format!(
                "THE HOST KEY OF {host} IS ANOTHER THAN THE TRUSTED ONE: it showed {fingerprint} \
                 ({name}); somebody may be in between"
            ),
            match trust {
                Trust::Fingerprints(_) => format!(
                    "ask the server's administrator whether its key was changed; only then \
                     write host_key = \"{fingerprint}\""
                ),
                Trust::KnownHosts(path) => format!(
                    "ask the server's administrator whether its key was changed; only then \
                     replace its line in {}",
                    path.display()
                ),
            },
        ),
        (Trust::Fingerprints(_), false) => (
            format!("the host key of {host} is not known: {fingerprint} ({name})"),
            format!(
                "compare it with ssh-keygen -lf on the server, then write \
                 host_key = \"{fingerprint}\""
            ),
        ),
        (Trust::KnownHosts(path), false) => (
            format!("{} has no key of {host}, which showed {fingerprint} ({name})", path.display()),
            format!(
                "compare it with ssh-keygen -lf on the server, then add the line that \
                 ssh-keyscan -p {port} {host} prints, or write host_key = \"{fingerprint}\""
            ),
        ),
    };
    Failure::Broken { cause: Cause::new(ErrorKind::NotAllowed, what, fix) }
}

/// The server showed a key that `known_hosts` marks as revoked.
pub(super) fn revoked(settings: &Settings, key: &PublicKey) -> Failure {
    let what = format!(
        "THE HOST KEY OF {} WAS REVOKED: it showed {} ({}); somebody may be in between",
        settings.host,
        Fingerprint::of(key),
        key.algorithm()
    );
    let fix = "ask the server's administrator for its new key and trust that one alone";
    Failure::Broken { cause: Cause::new(ErrorKind::NotAllowed, what, fix) }
}

/// The file with the host keys cannot be read.
pub(super) fn known_hosts(settings: &Settings, error: &io::Error) -> Failure {
    let path = match &settings.trust {
        Trust::KnownHosts(path) => path.display().to_string(),
        Trust::Fingerprints(_) => String::new(),
    };
    let fix = "correct the path, or make it readable by the user the daemon runs as";
    let cause = Cause::new(ErrorKind::Local, format!("{path} cannot be read"), fix);
    Failure::Broken { cause: cause.with_detail(&error.to_string()) }
}

/// The server does not let us in.
pub(super) fn refused(settings: &Settings, methods: &str, is_half_done: bool) -> Failure {
    let Settings { host, username, .. } = settings;
    let how = match settings.login {
        Login::Password(_) => "password",
        Login::Key(_) => "key",
    };
    let (what, fix) = if is_half_done {
        (
            format!("{host} wants more than the {how} of {username}"),
            "give the user a log-in of one step, by key or by password",
        )
    } else {
        let fix = match settings.login {
            Login::Password(_) => {
                "check username and password; where the server takes keys only, set private_key"
            }
            Login::Key(Key(Pair::Curve(_))) => {
                "check username; add the public key to the user's authorized_keys, which the \
                 server wants owned by that user and writable by nobody else"
            }
            Login::Key(Key(Pair::Rsa(_))) => {
                "check username; add the public key to the user's authorized_keys, which the \
                 server wants owned by that user and writable by nobody else; one so old that it \
                 knows RSA by SHA-1 alone needs another key: ssh-keygen -t ed25519"
            }
        };
        (format!("{host} does not accept the {how} of {username}"), fix)
    };
    let methods = format!("the server goes on with: {methods}");
    Failure::Broken { cause: Cause::new(ErrorKind::Unauthorized, what, fix).with_detail(&methods) }
}

/// Logged in, but there is no SFTP.
pub(super) fn no_sftp(detail: &str) -> Failure {
    let what = "the SSH server opened no SFTP channel";
    let fix =
        "switch its sftp subsystem on for this user; for OpenSSH: Subsystem sftp internal-sftp";
    Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix).with_detail(detail) }
}

/// A call that did not do what it should; `what` says what, `path` where. `secrets` are kept out
/// of the server's words.
pub(super) fn of(secrets: &Secrets, error: &Error, what: &str, path: &str) -> Failure {
    let detail = secrets.out_of(&error.to_string());
    let cause = |kind, what: String, fix: String| Cause::new(kind, what, fix).with_detail(&detail);
    match error {
        Error::Status(status) => match status.status_code {
            StatusCode::PermissionDenied => {
                Failure::Broken { cause: forbidden(what, path).with_detail(&detail) }
            }
            StatusCode::OpUnsupported => Failure::Broken {
                cause: cause(
                    ErrorKind::Protocol,
                    format!("the server cannot {what} {path}"),
                    "use a server that can, such as OpenSSH".to_owned(),
                ),
            },
            StatusCode::BadMessage => Failure::Refused {
                cause: cause(
                    ErrorKind::Rejected,
                    format!("the server does not take the name {path}"),
                    "use a shorter or plainer key_template, then replay the delivery".to_owned(),
                ),
            },
            _ if is_full(&status.error_message) => full(&detail),
            _ => later(cause(
                ErrorKind::Unavailable,
                format!("the server could not {what} {path}"),
                "look at the server's log and disk".to_owned(),
            )),
        },
        Error::Timeout => later(cause(
            ErrorKind::Timeout,
            format!("the SFTP server did not {what} {path} in time"),
            "look at the load of the server, or set a longer timeout".to_owned(),
        )),
        _ => later(cause(
            ErrorKind::Unavailable,
            format!("the connection broke when the server was to {what} {path}"),
            "nothing to do if it passes; else look at the server's log".to_owned(),
        )),
    }
}

/// As [`of`], for the errors of a file's stream, which hold the same ones.
pub(super) fn of_stream(secrets: &Secrets, error: &io::Error, what: &str, path: &str) -> Failure {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return of(secrets, inner, what, path);
    }
    let detail = secrets.out_of(&error.to_string());
    // A read that is refused comes with nothing but the server's words.
    if detail.to_lowercase().contains("permission denied") {
        return Failure::Broken { cause: forbidden(what, path).with_detail(&detail) };
    }
    if is_full(&detail) {
        return full(&detail);
    }
    let what = format!("the server could not {what} {path}");
    let cause = Cause::new(ErrorKind::Unavailable, what, "look at the server's log and disk");
    later(cause.with_detail(&detail))
}

fn forbidden(what: &str, path: &str) -> Cause {
    let fix = "give the user the right to do so on the server";
    Cause::new(ErrorKind::Forbidden, format!("the user may not {what} {path}"), fix)
}

/// After the rename was asked for, nobody knows.
pub(super) fn unknown(failure: Failure) -> Failure {
    match failure {
        Failure::Later { cause, .. } => Failure::Unknown { cause },
        other => other,
    }
}

fn is_full(text: &str) -> bool {
    let text = text.to_lowercase();
    ["no space", "disk full", "quota"].iter().any(|sign| text.contains(sign))
}

/// The far side has no room.
pub(super) fn full(detail: &str) -> Failure {
    let cause = Cause::new(
        ErrorKind::Unavailable,
        "the disk of the SFTP server is full",
        "free space on it, or raise the user's quota",
    );
    Failure::Broken { cause: cause.with_detail(detail) }
}

/// The configured folder is not there.
pub(super) fn no_folder(directory: &str) -> Failure {
    Failure::Broken {
        cause: Cause::new(
            ErrorKind::NotFound,
            format!("there is no folder {directory} on the SFTP server"),
            "correct directory, or make the folder; one that does not begin with / is below the \
             folder the server logs in to",
        ),
    }
}

/// Something that is no folder stands on the way to a key.
pub(super) fn no_way(path: &str) -> Failure {
    Failure::Refused {
        cause: Cause::new(
            ErrorKind::NotAllowed,
            format!("{path} on the SFTP server is no folder"),
            "move that file away, then replay the delivery",
        ),
    }
}

/// Less arrived than was sent.
pub(super) fn short(path: &str, size: Option<u64>, wanted: u64) -> Failure {
    let found = size.map_or_else(|| "an unknown number of".to_owned(), |size| size.to_string());
    later(Cause::new(
        ErrorKind::Protocol,
        format!("the server kept {found} bytes of {path} instead of {wanted}"),
        "look at the server's log and disk",
    ))
}

#[cfg(test)]
mod tests {
    use russh_sftp::protocol::Status;

    use super::*;

    #[test]
    fn a_server_s_words_are_kept_without_the_password() {
        let secrets = Login::Password("hunter2-secret".into()).secrets();
        for status_code in [StatusCode::Failure, StatusCode::PermissionDenied] {
            let error_message = format!("{}hunter2-secret", "x".repeat(580));
            let language_tag = String::new();
            let error = Error::Status(Status { id: 1, status_code, error_message, language_tag });
            let streamed = io::Error::from(error.clone());
            for failure in
                [of(&secrets, &error, "read", "a"), of_stream(&secrets, &streamed, "read", "a")]
            {
                let Cause { detail, .. } = failure.cause();
                assert!(detail.contains("xx…") && !detail.contains("hunt"), "{detail}");
            }
        }
    }
}
