//! Element types and their spellings in numpy, in Zarr 2 and in Zarr 3.

/// What one element is. The list is complete: it has every type that Orbax can store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// True or false, one byte.
    Bool,
    /// Signed, 2 bits.
    Int2,
    /// Signed, 4 bits.
    Int4,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 8 bits.
    UInt8,
    /// Unsigned, 16 bits.
    UInt16,
    /// Unsigned, 32 bits.
    UInt32,
    /// Unsigned, 64 bits.
    UInt64,
    /// The upper half of a `Float32`.
    BFloat16,
    /// IEEE half precision.
    Float16,
    /// IEEE single precision.
    Float32,
    /// IEEE double precision.
    Float64,
    /// Two `Float32`.
    Complex64,
    /// Two `Float64`.
    Complex128,
    /// 4 bits: 2 of exponent, 1 of mantissa.
    Float4E2M1Fn,
    /// 8 bits: 3 of exponent, 4 of mantissa.
    Float8E3M4,
    /// 8 bits: 4 of exponent, 3 of mantissa; bias 11, no infinities, no negative zero.
    Float8E4M3B11Fnuz,
    /// 8 bits: 4 of exponent, 3 of mantissa; no infinities.
    Float8E4M3Fn,
    /// 8 bits: 4 of exponent, 3 of mantissa; no infinities, no negative zero.
    Float8E4M3Fnuz,
    /// 8 bits: 5 of exponent, 2 of mantissa.
    Float8E5M2,
    /// 8 bits: 5 of exponent, 2 of mantissa; no infinities, no negative zero.
    Float8E5M2Fnuz,
    /// 8 bits, all of exponent.
    Float8E8M0Fnu,
}

impl DType {
    /// Every element type, so that tests can enumerate them.
    pub const ALL: [Self; 25] = [
        Self::Bool,
        Self::Int2,
        Self::Int4,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::BFloat16,
        Self::Float16,
        Self::Float32,
        Self::Float64,
        Self::Complex64,
        Self::Complex128,
        Self::Float4E2M1Fn,
        Self::Float8E3M4,
        Self::Float8E4M3B11Fnuz,
        Self::Float8E4M3Fn,
        Self::Float8E4M3Fnuz,
        Self::Float8E5M2,
        Self::Float8E5M2Fnuz,
        Self::Float8E8M0Fnu,
    ];

