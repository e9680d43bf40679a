"""Text, a character a step: every character goes to the host before the next one is asked for."""

from __future__ import annotations

from workloads import _text

SIZES = [_text.CHARACTERS]
TOLERANCE = _text.TOLERANCE
FRAMEWORKS = {
    "mpsg": _text.with_mpsg_steps,
    "mpsg-unstitched": _text.with_mpsg_steps,
    "torch": _text.with_torch_steps,
    "jax": _text.with_jax_steps,
    "mlx": _text.with_mlx_steps,
    "tensorflow": _text.with_tensorflow_steps,
    "tensorflow-xla": lambda size: _text.with_tensorflow_steps(size, compiled=True),
}
