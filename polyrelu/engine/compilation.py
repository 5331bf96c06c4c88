"""How numba compiles the kernels: tuples by reference, inner functions without code of their own.

Both are about the time that the first call of an installation takes (docs/engine.md, "Compiling").
What is used of numba beyond its documented extension interface is all in this file.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from llvmlite import ir
from numba import cfunc, typeof, types
from numba._dispatcher import compute_fingerprint
from numba.core import cgutils, typed_passes, untyped_passes
from numba.core.caching import (
    CompileResultCacheImpl,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, Flags
from numba.core.compiler_machinery import PassManager
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model

# ---------------------------------------------------------------------------------------------
# References
# ---------------------------------------------------------------------------------------------
#
# numba passes a named tuple by value: one of dozens of arrays is hundreds of arguments of each
# call, and is copied wherever it is mentioned. With s = reference(stack), s.x is the array stack.x,
# read through a pointer.


class Reference(types.Type):  # type: ignore[misc]
    """The type of a reference to named tuples of the type ``to``."""

    def __init__(self, to: Any) -> None:
        self.to = to
        super().__init__(name=f"Reference({to.name})")


register_model(Reference)(models.OpaqueModel)  # a pointer


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:
        fields = reference.to.fields
        return reference.to[fields.index(name)] if name in fields else None


@intrinsic
def reference(typingctx: Any, fields: Any) -> Any:
    """A reference to a named tuple of numbers and arrays, valid until the function that asks for it
    returns. Only for functions without reference counting (``_nrt=False``)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(cgutils.alloca_once_value(builder, args[0]), cgutils.voidptr_t)

    return Reference(fields)(fields), codegen


@lower_getattr_generic(Reference)
def _field(context: Any, builder: Any, typ: Any, value: Any, name: str) -> Any:
    index = typ.to.fields.index(name)
    field = typ.to[index]
    pointer = builder.bitcast(value, context.get_value_type(typ.to).as_pointer())

    def load(*path: int) -> Any:
        # A tuple never changes: a store to one of its arrays is no reason to read it again.
        loaded = builder.load(cgutils.gep_inbounds(builder, pointer, 0, index, *path))
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    if not isinstance(field, types.Array):
        return load()
    # Number by number, as LLVM forgets about "invariant" when it takes a load of all apart; without
    # the owner of the memory, which is for reference counting.
    array = ir.Constant(context.get_value_type(field), None)
    model = context.data_model_manager[field]
    for member in ("nitems", "itemsize", "data"):
        k = model.get_field_position(member)
        array = builder.insert_value(array, load(k), k)
    for member in ("shape", "strides"):
        k = model.get_field_position(member)
        for axis in range(field.ndim):
            array = builder.insert_value(array, load(k, axis), (k, axis))
    return array


# ---------------------------------------------------------------------------------------------
# Addresses
# ---------------------------------------------------------------------------------------------
#
# What a compiled function calls is compiled with it. What is seldom needed is compiled apart, and
# called by its address.


_apart: dict[Any, Any] = {}  # compiled functions, by them and the fingerprints of their arguments


def address_of(function: Any, *tuples: Any) -> int:
    """The address of a function of references to such tuples, and an integer, which returns one.

    Compiles it, or reads it from the cache; valid until the process ends.
    """
    # Types take 0.5 ms to find, fingerprints of them some microseconds.
    key = (function, *(compute_fingerprint(tuple(fields)) for fields in tuples))
    if key not in _apart:
        to = [Reference(typeof(fields)) for fields in tuples]
        signature = types.int64(*to, types.int64)
        _apart[key] = cfunc(signature, cache=True, **_COMPILED)(function)
    return int(_apart[key].address)


