"""Model weights."""

from __future__ import annotations

from tektra.doctor.finding import Finding, Severity, ok
from tektra.weights.catalogue import Entry, load_catalogue
from tektra.weights.errors import WeightsError
from tektra.weights.store import Store
from tektra.weights.verify import Presence, Status, status


class Weights:
    """The default set is here and nothing is half fetched. Names and sizes only: no checksums."""

    name = 'weights'

    def run(self) -> list[Finding]:
        """Look at the store."""
        store = Store.of_environment()
        try:
            found = [status(store, entry) for entry in load_catalogue()]
        except WeightsError as error:
            fix = 'mend the file, or unset TEKTRA_WEIGHTS_CONFIG'
            return [Finding(Severity.ERROR, str(error), fix)]
        findings = [one for each in found for one in self._about(each)]
        here = [each.entry.name for each in found if each.presence is Presence.PRESENT]
        return findings or ok(f'the default set is here ({len(here)} in all, in {store.root})')

    def _about(self, each: Status) -> list[Finding]:
        entry = each.entry
        if each.presence is Presence.PARTIAL:
            what = f'{entry.name} is half fetched ({each.text})'
            return [Finding(Severity.WARNING, what, f'tektra weights pull {entry.name}')]
        if each.presence is Presence.ABSENT and each.text.startswith('damaged'):
            what = f'{entry.name} is damaged'
            return [Finding(Severity.ERROR, what, self._again(entry))]
        if each.presence is Presence.ABSENT and entry.default:
            what = f'{entry.name} is not here; a simpler engine takes its place'
            return [Finding(Severity.NOTE, what, f'tektra weights pull {entry.name}')]
        return []

    @staticmethod
    def _again(entry: Entry) -> str:
        return f'tektra weights remove {entry.name} && tektra weights pull {entry.name}'
