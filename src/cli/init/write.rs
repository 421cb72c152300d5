//! The files: each written beside its place and put there whole, the configuration last.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::{Args, Plan, ways::is_outside};
use crate::{
    cli::output::{Failure, for_shell},
    destinations::Settings,
    doctor::Files,
};

/// What the unit hands over by itself (`systemd/apertur-bridge.service`).
const HANDED_OVER: [&str; 3] = ["webhook-secret", "apertur-api-key", "odoo-api-key"];
/// Its user.
const USER: &str = "apertur-bridge";

/// Folders outside of what the service may write by itself.
struct Outside {
    data_dir: Option<PathBuf>,
    /// Of destinations.
    folders: Vec<PathBuf>,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The files.
    pub(super) files: Vec<PathBuf>,
    /// What stood in their places.
    pub(super) kept: Vec<PathBuf>,
}

/// A file that is to be written.
struct Page {
    path: PathBuf,
    text: String,
    mode: u32,
}

impl Page {
    /// Whether something is in its place, be it a link that leads nowhere.
    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }
}

/// Whether all of them can be written, as far as it can be told before. Leaves nothing behind.
pub(super) fn check(plan: &Plan, args: &Args) -> Result<(), Failure> {
    let pages = pages(plan, &args.drop_in)?;
    if let Some(there) = pages.iter().find(|page| page.is_there() && !args.force) {
        let at = there.path.display();
        return Err(Failure::Failed(anyhow::anyhow!(
            "{at} is there already; nothing was written; move it away, or use --force, which keeps \
             it beside the new one"
        )));
    }
    for page in &pages {
        let mut folders = page.path.ancestors().skip(1);
        let there = folders.find(|folder| folder.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(there).map_err(|error| unwritten(page, error))?;
        if page.path.is_dir() {
            return Err(unwritten(page, io::ErrorKind::IsADirectory.into()));
        }
    }
    Ok(())
}

/// Writes all of them, or none.
pub(super) fn write(plan: &Plan, args: &Args) -> Result<Written, Failure> {
    let mut written = Written::default();
    for page in &pages(plan, &args.drop_in)? {
        if let Err(error) = put(page, plan, args.force, &mut written) {
            undo(&written);
            return Err(unwritten(page, error));
        }
    }
    Ok(written)
}

fn unwritten(page: &Page, error: io::Error) -> Failure {
    let what = format!("cannot write {}; nothing was written", page.path.display());
    anyhow::Error::from(error).context(what).into()
}

/// Secrets and drop-in first: a configuration that is there is whole.
fn pages(plan: &Plan, drop_in: &Path) -> Result<Vec<Page>, Failure> {
    let mut pages = Vec::new();
    for (name, secret) in plan.draft.secrets() {
        let text = format!("{}\n", secret.expose_secret());
        pages.push(Page { path: plan.home.folder.join(name), text, mode: 0o600 });
    }
    if plan.home.is_service()
        && let Some(text) = more_for_the_unit(plan)?
    {
        pages.push(Page { path: drop_in.to_owned(), text, mode: 0o644 });
    }
    // The service's own user reads it: no secret is in it.
    let mode = if plan.home.is_service() { 0o644 } else { 0o600 };
    let text = plan.draft.text(plan.home.refer);
    pages.push(Page { path: plan.home.file.clone(), text, mode });
    Ok(pages)
}

/// What the unit does not hand over or open by itself.
fn more_for_the_unit(plan: &Plan) -> Result<Option<String>, Failure> {
    let mut lines: Vec<_> = plan
        .draft
        .secrets()
        .filter(|(name, _)| !HANDED_OVER.contains(name))
        .map(|(name, _)| format!("LoadCredential={name}:{}/{name}", plain(&plan.home.folder)))
        .collect();
    let outside: Vec<_> = outside(plan)?.all().map(|path| quoted(path)).collect();
    if !outside.is_empty() {
        // What is written there needs an owner who is the same after the next start.
        lines.extend([format!("User={USER}"), "DynamicUser=no".to_owned()]);
    }
    lines.extend(outside.into_iter().map(|path| format!("ReadWritePaths={path}")));
    let head = "# Made by: apertur-bridge init\n[Service]\n";
    Ok((!lines.is_empty()).then(|| format!("{head}{}\n", lines.join("\n"))))
}

fn outside(plan: &Plan) -> Result<Outside, Failure> {
    let config = plan.draft.load(&plan.home.file)?.config;
    let folders = config.destinations.iter().filter_map(|(_, settings)| match settings {
        Settings::Folder(folder) => Some(&folder.path),
        _ => None,
    });
    let folders = folders.filter(|path| !path.starts_with(&config.data_dir) && is_outside(path));
    let folders = folders.cloned().collect();
    Ok(Outside { data_dir: Some(config.data_dir).filter(|path| is_outside(path)), folders })
}

impl Outside {
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.data_dir.iter().chain(&self.folders)
    }

    /// What makes them writable for the service. A user that a running service has for itself
    /// takes the name of the one that is to stay.
    fn steps(&self, runs: bool) -> Vec<String> {
        let mut steps = Vec::new();
        if self.all().next().is_none() {
            return steps;
        }
        if runs {
            steps.push("sudo systemctl stop apertur-bridge".to_owned());
        }
        steps.push(format!(
            "id {USER} || sudo useradd --system --user-group --home-dir /var/lib/apertur-bridge \
             --shell /usr/sbin/nologin {USER}"
        ));
        if let Some(path) = self.data_dir.as_deref().map(for_shell) {
            steps.push(format!("sudo install -d -o {USER} -g {USER} -m 700 {path}"));
        }
        for path in self.folders.iter().map(|path| path.display()) {
            steps.push(format!("# {path} must be there, and be writable for the user {USER}"));
        }
        steps
    }
}

