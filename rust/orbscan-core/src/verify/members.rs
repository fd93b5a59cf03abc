//! Members that occur twice in a JSON document. Every reader silently takes one of them: Python and
//! this one the last, others the first.

use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt};

use super::code::Code;
use super::report::{Finding, Report};
use crate::error::Result;
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;

/// Reports the names that an object of the document has more than once. Documents that are not JSON
/// are reported elsewhere.
pub(super) fn check(bytes: &[u8], file: &impl AsRef<str>, limits: &Limits, report: &mut Report) {
    let read = Json::new(bytes, Dialect::Python, limits).and_then(|mut json| {
        visit(&mut json, &mut |json, name| {
            let finding = Finding::of(
                Code::DuplicateMember,
                &json.malformed(format!("{name:?} occurs twice in one object")),
            );
            report.add(finding.in_file(file));
        })
    });
    // The code that reads the content of the document reports what is wrong with it.
    drop(read);
}

/// Visits a value and everything in it, no deeper than [`Json::object`] allows.
fn visit<'a>(json: &mut Json<'a>, twice: &mut dyn FnMut(&Json<'a>, &Cow<'a, str>)) -> Result<()> {
    match json.peek()? {
        Kind::Object => {
            let mut seen = HashSet::new();
            json.object(|json, name| {
                if seen.contains(&name) {
                    twice(json, &name);
                } else {
                    seen.insert(name);
                }
                visit(json, twice)
            })
        }
        Kind::Array => json.array(|json| visit(json, twice)),
        _ => json.skip().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(text: &str) -> Vec<String> {
        let mut report = Report::default();
        check(text.as_bytes(), &"x", &Limits::default(), &mut report);
        let findings = report.findings.iter();
        findings.map(|finding| finding.reason.clone()).collect()
    }

    #[test]
    fn names_count_in_their_own_object_alone() {
        assert_eq!(
            twice(r#"{"a": {"a": [{"b": 1}, {"b": 2}]}, "b": 3}"#),
            [""; 0]
        );
        let found = twice(r#"{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3, "a": 4}"#);
        let twice = |name| format!("{name:?} occurs twice in one object");
        assert_eq!(found, [twice("c"), twice("a"), twice("a")]);
    }

    #[test]
    fn what_is_no_json_is_left_to_others() {
        assert_eq!(twice(r#"{"a": 1, "a"#), [""; 0]);
        assert_eq!(twice(&"[".repeat(100_000)), [""; 0]);
    }
}
