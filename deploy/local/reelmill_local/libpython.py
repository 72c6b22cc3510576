"""Where this interpreter's shared library is: Triton's Python backend links it, bare Debian lacks it.

Also run as a plain script by the set-up, before anything is installed: standard library only.
"""

import sys
import sysconfig
from pathlib import Path


def library_name() -> str:
    """The library's file name for the running version, for example `libpython3.11.so.1.0`."""
    return f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"


def library_folder() -> Path | None:
    """The folder of the shared library that belongs to this interpreter, or None where there is none.

    The interpreter's own folder comes first: with another build of the same version the packages' compiled
    parts do not load ("undefined symbol: _PyModule_Add").
    """
    multiarch = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
    own = sysconfig.get_config_var("LIBDIR")
    folders = [own, f"{sys.base_prefix}/lib", f"/usr/lib/{multiarch}", f"/lib/{multiarch}", "/usr/lib64"]
    return next((Path(f) for f in folders if f and (Path(f) / library_name()).exists()), None)


if __name__ == "__main__":
    found = library_folder()
    print(found / library_name() if found else f"{library_name()} not found")
    sys.exit(found is None)
