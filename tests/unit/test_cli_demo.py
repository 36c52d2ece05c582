"""What a demo refuses before it starts, and what it does when its report cannot be written."""

import pytest

from tektra.cli.demo import DemoOptions, _write, check
from tektra.cli.errors import UserError


def options(folder, **more):
    plain = {'recording': None, 'lines': (), 'scene': '', 'fast': False, 'offline': True}
    return DemoOptions(**{**plain, **more}, speaker='none', out=folder, verbose=False)


def test_a_full_disk_is_named_before_anything_is_started(tmp_path):
    (tmp_path / 'report.json').symlink_to('/dev/full')
    with pytest.raises(UserError, match='No space left on device; choose a folder'):
        check(options(tmp_path, lines=('hello',)))


def test_a_disk_that_fills_up_meanwhile_leaves_no_half_report(tmp_path):
    path = tmp_path / 'report.json'
    path.symlink_to('/dev/full')
    with pytest.raises(UserError, match='No space left on device; choose another folder'):
        _write(path, {'turns': []})
    assert not path.is_symlink()


@pytest.mark.parametrize('line', ['', '  '])
def test_a_line_without_words_is_refused(tmp_path, line):
    with pytest.raises(UserError, match='says nothing'):
        check(options(tmp_path, lines=('hello', line)))
