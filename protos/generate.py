"""Generates the Python stubs into shared/stubs, or checks that they are up to date (--check)."""

import argparse
import filecmp
import os
import sys
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent
STUBS = PROTOS.parent / "shared" / "stubs"


def generate(out: Path) -> list[Path]:
    """Writes the stubs of every proto below PROTOS; returns their paths relative to `out`."""
    # protoc finds its plugin, protoc-gen-mypy, beside the interpreter that runs this.
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    sources = sorted(str(p.relative_to(PROTOS)) for p in PROTOS.rglob("*.proto"))
    outputs = [f"--{kind}_out={out}" for kind in ("python", "mypy", "grpc_python", "mypy_grpc")]
    well_known = files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{PROTOS}", f"-I{well_known}", *outputs, *sources]) != 0:
        raise SystemExit("protoc failed; its message is above")
    return stubs_below(out, out)


def stubs_below(folder: Path, start: Path) -> list[Path]:
    """The stubs in `folder`, relative to `start`; Python's own caches beside them are not meant."""
    return sorted(
        path.relative_to(start) for kind in ("py", "pyi") for path in folder.rglob(f"*_pb2*.{kind}")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the stubs differ")
    check = parser.parse_args().check
    if not check:
        print(f"{len(generate(STUBS))} files written to {STUBS}")
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = generate(Path(folder))
        present = stubs_below(STUBS / "reelmill", STUBS)
        _, differing, missing = filecmp.cmpfiles(folder, STUBS, [str(p) for p in fresh], shallow=False)
        stale = [str(p) for p in present if p not in fresh]
    if wrong := [*differing, *missing, *stale]:
        sys.exit(f"stubs differ from the protos, run `make proto`: {', '.join(wrong)}")
    print(f"{len(fresh)} generated files are up to date")


if __name__ == "__main__":
    main()
