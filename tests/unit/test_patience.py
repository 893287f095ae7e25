"""How patiently the forge is asked: what each answer means, how long is waited, and that it always ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from action.forge.patience import LONGEST_IN_ALL_S, MOST_TRIES, Again, Answer, Meaning, NoAnswer, Stop, decide

NOW = 1_800_000_000.0
VERBS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def an_answer(status: int, message: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, f'{{"message": "{message}"}}')


@pytest.mark.parametrize(
    ("found", "meaning"),
    [
        (an_answer(200), Meaning.DONE),
        (an_answer(201), Meaning.DONE),
        (an_answer(302), Meaning.DONE),
        (an_answer(401, "Bad credentials"), Meaning.MAY_NOT),
        (an_answer(403, "Resource not accessible by integration"), Meaning.MAY_NOT),
        (an_answer(404, "Not Found"), Meaning.NOT_THERE),
        (an_answer(409), Meaning.CONFLICT),
        (an_answer(422), Meaning.CONFLICT),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_asked_again(verb: str, found: Answer, meaning: Meaning) -> None:
    assert decide(verb, found, 1, 0.0, NOW) == Stop(meaning)


@pytest.mark.parametrize("found", [an_answer(500), an_answer(502), an_answer(503), NoAnswer("ReadTimeout")])
def test_what_makes_something_is_never_repeated_blindly(found: Answer | NoAnswer) -> None:
    assert decide("POST", found, 1, 0.0, NOW) == Stop(Meaning.UNKNOWN)
    for verb in ("GET", "PATCH", "PUT", "DELETE"):
        assert [decide(verb, found, tries, 0.0, NOW) for tries in (1, 2, 3, 4)] == [Again(2.0**i) for i in range(4)]
        assert decide(verb, found, 5, 0.0, NOW) == Stop(Meaning.UNREACHABLE, 16.0)


@pytest.mark.parametrize(
    ("found", "wait"),
    [
        (an_answer(429, retry_after="7"), 7.0),
        (an_answer(403, retry_after="30"), 30.0),
        (an_answer(403, "You have exceeded a secondary rate limit. Please wait."), 60.0),
        (an_answer(429), 60.0),
        (an_answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 40:.0f}"), 41.0),
        (an_answer(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), 60.0),
        (
            an_answer(
                403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1000000060",
                date="Sun, 09 Sep 2001 01:46:40 GMT",
            ),
            61.0,
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", VERBS)
def test_a_limit_is_waited_for_as_long_as_it_asks(verb: str, found: Answer, wait: float) -> None:
    assert decide(verb, found, 1, 0.0, NOW) == Again(wait)


def test_an_hour_is_not_waited_for() -> None:
    assert decide("GET", an_answer(429, retry_after="3600"), 1, 0.0, NOW) == Stop(Meaning.BUSY, 3600.0)
    reset = an_answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 1800:.0f}")
    assert decide("POST", reset, 1, 0.0, NOW) == Stop(Meaning.BUSY, 1801.0)


ANSWERS = st.one_of(
    st.builds(NoAnswer, st.just("x")),
    st.builds(
        Answer,
        st.integers(100, 599),
        st.dictionaries(
            st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date"]),
            st.one_of(st.integers().map(str), st.text(max_size=12), st.just("0")),
        ),
        st.text(max_size=60),
    ),
)


@given(st.sampled_from(VERBS), st.lists(ANSWERS, min_size=MOST_TRIES, max_size=MOST_TRIES))
def test_whatever_is_answered_it_ends_in_bounded_time(verb: str, answers: list[Answer | NoAnswer]) -> None:
    waited = 0.0
    for tries, found in enumerate(answers, 1):
        then = decide(verb, found, tries, waited, NOW)
        if isinstance(then, Stop):
            break
        waited += then.wait_s
    else:
        pytest.fail("it never ended")
    assert 0 <= waited <= LONGEST_IN_ALL_S
