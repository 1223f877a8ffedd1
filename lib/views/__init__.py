"""The interactive views, one a lesson: ``views.lowering(x, kernel_size=3)`` shows one.

Every view is an ipywidget: its traits (``view.position``) can be read and set, and tied to sliders with
``ipywidgets.jslink``. ``python -m lib.views OUT_DIR`` writes each as a page that needs no kernel.
"""

from .lowering import lowering
from .qat import qat
from .quantizer import quantizer
from .ste import ste
from .tiling import tiling

__all__ = ["lowering", "qat", "quantizer", "ste", "tiling"]
