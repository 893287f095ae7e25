"""What a person sees of a build: the steps that are really done, and nothing of those that were done before."""

from runner.container.build import Steps

FIRST = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 200B done
#1 DONE 0.0s
#4 [1/3] FROM 127.0.0.1:5055/base@sha256:aa
#4 DONE 0.0s
#5 [2/3] COPY requirements.lock .
#5 DONE 0.1s
#6 [3/3] RUN pip install --require-hashes -r requirements.lock
#6 0.412 Collecting numpy
#6 3.900 Successfully installed numpy
#6 DONE 4.5s
#7 exporting to image
#7 exporting layers 0.2s done
"""


def shown(text: str) -> list[str]:
    steps = Steps()
    return [line for told in text.splitlines() for line in steps.feed(told)]


def test_a_step_shows_with_what_it_prints() -> None:
    assert shown(FIRST) == [
        "  [3/3] RUN pip install --require-hashes -r requirements.lock",
        "    Collecting numpy",
        "    Successfully installed numpy",
    ]


def test_a_build_from_the_cache_is_silent() -> None:
    assert shown("#5 [2/3] COPY . .\n#5 CACHED\n#6 [3/3] RUN make\n#6 CACHED\n") == []


def test_lines_of_another_form_are_no_steps() -> None:
    assert shown("Sending build context to Docker daemon  2.048kB\n\n#x [1/1] y\n") == []
