//! Names that a pickle may use: constructors of pandas and numpy, and nothing else.

/// A constructor that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GlobalName {
    /// `pandas.DataFrame`.
    DataFrame,
    /// pandas' `BlockManager`: the blocks of a frame and its axes.
    BlockManager,
    /// pandas' `_unpickle_block`: values, their positions and the number of dimensions.
    Block,
    /// pandas' `_new_Index`: a class and its values.
    NewIndex,
    /// `pandas.Index`, and the numeric index classes of pandas 1.
    Index,
    /// `pandas.RangeIndex`.
    RangeIndex,
    /// `pandas.MultiIndex`.
    MultiIndex,
    /// numpy's `_frombuffer`: an array of protocol 5.
    FromBuffer,
    /// numpy's `_reconstruct`: an empty array whose state follows.
    Reconstruct,
    /// `numpy.ndarray`.
    NdArray,
    /// `numpy.dtype`.
    DType,
    /// Python's `slice`.
    Slice,
    /// `_codecs.encode`: how protocol 2 writes bytes.
    Encode,
    /// Python's `bytes` and `bytearray`: protocol 2 writes empty bytes with `bytes`; `bytearray` is mutable.
    Bytes,
    /// `pandas.arrays.ArrowStringArray`: text labels in an Arrow array.
    ArrowTexts,
    /// pyarrow's `_restore_array`: type, length, nulls, offset, buffers.
    ArrowArray,
    /// pyarrow's `type_for_alias`.
    ArrowType,
    /// pyarrow's `py_buffer`: bytes.
    ArrowBuffer,
    /// pandas' `__pyx_unpickle_NDArrayBacked`: text labels in an array of Python objects.
    ObjectTexts,
    /// Parts of text labels that are ignored.
    TextPiece,
}

/// Modules and names in all supported versions of pandas, numpy and Python.
const KNOWN_GLOBALS: &[(&[&str], &[&str], GlobalName)] = &[
    (&["pandas", "pandas.core.frame"], &["DataFrame"], GlobalName::DataFrame),
    (&["pandas.core.internals.managers", "pandas.core.internals"], &["BlockManager"], GlobalName::BlockManager),
    (&["pandas._libs.internals"], &["_unpickle_block"], GlobalName::Block),
    (&["pandas.core.indexes.base"], &["_new_Index"], GlobalName::NewIndex),
    (&["pandas", "pandas.core.indexes.base"], &["Index"], GlobalName::Index),
    (
        &["pandas.core.indexes.numeric"],
        &["Int64Index", "UInt64Index", "Float64Index", "NumericIndex"],
        GlobalName::Index,
    ),
    (&["pandas", "pandas.core.indexes.range"], &["RangeIndex"], GlobalName::RangeIndex),
    (&["pandas", "pandas.core.indexes.multi"], &["MultiIndex"], GlobalName::MultiIndex),
    (&["numpy.core.numeric", "numpy._core.numeric"], &["_frombuffer"], GlobalName::FromBuffer),
    (&["numpy.core.multiarray", "numpy._core.multiarray"], &["_reconstruct"], GlobalName::Reconstruct),
    (&["numpy"], &["ndarray"], GlobalName::NdArray),
    (&["numpy"], &["dtype"], GlobalName::DType),
    (&["builtins", "__builtin__"], &["slice"], GlobalName::Slice),
    (&["_codecs"], &["encode"], GlobalName::Encode),
    (&["builtins", "__builtin__"], &["bytes"], GlobalName::Bytes),
    (&["builtins", "__builtin__"], &["bytearray"], GlobalName::Bytes),
    (&["pandas", "pandas.core.arrays.string_"], &["StringDtype"], GlobalName::TextPiece),
    (&["pandas", "pandas._libs.missing"], &["NA"], GlobalName::TextPiece),
    (&["pandas.arrays"], &["StringArray"], GlobalName::TextPiece),
    (&["pandas.arrays"], &["ArrowStringArray"], GlobalName::ArrowTexts),
    (&["pandas._libs.arrays"], &["__pyx_unpickle_NDArrayBacked"], GlobalName::ObjectTexts),
    (&["pyarrow.lib"], &["_restore_array"], GlobalName::ArrowArray),
    (&["pyarrow.lib"], &["type_for_alias"], GlobalName::ArrowType),
    (&["pyarrow.lib"], &["py_buffer"], GlobalName::ArrowBuffer),
];

impl GlobalName {
    /// Returns the constructor of a module and name, if it is known.
    pub fn find(module: &str, name: &str) -> Option<Self> {
        let known =
            |(modules, names, _): &&(&[&str], &[&str], Self)| modules.contains(&module) && names.contains(&name);
        KNOWN_GLOBALS.iter().find(known).map(|(.., found)| *found)
    }

    /// Returns the name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataFrame => "a `DataFrame`",
            Self::BlockManager => "a `BlockManager`",
            Self::Block => "a block",
            Self::NewIndex | Self::Index => "an `Index`",
            Self::RangeIndex => "a `RangeIndex`",
            Self::MultiIndex => "a `MultiIndex`",
            Self::FromBuffer | Self::Reconstruct | Self::NdArray => "an array",
            Self::DType => "a `dtype`",
            Self::Slice => "a slice",
            Self::Encode | Self::Bytes => "bytes",
            Self::ArrowTexts | Self::ObjectTexts | Self::TextPiece => "text labels",
            Self::ArrowArray | Self::ArrowType | Self::ArrowBuffer => "a part of text labels",
        }
    }
}
