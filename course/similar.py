"""Answers that are alike beyond what the exercise explains, for a person to look at.

Two blanks are compared by their syntax trees: comments, docstrings, imports and layout are gone, names are kept,
because in a few lines it is mostly names and idioms that tell one student from another. A blank becomes the set of its
runs of ``RUN`` tokens. Runs of the blank as shipped do not count, and runs that many students share make no suspicion:
what many find by themselves is the natural answer (Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for
document fingerprinting", SIGMOD 2003, section 2, ignores common passages in the same way).
"""

import ast
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from itertools import combinations

RUN = 5  # tokens
SHORT = 40  # tokens: shorter answers are alike by chance
ALIKE = 0.85  # of all runs shared, from which a pair is reported
EVIDENCE = 8  # uncommon runs that a pair must share
Runs = frozenset[tuple[str, ...]]


@functools.lru_cache(maxsize=4096)
def tokens(source: str) -> tuple[str, ...]:
    """The tokens of a cell's code without comments, docstrings and imports; none where it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    tree.body = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    try:
        return tuple(re.findall(r"\w+|[^\w\s]", ast.unparse(tree)))
    except (RecursionError, ValueError):
        return ()


def runs(source: str, shipped: str = "") -> Runs:
    """The runs of a cell's tokens that the blank as shipped does not hold; none for a short answer."""
    own, given = tokens(source), tokens(shipped)
    if len(own) - len(given) < SHORT:
        return frozenset()
    return frozenset(_cut(own) - _cut(given))


def _cut(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {words[i : i + RUN] for i in range(len(words) - RUN + 1)}


def alike(answers: Mapping[Hashable, Runs]) -> list[tuple[Hashable, Hashable, float]]:
    """Find pairs of near-identical answers to one exercise.

    Parameters
    ----------
    answers
        The runs of each student's answer.

    Returns
    -------
    list of (student, student, float)
        The pairs, the most similar first, and what part of all their runs they share (Jaccard's index).
    """
    owners = defaultdict(list)
    for student, held in answers.items():
        for run in held:
            owners[run].append(student)
    many = max(10, min(40, len(answers) // 10))
    shared: Counter = Counter()
    for students in owners.values():
        if 1 < len(students) <= many:
            shared.update(combinations(students, 2))
    pairs = []
    for (one, other), number in shared.items():
        index = len(answers[one] & answers[other]) / len(answers[one] | answers[other])
        if number >= EVIDENCE and index >= ALIKE:
            pairs.append((one, other, index))
    return sorted(pairs, key=lambda pair: -pair[2])