    /// The result of `str(numpy_dtype)`, which is also the name in Zarr 3.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int2 => "int2",
            Self::Int4 => "int4",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::BFloat16 => "bfloat16",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Complex64 => "complex64",
            Self::Complex128 => "complex128",
            Self::Float4E2M1Fn => "float4_e2m1fn",
            Self::Float8E3M4 => "float8_e3m4",
            Self::Float8E4M3B11Fnuz => "float8_e4m3b11fnuz",
            Self::Float8E4M3Fn => "float8_e4m3fn",
            Self::Float8E4M3Fnuz => "float8_e4m3fnuz",
            Self::Float8E5M2 => "float8_e5m2",
            Self::Float8E5M2Fnuz => "float8_e5m2fnuz",
            Self::Float8E8M0Fnu => "float8_e8m0fnu",
        }
    }

    /// The type with this name in numpy, `ml_dtypes` and Zarr 3.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// The type that a Zarr 2 document spells as `text`.
    ///
    /// Types that numpy itself has are spelled byte order, kind, bytes (`<f4`); single bytes may
    /// have any byte order, all others need one. The types of `ml_dtypes` go by their names.
    ///
    /// Source: tensorstore `driver/zarr/dtype.cc`, `ParseBaseDType`.
    pub fn from_zarr2(text: &str) -> Option<Self> {
        let dtype = match text.strip_prefix(['<', '>', '|']) {
            Some("b1") => Self::Bool,
            Some("i1") => Self::Int8,
            Some("u1") => Self::UInt8,
            Some(_) if text.starts_with('|') => return None,
            Some("i2") => Self::Int16,
            Some("i4") => Self::Int32,
            Some("i8") => Self::Int64,
            Some("u2") => Self::UInt16,
            Some("u4") => Self::UInt32,
            Some("u8") => Self::UInt64,
            Some("f2") => Self::Float16,
            Some("f4") => Self::Float32,
            Some("f8") => Self::Float64,
            Some("c8") => Self::Complex64,
            Some("c16") => Self::Complex128,
            Some(_) => return None,
            None => Self::from_name(text).filter(|dtype| !dtype.is_numpys_own())?,
        };
        Some(dtype)
    }

    /// The bytes of one element in memory. Types of fewer than 8 bits take a whole byte.
    pub const fn item_bytes(self) -> u64 {
        match self {
            Self::Int16 | Self::UInt16 | Self::BFloat16 | Self::Float16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 | Self::Complex64 => 8,
            Self::Complex128 => 16,
            _ => 1,
        }
    }

    /// The bytes of an array in memory; `None` if 64 bits cannot hold the number.
    pub fn array_bytes(self, shape: &[u64]) -> Option<u64> {
        if shape.contains(&0) {
            return Some(0);
        }
        shape.iter().try_fold(self.item_bytes(), |bytes, length| {
            bytes.checked_mul(*length)
        })
    }

    /// The bits of one element that carry its value: 4 for `int4`, although it takes a byte.
    pub const fn bits(self) -> u64 {
        match self {
            Self::Int2 => 2,
            Self::Int4 | Self::Float4E2M1Fn => 4,
            other => other.item_bytes().saturating_mul(8),
        }
    }

    /// Whether it is a whole number, signed or not.
    pub const fn is_integer(self) -> bool {
        self.is_signed()
            || matches!(
                self,
                Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64
            )
    }

    /// Whether it is a signed whole number.
    pub const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64
        )
    }

    /// Whether it is a complex number.
    pub const fn is_complex(self) -> bool {
        matches!(self, Self::Complex64 | Self::Complex128)
    }

    /// Whether it is a truth value.
    pub const fn is_bool(self) -> bool {
        matches!(self, Self::Bool)
    }

    /// Whether numpy has the type without `ml_dtypes`.
    const fn is_numpys_own(self) -> bool {
        self.is_bool()
            || self.is_complex()
            || matches!(self, Self::Float16 | Self::Float32 | Self::Float64)
            || (self.is_integer() && !matches!(self, Self::Int2 | Self::Int4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_types_again() {
        for dtype in DType::ALL {
            assert_eq!(DType::from_name(dtype.name()), Some(dtype));
        }
        assert_eq!(DType::from_name("uint4"), None);
    }

    #[test]
    fn no_type_is_of_two_sorts() {
        for dtype in DType::ALL {
            let sorts = [dtype.is_bool(), dtype.is_integer(), dtype.is_complex()];
            assert!(sorts.iter().filter(|is| **is).count() <= 1, "{dtype:?}");
            assert!(dtype.bits() <= dtype.item_bytes() * 8, "{dtype:?}");
        }
    }

    #[test]
    fn arrays_have_as_many_bytes_as_numpy_gives_them() {
        for (dtype, shape, bytes) in [
            (DType::Int4, &[3, 5][..], Some(15)),
            (DType::Complex128, &[2], Some(32)),
            (DType::Float32, &[], Some(4)),
            (DType::Float32, &[u64::MAX, u64::MAX, 0], Some(0)),
            (DType::Float32, &[1 << 62], None),
        ] {
            assert_eq!(dtype.array_bytes(shape), bytes, "{dtype:?} {shape:?}");
        }
    }

    #[test]
    fn zarr_2_spellings_are_read_as_tensorstore_reads_them() {
        for (text, dtype) in [
            ("|b1", Some(DType::Bool)),
            ("<b1", Some(DType::Bool)),
            (">i1", Some(DType::Int8)),
            ("|u1", Some(DType::UInt8)),
            ("<i8", Some(DType::Int64)),
            (">f4", Some(DType::Float32)),
            ("<c16", Some(DType::Complex128)),
            ("bfloat16", Some(DType::BFloat16)),
            ("int2", Some(DType::Int2)),
            ("float8_e8m0fnu", Some(DType::Float8E8M0Fnu)),
            ("float4_e2m1fn", Some(DType::Float4E2M1Fn)),
            ("=f4", None),
            ("|f4", None),
            ("f4", None),
            ("float32", None),
            ("bool", None),
            (">bfloat16", None),
            ("<f16", None),
            ("<i3", None),
            ("<U4", None),
            ("|O", None),
            ("<M8[ns]", None),
            ("uint4", None),
            ("float8_e4m3", None),
            ("", None),
            ("<", None),
        ] {
            assert_eq!(DType::from_zarr2(text), dtype, "{text}");
        }
    }
}
