"""What a LiteRT file holds twice, once.

A file in 8 bits has a scale and a zero point for every channel of every kernel and bias. All those zero points are 0
and take 8 bytes each: a fifth of a small student's file. FlatBuffers lets tables refer to the same vector
(https://flatbuffers.dev/internals), of which the converter makes no use. It also gives each depthwise convolution a
bias of zeros with scales of its own, and each activation an empty buffer.
"""

from collections.abc import Iterable

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16
"""In bytes, of weights: what the schema asks for (`force_align`), of which its Python code knows nothing."""

_EMPTY = 0
"""The buffer that the schema reserves for tensors without data."""


class _SharingBuilder(flatbuffers.Builder):
    """Writes equal vectors once."""

    def __init__(self) -> None:
        super().__init__(1024)
        self._places: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802, as in the base class
        key = (x.dtype.str, x.tobytes())
        if key not in self._places:
            self.Prep(_BUFFER_ALIGNMENT if x.dtype == np.uint8 else x.dtype.alignment, x.nbytes)
            self._places[key] = super().CreateNumpyVector(x)
        return self._places[key]


def read(file: bytes) -> schema.ModelT:
    """Return what a `.tflite` file's bytes hold, to be changed."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0))


def write(model: schema.ModelT) -> bytes:
    """Return a `.tflite` file's bytes, equal vectors shared."""
    builder = _SharingBuilder()
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def with_metadata(file: bytes, name: str, content: bytes) -> bytes:
    """Return a LiteRT file that also holds named bytes, in the place of any that it held by that name."""
    model = read(file)
    kept = [entry for entry in model.metadata or [] if entry.name not in (name, name.encode())]
    model.buffers.append(schema.BufferT(data=np.frombuffer(content, np.uint8)))
    model.metadata = [*kept, schema.MetadataT(name=name, buffer=len(model.buffers) - 1)]
    return write(model)


def single(file: bytes) -> bytes:
    """Return a LiteRT file that computes the same for one face at a time, its batch fixed."""
    model = read(file)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None  # it says which sides may be of any length; `shape` has a 1 there
    return write(model)


def smaller(file: bytes) -> bytes:
    """Return a LiteRT file that computes the same, without what it holds twice and without names of inner tensors.

    Args:
        file: a `.tflite` file's bytes.
    """
    model = read(file)
    for number, graph in enumerate(model.subgraphs):
        signatures = [s for s in model.signatureDefs or () if s.subgraphIndex == number]
        _share_zeros(model, graph, signatures)
        outside = {*graph.inputs, *graph.outputs}
        for place, tensor in enumerate(graph.tensors):
            if place not in outside:
                tensor.name = None
    _share_empty_buffers(model)
    return write(model)


def _share_zeros(model: schema.ModelT, graph: schema.SubGraphT, signatures: Iterable[schema.SignatureDefT]) -> None:
    """Let operators have one bias of zeros for each length, with the scales of a kernel: 0 is 0 at any scale."""
    kept: list[schema.TensorT] = []
    first: dict[tuple[int, ...], int] = {}
    places = {-1: -1}  # an input that an operator does without
    for number, tensor in enumerate(graph.tensors):
        place = len(kept)
        if _is_zero_bias(tensor, model.buffers[tensor.buffer].data):
            place = first.setdefault(tuple(tensor.shape), place)
        places[number] = place
        kept += [tensor] if place == len(kept) else []
    graph.tensors, zeros = kept, {*first.values()}
    for operator in graph.operators:
        operator.inputs, operator.outputs = ([places[n] for n in ends] for ends in (operator.inputs, operator.outputs))
        if operator.intermediates is not None:
            operator.intermediates = [places[number] for number in operator.intermediates]
        if len(operator.inputs) == 3 and operator.inputs[2] in zeros:
            _, kernel, bias = operator.inputs
            kept[bias].quantization.scale = kept[kernel].quantization.scale
    graph.inputs, graph.outputs = ([places[number] for number in ends] for ends in (graph.inputs, graph.outputs))
    for signature in signatures:
        for end in (*signature.inputs, *signature.outputs):
            end.tensorIndex = places[end.tensorIndex]


def _is_zero_bias(tensor: schema.TensorT, data: np.ndarray | None) -> bool:
    scaled = tensor.quantization is not None and tensor.quantization.scale is not None
    return scaled and tensor.type == schema.TensorType.INT32 and data is not None and not np.any(data)


def _share_empty_buffers(model: schema.ModelT) -> None:
    """Let tensors without data have the one empty buffer, and drop the others."""
    holders = [tensor for graph in model.subgraphs for tensor in graph.tensors] + (model.metadata or [])
    kept, places = [model.buffers[_EMPTY]], {_EMPTY: _EMPTY}
    for holder in holders:
        if holder.buffer not in places:
            buffer = model.buffers[holder.buffer]
            empty = buffer.data is None or not len(buffer.data)
            places[holder.buffer] = _EMPTY if empty else len(kept)
            kept += [] if empty else [buffer]
        holder.buffer = places[holder.buffer]
    model.buffers = kept
