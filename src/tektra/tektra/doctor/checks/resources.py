"""Memory and GPUs, against what the engines need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tektra.doctor.finding import Finding, Severity, ok
from tektra.resources.catalogue import VARIABLE, CatalogueError, load_catalogue
from tektra.resources.machine import Machine
from tektra.resources.plan import Plan
from tektra.resources.survey import plan_for, the_machine

DRIVER = Path('/proc/driver/nvidia/version')


class Resources:
    """The plan fits the budget, the budget the machine, and a GPU that is there is seen."""

    name = 'resources'

    def __init__(
        self,
        machine: Callable[[], Machine] = the_machine,
        plan: Callable[[Machine], Plan] = lambda machine: plan_for(load_catalogue(), machine),
        driver: Path = DRIVER,
    ) -> None:
        self._machine = machine
        self._plan = plan
        self._driver = driver

    def run(self) -> list[Finding]:
        """Make the plan."""
        machine = self._machine()
        try:
            plan = self._plan(machine)
        except CatalogueError as error:
            return [Finding(Severity.ERROR, str(error), f'mend the file, or unset {VARIABLE}')]
        found = [*self._about_budget(plan, machine), *self._about_gpu(machine)]
        if found:
            return found
        total, budget = plan.total, plan.budget
        gpus = f'{len(machine.gpus)} GPU' if machine.gpus else 'no GPU'
        return ok(f'{total.memory_mb} MB planned of {budget.memory_mb} MB, {gpus}')

    def _about_budget(self, plan: Plan, machine: Machine) -> list[Finding]:
        found = []
        if not plan.fits:
            fix = 'raise budget in config/resources.yaml, or free memory; see: tektra resources'
            found.append(Finding(Severity.WARNING, plan.problem, fix))
        over = plan.budget.memory_mb > machine.memory_mb
        if over or plan.budget.gpu_memory_mb > machine.gpu_memory_mb:
            what = (
                f'the budget ({plan.budget.memory_mb} MB, GPU {plan.budget.gpu_memory_mb} MB) is '
                f'more than there is ({machine.memory_mb} MB, GPU {machine.gpu_memory_mb} MB)'
            )
            fix = 'lower budget in config/resources.yaml, or set it to auto'
            found.append(Finding(Severity.WARNING, what, fix))
        return found

    def _about_gpu(self, machine: Machine) -> list[Finding]:
        if machine.gpus or not self._driver.exists():
            return []
        what = f'an NVIDIA driver is loaded, and no GPU is used: {machine.gpu_note}'
        return [Finding(Severity.NOTE, what, 'nvidia-smi; ./tektra setup')]
