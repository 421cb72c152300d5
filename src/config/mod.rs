//! The configuration: as typed (a TOML file and the environment) to as run on.
//!
//! `source` layers file and environment, `section` and `entry` read them with the parsers of
//! `values` and `secret`, one file a section assembles the settings of the rooms, which
//! own their types. Everything that is wrong is found at once, with its place and the remedy.
//! The environment is read in this room and nowhere else; no other room is started here.

mod alert;
mod apertur;
mod collect;
mod console;
mod delivery;
mod destination;
mod draft;
mod entry;
mod finding;
mod journal;
mod keys;
mod operator;
mod reader;
mod reference;
mod route;
mod schema;
mod secret;
mod section;
mod server;
mod show;
mod source;
mod token;
mod traces;
mod values;
mod webhook;

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{self, Read as _},
    mem,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

pub use self::operator::operator;
pub use self::{
    draft::{Draft, KeyDoc, Refer},
    finding::{Finding, Findings, Place},
    keys::Keys,
    reference::example,
    schema::schema,
    server::{Listen, ServerSettings, Tls},
    show::{Origin, Shown, ShownKey},
};
use self::{
    reader::Reader,
    section::Section,
    source::{SyntaxError, Tree},
};
use crate::model::{DestinationName, Severity};

/// The file that is read when none is named; it need not be there.
pub const DEFAULT_FILE: &str = "/etc/apertur-bridge/config.toml";
/// The variable that names another file.
const FILE_VARIABLE: &str = "APERTUR_BRIDGE_CONFIG";
/// The variable by which systemd says where the service's credentials are.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// Where they are, for root's commands beside the running service.
const CREDENTIALS: &str = "/run/credentials/apertur-bridge.service";
/// Larger files are no configuration, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// A configuration as run on: the settings of every room, parsed.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where journal and spool live, and where relative files of theirs are looked for.
    pub data_dir: PathBuf,
    /// The listeners.
    pub server: ServerSettings,
    /// The door.
    pub receive: crate::receive::Settings,
    /// The Apertur API.
    pub apertur: crate::apertur::Settings,
    /// The console.
    pub console: crate::console::Settings,
    /// The collect page, where there is one.
    pub collect_page: Option<crate::collect_page::Settings>,
    /// The collector.
    pub collect: crate::collect::Settings,
    /// The sender.
    pub deliver: crate::deliver::Settings,
    /// The journal.
    pub journal: crate::journal::Settings,
    /// What has to stay free on the disks of journal and spool for new photos, in bytes; 0 for
    /// nothing.
    pub min_free: u64,
    /// Retention.
    pub prune: crate::ops::prune::Settings,
    /// Who is told what needs a person.
    pub alert: crate::alert::Settings,
    /// The log.
    pub telemetry: crate::telemetry::Settings,
    /// Where traces go, if anywhere.
    pub traces: Option<crate::telemetry::TraceSettings>,
    /// The destinations in the order of the file, at least one.
    pub destinations: Vec<(DestinationName, crate::destinations::Settings)>,
    /// Which of them want a photo.
    pub routes: crate::route::Routes,
    /// All of it for people to read, secrets hidden.
    pub shown: Shown,
}

impl Config {
    /// Where the spool is.
    #[must_use]
    pub fn spool_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }
}

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What should be looked at, in the order of the file.
    pub warnings: Vec<Finding>,
    /// What is worth saying and as it should be, for instance that photos go to the folder that
    /// serves where no destination is configured.
    pub notes: Vec<Finding>,
    /// What it says, to hold another against it.
    pub keys: Keys,
}

/// Loads the configuration from `from`, or the file `APERTUR_BRIDGE_CONFIG` names, or
/// [`DEFAULT_FILE`] if it is there, with the variables of the environment on top. Blocks.
///
/// # Errors
/// Everything that is wrong, at once; also that a named file cannot be read.
pub fn load(from: Option<&Path>) -> Result<Loaded, Findings> {
    with_text(from, load_from)
}

/// What of the configuration needs no secret of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// As [`Config::data_dir`].
    pub data_dir: PathBuf,
    /// As [`Config::journal`].
    pub journal: crate::journal::Settings,
    /// As [`Config::min_free`].
    pub min_free: u64,
}

impl Storage {
    /// Where the spool is.
    #[must_use]
    pub fn spool_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }
}

