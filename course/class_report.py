"""The report on a class: how it did, what was hard, which mistakes were made, and what a person should look at."""

from collections import Counter, defaultdict
from statistics import mean, median
from urllib.parse import quote

from course.layouts import Batch
from course.page import document, escape, lesson_title, named, table
from course.plots import bars, histogram, stacked
from course.report import totals
from course.review import ALIKE, CALLS, FILES, TAMPERING, UNUSUAL, signs

HARDEST = 12
NOT_GRADED = {"missing", "ambiguous", "unreadable"}
ABOUT = {
    TAMPERING: "Stopped kernels, answers that were sent more or less than once, cells that are marked as another "
    "exercise. An honest mistake can look the same. None of these earned points by it.",
    CALLS: "The answer calls an operator that would make the exercise empty. The check gave no points; the student "
    "was told.",
    UNUSUAL: "Imports and names that the exercise does not need. Often harmless.",
    ALIKE: "Compared by syntax tree, names kept; comments, layout, short answers, the blank as shipped and what many "
    "students share do not count. In brackets, the part of their runs of tokens that they share. They may still have "
    "found the same lines by themselves.",
    FILES: "Files of no lesson, or of a lesson that another file is of, too: nothing was guessed. Work that the grader "
    "failed on.",
}


def class_page(results: list[dict], batch: Batch) -> str:
    """Make the report as one self-contained HTML page, for instructors: it names students.

    Parameters
    ----------
    results
        What :func:`course.grade.grade` returned for each submission.
    batch
        Who handed in what.
    """
    lessons = defaultdict(list)
    for result in results:
        lessons[result["lesson"]].append(result)
    body = [f"<h1>Class report</h1><p>{len(batch.students)} students. For instructors only: it names students.</p>"]
    for name, of_lesson in lessons.items():
        body += _lesson(name, of_lesson)
    body += _mistakes(results)
    body += _review(results, batch)
    body += _everybody(lessons, batch)
    return document("Class report", body)


def _handed_in(result: dict) -> bool:
    return not {e["status"] for e in result["exercises"]} <= NOT_GRADED


def _lesson(name: str, results: list[dict]) -> list[str]:
    graded = [result for result in results if _handed_in(result)]
    shares = [points / max(1, worth) for points, worth in map(totals, graded)]
    body = [f"<h2>{escape(lesson_title(name))}</h2>"]
    if not graded:
        return [*body, "<p>No notebook could be graded.</p>"]
    full = sum(share == 1 for share in shares)
    body.append(
        f"<p>{len(graded)} of {len(results)} notebooks graded. Points: mean {mean(shares):.0%}, "
        f"median {median(shares):.0%}; {full} with full points.</p>"
    )
    body.append(f"<figure>{histogram(shares, 'Submissions by their part of the points:')}</figure>")
    body.append("<h3>By exercise</h3><figure>")
    body.append(stacked(_by_exercise(graded), "Answers to each exercise:") + "</figure>")
    if hardest := _hardest(graded):
        body.append("<h3>Hardest checks</h3><figure>")
        body.append(bars(hardest, "Part of the written answers that fail each check:"))
        body.append("<figcaption>Part of the written answers that fail.</figcaption></figure>")
    return body


def _by_exercise(results: list[dict]) -> list[tuple[str, dict[str, int]]]:
    counts: dict[str, Counter] = {}
    for exercise in (e for result in results for e in result["exercises"]):
        status = exercise["status"]
        kind = "not graded" if status in NOT_GRADED else status
        kind = kind if kind in ("right", "partial", "not written", "not graded") else "wrong"
        counts.setdefault(exercise["exercise"], Counter())[kind] += 1
    return list(counts.items())


def _hardest(results: list[dict]) -> list[tuple[str, float, str]]:
    tried, failed = Counter(), Counter()
    for exercise in (e for result in results for e in result["exercises"]):
        for check in exercise["checks"]:
            if check["status"] != "not written":
                tried[exercise["exercise"], check["title"]] += 1
                failed[exercise["exercise"], check["title"]] += check["status"] != "right"
    worst = sorted((key for key in tried if failed[key]), key=lambda key: -failed[key] / tried[key])[:HARDEST]
    return [(f"{e}: {t}", failed[e, t] / tried[e, t], f"{failed[e, t]} of {tried[e, t]}") for e, t in worst]


def _mistakes(results: list[dict]) -> list[str]:
    counts: Counter = Counter()
    for result in results:
        for exercise in result["exercises"]:
            if exercise.get("mistake"):
                counts[result["lesson"], exercise["exercise"], exercise["mistake"]] += 1
    body = ["<h2>Known mistakes</h2>"]
    if not counts:
        return [*body, "<p>None was recognised.</p>"]
    rows = []
    for (lesson, exercise, mistake), number in counts.most_common():
        name, hint = named(mistake)
        told = f'{escape(name)}<br><span class="dim">{escape(hint)}</span>'
        rows.append([str(number), escape(lesson), f"<code>{escape(exercise)}</code>", told])
    return [*body, table(["Students", "Lesson", "Exercise", "Mistake, and the hint that was given"], rows, {0})]


def _review(results: list[dict], batch: Batch) -> list[str]:
    found = defaultdict(list)
    for sign in signs(results, batch):
        found[sign.kind].append(sign)
    body = ["<h2>For a person to look at</h2>"]
    if not found:
        return [*body, "<p>Nothing.</p>"]
    for kind, about in ABOUT.items():
        if found[kind]:
            rows = [
                [", ".join(map(_link, s.students)), escape(": ".join(filter(None, (s.where, s.why))))]
                for s in found[kind]
            ]
            body.append(f'<h3>{kind}: {len(rows)}</h3><p class="dim">{about}</p>')
            body.append(table(["Students", "What"], rows))
    return body


def _everybody(lessons: dict[str, list[dict]], batch: Batch) -> list[str]:
    told = {
        (result["student"], name): "{} of {}".format(*totals(result))
        for name, of_lesson in lessons.items()
        for result in of_lesson
        if _handed_in(result)
    }
    rows = [[_link(key), *(told.get((key, name), "–") for name in lessons)] for key in batch.students]
    return ["<h2>Every student</h2>", table(["Student", *lessons], rows, set(range(1, len(lessons) + 1)))]


def _link(key: str) -> str:
    return f'<a href="students/{quote(key)}.html">{escape(key)}</a>'
