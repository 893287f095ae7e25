"""Takes out of the image's environment what the Action never imports: `python3 image/trim.py SITE-PACKAGES`.

`tests/integration/test_image.py` imports in the finished image all that our sources import, and makes it suggest, draw
and log; what is taken out here by mistake fails there.
"""

import shutil
import subprocess
import sys
from pathlib import Path

DISTRIBUTIONS = (
    "uvicorn",  # serves MLflow's own web pages
    "h11",
    "pip",  # uv installs
    "setuptools",
)
"""Whole packages: their folders, modules and metadata."""

PARTS = (
    *(f"scipy/{part}" for part in ("io", "signal", "cluster", "odr", "misc", "datasets", "fftpack", "differentiate")),
    "matplotlib/mpl-data/sample_data",
    "matplotlib/mpl-data/fonts/afm",  # fonts of PostScript and PDF; figures are PNG and SVG
    "matplotlib/mpl-data/fonts/pdfcorefonts",
    *(f"matplotlib/mpl-data/fonts/ttf/{font}" for font in ("DejaVuSerif*", "DejaVuSansMono*", "STIX*.ttf", "cm*.ttf")),
    *(f"PIL/_{part}*" for part in ("avif", "webp", "imagingft", "imagingcms")),  # it writes PNG
    "numpy/_core/_simd*",  # for its tests
    "numpy/_core/_*_tests*",
    "numpy/distutils",
    "sqlalchemy/testing",
    "mlflow/assistant/skills",
    "pkg_resources",
    "_distutils_hack",
    "distutils-precedence.pth",
    "*.dist-info/sboms",
)
"""Parts of packages, as patterns."""

KEPT = {
    "fontTools": ("__init__.py", "agl.py", "misc"),  # Matplotlib asks it for glyph names; the rest writes PDF
    "pygments/lexers": ("__init__.py", "_mapping.py"),  # rich could colour source text, which we never show
}
"""Folders of which only these are kept."""

SOURCES = ("*.pyi", "*.a", "*.pxd", "*.pyx", "*.h", "*.hpp", "*.c", "*.cpp")
"""What compilers and type checkers read."""


def main() -> None:
    """Trim one environment."""
    root = Path(sys.argv[1])
    for name in DISTRIBUTIONS:
        for found in (*root.glob(name), *root.glob(f"{name}-*.dist-info")):
            _remove(found)
    for pattern in PARTS:
        for found in root.glob(pattern):
            _remove(found)
    for folder, kept in KEPT.items():
        for found in (root / folder).iterdir():
            if found.name not in kept:
                _remove(found)
    for found in (root / "fontTools" / "misc").glob("*.so"):
        _remove(found)
    for found in [*root.rglob("tests"), *root.rglob("__pycache__")]:
        _remove(found)
    for pattern in SOURCES:
        for found in root.rglob(pattern):
            _remove(found)
    _remove_unlinked(root)
    # What only debuggers read. The `.libs` of wheels were patched after linking: stripped, some are not loaded.
    compiled = [found for found in root.rglob("*.so") if not found.parent.name.endswith(".libs")]
    subprocess.run(["strip", "--strip-unneeded", *compiled], check=True)


def _remove_unlinked(root: Path) -> None:
    """Libraries of wheels that nothing is linked with any more."""
    while True:
        told = subprocess.run(
            ["objdump", "-p", *root.rglob("*.so*")], capture_output=True, text=True, check=True
        ).stdout
        needed = {line.split()[1] for line in told.splitlines() if line.split()[:1] == ["NEEDED"]}
        unlinked = [found for found in root.glob("*.libs/*") if found.name not in needed]
        if not unlinked:
            return
        for found in unlinked:
            _remove(found)


def _remove(found: Path) -> None:
    if found.is_dir() and not found.is_symlink():
        shutil.rmtree(found)
    else:
        found.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
