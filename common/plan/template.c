/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles a template to a list of parts. */
#include "common/plan/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/plan/template_names.h"
#include "common/plan/template_parts.h"

DEFINE_CLEANUP(struct template *, template_free)

enum { WORDS_MAX = 4 }; /* in a tag; one more than any takes, so that too many are noticed */

struct word {
	const char *at;
	size_t size;
};

struct compiler {
	struct template *template;
	const struct template_names *names;
	struct failure *failure;
	size_t capacity; /* of the parts */
	char *free;      /* the pool's unused rest */
	_Bool text_open; /* the newest part is a text that ends at `free` */
};

/* What stands in one pair of braces. */
struct tag {
	struct word words[WORDS_MAX];
	uint32_t count;
};

static int refuse(const struct compiler *compiler, const char *at, const char *text)
{
	return failure_set_at(compiler->failure, -EINVAL, NULL, 0, (int)(at - compiler->template->source) + 1, "%s",
	                      text);
}

static int add_part(struct compiler *compiler, const struct part *part)
{
	struct template *template = compiler->template;
	int r = array_reserve(&template->parts, &compiler->capacity, template->count, sizeof(*template->parts));

	if (r < 0)
		return r;
	compiler->text_open = 0;
	template->parts[template->count++] = *part;
	return 0;
}

static int add_text(struct compiler *compiler, const char *text, size_t size)
{
	if (!compiler->text_open) {
		int r = add_part(compiler, &(struct part){.kind = PART_TEXT, .text = compiler->free});

		if (r < 0)
			return r;
		compiler->text_open = 1;
	}
	memcpy(compiler->free, text, size);
	compiler->free += size;
	compiler->template->parts[compiler->template->count - 1].size += size;
	return 0;
}

/* A copy of the word with a NUL: there is always room, since its braces are not copied. */
static const char *keep_word(struct compiler *compiler, const struct word *word)
{
	char *kept = compiler->free;

	memcpy(kept, word->at, word->size);
	kept[word->size] = '\0';
	compiler->free += word->size + 1;
	return kept;
}

static _Bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static _Bool word_is(const struct word *word, const char *text)
{
	return word->size == strlen(text) && memcmp(word->at, text, word->size) == 0;
}

static void split_words(const char *at, const char *end, struct tag *tag)
{
	while (tag->count < WORDS_MAX) {
		struct word *word = &tag->words[tag->count];

		while (at < end && is_blank(*at))
			at++;
		if (at == end)
			return;
		word->at = at;
		while (at < end && !is_blank(*at))
			at++;
		word->size = (size_t)(at - word->at);
		tag->count++;
	}
}

/* A whole number with a sign or without. */
static _Bool read_number(const struct word *word, int64_t *ret_number)
{
	_Bool negative = word->at[0] == '-';
	int64_t number = 0;

	if (word->size == negative)
		return 0;
	for (size_t i = negative; i < word->size; i++) {
		int digit = word->at[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, (int64_t)10, &number) ||
		    __builtin_sub_overflow(number, (int64_t)digit, &number)) /* downwards: the lowest has no opposite */
			return 0;
	}
	if (!negative && number == INT64_MIN)
		return 0;
	*ret_number = negative ? number : -number;
	return 1;
}

static int compile_random(struct compiler *compiler, const struct tag *tag)
{
	int64_t low, high;

	if (tag->count != 3 || !read_number(&tag->words[1], &low) || !read_number(&tag->words[2], &high))
		return refuse(compiler, tag->words[0].at, "{{random}} takes two whole numbers, as in {{random 1 100}}");
	if (low > high)
		return refuse(compiler, tag->words[1].at, "{{random LOW HIGH}}: the first number is above the second");
	return add_part(compiler,
	                &(struct part){.kind = PART_RANDOM, .low = low, .span = (uint64_t)high - (uint64_t)low});
}

static int compile_now(struct compiler *compiler, const struct tag *tag)
{
	if (tag->count == 1)
		return add_part(compiler, &(struct part){.kind = PART_NOW});
	if (tag->count == 2 && word_is(&tag->words[1], "iso"))
		return add_part(compiler, &(struct part){.kind = PART_NOW_ISO});
	return refuse(compiler, tag->words[1].at,
	              "{{now}} takes nothing (Unix time in ms) or \"iso\", as in {{now iso}}");
}

static int compile_secret(struct compiler *compiler, const struct tag *tag)
{
	struct word name = {tag->words[0].at + 7, tag->words[0].size - 7};

	if (!template_name_is_valid(name.at, name.size))
		return refuse(compiler, tag->words[0].at,
		              "{{secret.NAME}} needs a name of letters, digits, _ - . that doesn't start with a digit");
	return add_part(compiler, &(struct part){.kind = PART_SECRET, .text = keep_word(compiler, &name)});
}

static int refuse_name(struct compiler *compiler, const struct word *word, _Bool is_function)
{
	char name[LIMIT_NAME_BYTES + 1], text[FAILURE_TEXT_MAX], hint[LIMIT_NAME_BYTES + 32] = "";
	int shown = word->size < LIMIT_NAME_BYTES ? (int)word->size : LIMIT_NAME_BYTES;
	const char *nearest;

	snprintf(name, sizeof(name), "%.*s", shown, word->at);
	nearest = template_names_nearest(compiler->names, name);
	if (nearest)
		snprintf(hint, sizeof(hint), " (did you mean \"%s\"?)", nearest);
	if (is_function)
		snprintf(text, sizeof(text), "unknown function \"%s\"%s", name, hint);
	else if (!template_name_is_valid(word->at, word->size))
		snprintf(text, sizeof(text), "\"%s\" is no name; write {{{{ for {{ as text", name);
	else
		snprintf(text, sizeof(text), "nothing sets {{%s}}%s", name, hint);
	return refuse(compiler, word->at, text);
}

