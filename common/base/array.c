/* SPDX-License-Identifier: Apache-2.0 */
/* Room in a growing array. */
#include "common/base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8 };

int array_reserve(void *items, size_t *capacity, size_t count, size_t item_size)
{
	size_t wanted = *capacity ? *capacity : FIRST_CAPACITY;
	size_t bytes;
	void *array;

	if (count < *capacity)
		return 0;
	while (wanted <= count) {
		if (wanted > SIZE_MAX / 2)
			return -ENOMEM;
		wanted *= 2;
	}
	if (__builtin_mul_overflow(wanted, item_size, &bytes))
		return -ENOMEM;
	/* The array's pointer has a type that only the caller knows, so it is read and written as bytes. */
	memcpy(&array, items, sizeof(array));
	array = realloc(array, bytes);
	if (!array)
		return -ENOMEM;
	memcpy(items, &array, sizeof(array));
	*capacity = wanted;
	return 0;
}
