/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound release of local resources, and handing them on. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(function) __attribute__((cleanup(function)))

/* DEFINE_CLEANUP(struct plan *, plan_free) defines plan_freep() for use as cleanup(plan_freep).
 * The destructor must accept NULL. */
#define DEFINE_CLEANUP(type, destructor)                                                                               \
	static inline void destructor##p(type *p)                                                                      \
	{                                                                                                              \
		destructor(*p);                                                                                        \
	}

/* Takes the value out of a cleanup variable, leaving NULL. */
#define steal(pointer)                                                                                                 \
	({                                                                                                             \
		__typeof__(pointer) *stolen_from = &(pointer);                                                         \
		__typeof__(pointer) stolen = *stolen_from;                                                             \
		*stolen_from = NULL;                                                                                   \
		stolen;                                                                                                \
	})

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}
