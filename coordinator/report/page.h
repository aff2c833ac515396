/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of aligned columns for a terminal: widths are columns (CJK takes two), not bytes. */
#pragma once

#include "common/base/buffer.h"

enum { PAGE_COLUMNS = 80 };

enum ink { INK_PLAIN, INK_BOLD, INK_DIM, INK_GREEN, INK_RED, INK_YELLOW };

/* Zero-initialise, then set buffer (appended to) and colour. */
struct page {
	struct buffer *buffer;
	_Bool colour;
	size_t column; /* where the next text starts */
	size_t blanks; /* of them, blanks not yet written: a line never ends in one */
};

/* Text as it is; control characters become blanks. */
void page_text(struct page *page, enum ink ink, const char *text);
/* In a column of `width`: at its left end and cut with an ellipsis if longer (always leaving a blank), or at its right
 * end and never cut, because half a number is a lie. */
void page_left(struct page *page, enum ink ink, const char *text, size_t width);
void page_right(struct page *page, enum ink ink, const char *text, size_t width);
void page_blanks(struct page *page, size_t count);
void page_end_line(struct page *page);
/* Breaks text at blanks so that it ends at PAGE_COLUMNS; further lines start at the present column. A word that is too
 * long is broken anywhere. Ends the line. */
void page_wrap(struct page *page, enum ink ink, const char *text);
/* An empty line and a heading, with a remark after it (may be ""). */
void page_heading(struct page *page, const char *heading, const char *remark);