static int compile_value(struct compiler *compiler, const struct tag *tag)
{
	const struct word *word = &tag->words[0];
	const char *name;
	uint32_t slot;

	if (!template_name_is_valid(word->at, word->size))
		return refuse_name(compiler, word, 0);
	name = keep_word(compiler, word);
	slot = template_names_find(compiler->names, name);
	if (slot == UINT32_MAX)
		return refuse_name(compiler, word, tag->count > 1);
	if (tag->count > 1)
		return refuse(compiler, tag->words[1].at, "a name takes nothing after it");
	return add_part(compiler, &(struct part){.kind = PART_VALUE, .slot = slot, .text = name});
}

static int compile_tag(struct compiler *compiler, const struct tag *tag)
{
	static const struct {
		const char *name;
		enum part_kind kind;
	} plain[] = {{"vu", PART_VU}, {"iteration", PART_ITERATION}, {"agent", PART_AGENT}, {"uuid", PART_UUID}};
	const struct word *word = &tag->words[0];

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!word_is(word, plain[i].name))
			continue;
		if (tag->count > 1)
			return refuse(compiler, tag->words[1].at, "a name takes nothing after it");
		return add_part(compiler, &(struct part){.kind = plain[i].kind});
	}
	if (word_is(word, "random"))
		return compile_random(compiler, tag);
	if (word_is(word, "now"))
		return compile_now(compiler, tag);
	if (word_is(word, "secret"))
		return refuse(compiler, word->at, "a secret needs its name, as in {{secret.API_KEY}}");
	if (tag->count == 1 && word->size >= 7 && memcmp(word->at, "secret.", 7) == 0)
		return compile_secret(compiler, tag);
	return compile_value(compiler, tag);
}

/* From "{{" on; moves *at past the "}}". */
static int compile_braces(struct compiler *compiler, const char **at)
{
	const char *open = *at, *end = strstr(open + 2, "}}");
	struct tag tag = {0};

	if (!end)
		return refuse(compiler, open, "{{ without }} (write {{{{ for {{ as text)");
	split_words(open + 2, end, &tag);
	if (tag.count == 0)
		return refuse(compiler, open, "nothing stands between {{ and }}");
	*at = end + 2;
	return compile_tag(compiler, &tag);
}

/* "{{{" opens a tag after a brace that is text, as in {"map": {{{pair}}}; "{{{{" is "{{" as text. */
static int compile_all(struct compiler *compiler)
{
	const char *at = compiler->template->source;
	int r = 0;

	while (*at && r == 0) {
		size_t plain = strcspn(at, "{");

		if (plain > 0) {
			r = add_text(compiler, at, plain);
			at += plain;
		} else if (strncmp(at, "{{{{", 4) == 0) {
			r = add_text(compiler, at, 2);
			at += 4;
		} else if (strncmp(at, "{{", 2) != 0 || at[2] == '{') {
			r = add_text(compiler, at, 1);
			at++;
		} else {
			r = compile_braces(compiler, &at);
		}
	}
	return r;
}

int template_compile(const char *text, const struct template_names *names, struct failure *failure,
                     struct template **ret_template)
{
	struct template *template cleanup(template_freep) = calloc(1, sizeof(*template));
	struct compiler compiler = {.template = template, .names = names, .failure = failure};
	size_t size = strlen(text);
	int r;

	if (size > LIMIT_TEMPLATE_BYTES)
		return failure_set(failure, -EINVAL, "the text has %zu bytes; a template may have %d", size,
		                   LIMIT_TEMPLATE_BYTES);
	if (!template)
		return failure_set(failure, -ENOMEM, "out of memory");
	template->source = strdup(text);
	template->pool = malloc(size + 1);
	if (!template->source || !template->pool)
		return failure_set(failure, -ENOMEM, "out of memory");
	compiler.free = template->pool;
	r = compile_all(&compiler);
	if (r == -ENOMEM)
		failure_set(failure, r, "out of memory");
	if (r < 0)
		return r;
	*ret_template = steal(template);
	return 0;
}

struct template *template_free(struct template *template)
{
	if (template) {
		free(template->source);
		free(template->pool);
		free(template->parts);
		free(template);
	}
	return NULL;
}

const char *template_source(const struct template *template)
{
	return template->source;
}

_Bool template_is_constant(const struct template *template)
{
	for (uint32_t i = 0; i < template->count; i++)
		if (template->parts[i].kind != PART_TEXT)
			return 0;
	return 1;
}

_Bool template_holds_secrets_only(const struct template *template)
{
	for (uint32_t i = 0; i < template->count; i++)
		if (template->parts[i].kind != PART_TEXT && template->parts[i].kind != PART_SECRET)
			return 0;
	return 1;
}

_Bool template_uses(const struct template *template, uint32_t slot)
{
	for (uint32_t i = 0; i < template->count; i++)
		if (template->parts[i].kind == PART_VALUE && template->parts[i].slot == slot)
			return 1;
	return 0;
}

_Bool template_needs_vu(const struct template *template)
{
	for (uint32_t i = 0; i < template->count; i++)
		if (template->parts[i].kind == PART_VU || template->parts[i].kind == PART_ITERATION)
			return 1;
	return 0;
}
