//! Patterns for paths: `*` and `?` stay within a level, `**` is any number of levels, `[a-c]` and
//! `[!a-c]` are sets of characters.

/// A pattern for relative paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<Level>);

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    /// `**`
    Any,
    /// All else.
    Name(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `*`
    Some,
    /// `?`
    One,
    /// A character in one of the ranges, or in none.
    Set(bool, Vec<(char, char)>),
    /// Itself.
    Char(char),
}

impl Glob {
    /// The pattern that `text` writes; every text is one.
    pub fn new(text: &str) -> Self {
        let level = |text: &str| match text {
            "**" => Level::Any,
            _ => Level::Name(tokens(text)),
        };
        Self(text.trim_matches('/').split('/').map(level).collect())
    }

    /// Whether the pattern stands for the path.
    pub fn matches(&self, path: &str) -> bool {
        self.reached(path).last() == Some(&true)
    }

    /// Whether it may stand for a path below this one.
    pub fn may_match_below(&self, path: &str) -> bool {
        self.reached(path)
            .iter()
            .rev()
            .skip(1)
            .any(|reached| *reached)
    }

    /// For each number of leading levels of the pattern, whether they can stand for the path.
    fn reached(&self, path: &str) -> Vec<bool> {
        let mut reached = vec![false; self.0.len().saturating_add(1)];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        self.skip_any(&mut reached);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let name: Vec<char> = part.chars().collect();
            let mut next = vec![false];
            for (level, reached) in self.0.iter().zip(&reached) {
                next.push(match level {
                    Level::Any => false,
                    Level::Name(tokens) => *reached && stands_for(tokens, &name),
                });
            }
            for ((level, reached), next) in self.0.iter().zip(&reached).zip(next.iter_mut()) {
                *next |= *reached && *level == Level::Any;
            }
            self.skip_any(&mut next);
            reached = next;
        }
        reached
    }

    /// `**` may stand for no level at all.
    fn skip_any(&self, reached: &mut [bool]) {
        let mut before = false;
        for (at, reached) in reached.iter_mut().enumerate() {
            let level = at.checked_sub(1).and_then(|at| self.0.get(at));
            *reached |= before && level == Some(&Level::Any);
            before = *reached;
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let behind = rest.get(first.len_utf8()..).unwrap_or_default();
        let set = (first == '[').then(|| set(behind)).flatten();
        if let Some((token, after)) = set {
            tokens.push(token);
            rest = after;
            continue;
        }
        tokens.push(match first {
            '*' => Token::Some,
            '?' => Token::One,
            _ => Token::Char(first),
        });
        rest = behind;
    }
    tokens
}

/// A set and what follows it; `None` if the bracket is never closed and so stands for itself.
fn set(text: &str) -> Option<(Token, &str)> {
    let negated = text.starts_with(['!', '^']);
    let body = text.strip_prefix(['!', '^']).unwrap_or(text);
    // A closing bracket that comes first is a member.
    let close = body
        .char_indices()
        .find(|(at, c)| *c == ']' && *at > 0)
        .map(|(at, _)| at)?;
    let members: Vec<char> = body.get(..close)?.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    loop {
        rest = match rest {
            [low, '-', high, rest @ ..] => {
                ranges.push((*low, *high));
                rest
            }
            [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => break,
        };
    }
    let after = body.get(close.saturating_add(1)..).unwrap_or_default();
    Some((Token::Set(negated, ranges), after))
}

/// Whether the tokens stand for the name. Only the last `*` is ever tried again, so that no pattern
/// takes more than the product of both lengths.
fn stands_for(tokens: &[Token], name: &[char]) -> bool {
    let (mut pattern, mut rest) = (tokens, name);
    let mut retry: Option<(&[Token], &[char])> = None;
    loop {
        match (pattern, rest) {
            ([], []) => return true,
            ([Token::Some, after @ ..], _) => {
                retry = Some((after, rest));
                pattern = after;
                continue;
            }
            ([token, after @ ..], [first, others @ ..]) if token.is(*first) => {
                (pattern, rest) = (after, others);
                continue;
            }
            _ => {}
        }
        match retry {
            Some((after, [_, others @ ..])) => {
                retry = Some((after, others));
                (pattern, rest) = (after, others);
            }
            _ => return false,
        }
    }
}

impl Token {
    fn is(&self, c: char) -> bool {
        match self {
            Self::Some => false,
            Self::One => true,
            Self::Set(negated, ranges) => {
                let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                within != *negated
            }
            Self::Char(own) => *own == c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_paths() {
        for (pattern, path, expected) in [
            ("*", "7", true),
            ("*", "run/7", false),
            ("run/*", "run/7", true),
            ("**", "", true),
            ("**", "a/b/c", true),
            ("**/7", "7", true),
            ("**/7", "a/b/7", true),
            ("**/7", "a/b/77", false),
            ("a/**/7", "a/7", true),
            ("a/**/7", "a/b/c/7", true),
            ("a/**", "b/7", false),
            ("run_?", "run_1", true),
            ("run_?", "run_12", false),
            ("run_[0-3]", "run_2", true),
            ("run_[!0-3]", "run_2", false),
            ("a[", "a[", true),
            ("[]]", "]", true),
            ("*a*b", "xxaxxb", true),
            ("*a*b", "xxaxxbc", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(path),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn tells_where_nothing_can_match() {
        for (pattern, directory, expected) in [
            ("run_1/*", "", true),
            ("run_1/*", "run_1", true),
            ("run_1/*", "run_2", false),
            ("run_1/*", "run_1/7", false),
            ("**/7", "anywhere/at/all", true),
            ("a/**", "b", false),
        ] {
            let found = Glob::new(pattern).may_match_below(directory);
            assert_eq!(found, expected, "{pattern} {directory}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_answered_at_once() {
        let pattern = Glob::new(&"*a".repeat(200));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(5_000))));
    }
}
