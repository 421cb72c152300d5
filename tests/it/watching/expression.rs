//! Just enough of PromQL to see what an expression selects and groups by; whether it is one at
//! all says promtool.

/// A metric with its matchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) metric: String,
    /// Labels with the values that are named; none where a variable stands.
    pub(super) matchers: Vec<(String, Vec<String>)>,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl Selector {
    /// The selectors of an expression.
    pub(super) fn all(expr: &str) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = expr;
        while let Some(start) = rest.find(is_name) {
            rest = &rest[start..];
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let is_metric =
                word == "up" || ["apertur_bridge_", "process_"].iter().any(|p| word.starts_with(p));
            let (inner, next) = match after.strip_prefix('{') {
                Some(inner) => inner.split_once('}').unwrap(),
                None => ("", after),
            };
            if is_metric {
                found.push(Self { metric: word.to_owned(), matchers: matchers(inner) });
            }
            rest = next;
        }
        found
    }

    /// The labels that an expression groups or matches by.
    pub(super) fn groups(expr: &str) -> Vec<String> {
        let mut labels = Vec::new();
        for word in ["by", "without", "on", "ignoring"] {
            for (at, _) in expr.match_indices(&format!("{word} (")) {
                let list = expr[at..].split(['(', ')']).nth(1).unwrap();
                labels.extend(list.split(',').map(|label| label.trim().to_owned()));
            }
        }
        labels
    }
}

/// `a="b",c=~"d|e",f=~"$g"`
fn matchers(inner: &str) -> Vec<(String, Vec<String>)> {
    let pairs = inner.split("\",").filter(|pair| !pair.trim().is_empty());
    let pair = |pair: &str| {
        let (label, value) = pair.split_once('=').unwrap();
        let value = value.trim_start_matches(['~', '"']).trim_end_matches('"');
        let values = value.split('|').filter(|value| !value.starts_with('$'));
        (label.trim().to_owned(), values.map(str::to_owned).collect())
    };
    pairs.map(pair).collect()
}

#[test]
fn selectors_and_groups_are_found() {
    let expr = "sum by (le, a) (rate(apertur_bridge_x_bucket{s=~\"b|c\",d=\"$e\"}[5m])) > up";
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let matchers = vec![("s".to_owned(), owned(&["b", "c"])), ("d".to_owned(), vec![])];
    let first = Selector { metric: "apertur_bridge_x_bucket".to_owned(), matchers };
    let second = Selector { metric: "up".to_owned(), matchers: vec![] };
    assert_eq!(Selector::all(expr), [first, second]);
    assert_eq!(Selector::groups(expr), owned(&["le", "a"]));
}
