"""Optional packages: imported when first needed, with one clear message when missing."""

from __future__ import annotations

import importlib
from typing import Any

# What a module is called on the package index, where that is not its import name.
_PACKAGE_NAMES = {"sklearn": "scikit-learn"}


def require(module: str, extra: str) -> Any:
    """Import an optional module, or say which extra of mpsg brings it.

    Args:
        module: Dotted name of the module, for example ``"matplotlib.figure"``.
        extra: The extra of mpsg that installs it: ``"data"``, ``"show"``, ...

    Returns:
        The imported module. Its type is ``Any``, since the package may be absent when types
        are checked.

    Raises:
        ImportError: The package is not installed. A package that is installed but broken
            raises its own error unchanged, because installing it again would not help.

    Example:
        >>> figure = require("matplotlib.figure", "show").Figure()  # doctest: +SKIP
    """
    top = module.partition(".")[0]
    try:
        importlib.import_module(top)
    except ModuleNotFoundError as error:
        if error.name != top:
            raise
        package = _PACKAGE_NAMES.get(top, top)
        raise ImportError(
            f"this needs the package {package}, which is not installed. "
            f'Install it with: pip install "mpsg[{extra}]"',
            name=top,
        ) from error
    return importlib.import_module(module)
