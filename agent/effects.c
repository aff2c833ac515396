/* SPDX-License-Identifier: Apache-2.0 */
/* What a session wants done, in order. */
#include "agent/effects.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"

static void drop_texts(struct effects *effects)
{
	while (effects->text_count > 0)
		free(effects->texts[--effects->text_count]);
}

void effects_deinit(struct effects *effects)
{
	drop_texts(effects);
	free(effects->texts);
	free(effects->items);
	*effects = (struct effects){0};
}

struct effect *effects_add(struct effects *effects, enum effect_type type)
{
	struct effect *effect;

	if (effects->next == effects->count) {
		effects->next = effects->count = 0;
		drop_texts(effects);
	}
	if (array_reserve(&effects->items, &effects->capacity, effects->count, sizeof(*effects->items)) < 0) {
		effects->error = -ENOMEM;
		return NULL;
	}
	effect = &effects->items[effects->count++];
	*effect = (struct effect){.type = type, .text = ""};
	return effect;
}

void effects_keep(struct effects *effects, char *text)
{
	if (array_reserve(&effects->texts, &effects->text_capacity, effects->text_count, sizeof(char *)) < 0) {
		/* Rather held by nobody than used after it is gone. */
		effects->error = -ENOMEM;
		return;
	}
	effects->texts[effects->text_count++] = text;
}

_Bool effects_take(struct effects *effects, struct effect *ret_effect)
{
	if (effects->next == effects->count)
		return 0;
	*ret_effect = effects->items[effects->next++];
	return 1;
}

int effects_result(struct effects *effects)
{
	int error = effects->error;

	effects->error = 0;
	return error;
}
