//! `sessions qr`, and how a QR code is shown.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::{Name, open_to_read};
use crate::{
    cli::output::{Failure, line, remark},
    config::Config,
    model::{OwnSession, SessionLink},
    sessions::Qr,
    spool::blocking,
    system::Clock,
};

/// Options of `sessions qr`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge sessions qr session~1a2b3c4d
  apertur-bridge sessions qr roof --out roof.svg")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    name: Name,
    /// Write the QR code to a file, .png or .svg, instead of showing it
    #[arg(long, value_name = "FILE", value_parser = file)]
    out: Option<File>,
}

/// A file for a QR code.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
    is_svg: bool,
}

/// Takes names that end in `.png` or `.svg`.
pub(super) fn file(text: &str) -> Result<File, String> {
    let path = PathBuf::from(text);
    let ends_in = |wanted| path.extension().is_some_and(|end| end.eq_ignore_ascii_case(wanted));
    if !ends_in("png") && !ends_in("svg") {
        return Err("name a file that ends in .png or .svg".to_owned());
    }
    Ok(File { is_svg: ends_in("svg"), path })
}

/// Shows a session's link and QR code.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let own = args.name.find(&open_to_read(config).await?).await?;
    let Some(link) = &own.link else {
        let session = &own.session;
        return Err(Failure::Failed(anyhow::anyhow!(
            "the link of {session} was not kept; make a new session"
        )));
    };
    remark(&warning(&own, Clock::system().now()).unwrap_or_default());
    if let Some(file) = &args.out {
        return file.begin().await?.finish(link).await;
    }
    line(link.reveal())?;
    line("")?;
    line(&text(link)?)
}

/// What is to be known of a link that does not work any more, or not for long.
fn warning(own: &OwnSession, now: Timestamp) -> Option<String> {
    let OwnSession { session, expires_at: end, .. } = own;
    if now >= *end {
        return Some(format!(
            "warning: {session} ended at {end:.0}, nobody can upload there any more; make a new \
             session"
        ));
    }
    own.closed_at.map(|_| format!("warning: {session} is closed; its link works until {end:.0}"))
}

/// The QR code for standard output.
pub(super) fn text(link: &SessionLink) -> Result<String, Failure> {
    Ok(code(link)?.text(std::io::stdout().is_terminal()))
}

/// A file that is about to be, beside the one whose place it takes.
pub(super) struct Draft {
    draft: NamedTempFile,
    file: File,
}

impl File {
    /// Sees that the file can be written.
    pub(super) async fn begin(&self) -> Result<Draft, Failure> {
        let path = self.path.clone();
        let begun = blocking(move || {
            if path.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        });
        let draft = begun.await.map_err(|error| self.unwritable(&error))?;
        Ok(Draft { draft, file: self.clone() })
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        let path = self.path.display();
        Failure::Failed(anyhow::anyhow!("the QR code cannot be written to {path}: {error}"))
    }
}

impl Draft {
    /// Writes the QR code, whole or not at all, to a file that only its owner can read: it is
    /// the link. What the file held before is gone, and so is its mode.
    pub(super) async fn finish(self, link: &SessionLink) -> Result<(), Failure> {
        let Self { mut draft, file } = self;
        let code = code(link)?;
        let bytes = if file.is_svg {
            code.svg().into_bytes()
        } else {
            code.png().map_err(anyhow::Error::new)?
        };
        let path = file.path.clone();
        let written = blocking(move || {
            draft.write_all(&bytes)?;
            draft.persist(&path).map_err(|error| error.error)?;
            Ok(())
        });
        written.await.map_err(|error| file.unwritable(&error))
    }
}

fn code(link: &SessionLink) -> Result<Qr, Failure> {
    Qr::of(link).map_err(|error| Failure::Failed(anyhow::Error::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Environment, SessionId, Target};

    #[test]
    fn a_link_that_does_not_work_any_more_is_not_shown_without_a_word() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut own = OwnSession {
            session: SessionId::parse("s-1").unwrap(),
            target: Target::Zendesk { ticket: 9 },
            destination: None,
            mode: None,
            label: None,
            link: None,
            environment: Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: at(0),
            expires_at: at(10),
            closed_at: None,
        };
        assert_eq!(warning(&own, at(9)), None);
        assert!(warning(&own, at(10)).is_some_and(|said| said.contains("make a new session")));
        own.closed_at = Some(at(5));
        assert!(warning(&own, at(9)).is_some_and(|said| said.contains("its link works until")));
    }
}
