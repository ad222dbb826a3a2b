"""The tokens of a vocabulary, laid out for decoding: see _decode_table.pxd."""

cimport numpy as cnp
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy, memset

from ._tokens cimport ID_SPACE, TokenTable, TokenView, token_length
from ._utf8 cimport Pending, is_continuation, take_byte

import numpy as np

cnp.import_array()


cdef class DecodeTable:
    """The tokens of a TokenTable, laid out for decoding. Immutable."""

    def __cinit__(self, TokenTable tokens not None):
        entries = np.zeros((ID_SPACE, ENTRY), np.uint8)
        units = np.zeros((ID_SPACE, UNITS), np.uint16)
        cdef uint8_t* entry = <uint8_t*> cnp.PyArray_DATA(entries)
        cdef uint16_t* unit = <uint16_t*> cnp.PyArray_DATA(units)
        cdef size_t token_id
        for token_id in range(ID_SPACE):
            fill_bytes_entry(&tokens.view, token_id, entry + ENTRY * token_id)
            fill_units_entry(&tokens.view, token_id, unit + UNITS * token_id)
        marks = entries[:, MARK].copy()
        shapes = units[:, SHAPE].copy()
        self._tokens = tokens
        self._arrays = (entries, marks, units, shapes)
        self.view = DecodeView(
            bytes=entry,
            marks=<const uint8_t*> cnp.PyArray_DATA(marks),
            units=unit,
            shapes=<const uint16_t*> cnp.PyArray_DATA(shapes),
            tokens=tokens.view,
        )


cdef void fill_bytes_entry(
    const TokenView* tokens, size_t token_id, uint8_t* entry
) noexcept nogil:
    cdef const uint8_t* token = tokens.bytes + tokens.offsets[token_id]
    cdef size_t length = token_length(tokens, token_id)
    cdef size_t i
    # The first bytes of a longer token, too: where a text may be cut is seen by them.
    memcpy(entry, token, min(length, <size_t> MARK))
    if length > MARK or (length == 0 and token_id != 0):
        entry[MARK] = NOT_BYTES
    else:
        entry[MARK] = <uint8_t> length
    for i in range(length):
        if token[i] >= 0x80:
            entry[MARK] |= NOT_ASCII


cdef void fill_units_entry(
    const TokenView* tokens, size_t token_id, uint16_t* units
) noexcept nogil:
    cdef const uint8_t* token = tokens.bytes + tokens.offsets[token_id]
    cdef size_t length = token_length(tokens, token_id)
    cdef size_t characters = count_characters(token, length)
    cdef unsigned int shape = 0
    cdef size_t complete = 0
    cdef size_t i
    cdef Pending pending
    memset(&pending, 0, sizeof(pending))
    for i in range(length):
        shape |= kind_of_byte(token[i])
        if not take_byte(&pending, token[i]):
            shape |= NOT_UNITS
            pending.missing = 0
        elif not pending.missing:
            if complete < SHAPE:
                units[complete] = <uint16_t> pending.character
            complete += 1
    if length and is_continuation(token[0]):
        shape |= BEGINS_WITHIN
    if pending.missing or complete > SHAPE or shape & ABOVE_UCS2:
        shape |= NOT_UNITS
    if characters <= CHARACTERS and (length or token_id == 0):
        shape |= <unsigned int> characters
    else:
        shape |= NOT_UNITS | NOT_COUNTED
    units[SHAPE] = <uint16_t> shape
