/* Memory in large pages. */
#ifndef RWKV_TOK_PAGES_H
#define RWKV_TOK_PAGES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

/* Ask for large pages for memory that is about to be written from front to back, if it is large: to
   get it 4 KiB at a time would take a tenth of the time that it takes to encode into it. */
static inline void prefer_large_pages(void *memory, size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t worth_it = (size_t)1 << 22;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (size >= worth_it) {
        uintptr_t begin = ((uintptr_t)memory + page - 1) & ~(page - 1);
        /* Only advice: nothing is lost if it fails. */
        (void)madvise((void *)begin, size - (begin - (uintptr_t)memory), MADV_HUGEPAGE);
    }
#else
    (void)memory;
    (void)size;
#endif
}

#endif