/// A path as the unit has it that ends with its line: `%` begins a specifier (systemd.unit(5)).
fn plain(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

/// A path as one of several in a line: white space ends it, unless it is in quotes
/// (systemd.syntax(7)). A backslash stands for itself.
fn quoted(path: &Path) -> String {
    let text = plain(path);
    if text.contains([' ', '\t', '"', '\'']) {
        format!("\"{}\"", text.replace('"', r#""'"'""#))
    } else {
        text
    }
}

fn put(page: &Page, plan: &Plan, force: bool, written: &mut Written) -> io::Result<()> {
    let folder = page.path.parent().unwrap_or(Path::new("/"));
    // What exists keeps its mode.
    let mode = if plan.home.is_service() { 0o755 } else { 0o700 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder)?;
    let mut file = tempfile::Builder::new().prefix(".apertur-bridge-").tempfile_in(folder)?;
    file.write_all(page.text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(page.mode))?;
    file.as_file().sync_all()?;
    if force && page.is_there() {
        let mut beside = page.path.clone().into_os_string();
        beside.push(format!(".bak-{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ")));
        let beside = PathBuf::from(beside);
        fs::hard_link(&page.path, &beside)?;
        written.kept.push(beside);
        file.persist(&page.path)?;
    } else {
        file.persist_noclobber(&page.path)?;
    }
    written.files.push(page.path.clone());
    fs::File::open(folder)?.sync_all()
}

/// Takes back what was written; what stood there comes back.
fn undo(written: &Written) {
    let is_of = |kept: &Path, file: &Path| {
        let (kept, file) = (kept.to_string_lossy(), file.to_string_lossy());
        kept.strip_prefix(&*file).is_some_and(|rest| rest.starts_with(".bak-"))
    };
    for file in &written.files {
        let kept = written.kept.iter().find(|kept| is_of(kept, file));
        // One that cannot be taken back is named by the error that led here.
        drop(match kept {
            Some(kept) => fs::rename(kept, file),
            None => fs::remove_file(file),
        });
    }
    let was_replaced = |kept: &Path| written.files.iter().any(|file| is_of(kept, file));
    for kept in written.kept.iter().filter(|kept| !was_replaced(kept)) {
        // The other name of what is in its place still.
        drop(fs::remove_file(kept));
    }
}

/// Whether the service runs, and with what was configured before.
fn runs() -> bool {
    let asked = Command::new("systemctl")
        .args(["is-active", "--quiet", "apertur-bridge"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// The commands that remain.
pub(super) fn next(plan: &Plan) -> Result<Vec<String>, Failure> {
    let mut next = Vec::new();
    let ours = if plan.home.is_service() {
        let runs = runs();
        next.extend(outside(plan)?.steps(runs));
        if !Files::usual_units().iter().any(|unit| unit.exists()) {
            let unit = "/etc/systemd/system/apertur-bridge.service";
            next.push(format!("apertur-bridge unit | sudo tee {unit}"));
        }
        next.push(if runs {
            "sudo systemctl daemon-reload && sudo systemctl restart apertur-bridge".to_owned()
        } else {
            "sudo systemctl enable --now apertur-bridge".to_owned()
        });
        "sudo apertur-bridge".to_owned()
    } else {
        let ours = format!("apertur-bridge --config {}", plan.home.file.display());
        next.push(format!("{ours} serve"));
        ours
    };
    let logins = plan.draft.destinations().iter().filter(|(_, kind)| {
        use crate::model::Kind::{Dropbox, GoogleDrive, Onedrive};
        matches!(kind, GoogleDrive | Dropbox | Onedrive)
    });
    next.extend(logins.map(|(name, _)| format!("{ours} destinations login {name}")));
    next.push(format!("{ours} doctor"));
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_of_a_file_that_was_not_replaced_goes_again() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        let path = |name: &str| home.path().join(name);
        fs::write(path("secret"), "new")?;
        fs::write(path("secret.bak-1"), "old")?;
        fs::write(path("config.toml"), "in force")?;
        fs::hard_link(path("config.toml"), path("config.toml.bak-1"))?;
        let kept = vec![path("secret.bak-1"), path("config.toml.bak-1")];
        undo(&Written { files: vec![path("secret")], kept });
        let names: io::Result<Vec<_>> =
            fs::read_dir(&home)?.map(|file| Ok(file?.file_name())).collect();
        assert_eq!(names?.len(), 2);
        assert_eq!(fs::read_to_string(path("secret"))?, "old");
        assert_eq!(fs::read_to_string(path("config.toml"))?, "in force");
        Ok(())
    }
}
