use super::*;

fn skip(text: &str, dialect: Dialect) -> Result<String> {
    let limits = Limits {
        max_nesting: 4,
        ..Limits::default()
    };
    let mut json = Json::new(text.as_bytes(), dialect, &limits)?;
    let raw = json.skip()?.to_owned();
    json.end()?;
    Ok(raw)
}

#[test]
fn both_dialects_take_plain_json() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "12.5e-3",
        "1E+9",
        "\"\"",
        "\"a\\u00e9\\n\"",
        "[]",
        "[ ]",
        "[1, 2]",
        "{}",
        "{\"a\": {\"b\": [null]}}",
        " [1] ",
    ] {
        for dialect in [Dialect::Python, Dialect::Strict] {
            assert_eq!(skip(text, dialect).unwrap(), text.trim(), "{text}");
        }
    }
}

#[test]
fn the_dialects_differ_as_their_parsers_do() {
    for (text, python, strict) in [
        ("NaN", true, false),
        ("-Infinity", true, false),
        ("\"\\ud800\"", true, false),
        ("\u{feff}1", false, true),
        ("1\0", false, true),
        ("1\0\0", false, false),
    ] {
        assert_eq!(skip(text, Dialect::Python).is_ok(), python, "{text:?}");
        assert_eq!(skip(text, Dialect::Strict).is_ok(), strict, "{text:?}");
    }
}

#[test]
fn refusals_name_the_byte() {
    for (text, at) in [
        ("", 0),
        (" ", 1),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("{\"a\" 1}", 5),
        ("{\"a\":1,}", 7),
        ("{1:2}", 1),
        ("\"ab", 3),
        ("\"a\nb\"", 2),
        ("\"\\x\"", 1),
        ("\"\\u12g4\"", 1),
        ("01", 0),
        ("1.", 0),
        ("-", 0),
        ("1e", 0),
        ("nul", 0),
        ("tru", 0),
        ("[[[[[1]]]]]", 4),
        ("1 2", 2),
        ("/", 0),
        ("{\"a\":", 5),
    ] {
        for dialect in [Dialect::Python, Dialect::Strict] {
            let error = skip(text, dialect).unwrap_err();
            assert_eq!(error.offset(), Some(Offset::File(at)), "{text:?}: {error}");
        }
    }
}

#[test]
fn strings_are_unescaped() {
    for (text, value) in [
        (r#""plain""#, "plain"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""x\ud83d\ude00y""#, "x\u{1f600}y"),
        (r#""\ud800\udc00\udbff\udfff""#, "\u{10000}\u{10ffff}"),
        (r#""\u00e9""#, "\u{e9}"),
    ] {
        let mut json = Json::new(text.as_bytes(), Dialect::Python, &Limits::default()).unwrap();
        assert_eq!(json.string().unwrap(), value, "{text}");
    }
}

#[test]
fn a_lone_surrogate_is_refused_where_a_string_is_wanted() {
    for (text, at) in [
        (r#"" \ud800""#, 2),
        (r#""\udc00""#, 1),
        (r#""\ud800\u0041""#, 1),
    ] {
        let mut json = Json::new(text.as_bytes(), Dialect::Python, &Limits::default()).unwrap();
        let error = json.string().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.offset(), Some(Offset::File(at)), "{text}");
    }
}

#[test]
fn a_lone_surrogate_is_passed_over_in_one_dialect_alone() {
    for (text, is_text) in [
        (r#""\n\ud800""#, false),
        (r#""\ud800\n""#, false),
        (r#""\"\udc00\\""#, false),
        (r#""\ud83d\ude00 \t""#, true),
        (r#""\\ud800""#, true),
    ] {
        let skips = |dialect| {
            let mut json = Json::new(text.as_bytes(), dialect, &Limits::default()).unwrap();
            json.skip().is_ok_and(|skipped| skipped == text)
        };
        assert!(skips(Dialect::Python), "{text}");
        assert_eq!(skips(Dialect::Strict), is_text, "{text}");
    }
}

#[test]
fn integers_are_exact() {
    let read = |text: &str, dialect| {
        Json::new(text.as_bytes(), dialect, &Limits::default())
            .unwrap()
            .integer()
    };
    assert_eq!(
        read("9223372036854775807", Dialect::Python).unwrap(),
        i64::MAX
    );
    assert!(read("9223372036854775808", Dialect::Python).is_err());
    assert!(read("4.0", Dialect::Python).is_err());
    assert_eq!(read("4.0", Dialect::Strict).unwrap(), 4);
    assert_eq!(read("4e0", Dialect::Strict).unwrap(), 4);
    assert!(read("4.5", Dialect::Strict).is_err());
}

#[test]
fn truth_is_pythons() {
    for (text, truth) in [
        ("null", false),
        ("false", false),
        ("true", true),
        ("0", false),
        ("0.0", false),
        ("1", true),
        ("\"\"", false),
        ("\"false\"", true),
        ("[]", false),
        ("[ ]", false),
        ("[0]", true),
        ("{}", false),
        ("{\"a\":0}", true),
        ("NaN", true),
    ] {
        let mut json = Json::new(text.as_bytes(), Dialect::Python, &Limits::default()).unwrap();
        assert_eq!(json.truth().unwrap(), truth, "{text}");
    }
}

#[test]
fn a_git_lfs_pointer_is_called_one() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n";
    let mut json = Json::new(pointer, Dialect::Python, &Limits::default()).unwrap();
    assert!(
        json.skip()
            .unwrap_err()
            .reason()
            .contains("git-lfs pointer")
    );
}

#[test]
fn every_prefix_of_a_document_is_refused() {
    let text = r#"{"a": [1, -2.5e3, "x\u00e9"], "b": {"c": null, "d": true}}"#;
    for end in 0..text.len() {
        assert!(
            skip(text.get(..end).unwrap(), Dialect::Python).is_err(),
            "{end}"
        );
    }
}

#[test]
fn bytes_that_are_no_utf8_are_refused_where_they_stand() {
    for (bytes, at, reason) in [
        (b"[\"a\xff\"]".as_slice(), 3, "string is not UTF-8"),
        (b"{\"\xc3\": 1}", 2, "string is not UTF-8"),
        (b"[\xff]", 1, "expected a JSON value"),
        (b"[] \xff", 3, "extra text"),
    ] {
        let limits = Limits::default();
        let mut json = Json::new(bytes, Dialect::Python, &limits).unwrap();
        let error = json.skip().and_then(|_| json.end()).unwrap_err();
        assert_eq!(error.offset(), Some(Offset::File(at)), "{error}");
        assert!(error.reason().contains(reason), "{error}");
    }
}
