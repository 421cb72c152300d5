//! `docs/grafana-dashboard.json`: that Grafana can take it in, and what it asks Prometheus.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{docs, promtool};

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(docs("grafana-dashboard.json")).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// Every expression of the panels, and what the variables ask for.
pub(super) fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let targets = list(&dashboard, "panels").iter().filter_map(|panel| panel["targets"].as_array());
    let panels = targets.flatten().map(|target| text(target, "expr").to_owned());
    let variables = list(&dashboard["templating"], "list").iter();
    let queries = variables.filter_map(|variable| variable["definition"].as_str());
    // label_values(metric{...}, label)
    let inner = queries.map(|query| {
        let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (selector, label) = inner.rsplit_once(", ").unwrap();
        format!("group by ({label}) ({selector})")
    });
    panels.chain(inner).collect()
}

#[test]
fn grafana_can_take_the_dashboard_in() {
    let dashboard = dashboard();
    assert!(!text(&dashboard, "title").is_empty() && dashboard["schemaVersion"].is_u64());
    assert_eq!(dashboard["id"], Value::Null, "an id is the importing Grafana's to give");
    let variables = list(&dashboard["templating"], "list");
    let names: Vec<_> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(names[0], "datasource");
    assert_eq!(variables[0]["type"], "datasource");
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard, "panels") {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(!text(panel, "title").is_empty());
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(places.insert(cell), "two panels overlap at {cell:?}: {}", panel["title"]);
        }
        if panel["type"] == "row" {
            continue;
        }
        for part in [&[panel.clone()][..], list(panel, "targets")].concat() {
            assert_eq!(part["datasource"]["uid"], "${datasource}");
        }
    }
    let all = dashboard.to_string();
    for name in names {
        assert!(
            all.contains(&format!("${name}")) || all.contains(&format!("${{{name}}}")),
            "{name}"
        );
    }
}

#[test]
fn prometheus_understands_every_expression_of_the_dashboard() {
    let mut rules = "groups:\n  - name: panels\n    rules:\n".to_owned();
    for (at, expr) in expressions().into_iter().enumerate() {
        let expr = expr.replace("$__rate_interval", "5m").replace("$__range", "6h");
        rules
            .push_str(&format!("      - record: panel:{at}\n        expr: >-\n          {expr}\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    fs::write(&file, rules).unwrap();
    promtool(&["check", "rules", &file.display().to_string()], "");
}
