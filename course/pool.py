"""Where jobs run: in processes of this machine, or on a Dask cluster. Either way no worker's death loses a job."""

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

STRIKES = 3  # workers that a job may lose before it is given up


def run_local(
    work: Callable[[Any], dict], jobs: Sequence[Any], workers: int, lost: Callable[[Any, str], dict]
) -> Iterator[dict]:
    """Run jobs in processes of this machine; yield results as they come.

    Parameters
    ----------
    work
        What is done to a job; it must be importable by name.
    jobs
        What is to be done.
    workers
        How many processes run at a time.
    lost
        Makes the result of a job that took ``STRIKES`` workers with it, or raised an exception.
    """
    waiting, strikes = deque(jobs), Counter()
    while waiting:
        running: dict[Any, Any] = {}
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    job = waiting.popleft()
                    running[pool.submit(work, job)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = _result(future, running[future], lost)
                    del running[future]
                    yield result
        except BrokenProcessPool:
            # Whichever worker died took the pool with it: all that was running is tried again.
            for job in running.values():
                strikes[job] += 1
                if strikes[job] < STRIKES:
                    waiting.appendleft(job)
                else:
                    yield lost(job, "its worker died")
        except BaseException:
            for child in multiprocessing.active_children():
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def run_on_dask(
    work: Callable[[Any], dict], jobs: Sequence[Any], address: str, lost: Callable[[Any, str], dict]
) -> Iterator[dict]:
    """Run jobs on the Dask cluster whose scheduler is at an address; its workers should have one thread each.

    Raises
    ------
    OSError
        No scheduler answers there.
    """
    from distributed import Client, as_completed

    with Client(address, timeout="10s") as client:
        futures = {client.submit(work, job, pure=False, retries=STRIKES - 1): job for job in jobs}
        for future in as_completed(futures):
            yield _result(future, futures[future], lost)
            future.release()


def _result(future: Any, job: Any, lost: Callable[[Any, str], dict]) -> dict:
    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:  # a defect of the grader must not cost the others their results
        return lost(job, f"the grader failed: {error!r}"[:300])


def _ignore_interrupts() -> None:
    """Ctrl-C is for the process that hands out the jobs, which then ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