@intrinsic
def call_at(
    typingctx: Any, address: Any, first: Any, second: Any, third: Any, fourth: Any, number: Any
) -> Any:
    """Call what :func:`address_of` gave for the tuples of four references."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = [context.get_value_type(each) for each in signature.args[1:]]
        function = ir.FunctionType(context.get_value_type(types.int64), parts).as_pointer()
        return builder.call(builder.inttoptr(args[0], function), args[1:])

    return types.int64(types.int64, first, second, third, fourth, types.int64), codegen


# ---------------------------------------------------------------------------------------------
# The cache
# ---------------------------------------------------------------------------------------------
#
# numba keeps what it has compiled until the file of the function that Python calls has changed. It
# is made of functions of other files as well: for ours it is kept until a file of theirs has.


_PACKAGE = Path(__file__).parents[1]


@functools.cache
def _stamp_of_kernels() -> str:
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class _OfThisPackage:
    """Places of the cache for the functions of this package."""

    @classmethod
    def from_function(cls, function: Any, file: str) -> Any:
        is_ours = _PACKAGE in Path(file).parents
        return super().from_function(function, file) if is_ours else None  # type: ignore[misc]

    def get_source_stamp(self) -> Any:
        return super().get_source_stamp(), _stamp_of_kernels()  # type: ignore[misc]


CompileResultCacheImpl._locator_classes = [
    *(
        type(locator.__name__, (_OfThisPackage, locator), {})
        for locator in (UserProvidedCacheLocator, InTreeCacheLocator, UserWideCacheLocator)
    ),
    *CompileResultCacheImpl._locator_classes,
]


# ---------------------------------------------------------------------------------------------
# Inner functions
# ---------------------------------------------------------------------------------------------


# Those passes of numba's that do anything for functions without closures, `with`, array expressions
# and choices by literal arguments. After some of the others it would analyse all anew.
_PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.GenericRewrites,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.NoPythonSupportedFeatureValidation,
    typed_passes.IRLegalization,
    typed_passes.AnnotateTypes,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)


class Inner(CompilerBase):  # type: ignore[misc]
    """The pipeline (``pipeline_class``) of functions that only compiled functions call.

    numba optimises each function together with all that it calls, and makes machine code of that:
    what is called at depth n is compiled n + 1 times. Of these functions only the intermediate
    code is made, and the compiled function that Python calls does the rest for all of them at
    once. They cannot be called from Python, nor cached; those who call them are.
    """

    def __init__(
        self,
        typingctx: Any,
        targetctx: Any,
        library: Any,
        args: Any,
        return_type: Any,
        flags: Any,
        *others: Any,
    ) -> None:
        library = _Intermediate(targetctx.codegen(), "inner")
        library.enable_object_caching()
        flags = _SharedFlags.of(flags)
        super().__init__(typingctx, targetctx, library, args, return_type, flags, *others)

    def define_pipelines(self) -> list[Any]:
        passes = PassManager("nopython")
        for each in _PASSES:
            passes.add_pass(each, each.name())
        passes.finalize()
        return [passes]


class _SharedFlags(Flags):  # type: ignore[misc]
    """Flags that never change: one object for all that are equal, which are compared as objects.

    numba looks up what each operator of a function is by the function's flags, among others. All
    flags have the same hash there, and thirty are compared each time: a quarter of the time.
    """

    _known: ClassVar[dict[str, _SharedFlags]] = {}

    def __init__(self, flags: Any) -> None:
        super().__init__(flags)
        self._values: Any = MappingProxyType(flags._values)

    @classmethod
    def of(cls, flags: Any) -> _SharedFlags:
        return cls._known.setdefault(flags.summary(), cls(flags))

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def copy(self) -> _SharedFlags:
        return self


class _NoEnvironment:
    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        """Nothing: it would be written into machine code."""


class _Intermediate(JITCodeLibrary):  # type: ignore[misc]
    """Code to be linked into that of callers, neither optimised as a whole nor made executable."""

    codegen = _NoEnvironment

    def finalize(self) -> None:
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._final_module.verify()
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0  # there is none


# The options of a kernel. ENTRY is for those that Python calls. CALLED and INLINED are called by
# compiled functions alone: LLVM chooses which CALLED ones it inlines, and is told to for those that
# are short or in innermost loops. (Arrays are passed as seven to nine arguments each, references as
# one.) There is no reference counting: kernels allocate nothing.
_COMPILED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
ENTRY: dict[str, Any] = _COMPILED | {"cache": True, "no_cfunc_wrapper": True}
CALLED: dict[str, Any] = _COMPILED | {
    "pipeline_class": Inner,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
INLINED: dict[str, Any] = CALLED | {"forceinline": True}
