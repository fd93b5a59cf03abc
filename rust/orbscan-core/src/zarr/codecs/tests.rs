use super::*;
use crate::cursor::to_u64;
use crate::json::Dialect;
use crate::limits::Limits;

const BYTES: &str = r#"{"name":"bytes","configuration":{"endian":"little"}}"#;
const ZSTD: &str = r#"{"configuration":{"level":3},"name":"zstd"}"#;
const CRC: &str = r#"{"name":"crc32c"}"#;

fn transpose(order: &str) -> String {
    format!(r#"{{"name":"transpose","configuration":{{"order":{order}}}}}"#)
}

fn sharding(chunk_shape: &str, codecs: &[&str]) -> String {
    indexed(chunk_shape, codecs, &[BYTES, CRC])
}

fn indexed(chunk_shape: &str, codecs: &[&str], index: &[&str]) -> String {
    let (codecs, index) = (codecs.join(","), index.join(","));
    format!(
        r#"{{"name":"sharding_indexed","configuration":{{"chunk_shape":{chunk_shape},"codecs":[{codecs}],"index_codecs":[{index}]}}}}"#
    )
}

fn read(codecs: &[&str]) -> Result<Chain> {
    let text = format!("[{}]", codecs.join(","));
    let mut json = Json::new(text.as_bytes(), Dialect::Strict, &Limits::default())?;
    Chain::read(&mut json)
}

/// The read chunk for float32 chunks of this shape.
fn read_chunk(codecs: &[&str], chunk_shape: &[u64]) -> Result<Vec<u64>> {
    read(codecs)?.read_chunk(chunk_shape, 4)
}

#[test]
fn read_chunks_are_the_innermost_in_the_order_of_the_array() {
    let turn = &transpose("[1,0]");
    let cycle = &transpose("[1,2,0]");
    for (codecs, chunk_shape, read) in [
        (vec![BYTES], &[4, 4][..], &[4, 4][..]),
        (vec![turn, BYTES, ZSTD, CRC], &[4, 2], &[4, 2]),
        (vec![&sharding("[2,2]", &[BYTES])], &[4, 4], &[2, 2]),
        (vec![&sharding("[2,4]", &[turn, BYTES])], &[4, 4], &[2, 4]),
        (vec![turn, &sharding("[4,2]", &[BYTES])], &[4, 4], &[2, 4]),
        (
            vec![&transpose("\"F\""), &sharding("[4,2]", &[BYTES])],
            &[4, 4],
            &[2, 4],
        ),
        (
            vec![&transpose("\"C\""), &sharding("[4,2]", &[BYTES])],
            &[4, 4],
            &[4, 2],
        ),
        (
            vec![turn, turn, &sharding("[4,2]", &[BYTES])],
            &[4, 4],
            &[4, 2],
        ),
        (
            vec![&sharding("[2,4]", &[&sharding("[1,2]", &[BYTES])])],
            &[4, 4],
            &[1, 2],
        ),
        (
            vec![&sharding("[2,4]", &[turn, &sharding("[4,1]", &[BYTES])])],
            &[4, 4],
            &[1, 4],
        ),
        (
            vec![cycle, &sharding("[2,3,4]", &[BYTES])],
            &[8, 4, 9],
            &[4, 2, 3],
        ),
        (vec![&sharding("[]", &[BYTES])], &[], &[]),
    ] {
        assert_eq!(
            read_chunk(&codecs, chunk_shape).unwrap(),
            read,
            "{codecs:?}"
        );
    }
}

#[test]
fn compression_is_what_orbax_reports() {
    let blosc = r#"{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"noshuffle","blocksize":0}}"#;
    let gzip = r#"{"name":"gzip","configuration":{"level":5}}"#;
    for (codecs, compression) in [
        (vec![BYTES], None),
        (vec![BYTES, CRC, ZSTD, gzip], Some(("zstd", Some(3)))),
        (vec![BYTES, gzip], Some(("gzip", Some(5)))),
        (vec![BYTES, blosc], Some(("blosc", None))),
        (vec![&sharding("[1]", &[BYTES, CRC])], None),
        (
            vec![&sharding("[1]", &[BYTES, ZSTD])],
            Some(("zstd", Some(3))),
        ),
        (
            vec![&sharding("[1]", &[&sharding("[1]", &[BYTES, ZSTD])])],
            Some(("sharding_indexed", None)),
        ),
    ] {
        let found = read(&codecs).unwrap().compression();
        assert_eq!(
            found.map(|it| (it.algorithm, it.level)),
            compression,
            "{codecs:?}"
        );
    }
}

#[test]
fn refusals_name_kind_and_byte() {
    use ErrorKind::{Malformed, Unsupported};
    let shards = sharding("[2,2]", &[BYTES]);
    let (shards, marked_zstd) = (shards.as_str(), &*format!("^{ZSTD}"));
    // A mark precedes the byte that the error names; without a mark it is the first byte.
    for (codecs, kind) in [
        (vec![], Malformed),
        (vec![marked_zstd], Malformed),
        (vec!["^5"], Malformed),
        (vec!["^{}"], Malformed),
        (vec![r#"{"name":"bytes"}"#], Malformed),
        (vec![r#"{"name":"bytes","x":^1}"#], Malformed),
        (
            vec![r#"{"name":"bytes","configuration":{"endian":^"native"}}"#],
            Malformed,
        ),
        (
            vec![r#"{"name":"bytes","configuration":{"x":^1}}"#],
            Malformed,
        ),
        (vec![BYTES, r#"^{"name":"lz4"}"#], Unsupported),
        (vec![BYTES, &format!("^{BYTES}")], Malformed),
        (
            vec![
                BYTES,
                r#"^{"name":"transpose","configuration":{"order":[1,0]}}"#,
            ],
            Malformed,
        ),
        (vec![BYTES, r#"^{"name":"zstd"}"#], Malformed),
        (
            vec![BYTES, r#"{"name":"gzip","configuration":{"level":^10}}"#],
            Malformed,
        ),
        (
            vec![BYTES, r#"{"name":"blosc","configuration":{"cname":^"x"}}"#],
            Unsupported,
        ),
        (
            vec![BYTES, r#"{"name":"crc32c","configuration":{"x":^1}}"#],
            Malformed,
        ),
        (
            vec![
                r#"^{"name":"transpose","configuration":{"order":[0]}}"#,
                BYTES,
            ],
            Malformed,
        ),
        (vec![&transpose("^[0,0]"), BYTES], Malformed),
        (vec![&transpose("^\"A\""), BYTES], Malformed),
        (vec![r#"^{"name":"transpose"}"#, BYTES], Malformed),
        (vec![&sharding("^[3,2]", &[BYTES])], Malformed),
        (vec![&sharding("^[8,8]", &[BYTES])], Malformed),
        (vec![&sharding("^[2]", &[BYTES])], Malformed),
        (vec![&sharding("[2,^0]", &[BYTES])], Malformed),
        (vec![&sharding("[2,2]", &["^5"])], Malformed),
        (
            vec![&indexed("[2,2]", &[BYTES], &[BYTES, marked_zstd])],
            Malformed,
        ),
        (vec![shards, marked_zstd], Malformed),
        (vec![r#"^{"name":"sharding_indexed"}"#], Malformed),
    ] {
        let at = codecs.join(",").find('^').map_or(0, |at| to_u64(at) + 1);
        let codecs: Vec<_> = codecs.iter().map(|codec| codec.replace('^', "")).collect();
        let codecs: Vec<_> = codecs.iter().map(String::as_str).collect();
        let error = read_chunk(&codecs, &[4, 4]).unwrap_err();
        let found = (error.kind(), error.offset());
        assert_eq!(found, (kind, Some(Offset::File(at))), "{codecs:?}: {error}");
    }
}

#[test]
fn sizes_are_limited_as_in_tensorstore() {
    let (large, half) = (1 << 31, 1 << 30);
    assert!(read_chunk(&[BYTES], &[large - 1, half]).is_ok());
    assert!(read_chunk(&[BYTES], &[large, half]).is_err());
    let halves = sharding("[1073741824,1073741824]", &[BYTES]);
    assert!(read_chunk(&[&halves], &[large, half]).is_ok());
    let ones = sharding("[1,1]", &[BYTES]);
    assert!(read_chunk(&[&ones], &[1 << 15, 1 << 15]).is_ok());
    assert!(read_chunk(&[&ones], &[1 << 16, 1 << 15]).is_err());
    let rank = |rank| {
        let ones = vec!["1"; rank].join(",");
        let shards = sharding(&format!("[{ones}]"), &[BYTES]);
        read_chunk(&[&shards], &vec![1; rank])
    };
    assert!(rank(31).is_ok());
    assert!(rank(32).is_err());
}

#[test]
fn shards_in_shards_are_read_as_deep_as_json_may_nest() {
    let mut codec = BYTES.to_owned();
    for _ in 0..160 {
        codec = sharding("[1]", &[&codec]);
    }
    assert_eq!(read_chunk(&[&codec], &[1]).unwrap(), [1]);
    for _ in 0..10 {
        codec = sharding("[1]", &[&codec]);
    }
    assert!(read(&[&codec]).is_err_and(|error| error.kind() == ErrorKind::Limit));
}