/// Reads where the journal is and nothing else, so that who only reads it needs no secret of the
/// daemon. Blocks.
///
/// # Errors
/// As [`load`], for `data_dir` and `[journal]` alone.
pub fn load_storage(from: Option<&Path>) -> Result<Storage, Findings> {
    with_text(from, |file, env| {
        let (path, text) = file.map_or((None, ""), |(path, text)| (Some(path), text));
        let mut tree = source::layer(text, env).map_err(|error| not_toml(path, error))?;
        let reader = Reader::new(path, env, mem::take(&mut tree.lines));
        let mut root = Section::new(&reader, String::new(), tree.root);
        let storage = data_dir(&mut root).and_then(|data_dir| {
            root.section("journal", JOURNAL, |s| {
                let (journal, min_free) =
                    (journal::read_journal(s, &data_dir), journal::read_floor(s));
                Some(Storage { journal: journal?, min_free: min_free?, data_dir })
            })
        });
        drop(root);
        storage.ok_or_else(|| Findings(reader.findings.into_inner()))
    })
}

/// Finds the configuration file and hands over its text and the environment.
fn with_text<T>(
    from: Option<&Path>,
    read_from: impl Fn(Option<(&Path, &str)>, &BTreeMap<String, String>) -> Result<T, Findings>,
) -> Result<T, Findings> {
    let named = from
        .map(Path::to_owned)
        .or_else(|| env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from));
    let env = with_credentials(environment()?, Path::new(CREDENTIALS));
    let file = named.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    match read(file) {
        Ok(text) => read_from(Some((file, &text)), &env),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            read_from(None, &env).map_err(|mut findings| {
                let name = DEFAULT_FILE.to_owned();
                let place = Place::File { name, line: None, column: None };
                let remedy = format!("make it, or name another with --config or {FILE_VARIABLE}");
                findings.0.extend(fatal(place, "is not there".to_owned(), remedy).0);
                findings
            })
        }
        Err(error) => {
            let place = Place::File { name: file.display().to_string(), line: None, column: None };
            let remedy = format!("name another file with --config or {FILE_VARIABLE}");
            Err(fatal(place, format!("cannot be read: {error}"), remedy))
        }
    }
}

/// Loads the configuration from the text of a file and these variables alone. `file` is the
/// file's path, for messages and for what is relative to it, and its text. Blocks where secrets
/// are in files.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_from(
    file: Option<(&Path, &str)>,
    env: &BTreeMap<String, String>,
) -> Result<Loaded, Findings> {
    let (path, text) = file.map_or((None, ""), |(path, text)| (Some(path), text));
    let mut tree = source::layer(text, env).map_err(|error| not_toml(path, error))?;
    let reader = Reader::new(path, env, mem::take(&mut tree.lines));
    let root = tree.root.clone();
    let config = assemble(&reader, tree);
    let keys = Keys::new(&root, &reader.held.borrow());
    let config = config.map(|config| Config { shown: show::shown(&reader, &root), ..config });
    warn_of_open_file(&reader);
    let mut findings = reader.findings.into_inner();
    findings.sort_by(|a, b| (&a.place, &a.path).cmp(&(&b.place, &b.path)));
    let (notes, findings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Ok);
    match config {
        Some(config) if findings.iter().all(|finding| finding.severity < Severity::Error) => {
            Ok(Loaded { config, warnings: findings, notes, keys })
        }
        _ => Err(Findings(findings)),
    }
}

/// What `[server]` is for.
const SERVER: &str = "The public listener: only Apertur needs to reach it.";
/// What `[console]` is for.
const CONSOLE: &str = "The operator's listener: pages, the API, /readyz and /metrics. Keep it on \
                       an address\nthat only you reach.";
/// What `[collect]` is for.
const COLLECT: &str = "The page on which people make sessions, below public_url/collect. It is \
                       there once\nserver.public_url and apertur.api_key are set.";
/// What `[retry]` is for.
const RETRY: &str = "Sending: after a failure that may pass it is tried again, with growing waits.";
/// What `[journal]` is for.
const JOURNAL: &str = "What was received and what became of it.";

fn data_dir(root: &mut Section<'_>) -> Option<PathBuf> {
    root.key("data_dir", "journal, spool and control socket live here")
        .or("/var/lib/apertur-bridge", values::path)
}

