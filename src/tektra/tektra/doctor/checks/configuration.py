"""The layers of the configuration."""

from __future__ import annotations

from tektra.config import layers
from tektra.doctor.finding import Finding, Severity, ok


class ConfigurationLayers:
    """Every layer can be read and holds only what the nodes take."""

    name = 'configuration'

    def run(self) -> list[Finding]:
        """Merge the layers."""
        made = layers.load()
        if not made.problems:
            return ok(f'{len(made.settings)} parameters are set by a layer')
        fix = 'tektra config edit; tektra config check'
        return [Finding(Severity.ERROR, problem.text, fix) for problem in made.problems]
