/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of aligned columns for a terminal. */
#include "coordinator/report/page.h"

#include <string.h>

#include "common/base/text.h"
#include "coordinator/report/words.h"

static const char *const inks[] = {[INK_BOLD] = "\033[1m",
                                   [INK_DIM] = "\033[2m",
                                   [INK_GREEN] = "\033[32m",
                                   [INK_RED] = "\033[1;31m",
                                   [INK_YELLOW] = "\033[33m"};

static void put(struct page *page, enum ink ink, const char *text, size_t size)
{
	_Bool inked = page->colour && ink != INK_PLAIN;
	cleanup_buffer struct buffer part = {0};
	const char *clean;

	buffer_append(&part, text, size);
	clean = buffer_text(&part);
	if (!clean || size == 0)
		return;
	for (; page->blanks > 0; page->blanks--)
		buffer_append_byte(page->buffer, ' ');
	if (inked)
		buffer_append_text(page->buffer, inks[ink]);
	words_append_clean(page->buffer, clean);
	if (inked)
		buffer_append_text(page->buffer, "\033[0m");
	page->column += text_width(clean);
}

void page_text(struct page *page, enum ink ink, const char *text)
{
	put(page, ink, text, strlen(text));
}

void page_blanks(struct page *page, size_t count)
{
	page->blanks += count;
	page->column += count;
}

void page_left(struct page *page, enum ink ink, const char *text, size_t width)
{
	size_t end = page->column + width;

	if (text_width(text) < width) {
		page_text(page, ink, text);
	} else if (width >= 2) {
		put(page, ink, text, text_fit(text, width - 2));
		page_text(page, ink, "…");
	}
	if (page->column < end)
		page_blanks(page, end - page->column);
}

void page_right(struct page *page, enum ink ink, const char *text, size_t width)
{
	size_t taken = text_width(text);

	if (taken < width)
		page_blanks(page, width - taken);
	page_text(page, ink, text);
}

void page_end_line(struct page *page)
{
	page->column = 0;
	page->blanks = 0;
	buffer_append_byte(page->buffer, '\n');
}

/* Bytes of the next line: as many whole words as fit, or what fits of a word that is too long. */
static size_t line_length(const char *text, size_t columns)
{
	size_t fits = text_fit(text, columns);
	size_t length = fits;

	if (text[fits] == '\0' || text[fits] == ' ')
		return fits;
	while (length > 0 && text[length - 1] != ' ')
		length--;
	return length > 0 ? length - 1 : fits;
}

void page_wrap(struct page *page, enum ink ink, const char *text)
{
	size_t indent = page->column;

	do {
		size_t length = line_length(text, PAGE_COLUMNS - indent);

		put(page, ink, text, length);
		page_end_line(page);
		page_blanks(page, indent);
		text += length;
		text += strspn(text, " ");
		if (length == 0)
			break;
	} while (*text);
	page->column = 0;
	page->blanks = 0;
}

void page_heading(struct page *page, const char *heading, const char *remark)
{
	page_end_line(page);
	page_text(page, INK_BOLD, heading);
	if (remark[0]) {
		page_blanks(page, 2);
		page_text(page, INK_DIM, remark);
	}
	page_end_line(page);
}
