/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message: refused, or a message that is the same after it was sent on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(_Bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer first = {0}, second = {0};
	struct failure failure = {0};
	struct message message;
	int r = codec_decode(data, size, &failure, &message);

	if (r < 0) {
		require(failure.code == r && failure.text[0]);
		return 0;
	}
	require(codec_scan(data, size) == 0);
	require(codec_encode(&message, &first) == 0);
	message_deinit(&message);
	require(codec_decode(first.data, first.size, &failure, &message) == 0);
	require(codec_encode(&message, &second) == 0);
	message_deinit(&message);
	require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
	buffer_deinit(&first);
	buffer_deinit(&second);
	return 0;
}
