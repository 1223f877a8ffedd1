"""What holds for the whole suite."""

LONGEST = ("test_tamper.py", "test_grade.py", "test_batch.py", "test_solutions.py")


def pytest_collection_modifyitems(items: list) -> None:
    """Begin with the files that take longest, so that no core is idle at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
