"""One run: honest peers write and gossip while everything goes wrong; then the faults end, and all must be well."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.experiments.network.adversary import Adversary
from adaptor.experiments.network.checks import FAULTS, Quiet, check, check_disk
from adaptor.experiments.network.links import MISHAPS, Links, Weather
from adaptor.experiments.network.machine import Crash, Machine
from adaptor.experiments.network.observer import Observer
from adaptor.experiments.network.outcome import Outcome
from adaptor.experiments.network.passage import Passage
from adaptor.experiments.network.payloads import Draft, draft_of, membership
from adaptor.experiments.network.scenario import (
    CLOCK_OFF_S,
    FAULTS_S,
    LEAST_ENTRIES,
    QUIET_S,
    REPLICA_LIMITS,
    Scenario,
    key_of,
    manifest_of,
    public,
    scenario_of,
)
from adaptor.experiments.network.timeline import Action, Timeline
from adaptor.experiments.network.verification import blocks_read_once

LOSS = 0.3
DOUBLED = 0.05
SLOW_S = 12.0
"""Mean delay of a slow peer's messages: a little more than anybody waits."""

WRITING_SHARE = 0.9
"""Part of the time with faults in which entries are written."""

BURST = (2, 3, 4, 5, 6)
"""Entries written at once, by chance one of these."""

DOWN_S = (1.0, 90.0)
PARTITION_S = (30.0, 240.0)
"""Shortest and longest time that a machine is down, and that a partition lasts."""

CRASHES = 2
"""Of each kind in every run."""
PARTITIONS = 3
LEAVES = 2
SLOW_SPELLS = 2
CLOCK_JUMPS = 1
ACTS = 36
"""Acts of each adversary: everything it can do, and some of it again."""

AMENDS_SHARE = 0.92
"""Part of the time with faults after which whatever did not take place is made to: a little later than all that is
drawn and the last restart that follows from it, and three minutes before the faults end."""

SOON_S = 1.0
"""Until somebody is looked for again who can be made to crash or leave."""

CHECK_EVERY_S = 50.0
"""How often it is looked whether all is quiet."""


