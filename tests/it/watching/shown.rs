//! A page of metrics, read: the families with what they say of themselves, and the samples.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::Selector;

/// A page of metrics.
#[derive(Debug, Default)]
pub(super) struct Shown {
    families: BTreeMap<String, Family>,
    samples: Vec<Sample>,
}

#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: String,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// What Prometheus adds by itself.
const ADDED: [&str; 3] = ["job", "instance", "le"];

impl Shown {
    /// Reads the text form. Nothing in it is escaped here: no label of ours needs it.
    pub(super) fn read(text: &str) -> Self {
        let mut shown = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                shown.families.entry(name.to_owned()).or_default().help = help.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                shown.families.entry(name.to_owned()).or_default().kind = kind.to_owned();
            } else {
                shown.samples.push(Sample::read(line));
            }
        }
        shown
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }

    /// The value of the only sample of that name.
    pub(super) fn value(&self, name: &str) -> f64 {
        let mut of_name = self.samples.iter().filter(|sample| sample.name == name);
        let (one, other) = (of_name.next().unwrap(), of_name.next());
        assert!(other.is_none(), "{name} has labels");
        one.value
    }

    /// Whether a sample with exactly these labels has this value.
    pub(super) fn has(&self, name: &str, labels: &[(&str, &str)], value: f64) -> bool {
        let labels: BTreeMap<_, _> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let is_it = |sample: &Sample| sample.name == name && sample.labels == labels;
        self.samples.iter().any(|sample| is_it(sample) && (sample.value - value).abs() < 1e-9)
    }

    /// The name of the family that a sample belongs to.
    fn family(&self, sample: &str) -> Option<&str> {
        let ends = ["", "_bucket", "_sum", "_count"];
        let mut names = ends.iter().filter_map(|end| sample.strip_suffix(end));
        names.find_map(|name| self.families.get_key_value(name)).map(|(name, _)| name.as_str())
    }

    fn labels(&self, family: &str) -> BTreeSet<&str> {
        let of_family = self.samples.iter().filter(|s| self.family(&s.name) == Some(family));
        of_family.flat_map(|sample| sample.labels.keys().map(String::as_str)).collect()
    }

    /// Asserts that a selector names a metric that is there, labels that it has, and values of
    /// them that some sample has.
    pub(super) fn assert_selects(&self, selector: &Selector, expr: &str) {
        let metric = selector.metric.as_str();
        if metric == "up" {
            return;
        }
        let of_name: Vec<_> = self.samples.iter().filter(|s| s.name == metric).collect();
        assert!(!of_name.is_empty(), "no sample of {metric} is shown: {expr}");
        for (label, values) in &selector.matchers {
            if ADDED.contains(&label.as_str()) {
                continue;
            }
            let shown: BTreeSet<_> = of_name.iter().filter_map(|s| s.labels.get(label)).collect();
            assert!(!shown.is_empty(), "{metric} has no label {label}: {expr}");
            for value in values {
                assert!(shown.contains(value), "no {metric} has {label}={value}: {expr}");
            }
        }
    }

    /// Asserts that an expression groups by labels that its metrics have.
    pub(super) fn assert_groups(&self, expr: &str) {
        let metrics = Selector::all(expr).into_iter().map(|selector| selector.metric);
        let families: Vec<_> = metrics.filter_map(|m| self.family(&m).map(str::to_owned)).collect();
        let has = |label: &str| {
            ADDED.contains(&label) || families.iter().any(|f| self.labels(f).contains(label))
        };
        for label in Selector::groups(expr) {
            assert!(has(&label), "nothing has the label {label}: {expr}");
        }
    }

    /// The rows of the documentation.
    pub(super) fn table(&self) -> String {
        let row = |(name, family): (&String, &Family)| {
            let labels = self.labels(name);
            let labels = labels.into_iter().filter(|label| *label != "le");
            let labels: Vec<_> = labels.map(|label| format!("`{label}`")).collect();
            let Family { help, kind } = family;
            format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "))
        };
        self.families.iter().map(row).collect()
    }
}

impl Sample {
    /// `name{label="value",...} 1`
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap().split("\",").filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once("=\"").unwrap();
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        };
        let value = value.parse().unwrap();
        Self { name: name.to_owned(), labels: labels.map(pair).collect(), value }
    }
}
