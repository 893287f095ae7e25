"""Which step of an image's history made which layer: named where that is certain, else not at all."""

from runner.container.image import made_by

STEPS = ["Imported from -", "ENV A=1", "WORKDIR /w", "RUN make", 'CMD ["x"]']


def test_steps_that_only_set_something_make_no_layer() -> None:
    assert made_by(STEPS, 3) == ["Imported from -", "WORKDIR /w", "RUN make"]


def test_a_folder_that_was_there_makes_none_either() -> None:
    assert made_by(STEPS, 2) == ["Imported from -", "RUN make"]


def test_numbers_that_do_not_fit_claim_nothing() -> None:
    assert made_by(STEPS, 4) == ["", "", "", ""]
    assert made_by([], 0) == []
