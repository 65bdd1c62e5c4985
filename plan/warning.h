/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lines for a person about what runs, but is likely not what was meant. */

#include <stddef.h>

#define WARNING_TEXT_SIZE 320

struct warning {
	char key[64];   /* what it is about; the text may change (a count) while the key stays */
	char text[WARNING_TEXT_SIZE]; /* one line without a final newline; printable (base/printable.h) */
};

/* Zeroed: there are none. */
struct warning_list {
	struct warning *list; /* owned */
	size_t n;
};

void warning_list_free(struct warning_list *l);
void warning_list_freep(struct warning_list *l);
/* key is kind and subject with a blank between. A text that is too long is cut. 0 or -ENOMEM. */
int warning_add(struct warning_list *l, const char *kind, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Borrowed; NULL: there is none of that key. */
const struct warning *warning_find(const struct warning_list *l, const char *key);
