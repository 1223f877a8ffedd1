"""The project's own files agree with each other."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

from course.lessons import CATALOGUE, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()


def test_environment_is_in_step_with_the_project():
    wanted = {"python" + PROJECT["requires-python"]}
    for line in PROJECT["dependencies"]:
        name, version = re.fullmatch(r"([\w-]+)(.*)", line).groups()
        wanted.add(CONDA.get(name, name) + version.replace("==", "="))
    text = (ROOT / "environment.yml").read_text()
    assert wanted | {"pip"} == set(re.findall(r"^  - ([^:\s]+)$", text, re.MULTILINE)) - {"conda-forge", "nodefaults"}


def test_readme_gives_every_dependency_a_reason():
    readme = (ROOT / "README.md").read_text()
    lines = [*PROJECT["dependencies"], *(d for extra in PROJECT["optional-dependencies"].values() for d in extra)]
    for line in lines:
        name = re.match(r"[\w-]+", line).group()
        if name != PROJECT["name"]:
            assert re.search(rf"^\|.*\b{name}\b.*\|.+\|$", readme, re.MULTILINE), f"{name} has no row in README.md"


@pytest.mark.parametrize("folder", ["lib", "course"])
def test_modules_are_short(folder):
    long = [p for p in (ROOT / folder).rglob("*.py") if len(p.read_text().splitlines()) > 300 and "text" not in p.parts]
    assert not long


def test_imports_run_one_way():
    allowed = {"lib": {"lib"}, "course": {"course", "lib", "tests"}}
    for folder, may in allowed.items():
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent.name == "text":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
                roots = {name.split(".")[0] for name in names} & {"lib", "course", "tests", "benchmarks"}
                assert roots <= may, f"{path} imports {roots - may}"


def test_a_lesson_imports_only_the_lessons_before_it():
    order = [module for lesson in CATALOGUE for module in lesson.modules]
    for number, module in enumerate(order):
        path = ROOT / "lib" / f"{module}.py"
        later = order[number + 1 :] if module != "qat" else []
        if path.exists():
            assert not [name for name in later if re.search(rf"^from lib\.{name} ", path.read_text(), re.MULTILINE)]


def test_the_instructors_tool_finds_the_checks_from_any_folder(tmp_path):
    code = "from course.lessons import LESSONS; print(LESSONS['01_tiling'].points('tmul'))"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert int(run.stdout) > 0, run.stderr


def test_nothing_names_a_path_of_a_machine():
    pattern = re.compile(r"(^|[^\w.])/(work|home|root|Users)/[\w.-]+")
    for name in TRACKED:
        if name.endswith((".py", ".ipynb", ".md", ".toml", ".yml", ".json", ".js", "Makefile", "run")):
            match = pattern.search((ROOT / name).read_text(encoding="utf-8"))
            assert not match, f"{name}: {match.group()}"
