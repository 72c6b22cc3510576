"""LLaMA-Factory loads a release's dataset and its first video: `python llama_factory_rows.py FOLDER NAME`."""

import json
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

# It imports torchaudio for sounds, of which there are none here, and its published build does not load beside
# a PyTorch for CPUs: an empty module stands in for it.
absent = ModuleType("torchaudio")
absent.__spec__ = ModuleSpec("torchaudio", None)
sys.modules["torchaudio"] = absent

from llamafactory.data.loader import _load_single_dataset  # noqa: E402
from llamafactory.data.mm_plugin import get_mm_plugin  # noqa: E402
from llamafactory.data.parser import get_dataset_list  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments  # noqa: E402
from transformers import TrainingArguments  # noqa: E402

folder, name = sys.argv[1:]
(attributes,) = get_dataset_list([name], folder)
data = DataArguments(dataset_dir=folder, media_dir=folder, preprocessing_num_workers=1)
model = ModelArguments(model_name_or_path="none", cache_dir=f"{folder}/../cache-llama-factory")
training = TrainingArguments(output_dir=f"{folder}/../out", report_to=[])
loaded = _load_single_dataset(attributes, model, data, training)
rows = [{"prompt": row["_prompt"], "response": row["_response"], "videos": row["_videos"]} for row in loaded]
plugin = get_mm_plugin("qwen2_vl", image_token="<|image_pad|>", video_token="<|video_pad|>")


frames = plugin._regularize_videos(
    [rows[0]["videos"][0]],
    image_max_pixels=10**7,
    image_min_pixels=1,
    video_fps=0.5,
    video_maxlen=10_000,
    crop_to_patches=False,
)["videos"][0]
print(json.dumps({"rows": rows, "frames_of_the_first": len(frames)}))
