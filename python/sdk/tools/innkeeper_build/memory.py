"""Where the objects of an interpreter lie that is copied for each invocation. It is a part of the component, and knows nothing but Python's library.

Each page of memory that an invocation changes is copied for it, and Python changes whatever it uses: each object counts who refers to it. So what is used together should
lie together. The allocator takes whatever is free, and among the modules of Python's library, which are loaded first, many a small piece is. They are filled before the
context is loaded, which then lies behind them, as one; and again when it was, so that what an invocation makes does not lie between.
"""

# What the SDK and its bindings use. Whatever is missing is loaded later, and lies with the context.
import base64  # noqa: F401
import binascii  # noqa: F401
import collections.abc  # noqa: F401
import contextlib  # noqa: F401
import copy  # noqa: F401
import dataclasses  # noqa: F401
import datetime  # noqa: F401
import enum  # noqa: F401
import functools  # noqa: F401
import gc
import http  # noqa: F401
import importlib  # noqa: F401
import inspect  # noqa: F401
import json  # noqa: F401
import keyword  # noqa: F401
import math  # noqa: F401
import re  # noqa: F401
import struct  # noqa: F401
import sys
import types  # noqa: F401
import typing  # noqa: F401
import urllib.parse  # noqa: F401

_LARGEST = 1 << 16
"""From which size on what is free is large enough to be left: a page is 4 KiB."""
_FINE = 512
"""Up to which size each is tried that the allocator tells apart, which is by 8 bytes."""
_MOST = 16 << 20
"""How much is filled at most, in all: it would take an allocator that this does not know."""
_HEAD = sys.getsizeof(b"")
_SMALLEST = -(-_HEAD // 8) * 8
"""The least multiple of 8 that bytes can have: nothing is smaller than what they begin with."""

_filling: list[bytes] = []


def fill() -> None:
    """Fills what is free between what there is."""
    gc.collect()
    filled = sum(map(sys.getsizeof, _filling))
    top = max(id(bytes(_LARGEST)) for _ in range(8))
    size = _LARGEST
    while size >= _SMALLEST:
        # Twice behind everything else: nothing of this size is free before.
        behind = 0
        while behind < 2 and filled + size <= _MOST:
            piece = bytes(size - _HEAD)
            _filling.append(piece)
            filled += size
            if id(piece) > top:
                top = id(piece)
                behind += 1
        size = size // 2 if size > _FINE else size - 8
