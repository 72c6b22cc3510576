"""Starts every process of the stack, keeps them running, answers questions about them, and ends them all."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from reelmill_kit.rights import store
from reelmill_local import ports as port_choice
from reelmill_local.bus_users import PROJECT, BusUsers, prepare
from reelmill_local.control import SOCKET_NAME, socket_path
from reelmill_local.identity import identity
from reelmill_local.names import SERVERS, SERVICES
from reelmill_local.process import Report, StartError, SupervisedProcess
from reelmill_local.servers import S3Keys, nats_server, seaweed_server, triton_server
from reelmill_local.servers.seaweed import write_private
from reelmill_local.services import diffusion_model, judge_bank, judge_model, repository_root, service_process
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"
BUCKET = "reelmill"
STACK_FILE = "stack.json"
FOLDER_CHECK_INTERVAL = 2.0


class AlreadyRunningError(Exception):
    """Another supervisor has this folder."""


class Supervisor:
    """One stack in one folder.

    Args:
        folder: Takes data, logs and stack.json; made when missing.
        names: Which of SERVERS and SERVICES to run.
        report: Called with one line for people whenever something happens.
        parent: The stack ends when this process does; 0: it does not depend on another.
    """

    def __init__(self, folder: Path, names: Sequence[str], report: Report, parent: int = 0) -> None:
        self._folder = folder.resolve()
        self._names = names
        self._report = report
        self._parent = parent
        self._processes: dict[str, SupervisedProcess] = {}
        self._state = "starting"
        self._begun = time.time()
        self._ending = asyncio.Event()
        self.environment: dict[str, str] = {}

    async def run(self) -> None:
        """Runs the stack until it is asked to end. Raises AlreadyRunningError, StartError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._ending.set)
        if self._parent:
            # Not PR_SET_PDEATHSIG: that is the death of the thread that started us.
            try:
                loop.add_reader(os.pidfd_open(self._parent), self._ending.set)
            except ProcessLookupError:
                return
        with lock(self._folder), port_choice.reserved(self._folder) as ports:
            async with self._control():
                ending = asyncio.create_task(self._ending.wait())
                watching = asyncio.create_task(self._watch_folder())
                starting = asyncio.create_task(self._start(ports))
                try:
                    await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
                    if starting.done():
                        starting.result()
                        await ending
                finally:
                    starting.cancel()
                    watching.cancel()
                    await asyncio.gather(starting, watching, return_exceptions=True)
                    await self._stop()

    async def _start(self, ports: dict[str, int]) -> None:
        logs = self._folder / "logs"
        for old in logs.glob("*.log"):
            if old.stem in self._names:
                old.replace(old.with_suffix(".log.1"))
        specs = self._plan(ports)
        self._processes = {
            spec.name: SupervisedProcess(spec, logs / f"{spec.name}.log", self._report) for spec in specs
        }
        servers = [p for name, p in self._processes.items() if name in SERVERS]
        services = [p for name, p in self._processes.items() if name in SERVICES]
        # Triton takes the longest, and no service needs it to start.
        early = [p for p in servers if p.spec.name != "triton"]
        late = [p for p in servers if p.spec.name == "triton"]
        async with asyncio.TaskGroup() as group:
            for process in late:
                group.create_task(process.start())
            async with asyncio.TaskGroup() as first:
                for process in early:
                    first.create_task(process.start())
            if "nats" in self._names and "movies" not in self._names:
                await prepare(self.environment)
            for process in services:
                group.create_task(process.start())
        self._state = "ready"
        write_private(self._folder / STACK_FILE, json.dumps(self._description(), indent=1))
        self._report(f"the stack is ready ({time.time() - self._begun:.0f} s)")

    async def _watch_folder(self) -> None:
        """Ends the stack when its folder is deleted: nobody could ask it to any more."""
        while (self._folder / SOCKET_NAME).exists():  # noqa: ASYNC110 - files send no event
            await asyncio.sleep(FOLDER_CHECK_INTERVAL)
        self._ending.set()

    def _plan(self, ports: dict[str, int]) -> list[ProcessSpec]:
        data = self._folder / "data"
        keys = S3Keys.kept_in(self._folder / "s3-keys.json")
        users = BusUsers.kept_in(self._folder / "auth" / "nats")
        service_keys = S3Keys.of_each((*store.SERVICES, f"reader_{PROJECT}"), self._folder / "auth" / "s3")
        model, judge = diffusion_model(), judge_model()
        self.environment = {
            "REELMILL_NATS_URL": f"nats://{HOST}:{ports['nats']}",
            "REELMILL_NATS_NKEY_FILE": str(users.owner),
            "REELMILL_S3_ENDPOINT": f"http://{HOST}:{ports['s3']}",
            "REELMILL_S3_BUCKET": BUCKET,
            "REELMILL_S3_ACCESS_KEY": keys.access_key,
            "REELMILL_S3_SECRET_KEY": keys.secret_key,
            "REELMILL_TRITON_URL": f"{HOST}:{ports['triton']}",
            # Where services find each other; the gateway finds all of them.
            **{
                f"REELMILL_{name.upper()}_SERVER": f"{HOST}:{ports[name]}"
                for name in SERVICES
                if name != "gateway"
            },
            **identity(self._folder / "auth"),
            "REELMILL_TLS": "off",  # all of it is on 127.0.0.1
            "REELMILL_DIFFUSION_MODEL": str(model),
            "REELMILL_GATE": os.environ.get("REELMILL_GATE") or ("on" if judge else "off"),
        }
        specs: list[ProcessSpec] = []
        if "nats" in self._names:
            specs.append(nats_server(data / "nats", ports["nats"], users.accounts, users.owner))
        if "s3" in self._names:
            specs.append(seaweed_server(data / "s3", ports, keys, BUCKET, service_keys))
        if "triton" in self._names:
            models = repository_root() / "services" / "render" / "triton-models"
            judging = (judge, judge_bank(judge)) if judge else None
            specs.append(triton_server(data / "triton", ports, models, model, judging))
        for name in SERVICES:
            if name in self._names:
                at_store = service_keys.get(name, S3Keys("", ""))
                own = {
                    "REELMILL_NATS_NKEY_FILE": str(users.seed(name)),
                    "REELMILL_S3_ACCESS_KEY": at_store.access_key,
                    "REELMILL_S3_SECRET_KEY": at_store.secret_key,
                }
                if name == "movies":
                    own["REELMILL_NATS_FOLLOWERS"] = json.dumps([PROJECT])
                http = ports.get(f"{name}-http", 0)
                environment = self.environment | own
                specs.append(service_process(name, ports[name], data / name, environment, http_port=http))
        return specs

    async def _stop(self) -> None:
        self._state = "stopping"
        (self._folder / STACK_FILE).unlink(missing_ok=True)
        # The services first: what they do at the end may need the servers.
        for group in (SERVICES, ("triton",), ("nats", "s3")):
            members = [p for name, p in self._processes.items() if name in group]
            await asyncio.gather(*(p.stop() for p in members))
        self._report("the stack has ended; nothing of it is running")

    def _description(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "state": self._state,
            "folder": str(self._folder),
            "addresses": {name: p.spec.address for name, p in self._processes.items()},
            "environment": self.environment,
        }

    def _status(self) -> dict[str, Any]:
        processes = [
            {
                "name": name,
                "state": p.state.value,
                "address": p.spec.address,
                "pid": p.pid,
                "restarts": p.restarts,
                "memory_mb": _resident_mb(p.pid),
                "log": str(p.log),
            }
            for name, p in self._processes.items()
        ]
        return {**self._description(), "processes": processes, "uptime": time.time() - self._begun}

    @asynccontextmanager
    async def _control(self) -> AsyncIterator[None]:
        (self._folder / SOCKET_NAME).unlink(missing_ok=True)
        with socket_path(self._folder) as path:
            old_mask = os.umask(0o177)
            try:
                server = await asyncio.start_unix_server(self._answer, path)
            finally:
                os.umask(old_mask)
            try:
                yield
            finally:
                server.close()
                (self._folder / SOCKET_NAME).unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            answer = await self._do(request)
        except (StartError, ProcessLookupError, KeyError, ValueError, TypeError) as error:
            answer = {"error": str(error) or repr(error)}
        with contextlib.suppress(ConnectionError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            writer.close()

    async def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        do = request["do"]
        if do == "status":
            return self._status()
        if do == "down":
            self._ending.set()
            return {"pid": os.getpid()}
        name = request["name"]
        if name not in self._processes:
            raise ValueError(f"no process {name!r}; there are {', '.join(self._processes)}")
        process = self._processes[name]
        if do == "kill":
            return {"pid": process.kill(signal.Signals(request["signal"]))}
        actions = {
            "start": process.start,
            "stop": process.stop,
            "restart": process.restart,
            "wait": process.wait_ready,
        }
        if do not in actions:
            raise ValueError(f"{do!r} is not one of status, down, kill, {', '.join(actions)}")
        await actions[do]()
        return {"pid": process.pid}


@contextlib.contextmanager
def lock(folder: Path) -> Any:
    """The folder is this process's alone inside the block. Raises AlreadyRunningError."""
    file: IO[str]
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(f"a stack runs already in {folder}") from error
        yield


def _resident_mb(pid: int | None) -> float | None:
    """Resident memory of a process in MB (10^6 bytes), or None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
