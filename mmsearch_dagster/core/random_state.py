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


@contextmanager
def exact_threads(count: int) -> Iterator[None]:
    """Exactly so many, whatever the machine has: their number changes the last bits of the weights.

    The matrices are small: two gain a third on an idle machine, and cost much on a busy one, where
    they spin while they wait (numpy's and torch's alike).
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(limits=count):
            yield
    finally:
        torch.set_num_threads(before)