/// Reads every section, in the order of the reference. `None` when something is wrong, which
/// was noted then.
fn assemble(reader: &Reader<'_>, tree: Tree) -> Option<Config> {
    for source::Misfit { path, variable, what } in tree.misfits {
        reader.find(Severity::Error, (&path, variable.as_deref()), what.0, what.1);
    }
    warn_of_single_underscores(reader);
    let mut root = Section::new(reader, String::new(), tree.root);
    let data_dir = data_dir(&mut root);
    let (listener, requests) = root.section("server", SERVER, server::read);
    let receive = root.section("webhook", "Who may post photos.", |s| webhook::read(s, requests));
    let (apertur, polls) = root.section("apertur", "The Apertur API.", apertur::read);
    let receive = receive.complete(reader, polls);
    let (server, console) = root.section("console", CONSOLE, |s| console::read(s, listener));
    let collect_page =
        root.section("collect", COLLECT, |s| collect::read(s, server.as_ref(), apertur.as_ref()));
    let base = data_dir.as_deref().unwrap_or(Path::new(""));
    let (journal, min_free) = root
        .section("journal", JOURNAL, |s| (journal::read_journal(s, base), journal::read_floor(s)));
    journal::read_spool(&mut root);
    let collect =
        root.section("fetch", "Fetching photos that were only announced.", delivery::read_fetch);
    let deliver = root.section("retry", RETRY, delivery::read_retry);
    let prune =
        root.section("retention", "How long settled photos are kept.", delivery::read_retention);
    let alert = root.section(
        "alert",
        "Who is told what needs a person. `apertur-bridge alert test` tries it.",
        alert::read,
    );
    let telemetry = root.section("log", "The log.", journal::read_log);
    let traces = root.section(
        "traces",
        "OpenTelemetry traces, one a photo, by OTLP over HTTP; off without an endpoint.",
        traces::read,
    );
    let destinations = destination::read(&mut root, base);
    let rules = route::read(&mut root, destinations.as_deref());
    root.close();
    let mut destinations = destinations?;
    for (_, settings) in &mut destinations {
        if let crate::destinations::Settings::Odoo(odoo) = settings {
            odoo.public_url = server.as_ref().and_then(|server| server.public_url.clone());
        }
    }
    Some(Config {
        data_dir: data_dir?,
        server: server?,
        receive: receive?,
        apertur: apertur?,
        console: console?,
        collect_page,
        collect: collect?,
        deliver: deliver?,
        journal: journal?,
        min_free: min_free?,
        prune: prune?,
        alert: alert?,
        telemetry: telemetry?,
        traces: traces?,
        routes: route::routes(rules?, &destinations),
        destinations,
        shown: Shown::default(),
    })
}

/// The environment as text.
fn environment() -> Result<BTreeMap<String, String>, Findings> {
    let mut env = BTreeMap::new();
    for (name, value) in env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => _ = env.insert(name, value),
            Err(_) if name.starts_with(source::PREFIX) => {
                return Err(fatal(
                    Place::Variable(name),
                    "is not UTF-8".to_owned(),
                    "write it in UTF-8".to_owned(),
                ));
            }
            // Nobody else's business is ours.
            Err(_) => {}
        }
    }
    Ok(env)
}

/// Lets commands that no service manager started read the running service's credentials.
fn with_credentials(
    mut env: BTreeMap<String, String>,
    of_service: &Path,
) -> BTreeMap<String, String> {
    if of_service.is_dir() {
        let folder = || of_service.display().to_string();
        env.entry(CREDENTIALS_VARIABLE.to_owned()).or_insert_with(folder);
    }
    env
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

/// `APERTUR_BRIDGE_SERVER_LISTEN` looks right and sets nothing.
fn warn_of_single_underscores(reader: &Reader<'_>) {
    let stem = source::PREFIX.trim_end_matches('_');
    let near = |name: &&String| {
        name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_') && !rest.starts_with("__"))
    };
    for name in reader.env.keys().filter(near).filter(|name| *name != FILE_VARIABLE) {
        let remedy = "part its levels by two underscores, as in APERTUR_BRIDGE__SERVER__LISTEN";
        reader.find(Severity::Warning, ("", Some(name)), "sets nothing", remedy);
    }
}

/// A file with secrets in it should be for the daemon's eyes.
fn warn_of_open_file(reader: &Reader<'_>) {
    let Some(file) = reader.file.filter(|_| reader.holds_secret.get()) else { return };
    let mode = fs::metadata(file).map_or(0, |file| file.mode() & 0o777);
    if mode & 0o007 != 0 {
        reader.find(
            Severity::Warning,
            ("", None),
            format!("holds a secret and can be read by others (mode {mode:03o})"),
            "move the secret to a file of its own, or chmod 600",
        );
    }
}

fn not_toml(file: Option<&Path>, error: SyntaxError) -> Findings {
    let place = Place::File {
        name: file.map_or_else(String::new, |file| file.display().to_string()),
        line: Some(error.line),
        column: Some(error.column),
    };
    let what = format!("is not TOML: {}", error.message);
    fatal(place, what, "correct this place; nothing else was looked at".to_owned())
}

/// The one finding after which there is nothing more to find.
fn fatal(place: Place, what: String, remedy: String) -> Findings {
    let (severity, path) = (Severity::Error, String::new());
    Findings(vec![Finding { severity, place, path, what, remedy }])
}

#[cfg(test)]
mod tests;
