"""mpsg in one process with packages that bring a compiler of their own, in either order."""

import importlib.util
import subprocess
import sys

import pytest

MPSG = """
import mpsg, numpy as np
graph = mpsg.Graph()
x = graph.placeholder([100], mpsg.float32)
y = graph.exponent(x * x) + x
values = np.linspace(-1, 1, 100, dtype=np.float32)
def run_mpsg():
    result = graph.run({x: values}, [y])[y].numpy()
    np.testing.assert_allclose(result, np.exp(values * values) + values, rtol=1e-6)
"""

OTHERS = {
    "torch": """
import torch
def run_other():
    assert float(torch.exp(torch.zeros(4)).sum()) == 4
""",
    "jax": """
import jax
def run_other():
    assert float(jax.jit(lambda a: jax.numpy.exp(a * a).sum())(jax.numpy.zeros(4))) == 4
""",
    "tensorflow": """
import tensorflow as tf
@tf.function(jit_compile=True)
def total(a):
    return tf.reduce_sum(tf.exp(a * a))
def run_other():
    assert float(total(tf.zeros(4))) == 4
""",
}
INSTALLED = [name for name in OTHERS if importlib.util.find_spec(name)]


@pytest.mark.peers
@pytest.mark.parametrize("mpsg_first", [True, False], ids=["mpsg_first", "mpsg_last"])
@pytest.mark.parametrize("other", INSTALLED)
def test_both_compile_in_one_process(other: str, mpsg_first: bool) -> None:
    both = [MPSG, OTHERS[other]]
    imports = "".join(both if mpsg_first else reversed(both))
    script = imports + "\nrun_mpsg()\nrun_other()\nrun_mpsg()\nprint('sound')\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("sound\n")


def test_the_module_shows_only_its_entry_point() -> None:
    script = (
        "import mpsg._mpsg, ctypes; module = ctypes.CDLL(mpsg._mpsg.__file__); "
        "print(hasattr(module, 'PyInit__mpsg'), hasattr(module, 'LLVMContextCreate'), "
        "hasattr(module, '__jit_debug_register_code'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "True False False\n", done.stderr
