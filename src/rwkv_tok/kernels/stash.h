/* Where memos wait between the calls that use them.

   A thread takes one out and brings it back: whoever holds a memo is the only one to see it. There
   is no lock that a fork could find taken, and a child gets what lay there at the time. */
#ifndef RWKV_TOK_STASH_H
#define RWKV_TOK_STASH_H

#include <stdlib.h>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

#include "memo.h"

enum {
    STASH_SIZE = 8, /* memos kept: about 16 MiB at the most */
    /* Bytes of text that are encoded without a memo before one is made: it takes that much for the
       hits to pay for the memory's first use. */
    WORTH_A_MEMO = 1 << 16
};

typedef struct {
    Memo *volatile slots[STASH_SIZE];
    volatile size_t unserved; /* bytes encoded before the first memo was made */
} Stash;

static inline Memo *swap_slot(Memo *volatile *slot, Memo *memo)
{
#if defined(_MSC_VER) && !defined(__clang__)
    return _InterlockedExchangePointer((void *volatile *)slot, memo);
#else
    return __atomic_exchange_n(slot, memo, __ATOMIC_ACQ_REL);
#endif
}

/* Whether there seems to be a memo: whoever swaps may find that it has changed. */
static inline int is_full(Memo *volatile *slot)
{
#if defined(_MSC_VER) && !defined(__clang__)
    return *slot != NULL;
#else
    return __atomic_load_n(slot, __ATOMIC_RELAXED) != NULL;
#endif
}

static inline size_t add_unserved(volatile size_t *unserved, size_t bytes)
{
#if defined(_MSC_VER) && !defined(__clang__)
    return (size_t)_InterlockedExchangeAdd64((volatile __int64 *)unserved, (__int64)bytes) + bytes;
#else
    return __atomic_add_fetch(unserved, bytes, __ATOMIC_RELAXED);
#endif
}

static inline Memo *new_memo(void)
{
    enum { LINE = 64 };
    /* calloc: memory that stays unused is never touched. */
    char *block = (char *)calloc(1, sizeof(Memo) + LINE);
    if (block == NULL)
        return NULL;
    Memo *memo = (Memo *)(block + (LINE - (uintptr_t)block % LINE) % LINE);
    memo->block = block;
    memo->next_rest = 1;
    return memo;
}

static inline void free_memo(Memo *memo)
{
    if (memo != NULL)
        free(memo->block);
}

/* Take a memo for a text of so many bytes, the one that `thread` has brought back if it is still
   there; NULL if none waits and the text is too short for a new one, or there is no memory. */
static inline Memo *take_memo(Stash *stash, size_t thread, size_t bytes)
{
    for (size_t i = 0; i < STASH_SIZE; i++) {
        Memo *volatile *slot = &stash->slots[(thread + i) % STASH_SIZE];
        if (is_full(slot)) {
            Memo *memo = swap_slot(slot, NULL);
            if (memo != NULL)
                return memo;
        }
    }
    return add_unserved(&stash->unserved, bytes) < WORTH_A_MEMO ? NULL : new_memo();
}

/* Bring a memo back; it is freed if there are enough. */
static inline void give_memo(Stash *stash, size_t thread, Memo *memo)
{
    for (size_t i = 0; i < STASH_SIZE && memo != NULL; i++) {
        Memo *volatile *slot = &stash->slots[(thread + i) % STASH_SIZE];
        if (!is_full(slot))
            memo = swap_slot(slot, memo);
    }
    free_memo(memo);
}

static inline void empty_stash(Stash *stash)
{
    for (size_t i = 0; i < STASH_SIZE; i++)
        free_memo(swap_slot(&stash->slots[i], NULL));
}

#endif
