/* A kernel, and the function in it that finds the cuts: a cut that it misses changes no id.

   KERNEL_FILE is the source, CUT_MASK the name to give the function. */
#include KERNEL_FILE

#ifdef KERNEL /* if this platform has that kernel */
uint64_t CUT_MASK(const Cuts *cuts, const uint8_t *block);

uint64_t CUT_MASK(const Cuts *cuts, const uint8_t *block)
{
    return cut_mask(cuts, block);
}
#endif
