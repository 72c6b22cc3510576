"""lmms-eval's own code asks and scores a release's questions: `python lmms_eval_scores.py FOLDER`.

A reader who answers with the right letter has to be right everywhere, one who takes the next letter nowhere.
"""

import json
import sys
from pathlib import Path

from lmms_eval.tasks.longvideobench import utils as long_video_bench
from lmms_eval.tasks.videomme import utils as video_mme

folder = Path(sys.argv[1])
prompts = {"pre_prompt": "", "post_prompt": ""}


def scores(name: str) -> dict[str, object]:
    right = wrong = 0
    documents = json.loads((folder / name / "train.json").read_text())
    for document in documents:
        if name == "video_mme":
            asked = video_mme.videomme_doc_to_text(document, prompts)
            letter = document["answer"]
            key, score = "videomme_perception_score", video_mme.videomme_process_results
        else:
            asked = long_video_bench.longvideobench_doc_to_text(document, prompts)
            letter = "ABCDE"[document["correct_choice"]]
            key, score = "lvb_acc", long_video_bench.longvideobench_process_results
        assert f"{letter}. " in asked, asked
        found = score(document, [f"{letter}."])[key]
        other = "A" if letter != "A" else "B"
        missed = score(document, [f"{other}."])[key]
        taken = "pred_answer" if "pred_answer" in found else "parsed_pred"
        right += found[taken] == found["answer"]
        wrong += missed[taken] == missed["answer"]
    return {"asked": len(documents), "right": right, "wrong": wrong}


print(json.dumps({name: scores(name) for name in ("video_mme", "long_video_bench")}))
