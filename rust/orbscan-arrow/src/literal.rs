//! Partition specs as JAX prints them.

use orbscan_core::orbax::sharding::SpecEntry;
use orbscan_core::spelling::quoted;

/// A partition spec: `P('x', None, ('y', 'z'))`.
pub fn partition_spec(spec: &[SpecEntry]) -> String {
    let entries: Vec<String> = spec.iter().map(spec_entry).collect();
    format!("P({})", entries.join(", "))
}

fn spec_entry(entry: &SpecEntry) -> String {
    match entry {
        SpecEntry::Unsplit => "None".to_owned(),
        SpecEntry::Axis(axis) => quoted(axis),
        SpecEntry::Axes(axes) => {
            let names: Vec<String> = axes.iter().map(|axis| quoted(axis)).collect();
            let comma = if names.len() == 1 { "," } else { "" };
            format!("({}{comma})", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_specs_are_spelled_as_jax_spells_them() {
        let axes =
            |names: &[&str]| SpecEntry::Axes(names.iter().map(|name| (*name).to_owned()).collect());
        for (spec, text) in [
            (vec![], "P()"),
            (
                vec![SpecEntry::Axis("x".into()), SpecEntry::Unsplit],
                "P('x', None)",
            ),
            (vec![axes(&["y", "z"])], "P(('y', 'z'))"),
            (vec![axes(&["y"]), axes(&[])], "P(('y',), ())"),
        ] {
            assert_eq!(partition_spec(&spec), text);
        }
    }
}
