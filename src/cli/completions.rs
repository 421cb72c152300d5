//! `completions`: what a shell needs to complete commands, options and their words.

use clap_complete::Shell;

use super::{
    command_line,
    output::{Failure, line},
};

/// Options of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Put it where the shell looks, as the Debian package does:
  apertur-bridge completions bash > /usr/share/bash-completion/completions/apertur-bridge
  apertur-bridge completions zsh > /usr/local/share/zsh/site-functions/_apertur-bridge
  apertur-bridge completions fish > ~/.config/fish/completions/apertur-bridge.fish")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the completions of a shell.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut command = command_line();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    line(String::from_utf8_lossy(&script).trim_end())
}
