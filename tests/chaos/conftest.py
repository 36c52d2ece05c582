"""Every test that launches a graph has a state folder of its own and leaves nothing behind."""

from launched import tektra as tektra
