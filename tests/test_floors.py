"""The floors hold: imports point downward, and the lower floors stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "blanktrap"
FLOORS = ["core", "files", "vision", "engines"]
HEAVY = ("torch", "torchvision", "ray", "streamlit")
MODULES = sorted(PACKAGE.rglob("*.py"))


def floor_of(module: str) -> int:
    """0 to 3 by folder, 4 for what stands on top of them all."""
    parts = module.split(".")
    return FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in FLOORS else len(FLOORS)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path) -> set[str]:
    """Every module named by an import anywhere in the file, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downward(path: Path) -> None:
    own = floor_of(name_of(path))
    ours = {module for module in imported_modules(path) if module.startswith("blanktrap.")}
    above = sorted(module for module in ours if floor_of(module) > own)
    assert above == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_engines_alone_name_ray_and_no_floor_names_streamlit(path: Path) -> None:
    roots = {module.split(".")[0] for module in imported_modules(path)}
    own = floor_of(name_of(path))
    assert "streamlit" not in roots
    assert "ray" not in roots or own == FLOORS.index("engines")
    assert not roots & {"torch", "torchvision"} or own >= FLOORS.index("vision")


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "dashboard").rglob("*.py")), ids=name_of)
def test_the_dashboard_stands_on_the_two_lowest_floors(path: Path) -> None:
    ours = {module for module in imported_modules(path) if module.startswith("blanktrap.")}
    assert [module for module in sorted(ours) if floor_of(module) > FLOORS.index("files")] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_of_scipy_only_its_special_functions_are_used(path: Path) -> None:
    # They load in half a second; scipy.stats takes several times that.
    named = {module for module in imported_modules(path) if module.split(".")[0] == "scipy"}
    assert named <= {"scipy.special"}


@pytest.mark.parametrize("floor", ["core", "files"])
def test_lower_floors_load_nothing_heavy(floor: str) -> None:
    modules = [name_of(path) for path in MODULES if name_of(path).startswith(f"blanktrap.{floor}")]
    assert_light(modules)


def test_command_line_and_decoding_load_nothing_heavy() -> None:
    assert_light(["blanktrap", "blanktrap.cli", "blanktrap.vision.decoding", "blanktrap.vision.loading"])


def assert_light(modules: list[str]) -> None:
    """Import the modules in a fresh process and look at what came with them."""
    program = f"import sys, {', '.join(modules)}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"
