"""What can go wrong with a call: one class for each reason of the server's catalogue.

    try:
        movie = await movies.create("films", Movie(theme=theme))
    except errors.QuotaExceededError as error:
        print(error.metadata["quota"], error.metadata["limit"])
    except errors.CallError as error:
        print(error.reason, error.message, error.help)

A reason that a newer server has and this package does not is a CallError itself.
"""

import grpc

Code = grpc.StatusCode


class CallError(Exception):
    """A call failed.

    `reason` is the server's reason, for example "NOT_FOUND" or "INVALID_FIELD"; where no Reelmill server
    answered, it is gRPC's code, for example "UNAVAILABLE", and `from_server` is False. `message` says what
    happened, to what, and what to do. `metadata` is for programs, for example {"field": "movie.theme"}.
    `link`: where the installation explains the reason; "" where it doesn't say.
    """

    code = Code.UNKNOWN
    transient = False
    """Whether the same call may succeed later, with nothing changed."""
    help = "The message says what happened and what to do."
    """What a caller can do about every error of this class."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        metadata: dict[str, str] | None = None,
        from_server: bool = False,
        link: str = "",
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.code = code or type(self).code
        self.metadata = metadata or {}
        self.from_server = from_server
        self.link = link

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class NoAnswerError(CallError):
    """Nobody answered, or not in time: reason "UNAVAILABLE" or "DEADLINE_EXCEEDED"."""

    code, transient = Code.UNAVAILABLE, True
    help = "Does the server run at this address? With the same request id the same call makes nothing twice."


# The request.


class InvalidFieldError(CallError):
    code = Code.INVALID_ARGUMENT
    help = 'metadata["field"] names the field; nothing was begun. Change it and call again.'


class MalformedRequestError(CallError):
    code = Code.INVALID_ARGUMENT
    help = "The bytes are no message of this call: generate the stubs from the server's protos."


class RequestIdReusedError(CallError):
    code = Code.ALREADY_EXISTS
    help = "The request id belongs to another request: take a new one for each thing that is wanted."


# The caller.


class UnauthenticatedError(CallError):
    code = Code.UNAUTHENTICATED
    help = "The token is missing, expired or not believed: send a valid one."


class PermissionDeniedError(CallError):
    code = Code.PERMISSION_DENIED
    help = "The token's role does not suffice: ask for one with the role that the message names."


class BudgetExceededError(CallError):
    code = Code.RESOURCE_EXHAUSTED
    help = "Language models would cost more than the budget: retry with a higher one; nothing is paid twice."


class QuotaExceededError(CallError):
    code = Code.RESOURCE_EXHAUSTED
    help = 'A limit of the project: metadata has "quota", "limit", "used", "left" and "renews".'


# What is there.


class NotFoundError(CallError):
    code = Code.NOT_FOUND
    help = "It is not there, or in a project that is not the caller's: look at the name."


class AlreadyExistsError(CallError):
    code = Code.ALREADY_EXISTS
    help = "There is another one of this name, and it never changes: take another name."


class WrongStateError(CallError):
    code = Code.FAILED_PRECONDITION
    help = "What is there is not in a state that allows this: get it, and look at its state."


class ConflictError(CallError):
    code, transient = Code.ABORTED, True
    help = "Too many changed it at once: call again."


class EtagMismatchError(CallError):
    code = Code.ABORTED
    help = 'It has changed since it was read, metadata["etag"] is its new etag: read it, and decide anew.'


class CallbackFailedError(CallError):
    code = Code.ABORTED
    help = "Nobody took the news of the movie's end in time: get the movie; it is as it is."


class DuplicatePlotError(CallError):
    code = Code.ALREADY_EXISTS
    help = 'The plot is too like that of metadata["like"]: change theme or seed, or retry to have it still.'


class CancelledError(CallError):
    code = Code.CANCELLED
    help = "Somebody cancelled it; a movie can be retried."


# The installation.


class LlmUnavailableError(CallError):
    code, transient = Code.UNAVAILABLE, True
    help = "The language model does not answer: try again later."


class LlmRefusedError(CallError):
    code = Code.FAILED_PRECONDITION
    help = "The language model would not write this: change the theme."


class LlmBadAnswerError(CallError):
    code = Code.FAILED_PRECONDITION
    help = "The language model's answers are no use: ask for less, or use a better model."


class LlmRejectedError(CallError):
    code = Code.FAILED_PRECONDITION
    help = "The language model's server does not take such requests: its settings are the operator's to mend."


class ModelRejectedError(CallError):
    code = Code.FAILED_PRECONDITION
    help = "The diffusion model cannot draw this: change size, steps or style as the message says."


class RendererUnavailableError(CallError):
    code, transient = Code.UNAVAILABLE, True
    help = "No renderer answers: try again later."


class StoreUnavailableError(CallError):
    code, transient = Code.UNAVAILABLE, True
    help = "The object store does not answer: try again later."


class BusUnavailableError(CallError):
    code, transient = Code.UNAVAILABLE, True
    help = "NATS does not answer: try again later."


class NotReadyError(CallError):
    code, transient = Code.UNAVAILABLE, True
    help = "A service starts, or lacks another one: try again later."


class JobAbandonedError(CallError):
    code = Code.ABORTED
    help = "Workers died of it again and again: the operator's logs say why; then retry the movie."


class InternalError(CallError):
    code = Code.INTERNAL
    help = "Nobody foresaw this: the service's log at this call's trace id has the details."


_CLASSES: dict[str, type[CallError]] = {
    "INVALID_FIELD": InvalidFieldError,
    "MALFORMED_REQUEST": MalformedRequestError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "NOT_FOUND": NotFoundError,
    "REQUEST_ID_REUSED": RequestIdReusedError,
    "WRONG_STATE": WrongStateError,
    "CONFLICT": ConflictError,
    "ETAG_MISMATCH": EtagMismatchError,
    "ALREADY_EXISTS": AlreadyExistsError,
    "BUDGET_EXCEEDED": BudgetExceededError,
    "QUOTA_EXCEEDED": QuotaExceededError,
    "CALLBACK_FAILED": CallbackFailedError,
    "DUPLICATE_PLOT": DuplicatePlotError,
    "CANCELLED": CancelledError,
    "LLM_UNAVAILABLE": LlmUnavailableError,
    "LLM_REFUSED": LlmRefusedError,
    "LLM_BAD_ANSWER": LlmBadAnswerError,
    "LLM_REJECTED": LlmRejectedError,
    "MODEL_REJECTED": ModelRejectedError,
    "RENDERER_UNAVAILABLE": RendererUnavailableError,
    "STORE_UNAVAILABLE": StoreUnavailableError,
    "BUS_UNAVAILABLE": BusUnavailableError,
    "NOT_READY": NotReadyError,
    "JOB_ABANDONED": JobAbandonedError,
    "INTERNAL": InternalError,
}


def class_of(reason: str) -> type[CallError]:
    """The class of a reason of the catalogue; CallError where it is not known."""
    return _CLASSES.get(reason, CallError)
