//! The form of most extension points of Zarr 3: `{"name": …, "configuration": {…}}`.

use std::borrow::Cow;

use super::{Field, required};
use crate::error::{Offset, Result};
use crate::json::{Json, Kind};

/// An object with a `name` and perhaps a `configuration`.
pub(super) struct Named<'a> {
    /// Where the object begins.
    pub(super) offset: Offset,
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// Its configuration, unread: what it may hold depends on the name, which may come later.
    configuration: Option<Json<'a>>,
}

impl<'a> Named<'a> {
    /// Reads the object.
    ///
    /// # Errors
    /// `Malformed` if it is not an object, has no name, or has other members.
    pub(super) fn read(json: &mut Json<'a>) -> Result<Self> {
        json.expect(Kind::Object)?;
        let offset = json.offset();
        let mut name = None;
        let mut configuration = None;
        json.object(|json, member| {
            match member.as_ref() {
                "name" => name = Some(json.string()?),
                "configuration" => {
                    json.expect(Kind::Object)?;
                    configuration = Some(Field::later(json)?.value);
                }
                other => {
                    json.peek()?;
                    return Err(json.malformed(format!("unknown member {other:?}")));
                }
            }
            Ok(())
        })?;
        Ok(Self {
            offset,
            name: required(name, "name", offset)?,
            configuration,
        })
    }

    /// Reads the configuration, which may be absent. `member` returns whether it knows a name, and
    /// reads the value if so.
    ///
    /// # Errors
    /// `Malformed` for unknown members; whatever `member` returns.
    pub(super) fn configuration(
        &self,
        mut member: impl FnMut(&mut Json<'a>, &str) -> Result<bool>,
    ) -> Result<()> {
        let Some(mut json) = self.configuration.clone() else {
            return Ok(());
        };
        json.object(|json, name| {
            json.peek()?;
            if member(json, &name).map_err(|error| error.while_reading(&name))? {
                return Ok(());
            }
            Err(json.malformed(format!("unknown member {name:?}")))
        })
    }
}
