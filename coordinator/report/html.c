#include "coordinator/report/writers.h"
int write_html(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	(void)report; (void)style; (void)buffer; return 0;
}
