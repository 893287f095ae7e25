"""Looks at a machine: engine, GPUs, CI runner, folders, uv. Nothing is changed, and what fails is a fact of its own."""

import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiment.errors import InfrastructureFailed, Refused
from experiment.spec import Experiment
from runner.container import builder, engine
from runner.doctor.facts import Engine, Facts, Folder, Needs, NoEngine, Runner, Trouble
from runner.environment import dockerfile, hardware, installer, interpreter, lock
from runner.environment.dockerfile_features import features
from runner.environment.refusals import PythonMissing
from runner.environment.venv import cache_folder
from runner.process import run
from runner.source import STATE

ENGINE_TIMEOUT_S = 15
TOOL_TIMEOUT_S = 30.0


def gather(experiment: Experiment | None, folder: Path, inherited: Mapping[str, str]) -> Facts:
    """The facts of this machine, and what `experiment` in `folder` needs of it."""
    uv, trouble = _uv(inherited)
    return Facts(
        python=platform.python_version(),
        uv=uv,
        uv_trouble=trouble,
        engine=_engine(experiment.environment.image if experiment else None, inherited),
        cli=_version_told(["docker", "--version"], inherited),
        buildx=_version_told(["docker", "buildx", "version"], inherited) or inherited.get(builder.VARIABLE, ""),
        gpus=hardware.describe(inherited).gpus,
        toolkit=_version_told(["nvidia-ctk", "--version"], inherited)
        or _version_told(["nvidia-container-cli", "--version"], inherited),
        runner=runner_of(inherited),
        public=_is_public(inherited),
        cache=_folder(cache_folder(inherited)),
        state=_folder(folder / STATE) if experiment else None,
        needs=_needs(experiment, folder, inherited) if experiment else None,
    )


def _needs(experiment: Experiment, folder: Path, inherited: Mapping[str, str]) -> Needs:
    chosen, resources = experiment.environment.chosen, experiment.resources
    needed, missing = "", ""
    try:
        if chosen == "dockerfile" and experiment.environment.dockerfile is not None:
            found = features(dockerfile.load(folder / experiment.environment.dockerfile))
            needed = f"line {found[0].line}, {found[0].what}" if found else ""
        elif experiment.environment.lock is not None:
            interpreter.choose(lock.read(folder / experiment.environment.lock), inherited)
    except PythonMissing as error:
        missing = str(error).split("\n")[0].partition(": ")[2]
    except (Refused, InfrastructureFailed):
        pass  # a file that is wrong says nothing about the machine; `reproduce` says what is wrong with it
    return Needs(
        container=chosen != "lock",
        build=chosen == "dockerfile",
        buildkit=needed,
        gpus=resources.gpus,
        disk_bytes=resources.disk or 0,
        python_missing=missing,
    )


def _uv(inherited: Mapping[str, str]) -> tuple[str, str]:
    """Version of uv after it has made a virtual environment, or why it could not."""
    try:
        with tempfile.TemporaryDirectory(prefix="ml-experiment-doctor-") as folder:
            made = Path(folder) / "venv"
            installer.uv(["venv", "--no-project", "--python", sys.executable, str(made)], inherited, cwd=Path(folder))
            run([str(made / "bin" / "python"), "-c", ""], env=dict(inherited), cwd=made, timeout=TOOL_TIMEOUT_S)
            return _numbers(installer.uv(["--version"], inherited, cwd=Path(folder)).output), ""
    except (InfrastructureFailed, OSError) as error:
        return "", " ".join(str(error).split())


def _engine(image: str | None, inherited: Mapping[str, str]) -> Engine | NoEngine:
    import docker
    import requests
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    address = engine.address(inherited)
    settings: dict[str, Any] = {**kwargs_from_env(environment=dict(inherited)), "base_url": address}
    try:
        client = docker.DockerClient(version="auto", timeout=ENGINE_TIMEOUT_S, **settings)
        try:
            told: dict[str, Any] = client.info()
            version: dict[str, Any] = client.version()
            return Engine(
                version=str(version["Version"]),
                api=_pair(str(version["ApiVersion"])),
                cgroup=int(told.get("CgroupVersion") or 1),
                memory_limit=bool(told.get("MemoryLimit")),
                swap_limit=bool(told.get("SwapLimit")),
                pids_limit=bool(told.get("PidsLimit")),
                seccomp=any("seccomp" in option for option in told.get("SecurityOptions") or ()),
                root=str(told.get("DockerRootDir")),
                free_bytes=_free(Path(str(told.get("DockerRootDir")))) if address.startswith("unix:") else None,
                has_image=image is not None and _has_image(client, image),
            )
        finally:
            client.close()
    except (DockerException, requests.exceptions.RequestException, KeyError, ValueError) as error:
        return NoEngine(address, _trouble(error), str(error).split("\n")[0])


def _has_image(client: Any, image: str) -> bool:
    from docker.errors import DockerException

    try:
        client.images.get(image)
    except DockerException:
        return False
    return True


def _trouble(error: BaseException) -> Trouble:
    """The system's own reason lies below the libraries' wrappings, in their words."""
    said = str(error)
    if "PermissionError" in said or "Permission denied" in said:
        return Trouble.DENIED
    absent = ("FileNotFoundError", "ConnectionRefusedError", "Connection refused", "Name or service not known")
    return Trouble.ABSENT if any(word in said for word in absent) else Trouble.SILENT


def runner_of(inherited: Mapping[str, str]) -> Runner:
    """Which kind of CI machine this is: the runner tells jobs whose it is, its `.runner` file how long it lives."""
    if inherited.get("GITHUB_ACTIONS") != "true":
        return Runner.NONE
    if inherited.get("RUNNER_ENVIRONMENT") == "github-hosted":
        return Runner.HOSTED
    tools = inherited.get("RUNNER_TOOL_CACHE") or inherited.get("RUNNER_TEMP")
    try:
        # <where the runner is installed>/_work/_tool
        settings = json.loads((Path(tools or "").parents[1] / ".runner").read_text(encoding="utf-8-sig"))
        keys = {str(key).lower(): value for key, value in settings.items()}
    except (OSError, ValueError, IndexError, AttributeError):
        return Runner.UNKNOWN
    return Runner.EPHEMERAL if keys.get("ephemeral") is True else Runner.PERSISTENT


def _is_public(inherited: Mapping[str, str]) -> bool | None:
    """Whether the repository of this job is public, as the event says."""
    try:
        event = json.loads(Path(inherited["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        return not event["repository"]["private"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folder(path: Path) -> Folder:
    """Whether files can be made in `path`, or in the nearest folder above it that is there."""
    there = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), Path("/"))
    trouble = ""
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        trouble = str(error.strerror or error)
    return Folder(str(path), _free(there) or 0, trouble)


def _free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _version_told(command: list[str], inherited: Mapping[str, str]) -> str:
    """The version a program tells; empty where it is not there or fails."""
    try:
        told = run(command, env=dict(inherited), cwd=Path(os.sep), timeout=TOOL_TIMEOUT_S).output
    except InfrastructureFailed:
        return ""
    return _numbers(told)


def _numbers(text: str) -> str:
    """The first version in `text`: "Docker version 28.2.2, build…" -> "28.2.2"."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return found[0] if found else text.strip()


def _pair(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
