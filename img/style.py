"""What the figures of the course share: colours, ground and type."""

import matplotlib

# Okabe & Ito, "Color universal design", 2008: told apart by readers with any colour vision.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73"),
    *("#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)


def use() -> None:
    """Set matplotlib up for a figure of the course, drawn without a screen."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "savefig.dpi": 150,
            "savefig.bbox": "tight",
            "font.size": 12,
            "axes.prop_cycle": matplotlib.cycler(color=[BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK]),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "image.cmap": "cividis",
            "lines.linewidth": 2,
        }
    )
