"""ms-swift loads a file of a release: `python swift_rows.py FOLDER FILE`."""

import json
import os
import sys

from swift.dataset import load_dataset

os.chdir(sys.argv[1])  # paths in rows are relative to it
loaded, _ = load_dataset([sys.argv[2]], num_proc=1, strict=True)
rows = [
    {
        "roles": [message["role"] for message in row["messages"]],
        "texts": [message["content"] for message in row["messages"]],
        "videos": row["videos"],
    }
    for row in loaded
]
print(json.dumps(rows))
