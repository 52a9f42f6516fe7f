"""torch's random numbers for one block of code, without a trace outside it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's random numbers on the CPU begin at `seed`; afterwards the caller's go on as before.

    Modules of torch draw their first weights from the state of the whole process: without this, loading a
    model would change what its caller draws next.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
