/* SPDX-License-Identifier: Apache-2.0 */
/* Room in a growing array that its owner keeps as a pointer, a count and a capacity. */
#pragma once

#include <stddef.h>

/* Makes (*items)[count] writable, growing by doubling. `items` is the address of the array's
 * pointer. Returns 0 or -ENOMEM (the array stays as it was). */
int array_reserve(void *items, size_t *capacity, size_t count, size_t item_size);
