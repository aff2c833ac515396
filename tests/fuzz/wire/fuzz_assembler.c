/* SPDX-License-Identifier: Apache-2.0 */
/* Any frames in any order, as one peer could send them: never more memory than allowed, and a whole message is what its
 * parts were. An input is a row of steps: a byte of kind, then kind even: size (2 bytes, big-endian) and a raw frame;
 *   kind odd: id, part, parts, size (a byte each): a well-formed part with that many bytes of the input. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire/codec.h"
#include "common/wire/fields.h"

enum { MAX_BYTES = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(_Bool holds)
{
	if (!holds)
		abort();
}

struct input {
	const uint8_t *at, *end;
};

static uint8_t next(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static const uint8_t *take(struct input *input, size_t wanted, size_t *ret_size)
{
	const uint8_t *start = input->at;
	size_t left = (size_t)(input->end - input->at);

	*ret_size = wanted < left ? wanted : left;
	input->at += *ret_size;
	return start;
}

/* What the parts so far must add up to. */
struct model {
	uint8_t bytes[MAX_BYTES];
	size_t size;
	uint64_t id;
	uint32_t next, count;
};

/* What assembler_take() must answer to a well-formed part. */
static int expect(struct model *model, const struct part *part)
{
	_Bool fits = part->index == 0 ||
	             (model->next == part->index && model->id == part->id && model->count == part->count);
	size_t size = part->index == 0 ? 0 : model->size;

	if (!fits || size + part->size > MAX_BYTES) {
		model->next = 0;
		return fits ? -EMSGSIZE : -EBADMSG;
	}
	memcpy(model->bytes + size, part->data, part->size);
	model->size = size + part->size;
	model->id = part->id;
	model->count = part->count;
	model->next = part->index + 1 == part->count ? 0 : part->index + 1;
	return part->index + 1 == part->count;
}

static void give_part(struct assembler *assembler, struct model *model, struct input *input)
{
	struct part part = {.id = next(input), .index = next(input), .count = next(input)};
	struct buffer frame = {0};
	const uint8_t *whole = NULL;
	size_t whole_size = 0;
	int expected;

	part.data = take(input, next(input), &part.size);
	if (codec_write(PART_TYPE, &part_record, &part, &frame) == 0) {
		expected = expect(model, &part);
		require(assembler_take(assembler, frame.data, frame.size, &whole, &whole_size) == expected);
		require(expected != 1 || (whole_size == model->size && memcmp(whole, model->bytes, whole_size) == 0));
	}
	buffer_deinit(&frame);
}

/* False if the model doesn't know any more what was begun: a raw frame may be a part. */
static _Bool give_frame(struct assembler *assembler, struct input *input)
{
	size_t size = (size_t)next(input) << 8, whole_size = 0;
	const uint8_t *frame, *whole = NULL;
	int r;

	size |= next(input);
	frame = take(input, size, &size);
	r = assembler_take(assembler, frame, size, &whole, &whole_size);
	require(r == 0 || r == 1 || r == -EBADMSG || r == -EMSGSIZE);
	require(r != 1 || whole == frame || whole_size <= MAX_BYTES);
	return r == 1 && whole == frame;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct assembler *assembler = assembler_new(MAX_BYTES);
	struct input input = {.at = data, .end = data + size};
	struct model model = {0};

	while (input.at < input.end) {
		if (next(&input) & 1) {
			give_part(assembler, &model, &input);
		} else if (!give_frame(assembler, &input)) {
			assembler_clear(assembler);
			model = (struct model){0};
		}
		require(assembler_held(assembler) <= 2 * MAX_BYTES);
	}
	assembler_free(assembler);
	return 0;
}
