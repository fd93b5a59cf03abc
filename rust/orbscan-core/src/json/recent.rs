//! Values that were just read, by their spelling.

use super::Json;

/// The latest spellings of values and what they mean, most recent first.
///
/// A program that writes a value thousands of times spells it the same way each time, and
/// neighbours are alike. So before a value is tokenised, its text is compared with the texts that
/// were read last.
#[derive(Clone, Debug)]
pub struct Recent<'a, T> {
    seen: Vec<(&'a str, T)>,
}

impl<T> Default for Recent<'_, T> {
    fn default() -> Self {
        Self { seen: Vec::new() }
    }
}

impl<'a, T: Clone> Recent<'a, T> {
    /// The leaves of one layer of a model have about this many distinct values.
    const KEPT: usize = 16;

    /// Reads the next value if it is one of the latest, and returns its meaning.
    #[inline]
    pub fn read(&mut self, json: &mut Json<'a>) -> Option<T> {
        let place = self
            .seen
            .iter()
            .position(|(raw, _)| json.eat_spelled(raw))?;
        if place > 0 {
            self.seen.get_mut(..=place)?.rotate_right(1);
        }
        self.seen.first().map(|(_, meaning)| meaning.clone())
    }

    /// Remembers that `raw`, the whole text of a container or a string, means this.
    pub fn insert(&mut self, raw: &'a str, meaning: T) {
        self.seen.truncate(Self::KEPT.saturating_sub(1));
        self.seen.insert(0, (raw, meaning));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Dialect;
    use crate::limits::Limits;

    #[test]
    fn a_spelling_is_remembered_until_many_others_came() {
        let mut recent = Recent::default();
        let read = |recent: &mut Recent<'static, usize>, text: &'static str| {
            let limits = Limits::default();
            let mut json = Json::new(text.as_bytes(), Dialect::Python, &limits).unwrap();
            recent.read(&mut json)
        };
        let texts: Vec<&str> = (0..20).map(|i| &*format!("[{i}]").leak()).collect();
        for (number, text) in texts.iter().enumerate() {
            recent.insert(text, number);
            assert_eq!(read(&mut recent, texts[0]), (number < 20).then_some(0));
        }
        assert_eq!(read(&mut recent, " [19] "), Some(19));
        assert_eq!(read(&mut recent, "[1 ]"), None);
        assert_eq!(read(&mut recent, "[1]"), None);
    }
}
