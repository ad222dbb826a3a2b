/* The trie of a vocabulary as a double array, and the walk that finds the longest token.

   The children of a node lie at `base + byte` in one array, those of all nodes interleaved. No two
   nodes share a base, so a slot whose label is the byte that led to it is a child of the very node
   one came from. The label is all there is to check, and a node fits into 4 bytes:

       bits 9 ... 31   the base of its children; LEAF_BASE, which is nobody else's, if it has none
       bit  8          a token ends here (its id lies in a parallel array, touched only then)
       bits 0 ... 7    the label: the byte that leads here

   A slot that stayed empty is all zero. A walk can step into one where the next byte is NUL, but no
   token ends there and nothing follows: the slots of LEAF_BASE are the root (slot 0, never a child)
   and the root's children, whose labels differ from the bytes that would lead to them. */
#ifndef RWKV_TOK_TRIE_H
#define RWKV_TOK_TRIE_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t Node;

enum {
    LEAF_BASE = 0,
    ROOT_BASE = 1,
    TOKEN_ENDS = 0x100,
    LABEL_MASK = 0xFF,
    BASE_SHIFT = 9,
    MAX_NODES = 1 << 23 /* as many as 23 bits of base can tell apart */
};

/* What the kernels see of a Trie. */
typedef struct {
    const Node *nodes;
    const uint16_t *token_ids; /* by slot, as nodes */
    size_t longest;            /* length of the longest token in bytes */
} TrieView;

/* Find the longest token at `here`, which is before `end`: its slot, and where it ends.

   There always is one: the children of the root are complete, since each byte is a token. With
   `open`, the text goes on beyond `end`; `here` is returned if that could make the token longer. */
static inline const uint8_t *match_token(const TrieView *trie, const uint8_t *here,
                                         const uint8_t *end, int open, uint32_t *match)
{
    const uint8_t *start = here;
    const uint8_t *token_end = here + 1;
    uint32_t token_slot = ROOT_BASE + *here++;
    Node node = trie->nodes[token_slot];

    while (here < end) {
        uint32_t slot = (node >> BASE_SHIFT) + *here;
        node = trie->nodes[slot];
        if ((node & LABEL_MASK) != *here)
            goto done;
        here++;
        if (node & TOKEN_ENDS) {
            token_slot = slot;
            token_end = here;
            if ((node >> BASE_SHIFT) == LEAF_BASE)
                goto done;
        }
    }
    if (open && (node >> BASE_SHIFT) != LEAF_BASE)
        return start;
done:
    *match = token_slot;
    return token_end;
}

static inline const uint8_t *longest_match(const TrieView *trie, const uint8_t *here,
                                           const uint8_t *end, uint32_t *match)
{
    return match_token(trie, here, end, 0, match);
}

#endif
