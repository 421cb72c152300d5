//! Rust source as words with their lines: comments and literals left out, tests on demand.
//!
//! Knows just enough of the grammar for the rules of the house: where literals end, what an
//! attribute is, and how far an item goes.

/// A word of source: a name, `::`, or any other single character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// The words of a text, without comments and literals.
pub(super) fn words(text: &str) -> Vec<Word> {
    let blank = blanked(text);
    let mut words = Vec::new();
    for (number, line) in blank.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let name = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
            let length = match name {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                name => name,
            };
            words.push(Word { text: rest[..length].to_owned(), line: number + 1 });
            rest = rest[length..].trim_start();
        }
    }
    words
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with comments and literals as spaces; line ends stay where they are.
pub(super) fn blanked(text: &str) -> String {
    let mut blank = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_name = false;
    while let Some(first) = rest.chars().next() {
        let skip = if in_name { 0 } else { silent(rest) };
        if skip == 0 {
            in_name = is_name(first);
            blank.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        blank.extend(rest[..skip].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[skip..];
        in_name = false;
    }
    blank
}

/// The length of the comment or literal that a text begins with; 0 for anything else.
fn silent(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return comment(text);
    }
    let prefix = text.bytes().take_while(u8::is_ascii_lowercase).count();
    let (prefix, rest) = text.split_at(prefix);
    let hashes = rest.bytes().take_while(|b| *b == b'#').count();
    match prefix {
        "r" | "br" | "cr" if rest[hashes..].starts_with('"') => {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = prefix.len() + hashes + 1;
            text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
        }
        "" | "b" | "c" if rest.starts_with('"') => prefix.len() + quoted(rest, '"'),
        "" | "b" if is_character(rest) => prefix.len() + quoted(rest, '\''),
        _ => 0,
    }
}

fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// A character literal, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('\'') && (chars.next() == Some('\\') || chars.next() == Some('\''))
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The words of shipped code: without what stands under `#[cfg(test)]`. Also gives the modules
/// of tests that have a file of their own.
pub(super) fn shipped(words: &[Word]) -> (Vec<Word>, Vec<String>) {
    let (mut kept, mut tests) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < words.len() {
        if !reads(&words[at..], &["#", "[", "cfg", "(", "test", ")", "]"]) {
            kept.push(words[at].clone());
            at += 1;
            continue;
        }
        let end = at + item(&words[at..]);
        let module = words[at..end].windows(3).find(|w| w[0].text == "mod" && w[2].text == ";");
        tests.extend(module.map(|w| w[1].text.clone()));
        at = end;
    }
    (kept, tests)
}

/// Whether words begin with these texts.
pub(super) fn reads(words: &[Word], texts: &[&str]) -> bool {
    words.len() >= texts.len() && words.iter().zip(texts).all(|(word, text)| word.text == *text)
}

/// The number of words of the item, with its attributes, that words begin with.
fn item(words: &[Word]) -> usize {
    let mut at = 0;
    while reads(&words[at..], &["#", "["]) {
        at += 1 + group(&words[at + 1..]);
    }
    while at < words.len() {
        match words[at].text.as_str() {
            ";" => return at + 1,
            "{" => return at + group(&words[at..]),
            "(" | "[" => at += group(&words[at..]),
            _ => at += 1,
        }
    }
    at
}

/// The number of words from a bracket to its partner.
pub(super) fn group(words: &[Word]) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        match word.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    words.len()
}

#[test]
fn words_are_what_is_no_comment_and_no_literal() {
    let text = r####"a // b "c
        /* d /* e */ f */ 'g' '\'' b'h' 'i: &'j str, "k \" l" r#"m " n"# b"o" c::d br##"p"# q"##"####;
    let texts: Vec<_> = words(text).into_iter().map(|word| word.text).collect();
    assert_eq!(texts, ["a", "'", "i", ":", "&", "'", "j", "str", ",", "c", "::", "d"]);
    assert_eq!(words("a\n\n/* \n */ b")[1], Word { text: "b".to_owned(), line: 4 });
}

#[test]
fn shipped_code_is_what_stands_under_no_test() {
    let text = "fn a() {} #[cfg(test)] mod t; #[cfg(test)] #[x(y)] pub(super) mod u { fn b() {} }
                #[cfg(test)] const C: [u8; 2] = [1, 2]; fn d() {}";
    let (kept, tests) = shipped(&words(text));
    let kept: Vec<_> = kept.into_iter().map(|word| word.text).collect();
    assert_eq!(kept.concat(), "fna(){}fnd(){}");
    assert_eq!(tests, ["t"]);
}
