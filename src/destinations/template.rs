//! Texts with `{variables}`, as key templates and messages have them: taken apart once, when
//! the configuration is read. Knows no variable's name or value.

/// One part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text that stands for itself.
    Text(&'a str),
    /// What stands between two braces, and the position of the first brace in bytes.
    Variable(&'a str, usize),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at position {position}")]
pub struct InvalidTemplate {
    what: String,
    position: usize,
}

impl InvalidTemplate {
    /// `at` counts bytes from 0; people are told from 1.
    pub(super) fn new(what: impl Into<String>, at: usize) -> Self {
        Self { what: what.into(), position: at + 1 }
    }

    /// A variable that the template's kind does not have.
    pub(super) fn unknown(name: &str, at: usize, known: &[&str]) -> Self {
        let known: Vec<_> = known.iter().map(|name| format!("{{{name}}}")).collect();
        Self::new(format!("{{{name}}} is not one of {}", known.join(" ")), at)
    }
}

/// Takes a text apart at its braces.
///
/// # Errors
/// When a brace has no partner.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, InvalidTemplate> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(found) = rest.find(['{', '}']) else {
            pieces.push(Piece::Text(rest));
            break;
        };
        let open = at + found;
        let inner = rest[found..]
            .strip_prefix('{')
            .ok_or_else(|| InvalidTemplate::new("a } without its {", open))?;
        let name = inner
            .split_once('}')
            .map(|(name, _)| name)
            .filter(|name| !name.contains('{'))
            .ok_or_else(|| InvalidTemplate::new("a { without its }", open))?;
        if found > 0 {
            pieces.push(Piece::Text(&rest[..found]));
        }
        pieces.push(Piece::Variable(name, open));
        at = open + name.len() + 2;
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_apart_at_its_braces() {
        let found = pieces("à {b}{c}/d").unwrap();
        let wanted = [
            Piece::Text("à "),
            Piece::Variable("b", 3),
            Piece::Variable("c", 6),
            Piece::Text("/d"),
        ];
        assert_eq!(found, wanted);
        assert_eq!(pieces(""), Ok(Vec::new()));
    }

    #[test]
    fn a_lonely_brace_is_an_error_with_its_place() {
        let message = |text| pieces(text).unwrap_err().to_string();
        assert_eq!(message("a{b"), "a { without its } at position 2");
        assert_eq!(message("a{b{c}"), "a { without its } at position 2");
        assert_eq!(message("ab}"), "a } without its { at position 3");
    }
}
