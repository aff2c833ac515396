/* SPDX-License-Identifier: Apache-2.0 */
/* The page of report.html, made from web/ by web/embed.py when Stampede is built. */
#pragma once

#include <stddef.h>

extern const char report_page_head[]; /* up to the title's text */
extern const size_t report_page_head_size;
extern const char report_page_body[]; /* up to the data */
extern const size_t report_page_body_size;
extern const char report_page_foot[];
extern const size_t report_page_foot_size;
