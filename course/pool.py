"""Where jobs run: in processes of this machine, or on a Dask cluster. Either way no worker's death loses a job."""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.context import BaseContext
from typing import Any

STRIKES = 3  # workers that a job may lose before it is given up
NEEDED = ("course.referee", "course.grade", "torch._dynamo")  # by every worker, and slow to import


def run_local(
    work: Callable[[Any], dict], jobs: Iterable[Any], workers: int, lost: Callable[[Any, str], dict]
) -> Iterator[dict]:
    """Run jobs in processes of this machine; yield results as they come.

    Parameters
    ----------
    work
        What is done to a job; it must be importable by name.
    jobs
        What is to be done; a job is asked for when its turn comes.
    workers
        How many processes run at a time.
    lost
        Makes the result of a job that took ``STRIKES`` workers with it, or raised an exception.
    """
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        jobs, again, strikes = iter(jobs), deque(), Counter()
        while (yield from _run_pool(work, jobs, again, workers, lost, strikes, folder)):
            pass


def _run_pool(
    work, jobs: Iterator, again: deque, workers: int, lost, strikes: Counter, folder: str
) -> Generator[dict, None, bool]:
    """Run jobs until there are no more, or a worker dies: then return true, and a new pool must take up the rest.

    While a job has a strike, one runs at a time and takes none along.
    """
    running: dict[Any, Any] = {}
    pool = ProcessPoolExecutor(workers, _context(), initializer=_heed_the_parent, initargs=(folder,))
    try:
        while True:
            while len(running) < (1 if strikes else workers):
                again.extend(islice(jobs, 0 if again else 1))
                if not again:
                    break
                running[pool.submit(work, again[0])] = again[0]
                again.popleft()
            if not running:
                return False
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = _result(future, running[future], lost)
                strikes.pop(running.pop(future), None)
                yield result
    except BrokenProcessPool:
        # Whichever worker died took the pool with it: all that was running is tried again.
        for job in running.values():
            strikes[job] += 1
            if strikes[job] < STRIKES:
                again.appendleft(job)
            else:
                del strikes[job]
                yield lost(job, "its worker died")
        return True
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def warm_up() -> None:
    """Start the process from which local workers are forked: it imports what they need while the caller goes on."""
    if _context().get_start_method() != "forkserver":
        return
    from multiprocessing import forkserver

    heeded = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is not for that process
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, heeded)


def _context() -> BaseContext:
    """How workers come about: on Linux forked, from a process that has done nothing but import.

    That process listens on a socket in the folder of temporary files, whose path has room for 107 characters.
    """
    if sys.platform != "linux" or len(tempfile.gettempdir()) > 70:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(NEEDED))
    return context


def run_on_dask(
    work: Callable[[Any], dict], jobs: Iterable[Any], address: str, lost: Callable[[Any, str], dict]
) -> Iterator[dict]:
    """Run jobs on the Dask cluster whose scheduler is at an address; its workers should have one thread each.

    Raises
    ------
    OSError
        No scheduler answers there.
    """
    from distributed import Client, KilledWorker, as_completed

    with Client(address, timeout="10s") as client:
        jobs, futures, suspects, done = iter(jobs), {}, [], as_completed()
        while True:
            under_way = max(1, 2 * sum(client.ncores().values()))  # for each worker one at work and one at hand
            for job in islice(jobs, max(0, under_way - len(futures))):
                future = client.submit(work, job, pure=False, retries=STRIKES - 1)
                futures[future] = job
                done.add(future)
            if not futures:
                break
            future = next(done)
            job = futures.pop(future)
            if isinstance(future.exception(), KilledWorker):
                suspects.append(job)
            else:
                yield _result(future, job, lost)
            future.release()
        for job in suspects:  # Dask blames all the jobs that a dead worker held: now each has one to itself
            yield _result(client.submit(work, job, pure=False), job, lost)


def _result(future: Any, job: Any, lost: Callable[[Any, str], dict]) -> dict:
    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:  # a defect of the grader must not cost the others their results
        return lost(job, f"the grader failed: {error!r}"[:300])


def _heed_the_parent(folder: str) -> None:
    """Leave Ctrl-C to the process that hands out the jobs, end with it, and leave no files behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = folder
    threading.Thread(target=_end_with_the_parent, args=(folder,), daemon=True).start()


def _end_with_the_parent(folder: str) -> None:
    multiprocessing.parent_process().join()
    shutil.rmtree(folder, ignore_errors=True)  # the parent may have been killed
    os._exit(1)
