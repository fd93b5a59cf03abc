//! Compressors and their settings, which the two formats spell differently.
//!
//! Source: tensorstore `driver/zarr/*_compressor.cc`, `driver/zarr3/codec/*.cc`.

use super::named::Named;
use super::{Compression, Field, number, one_of, required};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Json, Kind};

/// The levels of zstd; negative ones are faster than 1.
const ZSTD_LEVELS: (i128, i128) = (-131_072, 22);

/// The levels of zlib and gzip.
const ZLIB_LEVELS: (i128, i128) = (0, 9);

/// The levels of bz2.
const BZ2_LEVELS: (i128, i128) = (1, 9);

/// The level of a Zarr 2 document that names none; TensorStore's view of the document spells it
/// out.
const DEFAULT_LEVEL: i64 = 1;

/// The greatest `blocksize`, `BLOSC_MAX_BLOCKSIZE`.
const MAX_BLOSC_BLOCK: i128 = 715_827_542;

/// Reads the member `compressor` of a Zarr 2 document.
///
/// # Errors
/// `Malformed` for missing or wrong settings; `Unsupported` for unknown compressors and settings.
pub(super) fn v2(json: &mut Json<'_>) -> Result<Compression> {
    json.expect(Kind::Object)?;
    let start = json.offset();
    // The id may follow the members that depend on it.
    let settings = json.clone();
    let mut id = None;
    json.object(|json, name| {
        if name == "id" {
            id = Some(Field::read(json, Json::string)?);
        } else {
            json.skip()?;
        }
        Ok(())
    })?;
    let id = required(id, "id", start)?;
    match id.value.as_ref() {
        "zstd" => leveled_v2(settings, "zstd", ZSTD_LEVELS),
        "zlib" => leveled_v2(settings, "zlib", ZLIB_LEVELS),
        "gzip" => leveled_v2(settings, "gzip", ZLIB_LEVELS),
        "bz2" => leveled_v2(settings, "bz2", BZ2_LEVELS),
        "blosc" => blosc_v2(settings),
        other => {
            let reason = format!("unknown compressor {other:?}");
            Err(Error::new(ErrorKind::Unsupported, reason).at(id.offset))
        }
    }
}

fn leveled_v2(
    mut settings: Json<'_>,
    algorithm: &'static str,
    (least, greatest): (i128, i128),
) -> Result<Compression> {
    let mut level = DEFAULT_LEVEL;
    settings.object(|json, name| match name.as_ref() {
        "id" => json.skip().map(|_| ()),
        "level" => {
            level = number::whole(json, least, greatest)
                .map_err(|error| error.while_reading("level"))?;
            Ok(())
        }
        other => unknown(json, other, algorithm),
    })?;
    Ok(Compression {
        algorithm,
        level: Some(level),
    })
}

fn blosc_v2(mut settings: Json<'_>) -> Result<Compression> {
    settings.object(|json, name| {
        let checked = match name.as_ref() {
            "id" => json.skip().map(|_| ()),
            "cname" => blosc_cname(json),
            "clevel" => number::whole::<i64>(json, 0, 9).map(|_| ()),
            "shuffle" => number::whole::<i64>(json, -1, 2).map(|_| ()),
            "blocksize" => number::whole::<u64>(json, 0, u64::MAX.into()).map(|_| ()),
            other => return unknown(json, other, "blosc"),
        };
        checked.map_err(|error| error.while_reading(&name))
    })?;
    Ok(BLOSC)
}

/// Refuses the setting whose value comes next.
fn unknown(json: &mut Json<'_>, setting: &str, compressor: &str) -> Result<()> {
    json.peek()?;
    let reason = format!("{compressor} has no setting {setting:?}");
    Err(Error::new(ErrorKind::Unsupported, reason).at(json.offset()))
}

/// The settings of a Zarr 3 codec that turns bytes into fewer bytes.
///
/// # Errors
/// `Malformed` for missing or wrong settings; `Unsupported` for unknown codecs.
pub(super) fn v3(named: &Named<'_>) -> Result<Compression> {
    match named.name.as_ref() {
        "zstd" => leveled_v3(named, "zstd", ZSTD_LEVELS),
        "gzip" => leveled_v3(named, "gzip", ZLIB_LEVELS),
        "blosc" => blosc_v3(named),
        _ => Err(Error::new(ErrorKind::Unsupported, "unknown codec").at(named.offset)),
    }
}

fn leveled_v3(
    named: &Named<'_>,
    algorithm: &'static str,
    (least, greatest): (i128, i128),
) -> Result<Compression> {
    let mut level = None;
    named.configuration(|json, name| {
        match name {
            "level" => level = Some(number::whole(json, least, greatest)?),
            "checksum" if algorithm == "zstd" => drop(json.boolean()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Compression {
        algorithm,
        level: Some(required(level, "level", named.offset)?),
    })
}

fn blosc_v3(named: &Named<'_>) -> Result<Compression> {
    const SHUFFLES: [&str; 3] = ["noshuffle", "shuffle", "bitshuffle"];
    let (mut cname, mut clevel, mut blocksize) = (None, None, None);
    let (mut shuffle, mut typesize) = (None, None);
    named.configuration(|json, name| {
        match name {
            "cname" => cname = Some(blosc_cname(json)?),
            "clevel" => clevel = Some(number::whole::<i64>(json, 0, 9)?),
            "shuffle" => shuffle = Some(one_of(json, &SHUFFLES, ErrorKind::Malformed)?),
            "typesize" => typesize = Some(number::whole::<i64>(json, 1, 255)?),
            "blocksize" => blocksize = Some(number::whole::<i64>(json, 0, MAX_BLOSC_BLOCK)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(cname, "cname", named.offset)?;
    required(clevel, "clevel", named.offset)?;
    required(blocksize, "blocksize", named.offset)?;
    if required(shuffle, "shuffle", named.offset)? != "noshuffle" {
        required(typesize, "typesize", named.offset)?;
    }
    Ok(BLOSC)
}

/// Blosc names its level `clevel`, which Orbax does not read.
const BLOSC: Compression = Compression {
    algorithm: "blosc",
    level: None,
};

/// Checks the name of the compressor inside blosc.
fn blosc_cname(json: &mut Json<'_>) -> Result<()> {
    const NAMES: [&str; 6] = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"];
    one_of(json, &NAMES, ErrorKind::Unsupported).map(|_| ())
}
