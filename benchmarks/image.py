"""What each part of the Action's image costs: `python -m benchmarks.image IMAGE`, a Markdown table in MB (10^6 bytes).

IMAGE: what `docker build` made of this repository. The rest of the environment is what is below 2 MB each.
"""

import json
import subprocess
import sys
from collections import Counter

SMALLEST = 2_000_000
_WHY = {
    "scipy": "distributions of the verdict, samplers of sweeps",
    "numpy": "numbers",
    "uv": "makes the environments of locks",
    "matplotlib": "figures",
    "mlflow": "mlflow-skinny: finished runs to an MLflow server",
    "cryptography": "MLflow's stores",
    "databricks": "MLflow on Databricks",
    "sqlalchemy": "MLflow's stores",
    "PIL": "Pillow: figures as PNG",
    "pydantic_core": "the experiment file, records",
    "github": "PyGithub",
    "optuna": "sweeps",
}
_TOP_LEVELS = """
import json, pathlib
root = next(pathlib.Path("/opt/ml-experiment/lib").glob("python3.*")) / "site-packages"
size = lambda p: sum(f.lstat().st_size for f in ([p] if p.is_file() else p.rglob("*")) if not f.is_dir())
print(json.dumps({p.name: size(p) for p in [*root.iterdir(), pathlib.Path("/opt/ml-experiment/bin/uv")]}))
"""
_NAMES = {"pillow": "PIL"}


def main() -> None:
    """Print the table."""
    image = sys.argv[1]
    told = json.loads(_docker("image", "inspect", image))[0]
    python = ["--entrypoint", "/opt/ml-experiment/bin/python", image, "-I", "-c", _TOP_LEVELS]
    sizes: Counter[str] = Counter()
    for name, size in json.loads(_docker("run", "--rm", *python)).items():
        package = name.removesuffix(".libs").partition("-")[0]
        sizes[_NAMES.get(package, package)] += size
    git = int(_docker("run", "--rm", "--entrypoint", "stat", image, "-c", "%s", "/usr/bin/git"))
    base = int(told["Size"]) - git - sum(sizes.values())
    rows = [("the base image, with what of Python's library is compiled", base), ("git", git)]
    large = [(f"{n}: {_WHY[n]}" if n in _WHY else n, s) for n, s in sizes.most_common() if s >= SMALLEST]
    rest = sum(size for size in sizes.values() if size < SMALLEST)
    print("| part | MB |\n|:---|---:|")
    for name, size in [*rows, *large, (f"{sum(s < SMALLEST for s in sizes.values())} smaller ones", rest)]:
        print(f"| {name} | {size / 1e6:.1f} |")
    print(f"| **all** | **{told['Size'] / 1e6:.0f}** |")


def _docker(*args: str) -> str:
    return subprocess.run(["docker", *args], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
