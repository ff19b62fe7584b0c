"""The Python SDK of Innkeeper: write a bounded context as one module, and declare it once with a `Context`."""

from .answer import Answer, Created, answer, created, no_content, ok
from .calls import Calls
from .config import Config
from .context import Context, Schema
from .event import Delivery, Event, cancel, emit, emit_after
from .host import Entry
from .index import Index, IndexedTable, Unique
from .invocation import Identity, invocation
from .log import log
from .paging import Page, Paging
from .problem import Failure, Fault, Problem, Reject, Retry, Taken
from .route import Request
from .table import Counter, Table
from .values.marks import (
    F32,
    S8,
    S16,
    S32,
    S64,
    S128,
    U8,
    U16,
    U32,
    U64,
    U128,
    Char,
    Keyword,
    Outside,
    Some,
    Stored,
    UpTo,
    case_name,
    in_camel_case,
)

__all__ = [
    "F32", "S8", "S16", "S32", "S64", "S128", "U8", "U16", "U32", "U64", "U128",
    "Answer", "Calls", "Char", "Config", "Context", "Counter", "Created", "Delivery", "Entry", "Event", "Failure", "Fault", "Identity", "Index", "IndexedTable", "Keyword", "Outside", "Page", "Paging", "Problem",
    "Reject", "Request", "Retry", "Schema", "Some", "Stored", "Table", "Taken", "Unique", "UpTo",
    "answer", "cancel", "case_name", "created", "emit", "emit_after", "in_camel_case", "invocation", "log", "no_content", "ok",
]
