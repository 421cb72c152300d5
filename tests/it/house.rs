//! The rules of the house, held over every file of `src`, `tests` and `benches`: who may use
//! whom, what is fenced in where, and the habits that no lint knows.

mod paths;
mod table;
mod text;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use apertur_bridge::telemetry::{Gauges, Telemetry};

use self::{
    paths::{Named, named},
    table::{FENCES, MOST_CHARACTERS, MOST_LINES, NEVER, ROOMS},
    text::{Word, blanked, group, reads, shipped, words},
};

/// One file, read.
struct Source {
    /// From the root of the repository, `src/receive/mod.rs`.
    path: String,
    text: String,
    /// The same with comments and literals as spaces.
    code: String,
    /// Everything but comments and literals.
    words: Vec<Word>,
    /// The same without tests.
    shipped: Vec<Word>,
    /// The modules of tests that stand in files of their own.
    tests: Vec<String>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let (code, words) = (blanked(text), words(text));
        let (shipped, tests) = shipped(&words);
        Self { path: path.to_owned(), text: text.to_owned(), code, words, shipped, tests }
    }

    /// The path of its module: `["receive", "body"]`; none for the root of a crate.
    fn module(&self) -> Vec<String> {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = below.trim_end_matches(".rs").trim_end_matches("/mod");
        match path {
            "lib" | "main" => Vec::new(),
            path => path.split('/').map(ToOwned::to_owned).collect(),
        }
    }

    fn room(&self) -> String {
        let main = || Path::new(&self.path).file_stem().map(|stem| stem.to_string_lossy().into());
        self.module().into_iter().next().or_else(main).unwrap_or_default()
    }

    /// The folder that the files of its modules stand in, `src/receive`.
    fn folder(&self) -> PathBuf {
        let path = Path::new(&self.path);
        let holds_its_own = ["mod.rs", "lib.rs", "main.rs"];
        let is_root = path.file_name().is_some_and(|n| holds_its_own.iter().any(|root| n == *root));
        if is_root { path.with_file_name("") } else { path.with_extension("") }
    }

    /// The files that its `mod` lines may mean.
    fn children(&self) -> impl Iterator<Item = String> {
        let declared = self.words.windows(3).filter(|w| w[0].text == "mod" && w[2].text == ";");
        let folder = self.folder();
        declared.flat_map(move |w| {
            let file = folder.join(&w[1].text);
            [file.with_extension("rs"), file.join("mod.rs")].map(|file| file.display().to_string())
        })
    }

    fn is_shipped(&self) -> bool {
        self.path.starts_with("src/")
    }
}

/// Everything that breaks a rule, one line each: file, line, rule.
fn violations(house: &[Source]) -> Vec<String> {
    let tests = test_files(house);
    let mut found = Vec::new();
    for source in house {
        let mut say = |line: usize, what: String| {
            found.push(format!("{}:{line}: {what}", source.path));
        };
        shape(source, &mut say);
        attributes(source, &mut say);
        let is_test = tests.iter().any(|prefix| source.path.starts_with(prefix));
        if source.is_shipped() && !is_test {
            let paths = named(&source.shipped, &source.module());
            imports(source, &paths, &mut say);
            fences(source, &paths, &mut say);
            habits(source, &mut say);
        }
    }
    found.extend(unreached(house));
    found
}

/// The beginnings of the paths of files that hold nothing but tests.
fn test_files(house: &[Source]) -> Vec<String> {
    let of = |source: &Source| {
        let folder = source.folder();
        let name = move |test: &String| folder.join(test).display().to_string();
        source.tests.iter().map(name).flat_map(|t| [format!("{t}.rs"), format!("{t}/")]).collect()
    };
    house.iter().flat_map(of as fn(&Source) -> Vec<String>).collect()
}

