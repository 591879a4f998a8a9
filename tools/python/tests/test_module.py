"""The module as a whole: its names, the time of its import, docstrings, errors, and the program in it."""

from __future__ import annotations

import builtins
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import leadfield as lf
from conftest import ROOT
from leadfield import _errors, _leadfield, bluerecording, lfpykit


def _run(*arguments, **settings):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, **settings)


def test_importing_takes_less_than_50_ms_and_loads_neither_numpy_nor_polars():
    script = """
import sys, time
start = time.perf_counter()
import leadfield
taken = time.perf_counter() - start
print(taken, any(name in sys.modules for name in ("numpy", "polars", "pyarrow", "pandas", "tqdm", "xarray", "neo", "mne")))
"""
    # the fastest of several: the machine may do something else meanwhile
    runs = [_run("-c", script).stdout.split() for _ in range(15)]
    assert all(others == "False" for _, others in runs)
    assert min(float(taken) for taken, _ in runs) < 0.05


def test_names_are_imported_when_they_are_used():
    script = """
import sys
import leadfield as lf
loaded = lambda: sorted(name for name in sys.modules if name.startswith("leadfield"))
assert loaded() == ["leadfield"], loaded()
assert set(lf.__all__) <= set(dir(lf))
lf.InputError
assert loaded() == ["leadfield", "leadfield._errors"], loaded()
try:
    lf.circuit
except AttributeError as error:
    assert str(error) == "module 'leadfield' has no attribute 'circuit'"
else:
    raise SystemExit("no error")
from leadfield import *
assert Circuit.__module__ == "leadfield._circuit"
"""
    done = _run("-c", script)
    assert done.returncode == 0, done.stderr


def test_all_names_exist_and_are_documented():
    assert sorted(lf.__all__) == sorted([*lf._MODULE_OF, "__version__"])
    for name in lf.__all__:
        value = getattr(lf, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def _public_callables():
    for module, prefix in ((lf, ""), (lfpykit, "lfpykit."), (bluerecording, "bluerecording.")):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value):
                yield prefix + name, value
            elif inspect.isclass(value):
                yield from ((f"{prefix}{name}.{member}", method) for member, method in _members(value))


def _members(value):
    for name, member in inspect.getmembers(value):
        is_public = not name.startswith("_") or name == "__getitem__"
        if is_public and (inspect.isroutine(member) or isinstance(member, property)):
            # a property of Python 3.12 has no module, and methods of `str` have none of ours
            module = getattr(member, "__module__", None) or getattr(getattr(member, "fget", None), "__module__", "")
            if module and module.startswith("leadfield"):
                yield name, member


def _arguments(function):
    return set(inspect.signature(function).parameters) - {"self", "cls"}


# classes that users make by calling them
_MADE = [lf.Circuit, lf.Electrodes, lf.ElectrodesFile, lf.Segments, *(getattr(lfpykit, name) for name in lfpykit.__all__)]
# these have no errors
_WITHOUT_ERRORS = {"ElectrodesFile.close", "OutputExistsError.of_file", "Rows.to_pydict", "LinearModel"}


