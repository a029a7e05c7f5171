"""The Definition tab tells everything that a deployment takes of a trigger."""

from itertools import chain

from dashboard.models import Trigger
from dashboard.views.definition import QUESTIONS


def test_every_deployed_field_stands_under_one_question() -> None:
    shown = list(chain(*QUESTIONS.values()))
    assert sorted(shown) == sorted(Trigger.DEPLOYED_FIELDS)