fn shape(source: &Source, say: &mut impl FnMut(usize, String)) {
    if !source.text.starts_with("//! ") {
        say(1, "a file begins with //! and what it holds".to_owned());
    }
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        say(lines, format!("a file has at most {MOST_LINES} lines; part it"));
    }
    for (at, (line, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
        // In tests a literal may be a recorded answer, which stays in one piece.
        let counts_all = source.is_shipped() || line.trim_start().starts_with("//");
        let without_literals = || code.split_whitespace().collect::<Vec<_>>().join(" ");
        let long = |line: &str| line.chars().count() > MOST_CHARACTERS;
        if long(line) && (counts_all || long(&without_literals())) {
            say(at + 1, format!("a line has at most {MOST_CHARACTERS} characters"));
        }
    }
}

fn attributes(source: &Source, say: &mut impl FnMut(usize, String)) {
    for (at, word) in source.words.iter().enumerate().filter(|(_, word)| word.text == "#") {
        let inner = reads(&source.words[at + 1..], &["!"]);
        let rest = &source.words[at + 1 + usize::from(inner)..];
        let attribute = &rest[..group(rest)];
        let says = |text: &str| attribute.iter().any(|word| word.text == text);
        if reads(attribute, &["[", "ignore"]) {
            say(word.line, "no test is ignored; mend it or take it out".to_owned());
        }
        if (says("allow") || says("expect")) && reads(&attribute[2..], &["("]) && !says("reason") {
            say(word.line, "a lint is silenced with a reason".to_owned());
        }
    }
}

fn imports(source: &Source, paths: &[Named], say: &mut impl FnMut(usize, String)) {
    let room = source.room();
    if room == "lib" {
        return;
    }
    let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return say(1, format!("the room {room} is not in the table of tests/it/house/table.rs"));
    };
    for Named { path, line } in paths {
        let [root, other, ..] = path.as_slice() else { continue };
        let is_room = ROOMS.iter().any(|(name, _)| name == other);
        if root == "crate" && is_room && *other != room && !below.contains(&other.as_str()) {
            say(*line, format!("{room} may not use {other}"));
        }
    }
}

fn fences(source: &Source, paths: &[Named], say: &mut impl FnMut(usize, String)) {
    for (fenced, places, why) in FENCES {
        if places.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for named in paths.iter().filter(|named| named.is(fenced)) {
            say(named.line, format!("{fenced} may not be named here: {why}"));
        }
    }
}

fn habits(source: &Source, say: &mut impl FnMut(usize, String)) {
    for (at, word) in source.shipped.iter().enumerate() {
        for (texts, instead) in NEVER.iter().filter(|(t, _)| reads(&source.shipped[at..], t)) {
            say(word.line, format!("no {}: {instead}", texts.concat()));
        }
    }
}

/// Files that no `mod` line leads to.
fn unreached(house: &[Source]) -> Vec<String> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let roots = ["src/lib.rs", "src/main.rs", "tests/it/main.rs"];
    let mut next: Vec<_> = roots.map(ToOwned::to_owned).into();
    next.extend(house.iter().map(|s| &s.path).filter(|p| p.starts_with("benches/")).cloned());
    while let Some(path) = next.pop() {
        let source = house.iter().find(|source| source.path == path);
        if let (Some(source), true) = (source, reached.insert(path)) {
            next.extend(source.children());
        }
    }
    let lost = house.iter().filter(|source| !reached.contains(&source.path));
    lost.map(|source| format!("{}:1: no `mod` line leads to this file", source.path)).collect()
}

fn read(folder: &Path, house: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, house)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            house.push(Source::new(&name, &fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

#[test]
fn every_file_keeps_the_rules() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut house = Vec::new();
    for folder in ["src", "tests", "benches"].map(|name| root.join(name)) {
        if folder.exists() {
            read(&folder, &mut house)?;
        }
    }
    assert!(house.len() > 100, "only {} files were found", house.len());
    let found = violations(&house);
    assert!(found.is_empty(), "{} break the rules:\n{}", found.len(), found.join("\n"));
    Ok(())
}

#[test]
fn every_room_that_says_what_failed_is_in_the_metrics_before_it_does() -> io::Result<()> {
    let mut house = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut house)?;
    let shown = Telemetry::default().render(&Gauges::default());
    let counted = [("Fact::JournalFailed {", "journal_failures"), ("Fact::Panicked {", "panics")];
    for (fact, name) in counted {
        let says = house.iter().filter(|source| source.room() != "telemetry");
        let said: Vec<_> = says.flat_map(|source| source.text.split(fact).skip(1)).collect();
        assert!(said.len() > 2, "{fact} {}", said.len());
        for rest in said {
            let room = rest.trim_start().strip_prefix("room: \"").and_then(|r| r.split('"').next());
            let room = room.unwrap_or_else(|| panic!("name the room of {fact} where it stands"));
            let line = format!("apertur_bridge_{name}_total{{room=\"{room}\"}} 0\n");
            assert!(shown.contains(&line), "{line} is not in\n{shown}");
        }
    }
    Ok(())
}

