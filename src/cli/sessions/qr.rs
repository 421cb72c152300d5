//! `sessions qr`, and how a QR code is shown.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use tokio::io::AsyncWriteExt as _;

use super::{Name, open_to_read};
use crate::{
    cli::output::{Failure, line},
    config::Config,
    model::SessionLink,
    sessions::Qr,
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
    if let Some(file) = &args.out {
        return write(link, file).await;
    }
    line(link.reveal())?;
    line("")?;
    line(&text(link)?)
}

/// The QR code for standard output.
pub(super) fn text(link: &SessionLink) -> Result<String, Failure> {
    Ok(code(link)?.text(std::io::stdout().is_terminal()))
}

/// Writes the QR code to a file that only its owner can read: it is the link.
pub(super) async fn write(link: &SessionLink, file: &File) -> Result<(), Failure> {
    let code = code(link)?;
    let bytes = if file.is_svg {
        code.svg().into_bytes()
    } else {
        code.png().map_err(anyhow::Error::new)?
    };
    put(&file.path, &bytes).await.map_err(|error| {
        let path = file.path.display();
        Failure::Failed(anyhow::anyhow!("the QR code cannot be written to {path}: {error}"))
    })
}

async fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(path).await?;
    file.write_all(bytes).await?;
    file.flush().await
}

fn code(link: &SessionLink) -> Result<Qr, Failure> {
    Qr::of(link).map_err(|error| Failure::Failed(anyhow::Error::new(error)))
}
