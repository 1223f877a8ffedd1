"""A class: who hands in what. The same number of students always makes the same class."""

from course.lessons import Lesson
from course.mistakes import attempts, mistakes
from tests.submissions import answer, columns, submission

WRONG = 4  # every fourth student makes one known mistake


def students(lesson: Lesson, count: int, varied: bool = True) -> dict[str, dict]:
    """Make the submissions of a class; every answer is one from the banks, or where not ``varied`` the solution's.

    Returns
    -------
    dict of str to dict
        The notebook of each student: ``NUMBER-right``, or for one who makes a mistake ``NUMBER-wrong-EXERCISE``.
    """
    right = columns(lesson, attempts(lesson))
    wrong = [entry for column in columns(lesson, mistakes(lesson)) for entry in column.values()]
    handed_in = {}
    for number in range(count):
        student = f"{number:03}-right"
        answers = {e: answer(lesson, e, a.implementation) for e, a in right[number % len(right)].items() if varied}
        if number % WRONG == WRONG - 1:
            mistake = wrong[number // WRONG % len(wrong)]
            answers[mistake.exercise] = answer(lesson, mistake.exercise, mistake.implementation)
            student = f"{number:03}-wrong-{mistake.exercise}"
        handed_in[student] = submission(lesson, answers)
        handed_in[student]["metadata"]["student"] = student  # no two files are alike
    return handed_in
