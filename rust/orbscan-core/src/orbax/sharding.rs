//! One sharding: the JSON text in a string of `_sharding`.
//!
//! | `sharding_type` | members | written by |
//! |---|---|---|
//! | `NamedSharding` | `shape`, `axis_names`, `partition_spec` | 0.4.0 and later |
//! | | `device_mesh`: `{"mesh": nested lists of {"id": int}}` | 0.6.2 and later |
//! | | `axis_types`: list of `AxisType.Auto` and the like | 0.11.26 and later |
//! | `SingleDeviceSharding` | `device_str` | 0.4.3 and later |
//! | `PositionalSharding` | `shape`, `memory_kind` | 2024 to 0.11.13 |
//!
//! Source: orbax `_src/metadata/sharding.py`. Orbax itself refuses positional shardings and accepts
//! some wrong types silently.

use crate::error::{Error, ErrorKind, Offset, Result};
use crate::json::{Json, Kind};

/// How an array was laid over devices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sharding {
    /// Over a mesh of devices with named axes.
    Named {
        /// The lengths of the mesh axes, in devices.
        shape: Vec<i64>,
        /// Their names.
        axis_names: Vec<String>,
        /// How each axis is used; `None` in older files.
        axis_types: Option<Vec<AxisType>>,
        /// For each array dimension, the mesh axes that split it; dimensions missing at the end are
        /// not split.
        partition_spec: Vec<SpecEntry>,
        /// The devices themselves; `None` in older files.
        device_mesh: Option<DeviceMesh>,
    },
    /// Whole, on one device.
    Single {
        /// The device as the writer's JAX spelled it: `TFRT_CPU_0`, `cpu:0`, `TPU_0(…)`.
        device_str: String,
    },
    /// Over a mesh without names.
    Positional {
        /// The lengths of the mesh, in devices.
        shape: Vec<i64>,
        /// The kind of memory, if it was not the default.
        memory_kind: Option<String>,
    },
}

/// How JAX uses a mesh axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AxisType {
    /// The compiler decides.
    Auto,
    /// It is part of array types.
    Explicit,
    /// The program decides.
    Manual,
}

impl AxisType {
    /// The name that JAX gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Explicit => "Explicit",
            Self::Manual => "Manual",
        }
    }
}

/// The mesh axes that split one array dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SpecEntry {
    /// None.
    Unsplit,
    /// One.
    Axis(String),
    /// Several, from major to minor.
    Axes(Vec<String>),
}

/// The devices of a mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceMesh {
    /// The lengths of its axes, in devices.
    pub shape: Vec<u64>,
    /// The ids of the devices, row-major.
    pub ids: Vec<i64>,
}

/// The lengths of the axes of a mesh over this many devices. A negative length is computed from the
/// others, as in `numpy.reshape`, which Orbax calls; `None` if the devices do not fill the mesh.
pub fn filled(shape: &[i64], devices: u64) -> Option<Vec<u64>> {
    let known = shape
        .iter()
        .filter_map(|length| u64::try_from(*length).ok());
    let known = known.fold(1_u64, u64::saturating_mul);
    let left = devices.checked_div(known).unwrap_or_default();
    let unknown = shape.iter().filter(|length| **length < 0).count();
    let has_room = if unknown == 1 { left > 0 } else { left == 1 };
    (unknown <= 1 && has_room && left.checked_mul(known) == Some(devices)).then(|| {
        let lengths = shape.iter();
        lengths
            .map(|length| u64::try_from(*length).unwrap_or(left))
            .collect()
    })
}

/// Reads one sharding. `json` is positioned at the text, and afterwards after it.
///
/// # Errors
/// `Malformed` if members are missing or of a wrong type; `Unsupported` for unknown sharding types
/// and axis types.
pub fn decode(json: &mut Json<'_>) -> Result<Sharding> {
    json.peek()?;
    let start = json.offset();
    let mut members = Members::default();
    json.object(|json, name| {
        members
            .read(json, &name)
            .map_err(|error| error.while_reading(&name))
    })?;
    members.finish(start)
}

