//! Patterns: the one dialect in which roots, checkpoints, directories and leaves are chosen.
//!
//! | in a pattern | stands for |
//! |---|---|
//! | `*` | any characters within a level |
//! | `?` | one character within a level |
//! | `**` | any characters, of any number of levels |
//! | `**/` at the start | any number of levels, also none |
//! | `/**/` | any number of levels between two others, also none |
//! | `/**` at the end | what precedes it, and everything below that |
//! | `{0..30:2,33}` | one of these numbers, written with as many zeros as the first of a range |
//! | `[a-c]`, `[!a-c]` | in a path: one character of a set, or one that is not in it |
//! | `[0..30:2,33]` | in a keypath: one of these indices |
//! | anything else | itself |
//!
//! Levels are separated by slashes. In a keypath, brackets hold an index, and `**` may begin at
//! one: `a/**/c` matches `a[0]/c`. Every path, and every keypath, is a pattern for itself.

/// What a pattern is matched against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The path of a file or directory: brackets contain a set of characters.
    Path,
    /// The keypath of a leaf: brackets contain an index.
    Keypath,
}

impl Of {
    fn trimmed(self, text: &str) -> &str {
        match self {
            Self::Path => text.trim_matches('/'),
            Self::Keypath => text,
        }
    }
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    of: Of,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Itself.
    Char(char),
    /// `?`
    One,
    /// `*`
    Some,
    /// `**`
    All,
    /// `**/`
    Above,
    /// `/**/`
    Between,
    /// `/**` at the end
    Below,
    /// A character in one of the ranges, or in none.
    Set(bool, Vec<(char, char)>),
    /// A number in one of the ranges.
    Number(Vec<Numbers>),
}

/// Numbers from the first to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Numbers {
    first: u64,
    last: u64,
    step: u64,
    /// The least number of digits.
    width: usize,
}

/// The most digits of a number in a pattern, which 64 bits can hold.
const MOST_DIGITS: usize = 18;

impl Pattern {
    /// The pattern written as `text`; every text is a pattern. Slashes at either end are ignored,
    /// here and in a path that is compared.
    pub fn new(text: &str, of: Of) -> Self {
        let text = of.trimmed(text);
        Self {
            text: text.to_owned(),
            of,
            tokens: tokens(text, of),
        }
    }

    /// Whether the pattern can match anything but itself.
    pub fn is_wild(&self) -> bool {
        let is_wild = |token: &Token| !matches!(token, Token::Char(_));
        self.tokens.iter().any(is_wild)
    }

    /// Whether the pattern matches the whole path.
    pub fn matches(&self, path: &str) -> bool {
        let path = self.of.trimmed(path);
        if path == self.text {
            return true;
        }
        if path.is_empty() {
            // No level is empty.
            let any = |token: &Token| matches!(token, Token::All | Token::Above);
            return self.tokens.iter().all(any);
        }
        let chars: Vec<char> = path.chars().collect();
        let ends = self.ends(&chars);
        ends.is_some_and(|ends| ends.last() == Some(&true))
    }

    /// Whether it may match a path below this one.
    pub fn may_match_below(&self, path: &str) -> bool {
        let mut chars: Vec<char> = self.of.trimmed(path).chars().collect();
        if !chars.is_empty() {
            chars.push('/');
        }
        let below: String = chars.iter().collect();
        if self.text.len() > below.len() && self.text.starts_with(&below) {
            return true;
        }
        let mut reached = start(&chars);
        for token in &self.tokens {
            if reached.last() == Some(&true) {
                return true;
            }
            reached = token.ends(&chars, &reached, self.of);
        }
        // Only these can continue at their end.
        let endless = matches!(self.tokens.last(), Some(Token::All | Token::Below));
        endless && reached.last() == Some(&true)
    }

    /// Where the tokens can end, all together; `None` if they match no beginning of the text.
    fn ends(&self, chars: &[char]) -> Option<Vec<bool>> {
        let mut reached = start(chars);
        for token in &self.tokens {
            if !reached.contains(&true) {
                return None;
            }
            reached = token.ends(chars, &reached, self.of);
        }
        Some(reached)
    }
}

