//! File and environment, layered into one tree; the environment wins. Knows on which line each
//! key of the file stands and which variable a value came from, but not what a key means.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use ::config::{Config, ConfigError, Environment, Map, Source, Value, ValueKind};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

/// Begins the name of every variable that sets a key.
pub(super) const PREFIX: &str = "APERTUR_BRIDGE__";
/// Stands between the levels of a key in the name of a variable.
const SEPARATOR: &str = "__";
/// More levels than any key has; deeper names would only cost stack.
const MAX_LEVELS: usize = 8;

/// Line numbers by path, counted from 1.
pub(super) type Lines = HashMap<String, usize>;

/// File and environment as one tree. A value's origin is the name of its variable; values of the
/// file have none.
#[derive(Default)]
pub(super) struct Tree {
    /// The top level.
    pub(super) root: Map<String, Value>,
    /// Where every key of the file stands.
    pub(super) lines: Lines,
    /// What has no place in the tree.
    pub(super) misfits: Vec<Misfit>,
}

/// A key that has no place in the tree.
pub(super) struct Misfit {
    /// Its path.
    pub(super) path: String,
    /// The variable, when it came from one.
    pub(super) variable: Option<String>,
    /// What is wrong with it, and what to do.
    pub(super) what: (&'static str, &'static str),
}

/// Why and where a text is not TOML.
pub(super) struct SyntaxError {
    /// The parser's words.
    pub(super) message: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// Counted from 1, in characters.
    pub(super) column: usize,
}

/// Layers the text of a file (empty where there is none) and the variables that begin with
/// [`PREFIX`].
///
/// # Errors
/// When the text is not TOML.
pub(super) fn layer(text: &str, env: &BTreeMap<String, String>) -> Result<Tree, SyntaxError> {
    let document = DeTable::parse(text).map_err(|error| syntax_error(text, &error))?;
    let mut lines = Lines::new();
    let mut misfits = Vec::new();
    let mut file = Walk::file(text, &mut lines).table(document.get_ref(), "");
    file.retain(|key, _| {
        let fits = is_word(key);
        if !fits {
            let what = ("is not a key of the configuration", "take it out");
            misfits.push(Misfit { path: shown(key), variable: None, what });
        }
        fits
    });
    let variables = fitting(env, &mut misfits);
    let root = layered(file, variables).unwrap_or_else(|_| {
        let what = ("cannot be layered with the environment", "set fewer keys by variables");
        misfits.push(Misfit { path: String::new(), variable: None, what });
        Map::new()
    });
    Ok(Tree { root, lines, misfits })
}

fn layered(
    file: Map<String, Value>,
    variables: Map<String, String>,
) -> Result<Map<String, Value>, ConfigError> {
    let variables = from_variables(variables)?;
    let both = Config::builder().add_source(Layer(file)).add_source(Layer(variables)).build()?;
    both.cache.into_table()
}

/// The text of a variable, `[..]` or `{..}`, as a value; `None` when it is not TOML.
pub(super) fn inline(text: &str, variable: &str) -> Option<Value> {
    let value = DeValue::parse(text.trim()).ok()?;
    Some(Walk::variable(variable).value(value.get_ref(), ""))
}

/// The name of the variable that sets a key.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', SEPARATOR).to_uppercase())
}

/// A key as it stands in a path: quoted where TOML wants quotes.
pub(super) fn shown(key: &str) -> String {
    if is_word(key) { key.to_owned() } else { format!("{key:?}") }
}

/// The path of a key below another.
pub(super) fn below(path: &str, key: &str) -> String {
    let key = shown(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Whether the layering takes the key as one word, not as a path or an index.
fn is_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The variables that set a key, without those that contradict another.
fn fitting(env: &BTreeMap<String, String>, misfits: &mut Vec<Misfit>) -> Map<String, String> {
    let mut taken: Map<String, String> = Map::new();
    for (name, value) in env {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        let levels: Vec<&str> = key.split(SEPARATOR).collect();
        let what = if levels.len() > MAX_LEVELS || !levels.iter().all(|level| is_word(level)) {
            ("is not a key of the configuration", "take the variable out")
        } else if taken.keys().any(|whole| sets_part_of(name, whole)) {
            ("is set whole by one variable and in part by another", "keep one of the two")
        } else {
            taken.insert(name.clone(), value.clone());
            continue;
        };
        let path = levels.join(".").to_lowercase();
        misfits.push(Misfit { path, variable: Some(name.clone()), what });
    }
    taken
}

fn sets_part_of(part: &str, whole: &str) -> bool {
    part.strip_prefix(whole).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

/// The variables as values by path, each with its variable as origin.
fn from_variables(variables: Map<String, String>) -> Result<Map<String, Value>, ConfigError> {
    let values = Environment::with_prefix(PREFIX.trim_end_matches('_'))
        .separator(SEPARATOR)
        .source(Some(variables))
        .collect()?;
    let named = |(path, value): (String, Value)| {
        let value = Value::new(Some(&variable(&path)), value.kind);
        (path, value)
    };
    Ok(values.into_iter().map(named).collect())
}

/// One layer of the tree, values by path.
#[derive(Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl fmt::Debug for Layer {
    /// Prints no value: there are secrets among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").finish_non_exhaustive()
    }
}

/// The way through parsed TOML, noting where things stand.
struct Walk<'w> {
    /// Where the lines of the text begin, after the first.
    starts: Vec<usize>,
    /// Where to note the lines; `None` in the text of a variable.
    lines: Option<&'w mut Lines>,
    origin: Option<String>,
}

impl<'w> Walk<'w> {
    fn file(text: &str, lines: &'w mut Lines) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self { starts, lines: Some(lines), origin: None }
    }

    fn variable(name: &str) -> Self {
        Self { starts: Vec::new(), lines: None, origin: Some(name.to_owned()) }
    }

    fn note<T>(&mut self, path: &str, place: &Spanned<T>) {
        if let Some(lines) = &mut self.lines {
            let line = self.starts.partition_point(|start| *start <= place.span().start) + 1;
            lines.insert(path.to_owned(), line);
        }
    }

    fn table(&mut self, from: &DeTable<'_>, path: &str) -> Map<String, Value> {
        let mut to = Map::new();
        for (key, value) in from {
            let path = below(path, key.get_ref());
            self.note(&path, key);
            to.insert(key.get_ref().to_string(), self.value(value.get_ref(), &path));
        }
        to
    }

    fn array(&mut self, from: &DeArray<'_>, path: &str) -> Vec<Value> {
        let mut to = Vec::new();
        for (index, value) in from.iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.note(&path, value);
            to.push(self.value(value.get_ref(), &path));
        }
        to
    }

    fn value(&mut self, from: &DeValue<'_>, path: &str) -> Value {
        let kind = match from {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Integer(number) => {
                match i128::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => ValueKind::I128(number),
                    // Larger than any key takes: read on as a number that is not whole.
                    Err(_) => ValueKind::Float(f64::INFINITY),
                }
            }
            DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
            // No key takes a date.
            DeValue::Datetime(_) => ValueKind::Nil,
            DeValue::Array(array) => ValueKind::Array(self.array(array, path)),
            DeValue::Table(table) => ValueKind::Table(self.table(table, path)),
        };
        Value::new(self.origin.as_ref(), kind)
    }
}

fn syntax_error(text: &str, error: &toml::de::Error) -> SyntaxError {
    let at = error.span().map_or(text.len(), |span| span.start);
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    SyntaxError {
        message: error.message().replace('\n', ", "),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}
