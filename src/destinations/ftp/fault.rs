//! What goes wrong with FTP, in words an administrator can act on.

use std::io;

use suppaftp::FtpError;

use super::{
    session::Trouble,
    settings::{Settings, Tls},
};
use crate::model::{Cause, ErrorKind, Failure};

fn later(cause: Cause) -> Failure {
    Failure::Later { after: None, cause }
}

fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Ftp(FtpError::UnexpectedResponse(_)) => {
            trouble.answer().map(|(_, text)| text).unwrap_or_default()
        }
        Trouble::Ftp(error) => error.to_string(),
        Trouble::Silent => String::new(),
    }
}

/// No connection.
pub(super) fn unreachable(settings: &Settings, error: &io::Error) -> Failure {
    let what = format!("no connection to the FTP server {}", settings.host);
    let fix = "check that it runs, host, port, DNS and firewalls";
    later(Cause::new(ErrorKind::Unreachable, what, fix).with_detail(&error.to_string()))
}

/// No answer to the connection or the log-in in time.
pub(super) fn silent(settings: &Settings) -> Failure {
    let what = format!("the FTP server {} did not answer the log-in in time", settings.host);
    let fix = "check host and port (implicit TLS, port 990, is not supported), and that no \
               firewall drops packets";
    later(Cause::new(ErrorKind::Unreachable, what, fix))
}

/// Another protocol's server.
pub(super) fn is_ssh(settings: &Settings) -> Failure {
    let what =
        format!("what answers at port {} is an SSH server, not an FTP server", settings.port);
    let fix = "write type = \"sftp\", or correct the port: FTP has 21";
    Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) }
}

/// The conversation before and after the log-in went wrong.
pub(super) fn greeting(settings: &Settings, trouble: &Trouble) -> Failure {
    let what = format!("the FTP server {} does not take us in now", settings.host);
    let fix = "look at its log; it may limit connections: then lower concurrency";
    later(Cause::new(ErrorKind::Unreachable, what, fix).with_detail(&words(trouble)))
}

/// The wire could not be made private.
pub(super) fn tls(settings: &Settings, trouble: &Trouble) -> Failure {
    let host = &settings.host;
    let (what, fix) = if trouble.answer().is_some() {
        (
            format!("the FTP server {host} offers no TLS"),
            "switch explicit TLS (AUTH TLS) on there; where nobody else can read the wire, \
             tls = \"none\" does without"
                .to_owned(),
        )
    } else if words(trouble).contains("certificate") {
        (
            format!("the certificate of the FTP server {host} is not trusted"),
            "check the host name, its end date and who signed it; name a certificate of your \
             own authority in ca_file"
                .to_owned(),
        )
    } else {
        return greeting(settings, trouble);
    };
    let cause = Cause::new(ErrorKind::Unreachable, what, fix);
    Failure::Broken { cause: cause.with_detail(&words(trouble)) }
}

/// How to speak TLS could not be found out.
pub(super) fn no_roots(error: &rustls::Error) -> Failure {
    let what = "the system's root certificates cannot be loaded";
    let fix = "install them (Debian: apt install ca-certificates)";
    let cause = Cause::new(ErrorKind::Local, what, fix);
    Failure::Broken { cause: cause.with_detail(&error.to_string()) }
}

/// The server does not let us in.
pub(super) fn log_in(settings: &Settings, trouble: &Trouble) -> Failure {
    if !trouble.is(&[430, 530, 532, 332]) {
        return greeting(settings, trouble);
    }
    let Settings { host, username, .. } = settings;
    let fix = match settings.tls {
        Tls::Explicit(_) => "check username and password, and that the user may log in by FTP",
        Tls::None => {
            "check username and password; many servers take them over TLS only: tls = \"explicit\""
        }
    };
    let what = format!("{host} does not let {username} in");
    let cause = Cause::new(ErrorKind::Unauthorized, what, fix);
    Failure::Broken { cause: cause.with_detail(&words(trouble)) }
}

