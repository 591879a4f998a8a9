//! `leadfield completions`: prints the completions of a shell.

use leadfield::Result;

use crate::cli::help::examples;
use crate::cli::{Outcome, console};

/// Print the completions of a shell, which then completes tools, options and files
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield completions bash > ~/.local/share/bash-completion/completions/leadfield",
    "leadfield completions zsh > ~/.zfunc/_leadfield",
    "leadfield completions fish > ~/.config/fish/completions/leadfield.fish",
))]
pub struct Args {
    /// Shell
    shell: clap_complete::Shell,
}

/// Runs the tool on the description of the program.
pub fn run(args: &Args, mut program: clap::Command) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "leadfield", &mut script);
    console::print(String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