/// The place before the first character, among all places between characters.
fn start(chars: &[char]) -> Vec<bool> {
    let mut reached = vec![false; chars.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    reached
}

impl Token {
    /// The places in a text at which the token can end, given those at which it may begin. Each
    /// token looks at each place once, so no pattern takes more time than the product of both
    /// lengths.
    fn ends(&self, chars: &[char], begins: &[bool], of: Of) -> Vec<bool> {
        let begins_level = |char: char| char == '/' || (of == Of::Keypath && char == '[');
        let mut ends = vec![false; begins.len()];
        // Whether a token that began earlier extends to this place.
        let mut open = false;
        for (at, begun) in begins.iter().copied().enumerate() {
            let next = chars.get(at).copied();
            let behind = at.saturating_add(1);
            let here = match self {
                Self::Some | Self::All => {
                    open |= begun;
                    open
                }
                Self::Above => {
                    open |= begun;
                    begun
                }
                Self::Below => begun,
                _ => false,
            };
            set(&mut ends, at, here);
            let Some(next) = next else { break };
            match self {
                Self::Char(own) => set(&mut ends, behind, begun && *own == next),
                Self::One => set(&mut ends, behind, begun && next != '/'),
                Self::Set(negated, ranges) => {
                    let within = ranges
                        .iter()
                        .any(|(low, high)| (*low..=*high).contains(&next));
                    set(
                        &mut ends,
                        behind,
                        begun && next != '/' && within != *negated,
                    );
                }
                Self::Some => open &= next != '/',
                Self::All => {}
                Self::Above => set(&mut ends, behind, open && next == '/'),
                Self::Between => {
                    set(&mut ends, behind, (open || begun) && next == '/');
                    open |= begun && begins_level(next);
                }
                Self::Below => {
                    open |= begun && begins_level(next);
                    set(&mut ends, behind, open);
                }
                Self::Number(ranges) => {
                    let rest = chars.get(at..).unwrap_or_default();
                    let digits: String = rest
                        .iter()
                        .take_while(|char| char.is_ascii_digit())
                        .collect();
                    let is_one = ranges.iter().any(|numbers| numbers.contain(&digits));
                    let end = at.saturating_add(digits.len());
                    set(&mut ends, end, begun && is_one);
                }
            }
        }
        ends
    }
}

fn set(places: &mut [bool], at: usize, value: bool) {
    if let Some(place) = places.get_mut(at) {
        *place |= value;
    }
}

impl Numbers {
    /// Parses `text`: `7`, `0..31`, `00..30:2`.
    fn new(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once("..").unwrap_or((text, ""));
        let (last, step) = rest.split_once(':').unwrap_or((rest, "1"));
        if text.contains("..") == last.is_empty() {
            return None;
        }
        let low = number(first)?;
        Some(Self {
            first: low,
            last: if last.is_empty() { low } else { number(last)? },
            step: number(step)?.max(1),
            width: if first.starts_with('0') {
                first.len()
            } else {
                1
            },
        })
    }

    fn contain(&self, digits: &str) -> bool {
        let Some(number) = number(digits) else {
            return false;
        };
        let steps = number.checked_sub(self.first);
        (self.first..=self.last).contains(&number)
            && steps.is_some_and(|steps| steps.checked_rem(self.step) == Some(0))
            && digits.len() == number.to_string().len().max(self.width)
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = (1..=MOST_DIGITS).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn tokens(text: &str, of: Of) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, after) = wild(rest, of).unwrap_or_else(|| {
            let behind = rest.get(first.len_utf8()..).unwrap_or_default();
            (vec![Token::Char(first)], behind)
        });
        tokens.extend(token);
        rest = after;
    }
    tokens
}

/// The tokens at the start of `text` that do not match themselves, and the rest.
fn wild(text: &str, of: Of) -> Option<(Vec<Token>, &str)> {
    if text == "/**" {
        return Some((vec![Token::Below], ""));
    }
    for (spelling, token) in [
        ("/**/", Token::Between),
        ("**/", Token::Above),
        ("**", Token::All),
        ("*", Token::Some),
        ("?", Token::One),
    ] {
        if let Some(after) = text.strip_prefix(spelling) {
            return Some((vec![token], after));
        }
    }
    if let Some((ranges, after)) = numbers(text, '{', '}') {
        return Some((vec![Token::Number(ranges)], after));
    }
    match of {
        Of::Path => text.strip_prefix('[').and_then(characters),
        Of::Keypath => numbers(text, '[', ']').map(|(ranges, after)| {
            let index = [Token::Char('['), Token::Number(ranges), Token::Char(']')];
            (index.into(), after)
        }),
    }
}

