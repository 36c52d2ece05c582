"""Launch files: what is accepted and what it comes to, what is refused and how that is said."""

from __future__ import annotations

from pathlib import Path

import launch_cases
import launch_support
import pytest

from tektra.launching.errors import LaunchError


@pytest.mark.parametrize('case', launch_cases.ACCEPTED, ids=lambda case: case.title)
def test_an_accepted_file_comes_to_the_command_lines_of_launch_ros(
    case: launch_cases.Accepted, tmp_path: Path
) -> None:
    plan = launch_support.planned(tmp_path, case.text, case.args, **case.files)
    found = [process['argv'] for process in launch_support.summary(plan)]
    assert [line[1:] for line in found if isinstance(line, list)] == case.argv


@pytest.mark.parametrize('case', launch_cases.REFUSED, ids=lambda case: case.title)
def test_a_refused_file_is_refused_with_its_line_and_the_fix(
    case: launch_cases.Refused, tmp_path: Path
) -> None:
    with pytest.raises(LaunchError) as caught:
        launch_support.planned(tmp_path, case.text, case.args, **case.files)
    text = caught.value.render()
    assert case.says in text
    assert '\n' not in text
    assert text.startswith(str(tmp_path))
    if case.line:
        assert caught.value.mark is not None
        assert caught.value.mark.line == case.line
        assert text.split(':')[1] == str(case.line)
