"""A strict reader for IDX, the file format of MNIST.

A file is: two zero bytes, one byte for the type of the values, one for the number of dimensions,
each dimension as a big-endian unsigned 32-bit integer, then the values, big-endian, last
dimension fastest. It may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import stat
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MAX_RANK = 16  # as many dimensions as a tensor may have
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_DEFLATE_RATIO = 1032  # deflate cannot do better: 258 bytes for each two bits
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read one array from an IDX file, compressed with gzip or not.

    Nothing in the file is believed before it is checked: memory is used only for bytes that the
    file really holds.

    Args:
        path: The file. Whether it is compressed is seen from its content, not from its name.

    Returns:
        A writable array in native byte order, with the shape and type that the file states
        (uint8, int8, int16, int32, float32 or float64).

    Raises:
        ValueError: The file is not a sound IDX file; the message names it and says what was
            expected: another magic number, too short, too long, impossible sizes, broken gzip.
        OSError: The file cannot be opened (``FileNotFoundError`` and so on).

    Example:
        >>> images = read_idx("train-images-idx3-ubyte.gz")  # doctest: +SKIP
        >>> images.shape  # doctest: +SKIP
        (60000, 28, 28)
    """
    file = Path(path)
    # Seen before opening, since opening a named pipe would wait for a writer.
    info = file.stat()
    if not stat.S_ISREG(info.st_mode):
        raise ValueError(f"{file}: expected a regular file")
    with file.open("rb") as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if not compressed:
            return _read(raw, file, info.st_size, exact_size=info.st_size)
        most = info.st_size * _MAX_DEFLATE_RATIO
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _read(unpacked, file, most, exact_size=None)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{file}: expected a sound gzip file, but: {error}") from error


def _read(
    stream: IO[bytes] | io.BufferedIOBase, file: Path, most: int, exact_size: int | None
) -> npt.NDArray[Any]:
    """Read from the start of ``stream``, which can give at most ``most`` bytes."""
    magic = stream.read(4)
    if len(magic) < 4:
        raise ValueError(f"{file}: expected a 4-byte IDX header, but it has {len(magic)} bytes")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        known = ", ".join(f"0x{code:02x}" for code in _TYPES)
        raise ValueError(
            f"{file}: expected an IDX file, which starts with 00 00 and one of the types {known}, "
            f"but it starts with {magic.hex(' ')}"
        )
    rank = magic[3]
    if not 1 <= rank <= _MAX_RANK:
        raise ValueError(f"{file}: expected 1 to {_MAX_RANK} dimensions, but it states {rank}")
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError(
            f"{file}: expected {rank} dimensions in {4 * rank} bytes, but it ends after "
            f"{len(sizes)}"
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    data_type = _TYPES[magic[2]]
    size = math.prod(shape) * data_type.itemsize  # Python integers do not overflow
    header = 4 + 4 * rank
    stated = f"{data_type.name} values of shape {shape}, {size:,} bytes"
    if exact_size is not None and header + size != exact_size:
        raise ValueError(
            f"{file}: expected {stated}, after a header of {header} bytes, "
            f"but the file has {exact_size:,} bytes in all"
        )
    if header + size > most:
        raise ValueError(
            f"{file}: expected {stated}, but a file of this size cannot hold more than {most:,} "
            "bytes"
        )
    # Grows with what really comes, so that a short file costs no more than its own length.
    content = bytearray()
    while len(content) < size:
        chunk = stream.read(min(_CHUNK, size - len(content)))
        if not chunk:
            raise ValueError(f"{file}: expected {stated}, but it ends after {len(content):,}")
        content += chunk
    # At the end of a gzip file this also checks its checksum.
    if stream.read(1):
        raise ValueError(f"{file}: expected {stated}, but more bytes follow")
    # A frame of size zero must not pass NumPy's own limit on the product of the other sizes.
    try:
        array = np.frombuffer(content, data_type).reshape(shape)
    except ValueError as error:
        raise ValueError(f"{file}: expected {stated}, which NumPy cannot hold: {error}") from error
    return array.astype(data_type.newbyteorder("="), copy=False)
