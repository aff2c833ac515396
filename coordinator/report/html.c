/* SPDX-License-Identifier: Apache-2.0 */
/* report.html: one file that needs no network. The page (web/) is embedded at build time in three parts, between which
 * the title and the data go; web/report.js draws everything from the data. */
#include <string.h>

#include "common/base/cleanup.h"
#include "coordinator/report/html_data.h"
#include "coordinator/report/report_page.h"
#include "coordinator/report/words.h"
#include "coordinator/report/writers.h"

/* '<' only occurs within JSON's strings. Escaped, nothing in the data can end or open an element. */
static int append_script_data(struct buffer *buffer, const struct buffer *data)
{
	const uint8_t *at = data->data;
	const uint8_t *end = at + data->size;

	while (at < end) {
		const uint8_t *found = memchr(at, '<', (size_t)(end - at));
		const uint8_t *stop = found ? found : end;

		buffer_append(buffer, at, (size_t)(stop - at));
		if (found)
			buffer_append_text(buffer, "\\u003c");
		at = found ? found + 1 : end;
	}
	return buffer->failed;
}

int write_html(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	cleanup_buffer struct buffer data = {0};
	int r = html_append_data(&data, report);

	(void)style;
	if (r < 0)
		return r;
	buffer_append(buffer, report_page_head, report_page_head_size);
	words_append_escaped(buffer, report->name[0] ? report->name : report->id);
	buffer_append(buffer, report_page_body, report_page_body_size);
	append_script_data(buffer, &data);
	return buffer_append(buffer, report_page_foot, report_page_foot_size);
}
