"""Text, 128 characters in one run: mpsg's for_loop beside jax's scan."""

from __future__ import annotations

from workloads import _text

SIZES = [_text.CHARACTERS]
TOLERANCE = _text.TOLERANCE
FRAMEWORKS = {
    "mpsg": _text.with_mpsg_loop,
    "mpsg-unstitched": _text.with_mpsg_loop,
    "jax": _text.with_jax_loop,
}
