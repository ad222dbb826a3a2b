"""Which of the kernels this process uses: the fastest that the processor has.

The environment variable RWKV_TOK_KERNEL names another one, for tests and measurements: "portable",
in plain C, or "walk", which takes every byte through the trie. All of them give the same ids. It
is read when this module is imported.
"""

import os


cdef extern from "kernels/kernel.h":
    const Kernel** kernels      # an array that ends with NULL

cdef const Kernel* kernel_of_process


cdef const Kernel* find_kernel(name) except NULL:
    """The kernel of this name, or the process's if it is None; ValueError if it cannot run here."""
    cdef const Kernel** kernel = <const Kernel**> kernels
    if name is None:
        return kernel_of_process
    while kernel[0] != NULL:
        if kernel[0].name.decode() == name and kernel[0].supported():
            return kernel[0]
        kernel += 1
    raise ValueError(f"no kernel {name!r} on this machine, only {', '.join(available())}")


def available():
    """The names of the kernels that can run here, the fastest first."""
    names = []
    cdef const Kernel** kernel = <const Kernel**> kernels
    while kernel[0] != NULL:
        if kernel[0].supported():
            names.append(kernel[0].name.decode())
        kernel += 1
    return tuple(names)


def chosen():
    """The name of the kernel that this process uses."""
    return kernel_of_process.name.decode()


cdef prepare(names):
    for name in names:
        find_kernel(name).prepare()


cdef choose(name, variable):
    global kernel_of_process
    try:
        kernel_of_process = find_kernel(name)
    except ValueError as error:
        error.add_note(f"named by the environment variable {variable}")
        raise


prepare(available())
choose(os.environ.get("RWKV_TOK_KERNEL") or available()[0], "RWKV_TOK_KERNEL")
