"""What is built: the wheel in an empty environment, its code, and the README's examples."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.resources
import os
import re
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import google.protobuf
import pytest
from conftest import REPOSITORY, Server

import credenza
from credenza import _convert
from credenza.v1 import result_pb2

VENVS = Path(os.environ["CREDENZA_VENVS"])
README = REPOSITORY / "sdk" / "python" / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def run(*command: object, **settings: object) -> str:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env |= {key: str(value) for key, value in settings.items() if key.isupper()}
    cwd = typing.cast("Path | None", settings.get("cwd"))
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env=env, check=False, timeout=300, cwd=cwd
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_is_what_is_tested() -> None:
    assert "site-packages" in str(importlib.resources.files(credenza))
    files = {str(file) for file in importlib.metadata.files("credenza") or ()}
    assert "credenza/py.typed" in files
    assert all(f.startswith(("credenza/", "credenza-")) or ".." in f for f in files), files


def test_the_environment_has_the_protobuf_it_is_for() -> None:
    wanted = {"old": "5.29.", "new": "7."}[Path(sys.prefix).name]
    assert google.protobuf.__version__.startswith(wanted)


def test_generated_code_needs_no_module_of_buf_and_warns_of_nothing() -> None:
    code = """
import sys, importlib
for name in ("classification_service", "job_service", "review_service", "operations_service"):
    importlib.import_module(f"credenza.v1.{name}_pb2_grpc")
print([m for m in sys.modules if m.split(".")[0] == "buf"])
"""
    assert run(sys.executable, "-W", "error", "-c", code).strip() == "[]"
    for path in importlib.resources.files("credenza.v1").iterdir():
        if path.name.endswith(".py"):
            assert "buf/validate" not in path.read_text(encoding="utf-8")


def test_the_client_needs_neither_pandas_nor_polars() -> None:
    code = "import sys, credenza; print([m for m in ('pandas', 'polars', 'numpy', 'tqdm') if m in sys.modules])"
    assert run(sys.executable, "-W", "error", "-c", code).strip() == "[]"


def test_converted_results_have_all_fields_of_their_classes() -> None:
    message = result_pb2.ItemResult()
    message.classification.alternatives.add(category="SOFA")
    message.image_error.reason = result_pb2.ERROR_REASON_IMAGE_FORBIDDEN
    result = _convert.result_from_proto(message)
    assert result.classification is not None
    for value in (
        result,
        result.classification,
        result.classification.alternatives[0],
        result.image_error,
        result.trace,
    ):
        assert dataclasses.is_dataclass(value)
        shortcuts = {"category"} if value is result else set()
        assert set(vars(value)) == {field.name for field in dataclasses.fields(value)} | shortcuts
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.index = 1  # type: ignore[misc]


def test_each_example_of_the_readme_runs(server: Server, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "examples" / "catalogue.csv", tmp_path / "catalogue.csv")
    (tmp_path / "readme.py").write_text("".join(blocks("python")), encoding="utf-8")
    shown = run(sys.executable, "-W", "error", "readme.py", cwd=tmp_path, CREDENZA_SERVER=server.target)
    assert "0 SOFA None\n" in shown
    assert "2 None INVALID_ITEM: " in shown
    assert "INVALID_ARGUMENT UNKNOWN_MODEL" in shown
    assert "SUCCEEDED" in shown


def test_a_catalogue_takes_four_lines() -> None:
    assert len([line for line in blocks("python")[0].splitlines() if line]) == 4


@pytest.mark.once
def test_the_examples_of_the_readme_are_typed(tmp_path: Path) -> None:
    (tmp_path / "readme.py").write_text("".join(blocks("python")), encoding="utf-8")
    run(sys.executable, "-m", "mypy", "--config-file", os.devnull, "--strict", "readme.py", cwd=tmp_path)


@pytest.mark.once
def test_the_wheel_installs_into_an_empty_environment(server: Server, tmp_path: Path) -> None:
    """Its dependencies come from the registry, without pandas and tqdm."""
    (wheel,) = (VENVS / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    shown = run(python, "-W", "error", "-c", blocks("python")[0], CREDENZA_SERVER=server.target, cwd=tmp_path)
    assert "0 SOFA None\n" in shown


@pytest.mark.once
def test_protoc_alone_compiles_the_contract_as_the_readme_says(tmp_path: Path) -> None:
    (command,) = [line for line in "".join(blocks("sh")).splitlines() if "protoc" in line]
    shutil.copytree(REPOSITORY / "proto", tmp_path / "proto")
    python = VENVS / "generate" / "bin" / "python"
    run("bash", "-c", command.replace("python", str(python), 1), cwd=tmp_path)
    code = "from credenza.v1 import job_service_pb2_grpc as s; import buf.validate.validate_pb2; print(s.__file__)"
    assert str(tmp_path) in run(python, "-c", code, cwd=tmp_path)
