"""The text twins of the notebooks: the same cells as a Python file, for editing and for review."""

import jupytext
import nbformat
from nbformat import NotebookNode

from course.lessons import Lesson

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT = ("exercise", "tags")


def to_text(nb: NotebookNode) -> str:
    """Write a notebook's cells as text, in jupytext's percent format."""
    bare = nbformat.v4.new_notebook()
    for cell in nb.cells:
        new = nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
        metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        bare.cells.append(new(cell.source, metadata=metadata))
    text = jupytext.writes(bare, fmt="py:percent")
    return text[text.index("# %%") :]


def to_notebook(text: str, lesson: Lesson) -> NotebookNode:
    """Read a notebook back from its text; cells get ids that stay the same from one time to the next."""
    nb = jupytext.reads(text, fmt="py:percent")
    nb.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nb.nbformat, nb.nbformat_minor = 4, 5
    for number, cell in enumerate(nb.cells):
        cell.id = cell.metadata.get("exercise", f"{lesson.topic}-{number:02}")
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in KEPT if key in cell.metadata})
    return nb


def write_text(lesson: Lesson) -> None:
    """Write the twin from the notebook."""
    lesson.text.write_text(to_text(nbformat.read(lesson.notebook, 4)), encoding="utf-8")


def write_notebook(lesson: Lesson) -> None:
    """Write the notebook from its twin."""
    nb = to_notebook(lesson.text.read_text(encoding="utf-8"), lesson)
    nbformat.validate(nb)
    nbformat.write(nb, lesson.notebook)
