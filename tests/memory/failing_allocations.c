/* An allocator, preloaded, that counts the blocks in use and fails when it is told to.

   All of malloc's family goes to glibc as before. `call_failing` calls a Python object, and the
   n-th allocation meanwhile fails: one made below a frame of the modules under test; or any of the
   calling thread, while in other threads what is not below such a frame is the interpreter's own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { MAX_MODULES = 64, MAX_FRAMES = 512, MAX_TRACE = 64 };

enum { ONCE = 1, FROM_THEN_ON = 2 };    /* how to fail */
enum { ALL = 0, BELOW_OURS = 1 };       /* which allocations count */

static atomic_long live_blocks, live_bytes;

/* What is to fail. `armed` is set last and cleared first. */
static atomic_int armed;
static atomic_long left, injected;
static int how, scope;
static _Thread_local int in_call;       /* the thread that `call_failing` was called in */
static _Thread_local int busy;          /* looking at the stack, which may allocate */
static _Thread_local int spared;        /* nothing that this thread allocates fails */

/* The code of the modules under test, and of those whose own allocations never fail. */
enum { OURS = 1, SPARED = 2 };

static struct {
    uintptr_t begin, end;
    int kind;
} modules[MAX_MODULES];
static int num_modules;

struct search {
    const char *pattern;
    int kind, found;
};

/* Where the last failure was. */
static void *trace[MAX_TRACE];
static int trace_size;

static int note_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    (void)size;
    if (strstr(info->dlpi_name, search->pattern) == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum && num_modules < MAX_MODULES; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
            modules[num_modules].begin = info->dlpi_addr + header->p_vaddr;
            modules[num_modules].end = modules[num_modules].begin + header->p_memsz;
            modules[num_modules].kind = search->kind;
            num_modules++;
            search->found++;
        }
    }
    return 0;
}

/* Note the modules that are loaded and whose path has a pattern in it; return how many there are. */
int add_modules(const char *pattern, int kind)
{
    void *frames[4];
    struct search search = {pattern, kind, 0};
    dl_iterate_phdr(note_module, &search);
    (void)backtrace(frames, 4);     /* the first time it loads a library, which allocates */
    return search.found;
}

/* What comes first on the stack, from the innermost frame on: OURS or SPARED; 0 if neither. */
static int first_kind(void *const *frames, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < num_modules; k++)
            if ((uintptr_t)frames[i] >= modules[k].begin && (uintptr_t)frames[i] < modules[k].end)
                return modules[k].kind;
    return 0;
}

static int must_fail(void)
{
    if (!atomic_load_explicit(&armed, memory_order_acquire) || busy || spared)
        return 0;
    if (how == ONCE && atomic_load(&left) < 1)
        return 0;
    void *frames[MAX_FRAMES];
    busy = 1;
    int count = backtrace(frames, MAX_FRAMES);
    busy = 0;
    int kind = first_kind(frames, count);
    if (kind == SPARED || (kind != OURS && (scope == BELOW_OURS || !in_call)))
        return 0;
    long number = atomic_fetch_sub(&left, 1);
    if (number > 1 || (number < 1 && how == ONCE))
        return 0;
    if (atomic_fetch_add(&injected, 1) == 0) {
        trace_size = count < MAX_TRACE ? count : MAX_TRACE;
        memcpy(trace, frames, (size_t)trace_size * sizeof(void *));
    }
    errno = ENOMEM;
    return 1;
}

static void *counted(void *block)
{
    if (block != NULL) {
        atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(
            &live_bytes, (long)malloc_usable_size(block), memory_order_relaxed);
    }
    return block;
}

static void uncount(void *block)
{
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&live_bytes, (long)malloc_usable_size(block), memory_order_relaxed);
}

void *malloc(size_t size)
{
    return must_fail() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (must_fail())
        return NULL;
    if (block == NULL)
        return counted(__libc_realloc(NULL, size));
    long before = (long)malloc_usable_size(block);
    void *moved = __libc_realloc(block, size);
    if (moved != NULL) {
        long after = (long)malloc_usable_size(moved);
        atomic_fetch_add_explicit(&live_bytes, after - before, memory_order_relaxed);
    } else if (size == 0) {     /* that has freed it */
        atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&live_bytes, before, memory_order_relaxed);
    }
    return moved;
}

void *memalign(size_t alignment, size_t size)
{
    return must_fail() ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *found = memalign(alignment, size);
    if (found == NULL)
        return ENOMEM;
    *block = found;
    return 0;
}

void free(void *block)
{
    if (block != NULL) {
        int error = errno;
        uncount(block);
        __libc_free(block);
        errno = error;
    }
}

/* How many blocks were in use, and their bytes, at the last `mark`. */
static long marked_blocks, marked_bytes;

void mark(void)
{
    marked_blocks = atomic_load(&live_blocks);
    marked_bytes = atomic_load(&live_bytes);
}

long get_gained_blocks(void)
{
    return atomic_load(&live_blocks) - marked_blocks;
}

long get_gained_bytes(void)
{
    return atomic_load(&live_bytes) - marked_bytes;
}

/* Let no allocation of this thread fail, or again as before. */
void spare(int is_spared)
{
    spared = is_spared;
}

/* How many allocations have failed in the last `call_failing`. */
long get_injected(void)
{
    return atomic_load(&injected);
}

/* The return addresses of the last failure, innermost first. */
int get_trace(void **addresses, int room)
{
    int count = trace_size < room ? trace_size : room;
    memcpy(addresses, trace, (size_t)count * sizeof(void *));
    return count;
}

static struct sigaction handler_before;

static void show_stack(int signal)
{
    void *frames[MAX_FRAMES];
    int error = STDERR_FILENO;
    busy = 1;
    int count = backtrace(frames, MAX_FRAMES);
    (void)!write(error, "crashed at:\n", 12);
    backtrace_symbols_fd(frames, count, error);
    (void)!write(error, "after a failure at:\n", 20);
    backtrace_symbols_fd(trace, trace_size, error);
    /* The same instruction again, for whoever handled it before. */
    sigaction(signal, &handler_before, NULL);
}

/* Write the stack to standard error if the process crashes, and that of the last failure. */
void show_crashes(void)
{
    struct sigaction action = {.sa_handler = show_stack};
    sigaction(SIGSEGV, &action, &handler_before);
}

/* Call a Python object without arguments, with the GIL held, as PyObject_CallNoArgs does, while
   the `number`-th allocation fails, or with FROM_THEN_ON that and all later ones. */
void *call_failing(void *callable, long number, int how_to_fail, int which)
{
    void *(*call)(void *) = (void *(*)(void *))dlsym(RTLD_DEFAULT, "PyObject_CallNoArgs");
    how = how_to_fail;
    scope = which;
    trace_size = 0;
    atomic_store(&injected, 0);
    atomic_store(&left, number);
    in_call = 1;
    atomic_store_explicit(&armed, 1, memory_order_release);
    void *result = call(callable);
    atomic_store_explicit(&armed, 0, memory_order_release);
    in_call = 0;
    return result;
}
