//! The rules as tables: who may use whom, what is fenced in where, and what nobody says.

/// The rooms of `src`, and for each the rooms below it that it may use.
pub(super) const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("system", &[]),
    ("webhook", &["model"]),
    ("route", &["model"]),
    ("spool", &["model"]),
    ("journal", &["model", "system"]),
    ("http", &["model"]),
    ("telemetry", &["model", "http"]),
    ("work", &["system", "journal"]),
    ("apertur", &["model", "system", "spool", "http"]),
    ("destinations", &["model", "system", "webhook", "spool", "http"]),
    ("intake", &["model", "route", "journal", "work"]),
    ("receive", BELOW_RECEIVE),
    ("collect", &["model", "system", "telemetry", "spool", "journal", "apertur", "work"]),
    ("deliver", &["model", "system", "telemetry", "spool", "journal", "destinations", "work"]),
    ("sessions", &["model", "webhook", "apertur", "destinations"]),
    ("collect_page", BELOW_COLLECT_PAGE),
    (
        "follow",
        &["model", "system", "telemetry", "route", "spool", "journal", "apertur", "work", "intake"],
    ),
    ("ops", &["model", "system", "telemetry", "route", "spool", "journal", "work", "intake"]),
    ("config", BELOW_CONFIG),
    ("serve", BELOW_SERVE),
    ("cli", BELOW_CLI),
    ("main", &["cli"]),
];
const BELOW_RECEIVE: &[&str] = &[
    "model",
    "system",
    "webhook",
    "telemetry",
    "route",
    "spool",
    "journal",
    "apertur",
    "work",
    "intake",
];
const BELOW_COLLECT_PAGE: &[&str] =
    &["model", "system", "telemetry", "route", "journal", "apertur", "destinations", "sessions"];
const BELOW_CONFIG: &[&str] = &[
    "model",
    "system",
    "telemetry",
    "route",
    "spool",
    "journal",
    "http",
    "apertur",
    "destinations",
    "receive",
    "collect",
    "deliver",
    "collect_page",
    "ops",
];
const BELOW_SERVE: &[&str] = &[
    "model",
    "system",
    "telemetry",
    "route",
    "spool",
    "journal",
    "http",
    "apertur",
    "destinations",
    "work",
    "receive",
    "collect",
    "deliver",
    "collect_page",
    "follow",
    "ops",
    "config",
];
const BELOW_CLI: &[&str] = &[
    "model",
    "system",
    "webhook",
    "telemetry",
    "route",
    "spool",
    "journal",
    "http",
    "apertur",
    "destinations",
    "work",
    "receive",
    "intake",
    "collect",
    "deliver",
    "follow",
    "sessions",
    "collect_page",
    "ops",
    "config",
    "serve",
];

/// What only some places may name, and why.
pub(super) const FENCES: &[(&str, &[&str], &str)] = &[
    ("rusqlite", &["src/journal/sqlite/"], "SQL is the affair of journal/sqlite"),
    ("xmlrpc", &["src/destinations/odoo/"], "XML is the affair of destinations/odoo"),
    (
        "quick_xml",
        &["src/destinations/odoo/", "src/destinations/webdav/"],
        "XML is the affair of destinations/odoo and destinations/webdav",
    ),
    (
        "std::env",
        &["src/config/", "src/cli/demo/"],
        "the environment is read in config alone; the demo asks for its own program's name",
    ),
    (
        "opendal",
        &[
            "src/destinations/storage/objects/",
            "src/destinations/s3.rs",
            "src/destinations/gcs.rs",
            "src/destinations/azure_blob.rs",
        ],
        "OpenDAL is the affair of the buckets",
    ),
    ("maud", &["src/collect_page/"], "pages are the affair of collect_page"),
    ("clap", &["src/cli"], "the command line is the affair of cli"),
    (
        "actix_web",
        &["src/receive/", "src/collect_page/", "src/serve", "src/cli/demo/", "src/cli/webhook/"],
        "requests come in at receive, collect_page and serve; demo and webhook play Apertur",
    ),
    ("reqwest", &["src/http/", "src/apertur/", "src/destinations/"], "http is the way out"),
    ("tokio::time::sleep", &["src/system/", "src/serve.rs"], "wait with system::Clock"),
    ("std::thread::sleep", &["src/system/"], "wait with system::Clock"),
    (
        "crate::journal::sqlite",
        &["src/journal/"],
        "concrete stores are named in journal/mod.rs alone",
    ),
    (
        "crate::journal::memory",
        &["src/journal/"],
        "concrete stores are named in journal/mod.rs alone",
    ),
    (
        "crate::destinations::odoo",
        &["src/destinations/mod.rs", "src/destinations/odoo/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    ("opentelemetry", &["src/telemetry/"], "traces are the affair of telemetry"),
    ("prometheus", &["src/telemetry/"], "metrics are the affair of telemetry"),
    ("suppaftp", &["src/destinations/ftp/"], "FTP is the affair of destinations/ftp"),
    ("russh", &["src/destinations/sftp/"], "SSH is the affair of destinations/sftp"),
    (
        "crate::destinations::ftp",
        &["src/destinations/mod.rs", "src/destinations/ftp/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::sftp",
        &["src/destinations/mod.rs", "src/destinations/sftp/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::freshworks",
        &["src/destinations/mod.rs", "src/destinations/freshworks/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::zendesk",
        &["src/destinations/mod.rs", "src/destinations/zendesk/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::webdav",
        &["src/destinations/mod.rs", "src/destinations/webdav/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::webhook",
        &["src/destinations/mod.rs", "src/destinations/webhook/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::s3",
        &["src/destinations/mod.rs", "src/destinations/s3.rs", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::gcs",
        &["src/destinations/mod.rs", "src/destinations/gcs.rs", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::azure_blob",
        &["src/destinations/mod.rs", "src/destinations/azure_blob.rs", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::google_drive",
        &["src/destinations/mod.rs", "src/destinations/google_drive/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::dropbox",
        &["src/destinations/mod.rs", "src/destinations/dropbox/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::onedrive",
        &["src/destinations/mod.rs", "src/destinations/onedrive/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
    (
        "crate::destinations::folder",
        &["src/destinations/mod.rs", "src/destinations/folder/", "src/config/"],
        "concrete destinations are named in destinations/mod.rs and config alone",
    ),
];

/// What shipped code never says, and what to do instead.
pub(super) const NEVER: &[(&[&str], &str)] = &[
    (&["todo", "!"], "finish it"),
    (&["unimplemented", "!"], "finish it"),
    (&["dbg", "!"], "take it out"),
    (&["println", "!"], "results go through cli/output"),
    (&["print", "!"], "results go through cli/output"),
    (&["eprintln", "!"], "remarks go through cli/output, facts through telemetry"),
    (&["eprint", "!"], "remarks go through cli/output, facts through telemetry"),
    (&["panic", "!"], "return an error"),
    (&[".", "unwrap", "(", ")"], "return an error"),
    (&[".", "expect", "("], "return an error"),
];

/// Most lines of a file, and most characters of a line.
pub(super) const MOST_LINES: usize = 600;
pub(super) const MOST_CHARACTERS: usize = 100;
