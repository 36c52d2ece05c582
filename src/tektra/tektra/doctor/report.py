"""Results as lines for a person and as data for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tektra.doctor.examination import Result
from tektra.doctor.finding import Severity

_SIGNS = {
    Severity.OK: 'ok',
    Severity.NOTE: 'note',
    Severity.WARNING: 'warning',
    Severity.ERROR: 'ERROR',
}


def lines(result: Result) -> list[str]:
    """Return the lines of one check: what was found, and below it the fix."""
    made = []
    for finding in result.findings:
        made.append(f'{_SIGNS[finding.severity]:7}  {result.check}: {finding.what}')
        if finding.fix:
            made.append(f'{"":7}    fix: {finding.fix}')
    return made


def summary(results: Iterable[Result]) -> str:
    """Return the last line."""
    counts = Counter(f.severity for r in results for f in r.findings)
    words = ('error', 'warning', 'note')
    parts = [
        f'{counts[severity]} {word}{"s" if counts[severity] != 1 else ""}'
        for severity, word in zip(sorted(Severity, reverse=True), words, strict=False)
    ]
    return f'{", ".join(parts)}, {counts[Severity.OK]} as they should be'


def as_data(results: Iterable[Result]) -> list[dict[str, str]]:
    """Return one row a finding, for JSON."""
    return [
        {
            'check': result.check,
            'severity': finding.severity.name.lower(),
            'what': finding.what,
            'fix': finding.fix,
        }
        for result in results
        for finding in result.findings
    ]
