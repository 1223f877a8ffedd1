"""The catalogue: which lessons there are, and which exercises each asks for."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.cases import Case

ROOT = Path(__file__).resolve().parent.parent
# The hidden checks are no part of the installed packages: they lie beside this one.
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes
    ----------
    name : str
        The notebook's name: ``"02_lowering"``.
    exercises : tuple of str
        Names of the functions and classes that the student writes, in the lesson's order.
    modules : tuple of str
        Modules of ``lib`` that hold the references, and are withheld while the lesson is graded.
    """

    name: str
    exercises: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def topic(self) -> str:
        """The name that the lesson has in every folder: ``"lowering"``."""
        return self.name.split("_", 1)[1]

    @property
    def notebook(self) -> Path:
        return ROOT / "notebooks" / f"{self.name}.ipynb"

    @property
    def solution(self) -> Path:
        return ROOT / "solutions" / f"{self.name}.ipynb"

    @property
    def text(self) -> Path:
        return ROOT / "course" / "text" / f"{self.name}.py"

    @property
    def recorded(self) -> Path:
        """Where the expected answers of the public cases are kept."""
        return ROOT / "lib" / "checks" / f"{self.topic}.json"

    def reference(self, exercise: str) -> Any:
        """The reference implementation of an exercise."""
        modules = [importlib.import_module(f"lib.{name}") for name in self.modules]
        return next(getattr(m, exercise) for m in modules if hasattr(m, exercise))

    def public(self) -> ModuleType:
        """The module of the public cases."""
        return importlib.import_module(f"lib.checks.{self.topic}")

    def hidden(self) -> ModuleType:
        """The module of the hidden checks."""
        return importlib.import_module(f"tests.hidden.{self.topic}")

    def probes(self, exercise: str) -> "list[Case]":
        """The hidden checks of an exercise."""
        from lib.cases import cases_in

        return cases_in(self.hidden(), exercise)

    def points(self, exercise: str) -> int:
        """What an exercise is worth: the sum of its hidden checks."""
        return sum(probe.points for probe in self.probes(exercise))


CATALOGUE = (
    Lesson(
        "01_tiling",
        exercises=(
            "tmul",
            "mmul_tiling",
            "tile_traffic",
            "largest_tile",
            "arithmetic_intensity",
            "roofline",
            "best_tile",
        ),
        modules=("tiling",),
    ),
    Lesson(
        "02_lowering",
        exercises=(
            "output_size",
            "weight_lowering",
            "inputs_lowering",
            "outputs_lifting",
            "conv2d",
            "inputs_raising",
        ),
        modules=("lowering",),
    ),
    Lesson(
        "03_ste",
        exercises=("RoundPass", "detach_round", "descend", "clip_round", "scale_gradient", "stochastic_round"),
        modules=("ste",),
    ),
    Lesson(
        "04_quantizer",
        exercises=(
            "sqnr",
            "Quantizer",
            "affine_parameters",
            "fake_quantize",
            "channel_scale",
            "mse_scale",
            "LearnedStep",
        ),
        modules=("quantizer",),
    ),
    Lesson(
        "05_qat",
        exercises=(
            "fold_batchnorm",
            "QuantConv2d",
            "quantize_multiplier",
            "requantize",
            "integer_conv2d",
            "integer_activation",
            "integer_network",
        ),
        modules=("qat", "integer"),
    ),
)

# A lesson is in the course from the day its notebook is.
LESSONS = {lesson.name: lesson for lesson in CATALOGUE if lesson.notebook.exists()}


def find(name: str, among: dict[str, Lesson] = LESSONS) -> Lesson:
    """Look a lesson up by its notebook's name or by its topic.

    Raises
    ------
    KeyError
        No lesson has that name; the message lists those there are.
    """
    for lesson in among.values():
        if name in (lesson.name, lesson.topic):
            return lesson
    raise KeyError(f"unknown lesson {name!r}; there are: {', '.join(among)}")
