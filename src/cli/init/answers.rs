//! Questions and answers: in a terminal, by a pipe, or given as options.

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    path::Path,
};

use anyhow::anyhow;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::output::{Failure, prompt, remark};

/// Longer answers are none, in bytes.
const MAX: u64 = 64 * 1024;

/// Who answers.
#[derive(Debug)]
pub(super) struct Answers {
    is_asked: bool,
}

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question<'a> {
    /// What is asked, without a mark at its end.
    pub(super) text: String,
    /// What an empty answer means; `None` where it is none.
    pub(super) default: Option<String>,
    /// What was given as an option, and the option's name.
    pub(super) given: Option<String>,
    /// The option that gives it.
    pub(super) option: &'a str,
}

impl Answers {
    /// Answers of a person, or with `non_interactive` of nobody.
    pub(super) fn new(non_interactive: bool) -> Self {
        Self { is_asked: !non_interactive }
    }

    /// Whether there is somebody to ask.
    pub(super) fn are_asked(&self) -> bool {
        self.is_asked
    }

    /// Says something to whoever answers.
    pub(super) fn say(&self, text: &str) {
        if self.is_asked {
            remark(text);
        }
    }

    /// Asks until the answer is accepted. An option that is not accepted is asked for, or where
    /// nobody is there an error.
    ///
    /// # Errors
    /// When nobody can answer, and what `accept` fails with beside its refusals.
    pub(super) fn ask<T>(
        &mut self,
        question: Question<'_>,
        mut accept: impl FnMut(&str) -> Result<Result<T, String>, Failure>,
    ) -> Result<T, Failure> {
        let Question { text, default, mut given, option } = question;
        loop {
            let answer = match (given.take(), &default) {
                (Some(given), _) => given,
                (None, default) if self.is_asked => {
                    let shown = match default.as_deref() {
                        None => String::new(),
                        Some("") => " [none]".to_owned(),
                        Some(default) => format!(" [{default}]"),
                    };
                    prompt(&format!("{text}{shown}: "));
                    let typed = typed()?;
                    if typed.is_empty() { default.clone().unwrap_or_default() } else { typed }
                }
                (None, Some(default)) => default.clone(),
                (None, None) => return Err(Failure::Usage(format!("give {option}: {text}"))),
            };
            if answer.is_empty() && default.as_deref() != Some("") {
                self.refuse("an answer is needed", option)?;
                continue;
            }
            match accept(&answer)? {
                Ok(accepted) => return Ok(accepted),
                Err(why) => self.refuse(&why, option)?,
            }
        }
    }

    /// Asks for a secret, which is not shown; an empty answer is none. `given` is the file of an
    /// option.
    ///
    /// # Errors
    /// As [`Answers::ask`].
    pub(super) fn ask_secret<T>(
        &mut self,
        (text, option): (&str, &str),
        given: Option<&Path>,
        mut accept: impl FnMut(Option<SecretString>) -> Result<Result<T, String>, Failure>,
    ) -> Result<T, Failure> {
        let mut given = given;
        loop {
            let secret = match given.take() {
                Some(file) => of_file(file)?,
                None if self.is_asked => hidden(text)?,
                None => SecretString::default(),
            };
            let is_some = !secret.expose_secret().is_empty();
            match accept(is_some.then_some(secret))? {
                Ok(accepted) => return Ok(accepted),
                Err(why) => self.refuse(&why, option)?,
            }
        }
    }

    /// Asks for yes or no.
    ///
    /// # Errors
    /// When nobody can answer.
    pub(super) fn yes(&mut self, text: &str, default: bool) -> Result<bool, Failure> {
        if !self.is_asked {
            return Ok(default);
        }
        loop {
            prompt(&format!("{text} [{}]: ", if default { "Y/n" } else { "y/N" }));
            match typed()?.to_ascii_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => remark("write y or n"),
            }
        }
    }

    /// Says why an answer is not taken; the end of it where nobody can give another.
    fn refuse(&self, why: &str, option: &str) -> Result<(), Failure> {
        if !self.is_asked {
            return Err(Failure::Usage(format!("{option}: {why}; nothing was written")));
        }
        remark(&format!("  {why}"));
        Ok(())
    }
}

fn typed() -> Result<String, Failure> {
    let mut text = String::new();
    if io::stdin().lock().take(MAX).read_line(&mut text)? == 0 {
        return Err(Failure::Failed(anyhow!(
            "standard input ended before the last answer; nothing was written"
        )));
    }
    Ok(text.trim().to_owned())
}

fn hidden(text: &str) -> Result<SecretString, Failure> {
    let text = format!("{text}: ");
    if io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(text).map_err(anyhow::Error::from)?;
        return Ok(typed.trim().into());
    }
    prompt(&text);
    Ok(typed()?.into())
}

/// The secret in a file, without the newline at its end.
pub(super) fn of_file(path: &Path) -> Result<SecretString, Failure> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(MAX).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error: io::Error| {
        Failure::Usage(format!("{} cannot be read: {error}", path.display()))
    })?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Usage(format!("{} is empty; put the secret into it", path.display()))),
        text => Ok(text.into()),
    }
}
