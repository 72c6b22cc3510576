"""The secrets of projects: a folder with a file for each, named by its id, `whsec_..` on each line."""

from pathlib import Path

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import ProjectName

from .signatures import secret_of


class WebhookSecrets:
    """Read at every use, so that another secret counts at once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def of(self, project: ProjectName) -> list[bytes]:
        """All that are valid; we sign with the first. Empty where the project has none. Raises NOT_READY."""
        if self._folder is None:
            return []
        file = self._folder / project.project
        try:
            lines = file.read_text("ascii").split()
            return [secret_of(line) for line in lines]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            # ValueError says nothing of what is in the file but its length.
            raise ReelmillError(
                Reason.NOT_READY,
                f"the webhook secrets of {project} cannot be read ({type(error).__name__}); each line of its "
                "file has to be whsec_ and base64 of 24 bytes or more",
            ) from error
