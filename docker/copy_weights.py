"""Copies /weights below the folder given, whole folders at a time; what is there is left as it is."""

import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    target = Path(sys.argv[1])
    for folder in sorted(Path("/weights").iterdir()):
        if (target / folder.name).exists():
            print(f"{target / folder.name} is there")
            continue
        part = target / f".{folder.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder, part, copy_function=shutil.copyfile)
        os.replace(part, target / folder.name)
        print(f"copied {folder} to {target / folder.name}")


if __name__ == "__main__":
    main()