/// The numbers in brackets, and the rest.
fn numbers(text: &str, open: char, close: char) -> Option<(Vec<Numbers>, &str)> {
    let (inner, after) = text.strip_prefix(open)?.split_once(close)?;
    let ranges = inner.split(',').map(Numbers::new).collect::<Option<_>>()?;
    Some((ranges, after))
}

/// A set and the rest; `None` if the bracket is never closed, and therefore matches itself.
fn characters(text: &str) -> Option<(Vec<Token>, &str)> {
    let negated = text.starts_with(['!', '^']);
    let body = text.strip_prefix(['!', '^']).unwrap_or(text);
    // A closing bracket in the first place is a member.
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
    Some((vec![Token::Set(negated, ranges)], after))
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
            ("/run/*/", "run/7", true),
            ("**", "", true),
            ("*", "", false),
            ("a", "/a", true),
            ("**", "a/b/c", true),
            ("**/7", "7", true),
            ("**/7", "a/b/7", true),
            ("**/7", "a/b/77", false),
            ("a/**/7", "a/7", true),
            ("a/**/7", "a/b/c/7", true),
            ("a/**/7", "a/b/77", false),
            ("a/**/7", "ab/7", false),
            ("a/**", "a", true),
            ("a/**", "a/b/c", true),
            ("a/**", "ab", false),
            ("a/**", "b/7", false),
            ("**/a/**", "x/a/7", true),
            ("run_?", "run_1", true),
            ("run_?", "run_12", false),
            ("a?b", "a/b", false),
            ("run_[0-3]", "run_2", true),
            ("run_[!0-3]", "run_2", false),
            ("run[!a]7", "run/7", false),
            ("run_[1]", "run_1", true),
            ("run_[1]", "run_[1]", true),
            ("run_{8..12:2}/*", "run_10/7", true),
            ("run_{8..12:2}", "run_9", false),
            ("run_{08..12}", "run_08", true),
            ("run_{08..12}", "run_8", false),
            ("{1,20}", "20", true),
            ("{a}", "{a}", true),
            ("{1..}", "1", false),
            ("a[", "a[", true),
            ("[]]", "]", true),
            ("*a*b", "xxaxxb", true),
            ("*a*b", "xxaxxbc", false),
            ("é*", "éa", true),
            ("", "", true),
            ("", "a", false),
        ] {
            let found = Pattern::new(pattern, Of::Path).matches(path);
            assert_eq!(found, expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_stands_for_keypaths() {
        for (pattern, keypath, expected) in [
            ("a[0..31]/b", "a[31]/b", true),
            ("a[0..31]/b", "a[32]/b", false),
            ("a[0..30:2,33]", "a[33]", true),
            ("a[0..30:2]", "a[3]", false),
            ("a[3]", "a[3]", true),
            ("a[3]", "a3", false),
            ("a[*]/b", "a[12]/b", true),
            ("'a[0..3]'", "'a[0..3]'", true),
            ("*", "a[0]", true),
            ("**/c", "a[0]/c", true),
            ("a/**", "a[0]", true),
            ("a/**/c", "a[0]/c", true),
            ("a/**/c", "a/b[0]/x/c", true),
            ("a/**/c", "ab/c", false),
            ("a/**/c", "a/bc", false),
            ("a/**/b/**/c", "a[1]/b/x/c", true),
            ("/a/", "a", false),
        ] {
            let found = Pattern::new(pattern, Of::Keypath).matches(keypath);
            assert_eq!(found, expected, "{pattern} {keypath}");
        }
    }

    #[test]
    fn tells_where_nothing_can_match() {
        for (pattern, directory, expected) in [
            ("run_1/*", "", true),
            ("run_1/*", "run_1", true),
            ("run_1/*", "run_2", false),
            ("run_1/*", "run_1/7", false),
            ("run_1/7", "run_1", true),
            ("run_1/7", "run_1/7", false),
            ("run_[1]/7", "run_[1]", true),
            ("**/7", "anywhere/at/all", true),
            ("a/**", "a/b/c", true),
            ("a/**", "b", false),
            ("a**", "ab/c", true),
            ("a*", "ab", false),
            ("*/*/7", "a", true),
            ("*/*/7", "a/b/c", false),
            ("", "", false),
        ] {
            let found = Pattern::new(pattern, Of::Path).may_match_below(directory);
            assert_eq!(found, expected, "{pattern} {directory}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_answered_at_once() {
        let pattern = Pattern::new(&"*a".repeat(200), Of::Path);
        assert!(!pattern.matches(&format!("{}b", "a".repeat(5_000))));
    }
}