@pytest.mark.parametrize(("name", "function"), list(_public_callables()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_function_is_documented(name, function):
    assert inspect.getdoc(function), name


def _documented_calls():
    for name, function in _public_callables():
        if not isinstance(function, property) and _arguments(function):
            yield name, function
    for value in (*_MADE, bluerecording.ComputeWeightsTask, bluerecording.Electrode, bluerecording.ObjectiveCSDParams):
        yield value.__name__, value


@pytest.mark.parametrize(("name", "function"), list(_documented_calls()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_argument_is_documented(name, function):
    text = inspect.getdoc(function)
    assert "\nParameters\n----------\n" in text
    section = re.split(r"\n\n\w+\n-+\n", text.split("Parameters\n----------\n", 1)[1])[0]
    listed = set(re.findall(r"^(\S.*?)(?: :|$)", section, re.M))
    known = {word.strip("* ") for line in listed for word in line.split(",")}
    assert known - {""} == _arguments(function)


def _raising_calls():
    for name, function in _public_callables():
        if not isinstance(function, property) and name not in _WITHOUT_ERRORS:
            yield name, function
    yield from ((value.__name__, value) for value in _MADE if value.__name__ not in _WITHOUT_ERRORS)


@pytest.mark.parametrize(("name", "function"), list(_raising_calls()), ids=lambda v: v if isinstance(v, str) else "")
def test_errors_are_documented(name, function):
    section = inspect.getdoc(function).split("\nRaises\n------\n", 1)[1].split("\n\n")[0]
    kinds = [kind for line in re.findall(r"^(\S.*)$", section, re.M) for kind in line.split(", ")]
    assert kinds
    for kind in kinds:
        error = getattr(builtins, kind, None) or getattr(lf, kind)
        assert issubclass(error, Exception), kind


def test_examples_of_the_docs_run():
    modules = [importlib.import_module(f"leadfield.{m.name}") for m in pkgutil.iter_modules(lf.__path__) if m.name not in ("__main__", "_leadfield")]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.attempted for result in results) >= 3
    assert sum(result.failed for result in results) == 0


def test_the_module_is_typed():
    folder = Path(lf.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_leadfield.pyi").exists()


def test_the_stubs_name_what_the_extension_has():
    stub = (Path(lf.__file__).parent / "_leadfield.pyi").read_text()
    declared = set(re.findall(r"^(?:def|class) (\w+)", stub, re.M))
    found = {name for name in dir(_leadfield) if not name.startswith("_") and name != "VERSION"}
    assert declared == found
    for name in found:
        value = getattr(_leadfield, name)
        if inspect.isclass(value):
            body = stub.split(f"class {name}:", 1)[1].split("\nclass ")[0].split("\ndef ")[0]
            methods = {m for m in vars(value) if not m.startswith("_")}
            assert methods == set(re.findall(r"^    def ([a-z]\w*)", body, re.M)), name


def test_mypy_accepts_the_module():
    done = _run("-m", "mypy", "-p", "leadfield", cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_versions_agree():
    cargo = (ROOT / "Cargo.toml").read_text()
    assert f'version = "{lf.__version__}"' in cargo
    assert f'version = "{lf.__version__}"' in (ROOT / "tools" / "python" / "Cargo.toml").read_text()


# -------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("kind", "message", "base"),
    [
        ("io", "a: cannot be read: permission denied", OSError),
        ("io", "a: cannot be read: no such file or directory", FileNotFoundError),
        ("no_space", "too little space on the disk", OSError),
        ("no_space", "too little memory for the weights", MemoryError),
        ("output_conflict", "exists already", FileExistsError),
        ("invalid_input", "wrong", ValueError),
        ("damaged", "damaged", ValueError),
        ("interrupted", "stopped", InterruptedError),
    ],
)
def test_each_kind_is_an_exception_that_others_expect(kind, message, base):
    error = _errors.exception_of(kind, message, "try again", "a", "line", 3)
    assert isinstance(error, lf.LeadfieldError) and isinstance(error, base)
    assert (str(error), error.hint, error.kind, error.file, error.item, error.index) == (message, "try again", kind, "a", "line", 3)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("replace it with `--force`", "replace it with `overwrite=True`"),
        ("`--near-field radius` never", '`near_field="radius"` never'),
        ("name it: `--circuit CONFIG`", "name it: `circuit=CONFIG`"),
        ("choose one with `--report NAME`", "choose one with `report=NAME`"),
        ("the counts: `--discretisation rule`", 'the counts: `discretisation="rule"`'),
        ("use `leadfield positions`", "use `Circuit.segments`"),
        ("give `--fields` one", "give `fields=` one"),
    ],
)
def test_hints_speak_python(hint, expected):
    assert _errors.exception_of("damaged", "x", hint, None, None, None).hint == expected


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes of exceptions are new in Python 3.11")
def test_a_traceback_shows_the_hint():
    done = _run("-c", "import leadfield as lf; lf.linear(3, 1.0, type='ObjectiveCSD_Sphere', conductivity=0.3)")
    assert done.returncode == 1
    assert "hint: " in done.stderr


# ------------------------------------------------------------------------------------------------------------- program


def test_the_program_runs_with_its_exit_codes(made, tmp_path):
    done = _run("-m", "leadfield", "info", made.weights)
    assert done.returncode == 0 and "neurons" in done.stdout
    done = _run("-m", "leadfield", "info", tmp_path / "none")
    assert done.returncode == 2 and "no such file" in done.stderr
    done = _run("-m", "leadfield", "validate", "weights", made.weights, made.weights)
    assert done.returncode == 0


def test_the_program_is_on_the_path():
    program = Path(sys.executable).parent / "leadfield"
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == f"leadfield {lf.__version__}"


def test_negative_numbers_reach_the_program(made):
    done = _run("-m", "leadfield", "query", made.segments.path, "--sphere", "-1e2,-.5,0,200", "--count")
    assert int(done.stdout) == made.segments.query(sphere=(-100, -0.5, 0, 200)).count()


def test_ctrl_c_ends_the_program(made, tmp_path):
    import signal

    made.electrodes.to_json(tmp_path / "e.json")
    lf.grid(100, 300, 5.0).to_json(tmp_path / "e.json", overwrite=True)
    running = subprocess.Popen(
        [sys.executable, "-m", "leadfield", "weights", made.parts.path, tmp_path / "e.json", "--out", tmp_path / "w.h5"],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "w.h5.partial").exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    # either it was stopped, or it was faster than the signal
    assert running.returncode != 0 or (tmp_path / "w.h5").exists()