/// The configured folder cannot be entered.
pub(super) fn folder(settings: &Settings, trouble: &Trouble) -> Failure {
    if trouble.answer().is_none() {
        return greeting(settings, trouble);
    }
    let cause = Cause::new(
        ErrorKind::NotFound,
        format!("there is no folder {} on the FTP server", settings.directory),
        "correct directory, or make the folder; one that does not begin with / is below the \
         folder the server logs in to",
    );
    Failure::Broken { cause: cause.with_detail(&words(trouble)) }
}

/// A call that did not do what it should; `what` says what, `name` where.
pub(super) fn of(trouble: &Trouble, what: &str, name: &str) -> Failure {
    let cause =
        |kind, what: String, fix: &str| Cause::new(kind, what, fix).with_detail(&words(trouble));
    let could_not = format!("the FTP server could not {what} {name}");
    let Some((code, text)) = trouble.answer() else {
        return later(match trouble {
            Trouble::Silent => cause(
                ErrorKind::Timeout,
                format!("the FTP server did not {what} {name} in time"),
                "look at the load of the server, or set a longer timeout; where no transfer \
                 works, let the firewall pass the server's passive ports",
            ),
            Trouble::Ftp(_) => cause(
                ErrorKind::Unavailable,
                format!("the connection broke when the FTP server was to {what} {name}"),
                "nothing to do if it passes; else look at the server's log and disk",
            ),
        });
    };
    match code {
        452 | 552 => full(&text),
        _ if is_full(&text) => full(&text),
        421 | 450 | 451 => {
            later(cause(ErrorKind::Unavailable, could_not, "look at the server's log and disk"))
        }
        425 | 426 | 522 => later(cause(
            ErrorKind::Unavailable,
            could_not,
            "let the firewall pass the server's passive ports, and look at the server's log",
        )),
        530 | 532 => Failure::Broken {
            cause: cause(
                ErrorKind::Unauthorized,
                format!("the FTP server wants another log-in to {what} {name}"),
                "check username and password",
            ),
        },
        500..=504 => Failure::Broken {
            cause: cause(
                ErrorKind::Protocol,
                format!("the FTP server does not know how to {what} a file"),
                "use a server that does, such as vsftpd",
            ),
        },
        _ => Failure::Broken {
            cause: cause(
                ErrorKind::Forbidden,
                format!("the user may not {what} {name} on the FTP server"),
                "give the user the right to do so there",
            ),
        },
    }
}

/// The server does not give a file its name, for whatever reason of its own; nothing is under it.
pub(super) fn unnamed(trouble: &Trouble, name: &str) -> Failure {
    let Some((code, text)) = trouble.answer() else {
        // Nobody knows whether it did.
        return match of(trouble, "rename a file to", name) {
            Failure::Later { cause, .. } => Failure::Unknown { cause },
            other => other,
        };
    };
    if is_full(&text) {
        return full(&text);
    }
    let cause = |kind| {
        Cause::new(
            kind,
            format!("the FTP server does not rename a file to {name}"),
            "give the user the right to rename, or use a plainer key_template",
        )
        .with_detail(&text)
    };
    // What is refused for good is refused to the next photo as well.
    if code >= 500 {
        return Failure::Broken { cause: cause(ErrorKind::Forbidden) };
    }
    later(cause(ErrorKind::Rejected))
}

fn is_full(text: &str) -> bool {
    let text = text.to_lowercase();
    ["no space", "disk full", "quota", "writing to local file", "insufficient storage"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn full(detail: &str) -> Failure {
    let cause = Cause::new(
        ErrorKind::Unavailable,
        "the disk of the FTP server is full",
        "free space on it, or raise the user's quota",
    );
    Failure::Broken { cause: cause.with_detail(detail) }
}

/// Something that is no folder stands on the way to a key.
pub(super) fn no_way(name: &str) -> Failure {
    Failure::Refused {
        cause: Cause::new(
            ErrorKind::NotAllowed,
            format!("{name} on the FTP server is no folder"),
            "move that file away, then replay the delivery",
        ),
    }
}

/// Another number of bytes than sent, or promised.
pub(super) fn short(what: &str, found: u64, wanted: u64) -> Failure {
    later(Cause::new(
        ErrorKind::Protocol,
        format!("the FTP server {what} {found} bytes instead of {wanted}"),
        "look at the server's log and disk",
    ))
}
