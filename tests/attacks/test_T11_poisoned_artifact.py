"""T11: the artifact is a stranger's bytes: read in memory within bounds, believed in nothing but its runs."""

import zipfile

import pytest
from builders import a_baseline, a_snapshot
from stranger import WORKFLOW, Stranger, zipped

from experiment import bundle
from experiment.spec import Gate

GOOD = b"{}"


def bomb() -> bytes:
    return zipped(("bundle.zip", zipped(("bundle.json", b" " * 60_000_000))))


def encrypted() -> bytes:
    data = bytearray(zipped(("bundle.zip", GOOD)))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a zip", "not an artifact with a bundle: File is not a zip file"),
        (b"", "not an artifact with a bundle: File is not a zip file"),
        (zipped(("../../bundle.zip", GOOD)), "expected bundle.zip once, found it 0 times"),
        (zipped(("/etc/passwd", GOOD), ("bundle.zip", b"x")), "not a bundle"),
        (zipped(*((f"{i}", b"") for i in range(200)), ("bundle.zip", GOOD)), "201 members, more than the 200"),
        (zipped(("bundle.zip", GOOD), method=zipfile.ZIP_LZMA), "compressed by another method than deflate"),
        (zipped(("bundle.zip", zipped(("other.json", b"{}")))), "expected the one member bundle.json"),
        (zipped(("bundle.zip", zipped(("bundle.json", b"{}"), ("x", b"")))), "expected the one member bundle.json"),
        (bomb(), "unpacks to more than is read"),
        (zipped(("bundle.zip", b"\0" * 30_000_000)), "unpacks to more than is read"),
        (encrypted(), "not an artifact with a bundle"),
    ],
)
def test_it_is_refused_and_the_check_fails(stranger: Stranger, content: bytes, why: str) -> None:
    before = sorted(path for path in stranger.folder.rglob("*"))
    stranger.leaves(content)
    done = stranger.is_reported()
    assert why in stranger.check()["output"]["title"]
    assert stranger.check()["conclusion"] == "failure"
    assert done.outputs["passed"] == "false"
    assert stranger.comments() == []
    new = [path for path in stranger.folder.rglob("*") if path not in before and "forge.git" not in str(path)]
    assert {path.name for path in new} == {"report", "event.json", "output", "summary"}  # nothing was unpacked


def test_two_of_one_name_are_none(stranger: Stranger) -> None:
    stranger.leaves_bundle(stranger.bundle())
    stranger.leaves_bundle(stranger.bundle())
    stranger.is_reported()
    assert "expected once, found 2 times" in stranger.check()["output"]["title"]


def test_one_that_says_it_is_huge_is_not_fetched(stranger: Stranger) -> None:
    stranger.leaves_bundle(stranger.bundle())
    stranger.forge.state.artifacts[500][0]["size_in_bytes"] = 10**12
    stranger.is_reported()
    assert "more than the" in stranger.check()["output"]["title"]
    assert not [path for _, path, _ in stranger.forge.state.requests if path.endswith("/zip")]


@pytest.mark.parametrize("ours", [b"name: ml-experiment\n", None])
def test_numbers_of_another_workflow_are_not_believed(stranger: Stranger, ours: bytes | None) -> None:
    theirs = stranger.forge.git.commit_files({WORKFLOW: b"jobs: {forge: the numbers}\n"}, stranger.head)
    stranger.head = theirs
    stranger.forge.state.pulls[7]["head"]["sha"] = stranger.forge.state.runs[500]["head_sha"] = theirs
    if ours is None:
        stranger.forge.state.runs[500]["path"] = ".github/workflows/mine.yml"
    stranger.leaves_bundle(stranger.bundle())
    done = stranger.is_reported()
    assert done.code == 2
    assert "its numbers are not believed" in done.summary
    assert stranger.forge.state.written() == []


def test_the_pull_request_is_the_one_of_the_head_whatever_the_artifact_says(stranger: Stranger) -> None:
    stranger.forge.state.a_pull(8, "e" * 40, stranger.base)
    stranger.forge.state.a_pull(9, stranger.head, stranger.base, "another/train")
    stranger.leaves_bundle(stranger.bundle(repeat="pull request 8", notes=("pull_request: 8",)))
    stranger.is_reported()
    assert {one["pull"] for one in stranger.forge.state.comments.values()} == {7}


def test_policy_and_baseline_are_ours_and_not_the_bundles(stranger: Stranger) -> None:
    found = stranger.bundle()
    mild = found.policy.model_copy(update={"gate": Gate(baseline="report", reproduce="report", no_baseline="pass")})
    low = a_baseline(a_snapshot(commit=stranger.base))
    stranger.leaves_bundle(found.model_copy(update={"policy": mild, "baseline": low}))
    done = stranger.is_reported()
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false")
    assert stranger.check()["conclusion"] == "failure"


def test_it_cannot_speak_for_another_experiment(stranger: Stranger) -> None:
    found = stranger.bundle()
    other = found.candidate.model_copy(update={"experiment": "primaries"})
    stranger.leaves_bundle(found.model_copy(update={"candidate": other}))
    stranger.is_reported()
    assert stranger.check()["name"] == "ml-experiment / digits"
    assert "the bundle's experiment is 'primaries'" in stranger.check()["output"]["title"]


def test_the_other_host_never_sees_the_token(stranger: Stranger) -> None:
    stranger.leaves_bundle(stranger.bundle())
    assert stranger.is_reported().outputs["verdict"] == "regressed"
    assert stranger.forge.state.problems == []  # the test forge would have noted it


def test_a_good_one_is_read(stranger: Stranger) -> None:
    page = ("report.html", b"<script>")
    stranger.leaves(zipped(("bundle.zip", bundle.dumps(stranger.bundle())), page))
    done = stranger.is_reported()
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (0, "regressed", "false")
