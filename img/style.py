"""What the figures of the course share: colours here, ground and type in course.mplstyle."""

from pathlib import Path

import matplotlib
import matplotlib.style

# Okabe & Ito, "Color universal design", 2008: told apart by readers with any colour vision.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73"),
    *("#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)


def use() -> None:
    """Set matplotlib up for a figure of the course, drawn without a screen."""
    matplotlib.use("Agg")
    matplotlib.style.use(Path(__file__).with_name("course.mplstyle"))
