/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How a VMM's command line is asked for the NIC on one tap. */

#include <stdbool.h>
#include <stddef.h>

/* The command line, and the tap: by name or by the process's descriptors. Everything is borrowed. */
struct vmm_question {
	char *const *argv; /* NULL-terminated */
	const char *tap;
	const int *fds;
	size_t n_fds;
};

/* Copies what fits in size bytes; the copy is always NUL-terminated. */
void vmm_copy(char *dst, size_t size, const char *src);
/*
 * key=value of a comma-separated option; commas inside [] do not end a value. False: the option has no such key, and
 * *value is untouched. A longer value is cut.
 */
bool vmm_value(const char *option, const char *key, char *value, size_t size);
/* Whether "33", "33:34" or "[33,34]" names one of the question's descriptors. */
bool vmm_names_fd(const struct vmm_question *q, const char *list);
/* The value of -name V, --name V, --name=V; NULL: there is none. Borrowed from argv. */
const char *vmm_argument(char *const *argv, const char *name);