#[test]
fn the_table_is_in_the_order_of_use_and_names_every_room() {
    for (at, (room, below)) in ROOMS.iter().enumerate() {
        let earlier: Vec<_> = ROOMS[..at].iter().map(|(name, _)| *name).collect();
        for other in *below {
            assert!(earlier.contains(other), "{room} stands before {other}, which it uses");
        }
    }
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let library = words(&library.expect("src/lib.rs is there"));
    let declared = library.windows(2).filter(|w| w[0].text == "mod");
    let rooms: BTreeSet<_> = declared.map(|w| w[1].text.as_str()).collect();
    let table = ROOMS.iter().map(|(name, _)| *name).filter(|name| *name != "main").collect();
    assert_eq!(rooms, table);
}

/// What the rules say about one file among good ones.
fn said(path: &str, text: &str) -> Vec<String> {
    let lib = Source::new("src/lib.rs", "//! Map.\npub mod route;\npub mod journal;\npub mod ops;");
    let found = violations(&[lib, Source::new(path, text)]);
    let mut found: Vec<_> =
        found.into_iter().filter_map(|f| Some(f.strip_prefix(path)?.to_owned())).collect();
    found.sort();
    found
}

#[test]
fn the_rules_bite() {
    let bad = "//! Bad.\nuse crate::{model::Photo, journal::{self, Journal}};\nuse std::env;\n\
               fn a() {\n    let x = super::telemetry::b().unwrap();\n    journal::sqlite::c(x);\n\
                   env::var(\"crate::ops::x\");\n    todo!()\n}\n#[allow(dead_code)]\nfn d() {}";
    let expected = [
        ":10: a lint is silenced with a reason",
        ":2: route may not use journal",
        ":2: route may not use journal",
        ":3: std::env may not be named here: the environment is read in config alone; \
         the demo asks for its own program's name",
        ":5: no .unwrap(): return an error",
        ":5: route may not use telemetry",
        ":6: crate::journal::sqlite may not be named here: concrete stores are named in \
         journal/mod.rs alone",
        ":6: route may not use journal",
        ":7: std::env may not be named here: the environment is read in config alone; \
         the demo asks for its own program's name",
        ":8: no todo!: finish it",
    ];
    assert_eq!(said("src/route.rs", bad), expected);
}

#[test]
fn the_rules_of_shape_bite() {
    let long = format!("fn a() {{}}\n#[ignore]\n// {}\n{}", "x".repeat(98), "\n".repeat(600));
    let expected = [
        ":1: a file begins with //! and what it holds",
        ":2: no test is ignored; mend it or take it out",
        ":3: a line has at most 100 characters",
        ":603: a file has at most 600 lines; part it",
    ];
    assert_eq!(said("src/route.rs", &long), expected);
    let lost = said("src/route/lost.rs", "//! Lost.");
    assert_eq!(lost, [":1: no `mod` line leads to this file"]);
    assert!(
        said("src/room.rs", "//! New.").contains(
            &":1: the room room is not in the table of tests/it/house/table.rs".to_owned()
        )
    );
}

#[test]
fn the_rules_let_good_code_and_tests_pass() {
    let good = "//! Good.\nuse crate::{journal::Journal, model::{Photo as P}};\n\
                // crate::cli::x println!() #[ignore]\n\
                #[expect(dead_code, reason = \"shown\")]\nconst A: &str = \"crate::serve .unwrap()\";\n\
                #[cfg(test)]\nmod tests {\n    use crate::cli;\n    fn b() { c().unwrap() }\n}";
    assert_eq!(said("src/ops.rs", good), [""; 0]);
}
