//! The names that have a meaning: constructors of pandas and numpy, and nothing else.

/// A constructor that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// `pandas.DataFrame`.
    DataFrame,
    /// pandas' `BlockManager`: the blocks of a frame and its axes.
    BlockManager,
    /// pandas' `_unpickle_block`: values, their places and the number of dimensions.
    Block,
    /// pandas' `_new_Index`: a class and its values.
    NewIndex,
    /// `pandas.Index`, and the classes of numbers that pandas 1 had beside it.
    Index,
    /// `pandas.RangeIndex`.
    RangeIndex,
    /// `pandas.MultiIndex`.
    MultiIndex,
    /// numpy's `_frombuffer`: an array of protocol 5.
    FromBuffer,
    /// numpy's `_reconstruct`: an array whose state follows.
    Reconstruct,
    /// `numpy.ndarray`.
    NdArray,
    /// `numpy.dtype`.
    DType,
    /// Python's `slice`.
    Slice,
    /// `_codecs.encode`: how protocol 2 writes bytes.
    Encode,
    /// Python's `bytes` and `bytearray`: how protocol 2 writes no bytes, and bytes that can be changed.
    Bytes,
    /// `pandas.arrays.ArrowStringArray`: labels that are text, in an array of Arrow.
    ArrowTexts,
    /// pyarrow's `_restore_array`: type, length, nulls, offset, buffers.
    ArrowArray,
    /// pyarrow's `type_for_alias`.
    ArrowType,
    /// pyarrow's `py_buffer`: bytes.
    ArrowBuffer,
    /// pandas' `__pyx_unpickle_NDArrayBacked`: labels that are text, in an array of Python's objects.
    ObjectTexts,
    /// Pieces of labels that are text: they are passed over.
    TextPiece,
}

/// Modules and names, as the versions of pandas, numpy and Python write them.
const KNOWN: &[(&[&str], &[&str], Name)] = &[
    (&["pandas", "pandas.core.frame"], &["DataFrame"], Name::DataFrame),
    (&["pandas.core.internals.managers", "pandas.core.internals"], &["BlockManager"], Name::BlockManager),
    (&["pandas._libs.internals"], &["_unpickle_block"], Name::Block),
    (&["pandas.core.indexes.base"], &["_new_Index"], Name::NewIndex),
    (&["pandas", "pandas.core.indexes.base"], &["Index"], Name::Index),
    (&["pandas.core.indexes.numeric"], &["Int64Index", "UInt64Index", "Float64Index", "NumericIndex"], Name::Index),
    (&["pandas", "pandas.core.indexes.range"], &["RangeIndex"], Name::RangeIndex),
    (&["pandas", "pandas.core.indexes.multi"], &["MultiIndex"], Name::MultiIndex),
    (&["numpy.core.numeric", "numpy._core.numeric"], &["_frombuffer"], Name::FromBuffer),
    (&["numpy.core.multiarray", "numpy._core.multiarray"], &["_reconstruct"], Name::Reconstruct),
    (&["numpy"], &["ndarray"], Name::NdArray),
    (&["numpy"], &["dtype"], Name::DType),
    (&["builtins", "__builtin__"], &["slice"], Name::Slice),
    (&["_codecs"], &["encode"], Name::Encode),
    (&["builtins", "__builtin__"], &["bytes"], Name::Bytes),
    (&["builtins", "__builtin__"], &["bytearray"], Name::Bytes),
    (&["pandas", "pandas.core.arrays.string_"], &["StringDtype"], Name::TextPiece),
    (&["pandas", "pandas._libs.missing"], &["NA"], Name::TextPiece),
    (&["pandas.arrays"], &["StringArray"], Name::TextPiece),
    (&["pandas.arrays"], &["ArrowStringArray"], Name::ArrowTexts),
    (&["pandas._libs.arrays"], &["__pyx_unpickle_NDArrayBacked"], Name::ObjectTexts),
    (&["pyarrow.lib"], &["_restore_array"], Name::ArrowArray),
    (&["pyarrow.lib"], &["type_for_alias"], Name::ArrowType),
    (&["pyarrow.lib"], &["py_buffer"], Name::ArrowBuffer),
];

impl Name {
    /// The constructor of this module and name, if it is one.
    pub fn of(module: &str, name: &str) -> Option<Self> {
        let known =
            |(modules, names, _): &&(&[&str], &[&str], Self)| modules.contains(&module) && names.contains(&name);
        KNOWN.iter().find(known).map(|(.., found)| *found)
    }

    /// What it is called in messages.
    pub const fn text(self) -> &'static str {
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
            Self::ArrowTexts | Self::ObjectTexts | Self::TextPiece => "labels that are text",
            Self::ArrowArray | Self::ArrowType | Self::ArrowBuffer => "a piece of labels that are text",
        }
    }
}