class Simulation:
    """One run.

    Args:
        scenario: What it is of.
        tracing: Whether to keep a readable trace.
    """

    def __init__(self, scenario: Scenario, *, tracing: bool = False) -> None:
        self.scenario = scenario
        self.outcome = Outcome(seed=scenario.seed)
        self.timeline = Timeline(scenario.start_s)
        self.chance = random.Random(f"faults {scenario.seed}")  # noqa: S311 - not for secrets
        self.amends = random.Random(f"amends {scenario.seed}")  # noqa: S311 - not for secrets
        self.links = Links(self.timeline, random.Random(f"links {scenario.seed}"), slow_s=SLOW_S)  # noqa: S311
        self.watcher: Observer = Observer(self.timeline, self.outcome, tracing=tracing)
        self.machines: dict[str, Machine] = {}
        self.honest: list[Machine] = []
        self.adversaries: list[Adversary] = []
        self._keys = [key_of(scenario.seed, f"honest {i}") for i in range(scenario.honest + scenario.newcomers)]
        bad = [[key_of(scenario.seed, f"bad {i} {j}") for j in range(4)] for i in range(scenario.adversaries)]
        writers = [*self._keys[: scenario.honest], *(key for keys in bad for key in keys[:2])]
        self.manifest = manifest_of(scenario, tuple(map(public, writers)), public(self._keys[0]))
        self.passage = Passage(self.manifest.log_id, on_wire=scenario.on_wire)
        for _ in range(scenario.honest):
            self._add_honest()
        for i, keys in enumerate(bad):
            self._add_adversary(i, keys)

    def at(self, address: str) -> Machine | None:
        """Who listens at an address."""
        return self.machines.get(address)

    def run(self) -> Outcome:
        """Let all of it happen."""
        self.links.weather = Weather(loss=LOSS, doubled=DOUBLED)
        everybody = list(self.machines.values())
        for machine in everybody:
            self._start(machine, self.chance.sample(everybody, min(3, len(everybody))))
        self._plan_faults()
        self.timeline.run(FAULTS_S)
        self._end_faults()
        quiet = Quiet(self.honest)
        while self.timeline.elapsed_s < FAULTS_S + QUIET_S:
            self.timeline.run(CHECK_EVERY_S)
            if quiet.reached():
                break
        self._count()
        acts = self.adversaries[0].kinds
        check(self.honest, self.watcher, self.outcome, manifest=self.manifest, faults=(*FAULTS, *acts))
        return self.outcome

    # --- who takes part -------------------------------------------------------------------------------------

    def _add_honest(self) -> Machine:
        number = len(self.honest)
        machine = Machine(
            self,
            address=f"p{number}:7",
            key=self._keys[number],
            limits=REPLICA_LIMITS,
            seed=f"{self.scenario.seed} p{number}",
        )
        machine.clock_off_s = self.chance.uniform(-CLOCK_OFF_S, CLOCK_OFF_S)
        self.honest.append(machine)
        self.watcher.honest.add(machine.address)
        self.machines[machine.address] = machine
        return machine

    def _add_adversary(self, number: int, keys: Sequence[Ed25519PrivateKey]) -> None:
        adversary = Adversary(
            self,
            address=f"x{number}:7",
            keys=keys,
            limits=REPLICA_LIMITS,
            seed=f"{self.scenario.seed} x{number}",
            victims=lambda: self.honest,
            authors=[public(key) for key in self._keys],
            forged=self.watcher.forged,
            acts=self.outcome.faults,
        )
        self.adversaries.append(adversary)
        self.machines[adversary.address] = adversary

    def _start(self, machine: Machine, acquaintances: Sequence[Machine]) -> None:
        """Begin with some addresses, one of them an honest peer's: who knows only liars can learn only lies."""
        known = [one for one in acquaintances if one is not machine]
        if not any(one in self.honest for one in known):
            known.append(next(one for one in self.honest if one is not machine))
        machine.start([(one.name, one.address) for one in known])

    # --- what befalls them ----------------------------------------------------------------------------------

    def _plan_faults(self) -> None:
        # All of it while enough is written that every crash finds something to interrupt.
        within = partial(self.chance.uniform, 0.05 * FAULTS_S, 0.75 * FAULTS_S)
        plan: list[Action] = [partial(self._crash, kind) for kind in Crash for _ in range(CRASHES)]
        plan += [self._part] * PARTITIONS + [self._leave] * LEAVES + [self._slow_down] * SLOW_SPELLS
        plan += [self._set_clock] * CLOCK_JUMPS
        for fault in plan:
            self.timeline.after(within(), fault)
        for _ in range(self.scenario.newcomers):
            self.timeline.after(self.chance.uniform(0.2, 0.7) * FAULTS_S, self._join)
        for adversary in self.adversaries:
            for i in range(ACTS):
                self.timeline.after((0.03 + 0.95 * i / ACTS) * FAULTS_S, adversary.act)
        self.timeline.after(AMENDS_SHARE * FAULTS_S, self._make_amends)
        self.timeline.after(0.6 * FAULTS_S, self._revoke)
        self.timeline.after(0.7 * FAULTS_S, partial(self._admit, public(self.adversaries[0].candidate)))
        self._write_on()

    def _write_on(self) -> None:
        """Somebody writes, and somebody will again, as often as it takes to get to the entries that are wanted."""
        left_s = WRITING_SHARE * FAULTS_S - self.timeline.elapsed_s
        left = LEAST_ENTRIES + 10 - len(self.watcher.written)
        ready = [machine for machine in self.honest if machine.up]
        if ready and left > 0:
            machine = self.chance.choice(ready)
            machine.append([self._draft(machine, self.chance) for _ in range(self.chance.choice(BURST))])
        if left > 0:
            bursts = left / (sum(BURST) / len(BURST))
            self.timeline.after(max(1.0, left_s / bursts) * self.chance.uniform(0.2, 1.4), self._write_on)

    def _draft(self, machine: Machine, chance: random.Random) -> Draft:
        known = [cid for cid in self.watcher.contributions[-30:] if cid in machine.replica.applied]
        return draft_of(chance, known, self.watcher.own.get(machine.address, ()))

    def _crash(self, kind: Crash) -> None:
        ready = [machine for machine in self.honest if machine.up and machine.crash_next is None]
        if not ready:
            self.timeline.after(10.0, partial(self._crash, kind))
            return
        machine = self.chance.choice(ready)
        machine.crash_next = kind
        self._revive_later(machine)

    def _revive_later(self, machine: Machine) -> None:
        self.timeline.after(self.chance.uniform(*DOWN_S), partial(self._revive, machine))

    def _revive(self, machine: Machine) -> None:
        """Start a machine that is down; if it waits to crash, look again later."""
        if not machine.up:
            self.outcome.faults["restarts"] += 1
            self.watcher.say(f"{machine.address} restarts")
            machine.start()
            check_disk(machine, self.outcome)
        elif machine.crash_next is not None:
            self._revive_later(machine)

    def _leave(self) -> None:
        ready = [machine for machine in self.honest if machine.up and machine.crash_next is None]
        if ready:
            machine = self.chance.choice(ready)
            self._stop(machine)
            self._revive_later(machine)

    def _stop(self, machine: Machine) -> None:
        self.outcome.faults["leaves"] += 1
        self.watcher.say(f"{machine.address} leaves")
        check_disk(machine, self.outcome)
        machine.stop()

    def _join(self) -> None:
        """Somebody new comes, who knows one peer, whichever; half of them die at the first blocks that they get."""
        machine = self._add_honest()
        self.outcome.faults["joins"] += 1
        self.watcher.say(f"{machine.address} joins")
        self._start(machine, self.chance.sample(list(self.machines.values()), 1))
        if self.chance.random() < 0.5:  # noqa: PLR2004 - one in two
            machine.crash_next = self.chance.choice(list(Crash))
            self._revive_later(machine)
        self._admit(public(machine.key))

    def _admit(self, key: bytes) -> None:
        """The founder admits a key, as soon as he can."""
        if self.honest[0].up:
            self.honest[0].append([membership(key)])
        else:
            self.timeline.after(DOWN_S[1], partial(self._admit, key))

    def _revoke(self) -> None:
        """The founder revokes an adversary's key, from some entry on."""
        founder = self.honest[0]
        if not founder.up:
            self.timeline.after(10.0, self._revoke)
            return
        self.outcome.faults["revocations"] += 1
        key = self.chance.choice(self.adversaries).key
        founder.append([membership(public(key), revoked_after=self.chance.randint(0, 3))])

    def _part(self) -> None:
        sides = {address: self.chance.randrange(2) for address in self.machines}
        one, other = self.chance.sample(self.honest, 2)
        sides.update({one.address: 0, other.address: 1})
        self.links.weather.apart = sides
        self.outcome.faults["partitions"] += 1
        self.watcher.say(f"partition {sides}")
        self.timeline.after(self.chance.uniform(*PARTITION_S), partial(self._heal, sides))

    def _heal(self, sides: dict[str, int]) -> None:
        if self.links.weather.apart is sides:
            self.links.weather.apart = {}
            self.watcher.say("the partition heals")

    def _slow_down(self) -> None:
        address = self.chance.choice(list(self.machines))
        self.outcome.faults["slow_spells"] += 1
        self.links.weather.slow.add(address)
        self.timeline.after(self.chance.uniform(*PARTITION_S), partial(self.links.weather.slow.discard, address))

    def _set_clock(self) -> None:
        """A clock jumps, at most as far as honest clocks may be off."""
        machine = self.chance.choice(self.honest)
        self.outcome.faults["clocks_set"] += 1
        machine.clock_off_s = self.chance.uniform(-CLOCK_OFF_S, CLOCK_OFF_S)

    # --- what chance left out -------------------------------------------------------------------------------

    def _make_amends(self) -> None:
        """Let every kind of fault take place that did not, by choices of their own: other runs stay as drawn."""
        self.links.owed.update(kind for kind in MISHAPS if not self.links.counts[kind])
        for crash in Crash:
            if not self.outcome.faults[crash.value]:
                self._crash_writing(crash)
        if not self.outcome.faults["leaves"]:
            self._leave_for_certain()

    def _crash_writing(self, kind: Crash) -> None:
        """Somebody who may still write does, and dies of it."""
        ready = [machine for machine in self.honest if machine.up and machine.crash_next in (None, kind)]
        for machine in self.amends.sample(ready, len(ready)):
            machine.crash_next = kind
            machine.append([self._draft(machine, self.amends)])
            if not machine.up:
                self._revive_soon(machine)
                return
            machine.crash_next = None
        self._again_soon(partial(self._crash_writing, kind))

    def _leave_for_certain(self) -> None:
        """Somebody leaves, even one who is about to crash."""
        ready = [machine for machine in self.honest if machine.up]
        if not ready:
            self._again_soon(self._leave_for_certain)
            return
        machine = self.amends.choice(ready)
        self._stop(machine)
        self._revive_soon(machine)

    def _revive_soon(self, machine: Machine) -> None:
        self.timeline.after(self.amends.uniform(*DOWN_S), partial(self._revive, machine))

    def _again_soon(self, action: Action) -> None:
        if self.timeline.elapsed_s + SOON_S < FAULTS_S:
            self.timeline.after(SOON_S, action)

    # --- the end --------------------------------------------------------------------------------------------

    def _end_faults(self) -> None:
        self.watcher.say("the faults end")
        self.links.weather = Weather()
        for machine in self.honest:
            machine.crash_next = None
            if not machine.up:
                machine.start()
        for adversary in self.adversaries:
            if not self.scenario.stubborn:
                adversary.stop()

    def _count(self) -> None:
        counts, links = self.outcome.counts, self.links.counts
        for kind in ("lost", "doubled", "overtaken", "cut_off", "slow"):
            self.outcome.faults[f"messages_{kind}"] += links.pop(kind, 0)
        counts.update(links)
        counts["entries"] = len(self.watcher.written)
        counts["peers"] = len(self.machines)
        counts["events"] = self.timeline.events
        counts["virtual_s"] = int(self.timeline.elapsed_s)


def simulate(seed: int, *, tracing: bool = False) -> Outcome:
    """Run one seed. Whatever production raises is a failure of the run."""
    with blocks_read_once():
        simulation = Simulation(scenario_of(seed), tracing=tracing)
        try:
            return simulation.run()
        except Exception as error:  # noqa: BLE001 - the seed is reported with it, and others are still to be run
            simulation.outcome.fail(f"{type(error).__name__}: {error}")
            return simulation.outcome
