// SPDX-License-Identifier: GPL-2.0-or-later
#include "page.h"

#include "base/cleanup.h"

#include <string.h>

/* The file's bytes, NUL-terminated; the Makefile says that they are looked at. */
#define FILE_AS(symbol, path)                                                                             \
	__asm__(".section .rodata\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.previous\n");           \
	extern const char symbol[] __asm__(#symbol) // NOLINT(bugprone-macro-parentheses): it declares

FILE_AS(divvy_page_html, "exporter/page.html");
FILE_AS(divvy_page_css, "exporter/page.css");
FILE_AS(divvy_page_js, "exporter/page.js");

void page_write(const char nonce[PAGE_NONCE_SIZE], struct text *to)
{
	const struct {
		const char *mark, *text;
	} marks[] = { { "@NONCE@", nonce }, { "@CSS@", divvy_page_css }, { "@JS@", divvy_page_js } };

	for (const char *at = divvy_page_html; *at;) {
		size_t plain = strcspn(at, "@"), i;

		text_put(to, at, plain);
		at += plain;
		for (i = 0; i < ARRAY_SIZE(marks); i++)
			if (strncmp(at, marks[i].mark, strlen(marks[i].mark)) == 0)
				break;
		if (i < ARRAY_SIZE(marks)) {
			text_puts(to, marks[i].text);
			at += strlen(marks[i].mark);
		} else if (*at) {
			text_put(to, at++, 1);
		}
	}
}
