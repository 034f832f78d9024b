"""Loopback addresses and ports of one lab: a block of its own, the same ports on every address."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

LDAP, LDAPS, GC, GC_TLS, KDC = 20389, 20636, 20268, 20269, 20088


@dataclass(frozen=True)
class Block:
    """127.a.b.0/24. Nothing reserves it: who binds first has it, the other lab takes another."""

    a: int
    b: int

    @classmethod
    def pick(cls) -> Block:
        chance = random.Random(
            os.urandom(8)
        )  # not the test's seed: labs that start together must differ
        return cls(chance.randrange(1, 255), chance.randrange(0, 256))

    def address(self, number: int) -> str:
        return f"127.{self.a}.{self.b}.{number}"