/// The members seen so far, of any sharding type.
#[derive(Default)]
struct Members {
    sharding_type: Option<(String, Offset)>,
    shape: Option<Vec<i64>>,
    axis_names: Option<Vec<String>>,
    axis_types: Option<Vec<AxisType>>,
    partition_spec: Option<Vec<SpecEntry>>,
    device_mesh: Option<DeviceMesh>,
    device_str: Option<String>,
    memory_kind: Option<String>,
}

impl Members {
    fn read(&mut self, json: &mut Json<'_>, name: &str) -> Result<()> {
        match name {
            "sharding_type" => {
                json.peek()?;
                let offset = json.offset();
                self.sharding_type = Some((text(json)?, offset));
            }
            "shape" => self.shape = Some(json.list(Json::integer)?),
            "axis_names" => self.axis_names = Some(json.list(text)?),
            "axis_types" => self.axis_types = unless_falsy(json, |json| json.list(axis_type))?,
            "partition_spec" => self.partition_spec = Some(json.list(spec_entry)?),
            "device_mesh" => self.device_mesh = unless_falsy(json, device_mesh)?,
            "device_str" => self.device_str = Some(text(json)?),
            "memory_kind" => self.memory_kind = json.optional(text)?,
            _ => drop(json.skip()?),
        }
        Ok(())
    }

    /// Combines the members; `start` is where their object begins.
    fn finish(self, start: Offset) -> Result<Sharding> {
        let missing = |name: &str| Error::malformed(start, format!("member {name:?} is missing"));
        let (kind, offset) = self.sharding_type.ok_or_else(|| missing("sharding_type"))?;
        match kind.as_str() {
            "NamedSharding" => Ok(Sharding::Named {
                shape: self.shape.ok_or_else(|| missing("shape"))?,
                axis_names: self.axis_names.ok_or_else(|| missing("axis_names"))?,
                axis_types: self.axis_types,
                partition_spec: self
                    .partition_spec
                    .ok_or_else(|| missing("partition_spec"))?,
                device_mesh: self.device_mesh,
            }),
            "SingleDeviceSharding" => Ok(Sharding::Single {
                device_str: self.device_str.ok_or_else(|| missing("device_str"))?,
            }),
            "PositionalSharding" => Ok(Sharding::Positional {
                shape: self.shape.ok_or_else(|| missing("shape"))?,
                memory_kind: self.memory_kind,
            }),
            other => {
                let reason = format!("unknown sharding type {other:?}");
                Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
            }
        }
    }
}

/// Reads what `value` reads, or a value that counts as false in Python, which Orbax treats as
/// absent.
fn unless_falsy<'a, T>(
    json: &mut Json<'a>,
    value: impl FnOnce(&mut Json<'a>) -> Result<T>,
) -> Result<Option<T>> {
    let mut ahead = json.clone();
    if ahead.truth()? {
        return value(json).map(Some);
    }
    *json = ahead;
    Ok(None)
}

fn text(json: &mut Json<'_>) -> Result<String> {
    json.string().map(std::borrow::Cow::into_owned)
}

fn axis_type(json: &mut Json<'_>) -> Result<AxisType> {
    json.peek()?;
    let offset = json.offset();
    let text = json.string()?;
    match text.as_ref() {
        "AxisType.Auto" => Ok(AxisType::Auto),
        "AxisType.Explicit" => Ok(AxisType::Explicit),
        "AxisType.Manual" => Ok(AxisType::Manual),
        other => {
            let reason = format!("unknown axis type {other:?}");
            Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
        }
    }
}

fn spec_entry(json: &mut Json<'_>) -> Result<SpecEntry> {
    match json.peek()? {
        Kind::Null => json.skip().map(|_| SpecEntry::Unsplit),
        Kind::Array => json.list(text).map(SpecEntry::Axes),
        _ => text(json).map(SpecEntry::Axis),
    }
}

fn device_mesh(json: &mut Json<'_>) -> Result<DeviceMesh> {
    json.peek()?;
    let start = json.offset();
    let mut found = None;
    json.object(|json, name| {
        if name == "mesh" {
            let mut mesh = DeviceMesh::default();
            let mut rank = None;
            mesh_level(json, 0, &mut mesh, &mut rank)?;
            if rank.is_some_and(|rank| rank != mesh.shape.len()) {
                return Err(Error::malformed(start, "the mesh is not rectangular"));
            }
            found = Some(mesh);
        } else {
            json.skip()?;
        }
        Ok(())
    })?;
    found.ok_or_else(|| Error::malformed(start, "member \"mesh\" is missing"))
}

