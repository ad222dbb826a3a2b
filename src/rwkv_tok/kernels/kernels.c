/* The list of kernels that this platform may have. */
#include "kernel.h"

extern const Kernel kernel_walk;
extern const Kernel kernel_portable;
#if defined(__x86_64__) || defined(_M_X64)
extern const Kernel kernel_avx2;
#elif defined(__AARCH64EL__) || defined(_M_ARM64)
extern const Kernel kernel_neon;
#endif

const Kernel *const kernels[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &kernel_avx2,
#elif defined(__AARCH64EL__) || defined(_M_ARM64)
    &kernel_neon,
#endif
    &kernel_portable,
    &kernel_walk,
    NULL,
};
