//! `man`: the manual pages, made of the help texts.

use std::path::PathBuf;

use clap_mangen::Man;

use super::{
    command_line,
    output::{Failure, line},
};

/// What the main page says after the commands.
const MORE: &str = r#".SH FILES
.TP
\fI/etc/apertur\-bridge/config.toml\fR
The configuration. \fBapertur\-bridge config example\fR prints one with every key.
.TP
\fI/var/lib/apertur\-bridge\fR
The journal, the bytes of photos, tokens of logins and the control socket.
.SH ENVIRONMENT
.TP
\fBAPERTUR_BRIDGE_CONFIG\fR
The configuration file, where \fB\-\-config\fR names none.
.TP
\fBAPERTUR_BRIDGE__\fR\fISECTION\fR\fB__\fR\fIKEY\fR
Sets that key of the configuration, over the file.
.SH "EXIT STATUS"
.TP
\fB0\fR
It was done.
.TP
\fB1\fR
It failed.
.TP
\fB2\fR
The options are wrong.
.TP
\fB69\fR
The other side does not work.
.TP
\fB78\fR
The configuration cannot be used; what is wrong was said.
.SH EXAMPLES
.TP
apertur\-bridge check \-\-connect
Checks the configuration and asks every destination.
.TP
apertur\-bridge deliveries list \-\-state held
Lists the photos that need a person.
"#;

/// Options of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Read it without installing it:
  apertur-bridge man | man -l -")]
pub(super) struct Args {
    /// Write the page of every command into this folder, as apertur-bridge-COMMAND.1
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Prints the main page, or writes all of them.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.to {
        None => line(String::from_utf8_lossy(&main_page()?).trim_end()),
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(command_line(), folder)?;
            std::fs::write(folder.join("apertur-bridge.1"), main_page()?)?;
            Ok(())
        }
    }
}

fn main_page() -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command_line().disable_help_subcommand(true)).render(&mut page)?;
    page.extend_from_slice(MORE.as_bytes());
    Ok(page)
}