/// Reads the part of a mesh below `depth` lists; `rank` is the depth of the first device seen.
/// Recursion ends at the nesting that the JSON parser allows.
fn mesh_level(
    json: &mut Json<'_>,
    depth: usize,
    mesh: &mut DeviceMesh,
    rank: &mut Option<usize>,
) -> Result<()> {
    json.peek()?;
    let offset = json.offset();
    let ragged = || Err(Error::malformed(offset, "the mesh is not rectangular"));
    if json.peek()? != Kind::Array {
        mesh.ids.push(device(json)?);
        if *rank.get_or_insert(depth) == depth {
            return Ok(());
        }
        return ragged();
    }
    if mesh.shape.len() == depth {
        // The first list at this depth; its length is set below.
        mesh.shape.push(u64::MAX);
    }
    let mut length = 0_u64;
    json.array(|json| {
        length = length.saturating_add(1);
        mesh_level(json, depth.saturating_add(1), mesh, rank)
    })?;
    match mesh.shape.get_mut(depth) {
        Some(known) if *known == u64::MAX => *known = length,
        Some(known) if *known == length => {}
        _ => return ragged(),
    }
    Ok(())
}

/// One device: `{"id": 3}`.
fn device(json: &mut Json<'_>) -> Result<i64> {
    json.peek()?;
    let start = json.offset();
    let mut id = None;
    json.object(|json, name| {
        match name.as_ref() {
            "id" => id = Some(json.integer()?),
            _ => drop(json.skip()?),
        }
        Ok(())
    })?;
    id.ok_or_else(|| Error::malformed(start, "a device without an id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Dialect;
    use crate::limits::Limits;

    fn read(text: &str) -> Result<Sharding> {
        let mut json = Json::new(text.as_bytes(), Dialect::Python, &Limits::default())?;
        let sharding = decode(&mut json)?;
        json.end()?;
        Ok(sharding)
    }

    #[test]
    fn a_mesh_is_filled_as_numpy_reshapes() {
        for (shape, devices, wanted) in [
            (&[4, 2][..], 8, Some(&[4, 2][..])),
            (&[-1, 2], 8, Some(&[4, 2])),
            (&[2, -5], 8, Some(&[2, 4])),
            (&[], 1, Some(&[])),
            (&[-1, -1], 8, None),
            (&[-1, 3], 8, None),
            (&[-1, 0], 8, None),
            (&[0, 2], 8, None),
            (&[2, 2], 8, None),
            (&[4], 0, None),
        ] {
            let filled = filled(shape, devices);
            assert_eq!(filled.as_deref(), wanted, "{shape:?} {devices}");
        }
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_named_sharding_of_0_12_8_is_read_whole() {
        let text = r#"{"sharding_type": "NamedSharding", "shape": [2, 2, 2], "axis_names": ["a", "b", "c"], "axis_types": ["AxisType.Auto", "AxisType.Explicit", "AxisType.Manual"], "partition_spec": ["a", ["b", "c"], null], "device_mesh": {"mesh": [[[{"id": 0}, {"id": 1}], [{"id": 2}, {"id": 3}]], [[{"id": 4}, {"id": 5}], [{"id": 6}, {"id": 7}]]]}}"#;
        let sharding = Sharding::Named {
            shape: vec![2, 2, 2],
            axis_names: strings(&["a", "b", "c"]),
            axis_types: Some(vec![AxisType::Auto, AxisType::Explicit, AxisType::Manual]),
            partition_spec: vec![
                SpecEntry::Axis("a".to_owned()),
                SpecEntry::Axes(strings(&["b", "c"])),
                SpecEntry::Unsplit,
            ],
            device_mesh: Some(DeviceMesh {
                shape: vec![2, 2, 2],
                ids: (0..8).collect(),
            }),
        };
        assert_eq!(read(text).unwrap(), sharding);
    }

    #[test]
    fn older_forms_are_read() {
        let named = r#"{"sharding_type": "NamedSharding", "shape": [8], "axis_names": ["x"], "partition_spec": []}"#;
        let sharding = Sharding::Named {
            shape: vec![8],
            axis_names: strings(&["x"]),
            axis_types: None,
            partition_spec: Vec::new(),
            device_mesh: None,
        };
        assert_eq!(read(named).unwrap(), sharding);
        let single = r#"{"sharding_type": "SingleDeviceSharding", "device_str": "TFRT_CPU_0"}"#;
        let device_str = "TFRT_CPU_0".to_owned();
        assert_eq!(read(single).unwrap(), Sharding::Single { device_str });
        let positional =
            r#"{"sharding_type": "PositionalSharding", "shape": [4, 2], "memory_kind": null}"#;
        let sharding = Sharding::Positional {
            shape: vec![4, 2],
            memory_kind: None,
        };
        assert_eq!(read(positional).unwrap(), sharding);
    }

    #[test]
    fn falsy_parts_are_absent_parts() {
        for value in ["null", "{}", "[]", "\"\"", "0", "false"] {
            let text = format!(
                r#"{{"axis_types": {value}, "device_mesh": {value}, "partition_spec": [], "axis_names": [], "shape": [], "sharding_type": "NamedSharding"}}"#
            );
            let Sharding::Named {
                axis_types,
                device_mesh,
                ..
            } = read(&text).unwrap()
            else {
                unreachable!("{value}")
            };
            assert_eq!((axis_types, device_mesh), (None, None), "{value}");
        }
    }

    fn mesh(text: &str) -> Result<DeviceMesh> {
        let text = format!("{{\"mesh\":{text}}}");
        let mut json = Json::new(text.as_bytes(), Dialect::Python, &Limits::default())?;
        device_mesh(&mut json)
    }

    #[test]
    fn meshes_are_rectangles() {
        for (text, shape, devices) in [
            (r#"{"id":7}"#, vec![], 1),
            (r#"[{"id":7},{"id":-1}]"#, vec![2], 2),
            (r#"[[{"id":7}],[{"id":6}]]"#, vec![2, 1], 2),
            ("[]", vec![0], 0),
            ("[[],[]]", vec![2, 0], 0),
        ] {
            let mesh = mesh(text).unwrap();
            assert_eq!((mesh.shape, mesh.ids.len()), (shape, devices), "{text}");
        }
        for (text, at) in [
            (r#"[[{"id":7}],[]]"#, 20),
            (r#"[[{"id":7}],[{"id":7},{"id":7}]]"#, 20),
            (r#"[{"id":7},[{"id":7}]]"#, 19),
            (r#"[[{"id":7}],{"id":7}]"#, 20),
            (r#"[{"id":7},[]]"#, 0),
            ("[[],[[]]]", 12),
            ("[1]", 9),
            ("[{}]", 9),
            (r#"[{"id":1.5}]"#, 15),
        ] {
            let error = mesh(text).unwrap_err();
            assert_eq!(error.offset(), Some(Offset::File(at)), "{text}: {error}");
        }
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        use ErrorKind::{Malformed, Unsupported};
        for (text, kind, at) in [
            ("{}", Malformed, 0),
            ("null", Malformed, 0),
            ("[]", Malformed, 0),
            ("", Malformed, 0),
            (r#"{"sharding_type": "GSPMDSharding"}"#, Unsupported, 18),
            (r#"{"sharding_type": null}"#, Malformed, 18),
            (r#"{"sharding_type": "SingleDeviceSharding"}"#, Malformed, 0),
            (
                r#"{"sharding_type": "SingleDeviceSharding", "device_str": null}"#,
                Malformed,
                56,
            ),
            (
                r#"{"sharding_type": "NamedSharding", "shape": [1], "axis_names": ["x"]}"#,
                Malformed,
                0,
            ),
            (r#"{"shape": "x"}"#, Malformed, 10),
            (r#"{"shape": [1.5]}"#, Malformed, 11),
            (r#"{"axis_names": "ab"}"#, Malformed, 15),
            (r#"{"partition_spec": [1]}"#, Malformed, 20),
            (r#"{"partition_spec": [["x", null]]}"#, Malformed, 26),
            (r#"{"axis_types": ["Auto"]}"#, Unsupported, 16),
            (r#"{"device_mesh": {"x": 1}}"#, Malformed, 16),
            (r#"{"sharding_type": "PositionalSharding"} x"#, Malformed, 0),
        ] {
            let error = read(text).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(found, (kind, Some(Offset::File(at))), "{text}: {error}");
        }
    }
}
